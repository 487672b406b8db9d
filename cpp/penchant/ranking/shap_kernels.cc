#include "penchant/ranking/shap_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/ranking/shap_kernels.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace penchant::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using ranking::kShapRows;
using Doubles = hn::CappedTag<double, 8>;

std::uint64_t rows_at_most_kernel(const double* values, std::size_t count, double threshold,
                                  bool nan_left) {
  const Doubles d;
  const std::size_t width = hn::Lanes(d);
  const auto bound = hn::Set(d, threshold);
  std::uint64_t rows = 0;
  for (std::size_t r = 0; r < count; r += width) {
    const auto x = hn::LoadU(d, values + r);
    const auto below = hn::Le(x, bound);
    const auto left = nan_left ? hn::Or(below, hn::IsNaN(x)) : below;
    std::uint8_t bits[8] = {};
    hn::StoreMaskBits(d, left, bits);
    rows |= std::uint64_t{bits[0]} << r;
  }
  return rows;
}

// 1 where the bit of the row is set, else 0.
HWY_INLINE hn::Vec<Doubles> ones(std::uint64_t bits, std::size_t first) {
  const Doubles d;
  const std::uint8_t byte[8] = {static_cast<std::uint8_t>(bits >> first)};
  return hn::IfThenElseZero(hn::LoadMaskBits(d, byte), hn::Set(d, 1.0));
}

// Rows [first, first + V vectors): with two, their chains of products overlap.
template <std::size_t V>
HWY_INLINE void add_leaf_to(const ranking::LeafTask& task, std::size_t first,
                            double* HWY_RESTRICT phi, double* HWY_RESTRICT scratch) {
  const Doubles d;
  const std::size_t width = hn::Lanes(d);
  const std::size_t step = V * width;
  const std::size_t n = task.feature.size();
  double* const one = scratch;               // [n][step], o
  double* const factor = one + n * step;     // [n][step], t o + (1 - t) z
  double* const before = factor + n * step;  // [n][step], the product of the factors before
  double* const sum = before + n * step;     // [n][step]
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t v = 0; v < step; v += width) {
      hn::Store(ones(task.follows[j], first + v), d, one + j * step + v);
      hn::Store(hn::Zero(d), d, sum + j * step + v);
    }
  }
  for (std::size_t k = 0; k < task.points.size(); ++k) {
    const auto t = hn::Set(d, task.points[k]);
    const double rest = 1 - task.points[k];
    auto p0 = hn::Set(d, task.weights[k]);
    auto p1 = p0;
    for (std::size_t j = 0; j < n; ++j) {
      const std::size_t at = j * step;
      const auto z = hn::Set(d, task.share[j] * rest);
      const auto f0 = hn::Add(hn::Mul(t, hn::Load(d, one + at)), z);
      hn::Store(f0, d, factor + at);
      hn::Store(p0, d, before + at);
      p0 = hn::Mul(p0, f0);
      if constexpr (V == 2) {
        const auto f1 = hn::Add(hn::Mul(t, hn::Load(d, one + at + width)), z);
        hn::Store(f1, d, factor + at + width);
        hn::Store(p1, d, before + at + width);
        p1 = hn::Mul(p1, f1);
      }
    }
    auto s0 = hn::Set(d, 1.0);
    auto s1 = s0;
    for (std::size_t j = n; j-- > 0;) {
      const std::size_t at = j * step;
      const auto a0 = hn::Mul(hn::Load(d, before + at), s0);
      hn::Store(hn::Add(hn::Load(d, sum + at), a0), d, sum + at);
      s0 = hn::Mul(s0, hn::Load(d, factor + at));
      if constexpr (V == 2) {
        const auto a1 = hn::Mul(hn::Load(d, before + at + width), s1);
        hn::Store(hn::Add(hn::Load(d, sum + at + width), a1), d, sum + at + width);
        s1 = hn::Mul(s1, hn::Load(d, factor + at + width));
      }
    }
  }
  const auto value = hn::Set(d, task.value);
  for (std::size_t j = 0; j < n; ++j) {
    const auto z = hn::Set(d, task.share[j]);
    double* const to = phi + static_cast<std::size_t>(task.feature[j]) * kShapRows + first;
    for (std::size_t v = 0; v < step; v += width) {
      const auto gap = hn::Mul(value, hn::Sub(hn::Load(d, one + j * step + v), z));
      const auto added = hn::Mul(gap, hn::Load(d, sum + j * step + v));
      hn::Store(hn::Add(hn::Load(d, to + v), added), d, to + v);
    }
  }
}

// One row: the lanes are points of the quadrature, and their sums are taken point by point, as
// above.
HWY_INLINE void add_leaf_to_row(const ranking::LeafTask& task, double* HWY_RESTRICT phi,
                                double* HWY_RESTRICT scratch) {
  const Doubles d;
  const std::size_t width = hn::Lanes(d);
  const std::size_t n = task.feature.size();
  const std::size_t points = task.points.size();
  double* const factor = scratch;             // [n][width]
  double* const before = factor + n * width;  // [n][width], then the terms
  double* const sum = before + n * width;     // [n]
  for (std::size_t j = 0; j < n; ++j) sum[j] = 0;
  for (std::size_t k = 0; k < points; k += width) {
    const auto t = hn::LoadU(d, task.points.data() + k);
    const auto rest = hn::Sub(hn::Set(d, 1.0), t);
    auto p = hn::LoadU(d, task.weights.data() + k);
    for (std::size_t j = 0; j < n; ++j) {
      const auto one = hn::Set(d, static_cast<double>(task.follows[j] & 1U));
      const auto f = hn::Add(hn::Mul(t, one), hn::Mul(hn::Set(d, task.share[j]), rest));
      hn::Store(f, d, factor + j * width);
      hn::Store(p, d, before + j * width);
      p = hn::Mul(p, f);
    }
    auto s = hn::Set(d, 1.0);
    for (std::size_t j = n; j-- > 0;) {
      hn::Store(hn::Mul(hn::Load(d, before + j * width), s), d, before + j * width);
      s = hn::Mul(s, hn::Load(d, factor + j * width));
    }
    const std::size_t here = points - k < width ? points - k : width;
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t i = 0; i < here; ++i) sum[j] += before[j * width + i];
    }
  }
  for (std::size_t j = 0; j < n; ++j) {
    const double gap = task.value * (static_cast<double>(task.follows[j] & 1U) - task.share[j]);
    phi[static_cast<std::size_t>(task.feature[j]) * kShapRows] += gap * sum[j];
  }
}

void add_leaf_kernel(const ranking::LeafTask& task, std::size_t rows, double* HWY_RESTRICT phi,
                     double* HWY_RESTRICT scratch) {
  if (rows == 1) return add_leaf_to_row(task, phi, scratch);
  const std::size_t width = hn::Lanes(Doubles());
  std::size_t first = 0;
  for (; first + width < rows; first += 2 * width) add_leaf_to<2>(task, first, phi, scratch);
  if (first < rows) add_leaf_to<1>(task, first, phi, scratch);
}

}  // namespace penchant::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace penchant {

HWY_EXPORT(rows_at_most_kernel);
HWY_EXPORT(add_leaf_kernel);

namespace ranking {

std::uint64_t rows_at_most(const double* values, std::size_t count, double threshold,
                           bool nan_left) {
  return HWY_DYNAMIC_DISPATCH(rows_at_most_kernel)(values, count, threshold, nan_left);
}

void add_leaf(const LeafTask& task, std::size_t rows, double* phi, AlignedVector<double>& scratch) {
  constexpr std::size_t kMostStep = 16;
  const std::size_t needed = 4 * kMostStep * task.feature.size();
  if (scratch.size() < needed) scratch.resize(needed);
  HWY_DYNAMIC_DISPATCH(add_leaf_kernel)(task, rows, phi, scratch.data());
}

}  // namespace ranking
}  // namespace penchant
#endif  // HWY_ONCE
