#include "penchant/base/kernels.h"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/base/kernels.cc"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

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

// Four rows against one query at once: the query is loaded once, and the rows' sums are independent
// of each other, so that the additions' latency is hidden. Bit for bit what four calls of
// reduce_pair give.
#if HWY_HAVE_SCALABLE
template <class Term>
HWY_INLINE void reduce_four(const float* r0, const float* r1, const float* r2, const float* r3,
                            const float* query, std::size_t n, float* out) {
  out[0] = reduce_pair<Term>(r0, query, n);
  out[1] = reduce_pair<Term>(r1, query, n);
  out[2] = reduce_pair<Term>(r2, query, n);
  out[3] = reduce_pair<Term>(r3, query, n);
}
#else
constexpr std::size_t kParts = kLanes / hn::MaxLanes(Lanes16());  // vectors a row of lanes takes

// t[0..3] of the header, from the vectors that hold the sixteen lanes of one row.
template <std::size_t kCount, class V>
HWY_INLINE hn::Vec<Quad> fold_lanes(const V* s) {
  if constexpr (kCount == 4) {
    return hn::Add(hn::Add(s[0], s[2]), hn::Add(s[1], s[3]));
  } else if constexpr (kCount == 2) {
    const hn::Half<Lanes16> half;
    const auto v = hn::Add(s[0], s[1]);
    return hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v));
  } else {
    const hn::Half<Lanes16> half;
    const hn::Half<hn::Half<Lanes16> > quarter;
    const auto v = hn::Add(hn::LowerHalf(half, s[0]), hn::UpperHalf(half, s[0]));
    return hn::Add(hn::LowerHalf(quarter, v), hn::UpperHalf(quarter, v));
  }
}

// As many rows as the registers hold: accumulators for sixteen lanes each.
template <class Term, std::size_t kRows>
HWY_INLINE void accumulate_rows(const float* const* rows, const float* query, std::size_t n,
                                hn::Vec<Quad>* quads) {
  const Lanes16 d;
  constexpr std::size_t kWidth = hn::MaxLanes(Lanes16());
  hn::Vec<Lanes16> sum[kRows][kParts];
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (std::size_t p = 0; p < kParts; ++p) sum[r][p] = hn::Zero(d);
  }
  std::size_t j = 0;
  for (; j + kLanes <= n; j += kLanes) {
#pragma GCC unroll 4
    for (std::size_t p = 0; p < kParts; ++p) {
      const auto q = hn::LoadU(d, query + j + p * kWidth);
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kRows; ++r) {
        const auto x = hn::LoadU(d, rows[r] + j + p * kWidth);
        sum[r][p] = hn::Add(sum[r][p], Term::term(x, q));
      }
    }
  }
  if (j < n) {
    alignas(64) float tail_query[kLanes] = {};
    alignas(64) float tail_row[kLanes] = {};
    std::memcpy(tail_query, query + j, (n - j) * sizeof(float));
    for (std::size_t r = 0; r < kRows; ++r) {
      std::memcpy(tail_row, rows[r] + j, (n - j) * sizeof(float));
      for (std::size_t p = 0; p < kParts; ++p) {
        const auto x = hn::Load(d, tail_row + p * kWidth);
        const auto q = hn::Load(d, tail_query + p * kWidth);
        sum[r][p] = hn::Add(sum[r][p], Term::term(x, q));
      }
    }
  }
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kRows; ++r) quads[r] = fold_lanes<kParts>(sum[r]);
}

template <class Term>
HWY_INLINE void reduce_four(const float* r0, const float* r1, const float* r2, const float* r3,
                            const float* query, std::size_t n, float* out) {
  const float* const rows[4] = {r0, r1, r2, r3};
  hn::Vec<Quad> t[4];
  if constexpr (kParts <= 2) {
    accumulate_rows<Term, 4>(rows, query, n, t);
  } else {  // four-lane vectors: two rows fill the registers
    accumulate_rows<Term, 2>(rows, query, n, t);
    accumulate_rows<Term, 2>(rows + 2, query, n, t + 2);
  }
  // (t[0] + t[2]) + (t[1] + t[3]) of four rows side by side.
  const Quad d;
  const auto u = hn::Add(hn::InterleaveLower(d, t[0], t[1]), hn::InterleaveUpper(d, t[0], t[1]));
  const auto w = hn::Add(hn::InterleaveLower(d, t[2], t[3]), hn::InterleaveUpper(d, t[2], t[3]));
  hn::StoreU(hn::Add(hn::ConcatLowerLower(d, w, u), hn::ConcatUpperUpper(d, w, u)), d, out);
}
#endif  // HWY_HAVE_SCALABLE

template <class Term>
HWY_INLINE void reduce_rows(const float* rows, std::size_t count, std::size_t columns,
                            const float* query, float* out) {
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const float* r = rows + i * columns;
    reduce_four<Term>(r, r + columns, r + 2 * columns, r + 3 * columns, query, columns, out + i);
  }
  for (; i < count; ++i) out[i] = reduce_pair<Term>(rows + i * columns, query, columns);
}

template <class Term>
HWY_INLINE void reduce_gathered(const float* rows, std::size_t columns, const std::int32_t* indices,
                                std::size_t count, const float* query, float* out) {
  constexpr std::size_t kAhead = 8;       // rows: two groups of four
  constexpr std::size_t kCacheLine = 16;  // floats
  const auto row = [&](std::size_t i)
                       HWY_ATTR { return rows + static_cast<std::size_t>(indices[i]) * columns; };
  const auto prefetch = [&](std::size_t begin, std::size_t end) HWY_ATTR {
    for (std::size_t i = begin; i < std::min(end, count); ++i) {
      const float* at = row(i);
      for (std::size_t j = 0; j < columns; j += kCacheLine) hwy::Prefetch(at + j);
    }
  };
  prefetch(0, kAhead);
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    prefetch(i + kAhead, i + kAhead + 4);
    reduce_four<Term>(row(i), row(i + 1), row(i + 2), row(i + 3), query, columns, out + i);
  }
  for (; i < count; ++i) out[i] = reduce_pair<Term>(row(i), query, columns);
}

void dot_rows_kernel(const float* rows, std::size_t count, std::size_t columns, const float* query,
                     float* out) {
  reduce_rows<Product>(rows, count, columns, query, out);
}

void squared_distance_rows_kernel(const float* rows, std::size_t count, std::size_t columns,
                                  const float* query, float* out) {
  reduce_rows<SquaredDifference>(rows, count, columns, query, out);
}

void dot_gathered_kernel(const float* rows, std::size_t columns, const std::int32_t* indices,
                         std::size_t count, const float* query, float* out) {
  reduce_gathered<Product>(rows, columns, indices, count, query, out);
}

void squared_distance_gathered_kernel(const float* rows, std::size_t columns,
                                      const std::int32_t* indices, std::size_t count,
                                      const float* query, float* out) {
  reduce_gathered<SquaredDifference>(rows, columns, indices, count, query, out);
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

// Division and square root are exactly rounded on every target, and a maximum has no order.
void scale_to_roots_kernel(float* scores, std::size_t n) {
  const Lanes16 d;
  const std::size_t width = hn::Lanes(d);
  auto most = hn::Zero(d);
  std::size_t i = 0;
  for (; i + width <= n; i += width) most = hn::Max(most, hn::LoadU(d, scores + i));
  float largest = hn::GetLane(hn::MaxOfLanes(d, most));
  for (; i < n; ++i) largest = scores[i] > largest ? scores[i] : largest;
  const auto divisor = hn::Set(d, largest > 0 ? largest : 1.0F);
  const auto zero = hn::Zero(d);
  const auto root = [&](auto v) HWY_ATTR { return hn::Sqrt(hn::Div(hn::Max(v, zero), divisor)); };
  for (i = 0; i + width <= n; i += width) {
    hn::StoreU(root(hn::LoadU(d, scores + i)), d, scores + i);
  }
  if (i < n) {
    alignas(64) float tail[kLanes] = {};
    std::memcpy(tail, scores + i, (n - i) * sizeof(float));
    alignas(64) float out[kLanes];
    hn::Store(root(hn::Load(d, tail)), d, out);
    std::memcpy(scores + i, out, (n - i) * sizeof(float));
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
HWY_EXPORT(squared_distance_gathered_kernel);
HWY_EXPORT(axpy_kernel);
HWY_EXPORT(scale_to_roots_kernel);

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

void squared_distance_gathered(MatrixView<const float> rows, std::span<const std::int32_t> indices,
                               std::span<const float> query, std::span<float> out) {
  check_sizes(rows.columns, query.size(), "squared_distance_gathered, query");
  check_sizes(indices.size(), out.size(), "squared_distance_gathered, out");
  HWY_DYNAMIC_DISPATCH(squared_distance_gathered_kernel)
  (rows.data, rows.columns, indices.data(), indices.size(), query.data(), out.data());
}

void scale_to_roots(std::span<float> scores) {
  HWY_DYNAMIC_DISPATCH(scale_to_roots_kernel)(scores.data(), scores.size());
}

void axpy(float factor, std::span<const float> x, std::span<float> y) {
  check_sizes(x.size(), y.size(), "axpy");
  HWY_DYNAMIC_DISPATCH(axpy_kernel)(factor, x.data(), y.data(), x.size());
}

}  // namespace penchant
#endif  // HWY_ONCE
