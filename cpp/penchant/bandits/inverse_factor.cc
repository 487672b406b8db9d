#include "penchant/bandits/inverse_factor.h"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/bandits/inverse_factor.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace penchant::bandits::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// y[j] -= factor * x[j], each product rounded: whatever the width of the vectors, the same bits.
HWY_INLINE void subtract_scaled(double factor, const double* HWY_RESTRICT x, double* HWY_RESTRICT y,
                                std::size_t n) {
  const hn::ScalableTag<double> d;
  const std::size_t width = hn::Lanes(d);
  const auto scale = hn::Set(d, factor);
  std::size_t j = 0;
  for (; j + width <= n; j += width) {
    hn::StoreU(hn::Sub(hn::LoadU(d, y + j), hn::Mul(scale, hn::LoadU(d, x + j))), d, y + j);
  }
  for (; j < n; ++j) {
    const double product = factor * x[j];
    y[j] -= product;
  }
}

void factorize_kernel(double* square, std::size_t n, double l2) {
  for (std::size_t k = 0; k < n; ++k) {
    double* row = square + k * n;
    const double root = std::sqrt(std::max(row[k], l2));
    const double reciprocal = 1.0 / root;
    row[k] = root;
    for (std::size_t j = k + 1; j < n; ++j) row[j] *= reciprocal;
    for (std::size_t i = k + 1; i < n; ++i) {
      subtract_scaled(row[i], row + i, square + i * n + i, n - i);
    }
  }
}

void invert_kernel(const double* square, std::size_t n, double* inverse) {
  for (std::size_t i = 0; i < n; ++i) {
    double* row = inverse + packed_begin(i);
    std::fill(row, row + i, 0.0);
    for (std::size_t k = 0; k < i; ++k) {
      subtract_scaled(square[k * n + i], inverse + packed_begin(k), row, k + 1);
    }
    const double reciprocal = 1.0 / square[i * n + i];
    for (std::size_t j = 0; j < i; ++j) row[j] *= reciprocal;
    row[i] = reciprocal;
  }
}

void forward_kernel(const double* square, std::size_t n, double* theta) {
  for (std::size_t k = 0; k < n; ++k) {  // L y = b
    theta[k] /= square[k * n + k];
    subtract_scaled(theta[k], square + k * n + k + 1, theta + k + 1, n - k - 1);
  }
}

// Square roots and divisions first, on their own: they take longer than the row that waits for
// them. `scales` and `gives` are scratch, [n].
bool update_kernel(double* HWY_RESTRICT inverse, std::size_t n, const double* p, double sign,
                   double* HWY_RESTRICT g, double* HWY_RESTRICT scales,
                   double* HWY_RESTRICT gives) {
  constexpr double kLeast = 1e-9;
  const hn::ScalableTag<double> d;
  const std::size_t width = hn::Lanes(d);
  double before = 1;
  for (std::size_t i = 0; i < n; ++i) {
    const double after = before + sign * (p[i] * p[i]);
    if (!(after > kLeast)) return false;
    scales[i] = before / after;
    gives[i] = after * before;
    before = after;
  }
  for (std::size_t i = 0; i < n; ++i) scales[i] = std::sqrt(scales[i]);
  for (std::size_t i = 0; i < n; ++i) gives[i] = p[i] / std::sqrt(gives[i]);
  std::fill(g, g + n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    double* row = inverse + packed_begin(i);
    const double take = sign * p[i];
    const double scale = scales[i];
    const double give = gives[i];
    std::size_t j = 0;
    for (; j + width <= i + 1; j += width) {
      const auto sum = hn::LoadU(d, g + j);
      const auto kept = hn::Sub(hn::LoadU(d, row + j), hn::Mul(hn::Set(d, take), sum));
      const auto next = hn::Mul(kept, hn::Set(d, scale));
      hn::StoreU(next, d, row + j);
      hn::StoreU(hn::Add(sum, hn::Mul(hn::Set(d, give), next)), d, g + j);
    }
    for (; j <= i; ++j) {
      row[j] = (row[j] - take * g[j]) * scale;
      g[j] += give * row[j];
    }
  }
  return true;
}

// sum_j a[j] b[j] in eight lanes, element j in lane j mod 8, and a fixed tree over them.
HWY_INLINE double dot(const double* HWY_RESTRICT a, const double* HWY_RESTRICT b, std::size_t n) {
  const hn::CappedTag<double, 8> d;
  const std::size_t width = hn::Lanes(d);  // 2, 4 or 8
  auto s0 = hn::Zero(d);
  auto s1 = hn::Zero(d);
  auto s2 = hn::Zero(d);
  auto s3 = hn::Zero(d);
  const auto term = [&](std::size_t at)
                        HWY_ATTR { return hn::Mul(hn::LoadU(d, a + at), hn::LoadU(d, b + at)); };
  std::size_t j = 0;
  for (; j + 8 <= n; j += 8) {
    s0 = hn::Add(s0, term(j));
    if (width <= 4) s1 = hn::Add(s1, term(j + width));
    if (width <= 2) {
      s2 = hn::Add(s2, term(j + 2 * width));
      s3 = hn::Add(s3, term(j + 3 * width));
    }
  }
  HWY_ALIGN double lane[8];
  hn::Store(s0, d, lane);
  if (width <= 4) hn::Store(s1, d, lane + width);
  if (width <= 2) {
    hn::Store(s2, d, lane + 2 * width);
    hn::Store(s3, d, lane + 3 * width);
  }
  for (std::size_t l = 0; j < n; ++j, ++l) lane[l] += a[j] * b[j];
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

void backward_kernel(const double* square, std::size_t n, double* theta) {
  for (std::size_t k = n; k-- > 0;) {  // L^T theta = y
    const double known = dot(square + k * n + k + 1, theta + k + 1, n - k - 1);
    theta[k] = (theta[k] - known) / square[k * n + k];
  }
}

void multiply_kernel(const double* inverse, const double* x, std::size_t n, double* out) {
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = dot(inverse, x, i + 1);
    inverse += i + 1;
  }
}

void transposed_kernel(const double* inverse, const double* z, std::size_t n, double* out) {
  std::fill(out, out + n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    subtract_scaled(-z[i], inverse + packed_begin(i), out, i + 1);
  }
}

}  // namespace penchant::bandits::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace penchant::bandits {
namespace {

HWY_EXPORT(factorize_kernel);
HWY_EXPORT(invert_kernel);
HWY_EXPORT(forward_kernel);
HWY_EXPORT(backward_kernel);
HWY_EXPORT(multiply_kernel);
HWY_EXPORT(update_kernel);
HWY_EXPORT(transposed_kernel);

}  // namespace

void factorize(std::span<const double> gram, std::size_t n, double l2, FactorScratch& scratch) {
  auto& square = scratch.square;
  square.resize(n * n);
  for (std::size_t i = 0, at = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j, ++at) square[j * n + i] = gram[at];
  }
  for (std::size_t k = 0; k < n; ++k) square[k * n + k] += l2;
  HWY_DYNAMIC_DISPATCH(factorize_kernel)(square.data(), n, l2);
}

void invert_factor(std::size_t n, const FactorScratch& scratch, std::span<double> inverse) {
  HWY_DYNAMIC_DISPATCH(invert_kernel)(scratch.square.data(), n, inverse.data());
}

void solve_factor(std::size_t n, const FactorScratch& scratch, std::span<const double> moment,
                  std::span<double> theta) {
  const double* square = scratch.square.data();
  std::copy(moment.begin(), moment.end(), theta.begin());
  HWY_DYNAMIC_DISPATCH(forward_kernel)(square, n, theta.data());
  HWY_DYNAMIC_DISPATCH(backward_kernel)(square, n, theta.data());
}

void multiply_lower(std::span<const double> inverse, std::span<const double> x,
                    std::span<double> out) {
  HWY_DYNAMIC_DISPATCH(multiply_kernel)(inverse.data(), x.data(), x.size(), out.data());
}

void multiply_lower_transposed(std::span<const double> inverse, std::span<const double> z,
                               std::span<double> out) {
  HWY_DYNAMIC_DISPATCH(transposed_kernel)(inverse.data(), z.data(), z.size(), out.data());
}

bool update_inverse(std::span<double> inverse, std::span<const double> p, double sign,
                    std::span<double> work) {
  const std::size_t n = p.size();
  return HWY_DYNAMIC_DISPATCH(update_kernel)(inverse.data(), n, p.data(), sign, work.data(),
                                             work.data() + n, work.data() + 2 * n);
}

void factorize_semidefinite(std::span<double> a, std::size_t n, double floor) {
  const auto at = [](std::size_t i, std::size_t j) { return packed_begin(i) + j; };
  for (std::size_t k = 0; k < n; ++k) {
    const double pivot = a[at(k, k)];
    const bool kept = pivot > floor;
    const double root = kept ? std::sqrt(pivot) : 0.0;
    a[at(k, k)] = root;
    for (std::size_t i = k + 1; i < n; ++i) a[at(i, k)] = kept ? a[at(i, k)] / root : 0.0;
    for (std::size_t i = k + 1; i < n && kept; ++i) {
      for (std::size_t j = k + 1; j <= i; ++j) a[at(i, j)] -= a[at(i, k)] * a[at(j, k)];
    }
  }
}

}  // namespace penchant::bandits
#endif  // HWY_ONCE
