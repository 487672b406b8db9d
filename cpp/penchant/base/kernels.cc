#include "penchant/base/kernels.h"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/base/kernels.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>
#include <hwy/cache_control.h>

HWY_BEFORE_NAMESPACE();
namespace penchant::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Sixteen lanes as 1, 2 or 4 vectors; never wider than sixteen.
using Lanes16 = hn::CappedTag<float, 16>;
using Quad = hn::FixedTag<float, 4>;
constexpr std::size_t kLanes = 16;

// The four lane quads q0..q3 reduced as the header says.
HWY_INLINE float reduce_quads(hn::Vec<Quad> q0, hn::Vec<Quad> q1, hn::Vec<Quad> q2,
                              hn::Vec<Quad> q3) {
  const Quad d;
  const auto t = hn::Add(hn::Add(q0, q2), hn::Add(q1, q3));
  alignas(16) float lane[4];
  hn::Store(t, d, lane);
  return (lane[0] + lane[2]) + (lane[1] + lane[3]);
}

struct Product {
  template <class V>
  static HWY_INLINE V term(V a, V b) {
    return hn::Mul(a, b);
  }
};
struct SquaredDifference {
  template <class V>
  static HWY_INLINE V term(V a, V b) {
    const V difference = hn::Sub(a, b);
    return hn::Mul(difference, difference);
  }
};

// Four accumulators of a quad each stand for the sixteen lanes; wider vectors hold several quads.
template <class Term>
HWY_INLINE float reduce_pair(const float* HWY_RESTRICT a, const float* HWY_RESTRICT b,
                             std::size_t n) {
  const Lanes16 d;
  const std::size_t width = hn::Lanes(d);
  auto s0 = hn::Zero(d);
  auto s1 = hn::Zero(d);
  auto s2 = hn::Zero(d);
  auto s3 = hn::Zero(d);
  alignas(64) float tail_a[kLanes] = {};
  alignas(64) float tail_b[kLanes] = {};
  const auto step = [&](const float* x, const float* y) HWY_ATTR {
    s0 = hn::Add(s0, Term::term(hn::LoadU(d, x), hn::LoadU(d, y)));
    if (width <= 8) s1 = hn::Add(s1, Term::term(hn::LoadU(d, x + width), hn::LoadU(d, y + width)));
    if (width <= 4) {
      s2 = hn::Add(s2, Term::term(hn::LoadU(d, x + 8), hn::LoadU(d, y + 8)));
      s3 = hn::Add(s3, Term::term(hn::LoadU(d, x + 12), hn::LoadU(d, y + 12)));
    }
  };
  std::size_t j = 0;
  for (; j + kLanes <= n; j += kLanes) step(a + j, b + j);
  if (j < n) {
    std::memcpy(tail_a, a + j, (n - j) * sizeof(float));
    std::memcpy(tail_b, b + j, (n - j) * sizeof(float));
    step(tail_a, tail_b);
  }
  alignas(64) float lane[kLanes];
  hn::Store(s0, d, lane);
  if (width <= 8) hn::Store(s1, d, lane + width);
  if (width <= 4) {
    hn::Store(s2, d, lane + 8);
    hn::Store(s3, d, lane + 12);
  }
  const Quad quad;
  return reduce_quads(hn::Load(quad, lane), hn::Load(quad, lane + 4), hn::Load(quad, lane + 8),
                      hn::Load(quad, lane + 12));
}

float dot_kernel(const float* a, const float* b, std::size_t n) {
  return reduce_pair<Product>(a, b, n);
}
float squared_distance_kernel(const float* a, const float* b, std::size_t n) {
  return reduce_pair<SquaredDifference>(a, b, n);
}

void dot_rows_kernel(const float* rows, std::size_t count, std::size_t columns, const float* query,
                     float* out) {
  for (std::size_t i = 0; i < count; ++i) {
    out[i] = reduce_pair<Product>(rows + i * columns, query, columns);
  }
}

void squared_distance_rows_kernel(const float* rows, std::size_t count, std::size_t columns,
                                  const float* query, float* out) {
  for (std::size_t i = 0; i < count; ++i) {
    out[i] = reduce_pair<SquaredDifference>(rows + i * columns, query, columns);
  }
}

void dot_gathered_kernel(const float* rows, std::size_t columns, const std::int32_t* indices,
                         std::size_t count, const float* query, float* out) {
  constexpr std::size_t kAhead = 4;
  constexpr std::size_t kCacheLine = 16;  // floats
  for (std::size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) {
      const float* next = rows + static_cast<std::size_t>(indices[i + kAhead]) * columns;
      for (std::size_t j = 0; j < columns; j += kCacheLine) hwy::Prefetch(next + j);
    }
    out[i] = reduce_pair<Product>(rows + static_cast<std::size_t>(indices[i]) * columns, query,
                                  columns);
  }
}

void axpy_kernel(float factor, const float* HWY_RESTRICT x, float* HWY_RESTRICT y, std::size_t n) {
  const Lanes16 d;
  const std::size_t width = hn::Lanes(d);
  const auto scale = hn::Set(d, factor);
  std::size_t j = 0;
  for (; j + width <= n; j += width) {
    hn::StoreU(hn::Add(hn::LoadU(d, y + j), hn::Mul(scale, hn::LoadU(d, x + j))), d, y + j);
  }
  for (; j < n; ++j) {
    const float product = factor * x[j];
    y[j] += product;
  }
}

}  // namespace penchant::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "penchant/base/error.h"

namespace penchant {

HWY_EXPORT(dot_kernel);
HWY_EXPORT(squared_distance_kernel);
HWY_EXPORT(dot_rows_kernel);
HWY_EXPORT(squared_distance_rows_kernel);
HWY_EXPORT(dot_gathered_kernel);
HWY_EXPORT(axpy_kernel);

namespace {
void check_sizes(std::size_t left, std::size_t right, std::string_view what) {
  check_argument(left == right, what, ": sizes differ, ", left, " and ", right);
}
}  // namespace

float dot(std::span<const float> a, std::span<const float> b) {
  check_sizes(a.size(), b.size(), "dot");
  return HWY_DYNAMIC_DISPATCH(dot_kernel)(a.data(), b.data(), a.size());
}

float squared_distance(std::span<const float> a, std::span<const float> b) {
  check_sizes(a.size(), b.size(), "squared_distance");
  return HWY_DYNAMIC_DISPATCH(squared_distance_kernel)(a.data(), b.data(), a.size());
}

void dot_rows(MatrixView<const float> rows, std::span<const float> query, std::span<float> out) {
  check_sizes(rows.columns, query.size(), "dot_rows, query");
  check_sizes(rows.rows, out.size(), "dot_rows, out");
  HWY_DYNAMIC_DISPATCH(dot_rows_kernel)
  (rows.data, rows.rows, rows.columns, query.data(), out.data());
}

void squared_distance_rows(MatrixView<const float> rows, std::span<const float> query,
                           std::span<float> out) {
  check_sizes(rows.columns, query.size(), "squared_distance_rows, query");
  check_sizes(rows.rows, out.size(), "squared_distance_rows, out");
  HWY_DYNAMIC_DISPATCH(squared_distance_rows_kernel)
  (rows.data, rows.rows, rows.columns, query.data(), out.data());
}

void dot_gathered(MatrixView<const float> rows, std::span<const std::int32_t> indices,
                  std::span<const float> query, std::span<float> out) {
  check_sizes(rows.columns, query.size(), "dot_gathered, query");
  check_sizes(indices.size(), out.size(), "dot_gathered, out");
  HWY_DYNAMIC_DISPATCH(dot_gathered_kernel)
  (rows.data, rows.columns, indices.data(), indices.size(), query.data(), out.data());
}

void axpy(float factor, std::span<const float> x, std::span<float> y) {
  check_sizes(x.size(), y.size(), "axpy");
  HWY_DYNAMIC_DISPATCH(axpy_kernel)(factor, x.data(), y.data(), x.size());
}

}  // namespace penchant
#endif  // HWY_ONCE
