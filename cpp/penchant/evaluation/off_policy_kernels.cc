#include "penchant/evaluation/off_policy_kernels.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/evaluation/off_policy_kernels.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace penchant::evaluation::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Lanes8 = hn::CappedTag<double, 8>;
using Pair = hn::FixedTag<double, 2>;
using FloatPair = hn::FixedTag<float, 2>;
constexpr std::size_t kLanes = 8;

HWY_INLINE double fold(const double* lane) {
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

// Narrow vectors go over the values once for each part of the eight lanes: they are in the first
// cache, and no target needs another loop.
void describe_kernel(const double* HWY_RESTRICT x, std::size_t n, Description& out) {
  const Lanes8 d;
  alignas(64) double sum[kLanes] = {};
  alignas(64) double total[kLanes] = {};
  alignas(64) double largest[kLanes] = {};
  alignas(64) double least[kLanes];
  alignas(64) double most[kLanes];
  const std::size_t whole = n / kLanes * kLanes;
  for (std::size_t part = 0; part < kLanes; part += hn::Lanes(d)) {
    auto s = hn::Zero(d);
    auto t = hn::Zero(d);
    auto big = hn::Zero(d);
    auto low = hn::Set(d, x[0]);
    auto high = low;
    for (std::size_t i = 0; i < whole; i += kLanes) {
      const auto v = hn::LoadU(d, x + i + part);
      const auto size = hn::Abs(v);
      s = hn::Add(s, v);
      t = hn::Add(t, size);
      big = hn::Max(big, size);
      low = hn::Min(low, v);
      high = hn::Max(high, v);
    }
    hn::Store(s, d, sum + part);
    hn::Store(t, d, total + part);
    hn::Store(big, d, largest + part);
    hn::Store(low, d, least + part);
    hn::Store(high, d, most + part);
  }
  for (std::size_t i = whole; i < n; ++i) {
    const std::size_t lane = i - whole;
    sum[lane] += x[i];
    total[lane] += std::abs(x[i]);
    largest[lane] = std::max(largest[lane], std::abs(x[i]));
    least[lane] = std::min(least[lane], x[i]);
    most[lane] = std::max(most[lane], x[i]);
  }
  out.mean = fold(sum) / static_cast<double>(n);
  out.total = fold(total);
  out.largest = *std::max_element(largest, largest + kLanes);
  out.least = *std::min_element(least, least + kLanes);
  out.most = *std::max_element(most, most + kLanes);
}

double product_about_kernel(const double* HWY_RESTRICT x, double mean_x,
                            const double* HWY_RESTRICT y, double mean_y, std::size_t n) {
  const Lanes8 d;
  alignas(64) double sum[kLanes] = {};
  const auto middle_x = hn::Set(d, mean_x);
  const auto middle_y = hn::Set(d, mean_y);
  const std::size_t whole = n / kLanes * kLanes;
  for (std::size_t part = 0; part < kLanes; part += hn::Lanes(d)) {
    auto s = hn::Zero(d);
    for (std::size_t i = 0; i < whole; i += kLanes) {
      const auto apart_x = hn::Sub(hn::LoadU(d, x + i + part), middle_x);
      const auto apart_y = hn::Sub(hn::LoadU(d, y + i + part), middle_y);
      s = hn::Add(s, hn::Mul(apart_x, apart_y));
    }
    hn::Store(s, d, sum + part);
  }
  for (std::size_t i = whole; i < n; ++i) {
    const double product = (x[i] - mean_x) * (y[i] - mean_y);
    sum[i - whole] += product;
  }
  return fold(sum);
}

HWY_INLINE hn::Vec<Pair> load_pair(const double* from) { return hn::LoadU(Pair(), from); }
HWY_INLINE hn::Vec<Pair> load_pair(const float* from) {
  return hn::PromoteTo(Pair(), hn::LoadU(FloatPair(), from));
}

// Two pairs are the four lanes; what is left over is added at the end, in order.
template <class P, class Q>
HWY_INLINE RowSums sum_row(const P* HWY_RESTRICT p, const Q* HWY_RESTRICT q, std::size_t columns) {
  const Pair d;
  auto mass0 = hn::Zero(d);
  auto mass1 = mass0;
  auto value0 = mass0;
  auto value1 = mass0;
  auto least0 = mass0;
  auto least1 = mass0;
  std::size_t i = 0;
  for (; i + 4 <= columns; i += 4) {
    const auto p0 = load_pair(p + i);
    const auto p1 = load_pair(p + i + 2);
    mass0 = hn::Add(mass0, p0);
    mass1 = hn::Add(mass1, p1);
    least0 = hn::Min(least0, p0);
    least1 = hn::Min(least1, p1);
    if constexpr (!std::is_void_v<Q>) {
      value0 = hn::Add(value0, hn::Mul(p0, load_pair(q + i)));
      value1 = hn::Add(value1, hn::Mul(p1, load_pair(q + i + 2)));
    }
  }
  alignas(16) double lane[2];
  const auto both = [&](auto v) HWY_ATTR {
    hn::Store(v, d, lane);
    return lane[0] + lane[1];
  };
  RowSums out{both(hn::Add(mass0, mass1)), both(hn::Add(value0, value1)), 0};
  hn::Store(hn::Min(least0, least1), d, lane);
  out.least = std::min(lane[0], lane[1]);
  for (; i < columns; ++i) {
    const auto chance = static_cast<double>(p[i]);
    out.mass += chance;
    out.least = std::min(out.least, chance);
    if constexpr (!std::is_void_v<Q>) {
      const double product = chance * static_cast<double>(q[i]);
      out.value += product;
    }
  }
  return out;
}

template <class P, class Q>
HWY_INLINE void sum_all(const P* p, const Q* q, std::size_t columns, RowSums* out,
                        std::size_t rows) {
  for (std::size_t i = 0; i < rows; ++i) {
    if constexpr (std::is_void_v<Q>) {
      out[i] = sum_row(p + i * columns, q, columns);
    } else {
      out[i] = sum_row(p + i * columns, q + i * columns, columns);
    }
  }
}

// Not templates, for the dispatch by name.
void rows_d(const double* p, std::size_t columns, RowSums* out, std::size_t rows) {
  sum_all(p, static_cast<const void*>(nullptr), columns, out, rows);
}
void rows_f(const float* p, std::size_t columns, RowSums* out, std::size_t rows) {
  sum_all(p, static_cast<const void*>(nullptr), columns, out, rows);
}
void rows_dd(const double* p, const double* q, std::size_t columns, RowSums* out,
             std::size_t rows) {
  sum_all(p, q, columns, out, rows);
}
void rows_df(const double* p, const float* q, std::size_t columns, RowSums* out, std::size_t rows) {
  sum_all(p, q, columns, out, rows);
}
void rows_fd(const float* p, const double* q, std::size_t columns, RowSums* out, std::size_t rows) {
  sum_all(p, q, columns, out, rows);
}
void rows_ff(const float* p, const float* q, std::size_t columns, RowSums* out, std::size_t rows) {
  sum_all(p, q, columns, out, rows);
}

}  // namespace penchant::evaluation::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace penchant::evaluation {

HWY_EXPORT(describe_kernel);
HWY_EXPORT(product_about_kernel);
HWY_EXPORT(rows_d);
HWY_EXPORT(rows_f);
HWY_EXPORT(rows_dd);
HWY_EXPORT(rows_df);
HWY_EXPORT(rows_fd);
HWY_EXPORT(rows_ff);

namespace {

using Doubles = std::span<const double>;
using Floats = std::span<const float>;

struct ByType {
  std::size_t columns;
  std::size_t first;
  std::span<RowSums> out;

  void operator()(Doubles p) const {
    HWY_DYNAMIC_DISPATCH(rows_d)(p.data() + first, columns, out.data(), out.size());
  }
  void operator()(Floats p) const {
    HWY_DYNAMIC_DISPATCH(rows_f)(p.data() + first, columns, out.data(), out.size());
  }
  void operator()(Doubles p, Doubles q) const {
    HWY_DYNAMIC_DISPATCH(rows_dd)
    (p.data() + first, q.data() + first, columns, out.data(), out.size());
  }
  void operator()(Doubles p, Floats q) const {
    HWY_DYNAMIC_DISPATCH(rows_df)
    (p.data() + first, q.data() + first, columns, out.data(), out.size());
  }
  void operator()(Floats p, Doubles q) const {
    HWY_DYNAMIC_DISPATCH(rows_fd)
    (p.data() + first, q.data() + first, columns, out.data(), out.size());
  }
  void operator()(Floats p, Floats q) const {
    HWY_DYNAMIC_DISPATCH(rows_ff)
    (p.data() + first, q.data() + first, columns, out.data(), out.size());
  }
};

}  // namespace

Description describe(std::span<const double> x) {
  Description out;
  HWY_DYNAMIC_DISPATCH(describe_kernel)(x.data(), x.size(), out);
  out.squares = product_about(x, out.mean, x, out.mean);
  return out;
}

double product_about(std::span<const double> x, double mean_x, std::span<const double> y,
                     double mean_y) {
  return HWY_DYNAMIC_DISPATCH(product_about_kernel)(x.data(), mean_x, y.data(), mean_y, x.size());
}

void sum_rows(const RealTable& target, const RealTable* q, std::size_t columns,
              std::size_t first_row, std::span<RowSums> out) {
  const ByType by_type{columns, first_row * columns, out};
  if (q == nullptr) return std::visit(by_type, target);
  std::visit(by_type, target, *q);
}

}  // namespace penchant::evaluation
#endif  // HWY_ONCE
