#include "penchant/models/als_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/models/als_kernels.cc"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace penchant::models::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Wide = hn::CappedTag<float, 16>;
using Quad = hn::FixedTag<float, 4>;
using V = hn::Vec<Wide>;

// Lane k of the result is the sum of the k-th argument's lanes: two interleaving adds inside each
// 128-bit block, then the blocks are folded. A quarter of the work of four separate reductions.
HWY_INLINE hn::Vec<Quad> sum_four(V a, V b, V c, V e) {
  const Wide d;
  const hn::Repartition<std::uint64_t, Wide> d64;
  const V ab = hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b));
  const V ce = hn::Add(hn::InterleaveLower(d, c, e), hn::InterleaveUpper(d, c, e));
  const auto ab64 = hn::BitCast(d64, ab);
  const auto ce64 = hn::BitCast(d64, ce);
  const V sum = hn::Add(hn::BitCast(d, hn::InterleaveLower(d64, ab64, ce64)),
                        hn::BitCast(d, hn::InterleaveUpper(d64, ab64, ce64)));
  alignas(64) float lane[16];
  hn::Store(sum, d, lane);
  const Quad quad;
  auto out = hn::Load(quad, lane);
  for (std::size_t block = 4; block < hn::Lanes(d); block += 4) {
    out = hn::Add(out, hn::Load(quad, lane + block));
  }
  return out;
}

// The dot products of four gathered rows with p.
HWY_INLINE hn::Vec<Quad> dot_four(const float* const* rows, const float* p, std::size_t stride) {
  const Wide d;
  const std::size_t width = hn::Lanes(d);
  V s0 = hn::Zero(d);
  V s1 = hn::Zero(d);
  V s2 = hn::Zero(d);
  V s3 = hn::Zero(d);
  V t0 = hn::Zero(d);
  V t1 = hn::Zero(d);
  V t2 = hn::Zero(d);
  V t3 = hn::Zero(d);
  std::size_t j = 0;
  for (; j + 2 * width <= stride; j += 2 * width) {
    const V q0 = hn::LoadU(d, p + j);
    const V q1 = hn::LoadU(d, p + j + width);
    s0 = hn::MulAdd(q0, hn::LoadU(d, rows[0] + j), s0);
    s1 = hn::MulAdd(q0, hn::LoadU(d, rows[1] + j), s1);
    s2 = hn::MulAdd(q0, hn::LoadU(d, rows[2] + j), s2);
    s3 = hn::MulAdd(q0, hn::LoadU(d, rows[3] + j), s3);
    t0 = hn::MulAdd(q1, hn::LoadU(d, rows[0] + j + width), t0);
    t1 = hn::MulAdd(q1, hn::LoadU(d, rows[1] + j + width), t1);
    t2 = hn::MulAdd(q1, hn::LoadU(d, rows[2] + j + width), t2);
    t3 = hn::MulAdd(q1, hn::LoadU(d, rows[3] + j + width), t3);
  }
  for (; j < stride; j += width) {
    const V q0 = hn::LoadU(d, p + j);
    s0 = hn::MulAdd(q0, hn::LoadU(d, rows[0] + j), s0);
    s1 = hn::MulAdd(q0, hn::LoadU(d, rows[1] + j), s1);
    s2 = hn::MulAdd(q0, hn::LoadU(d, rows[2] + j), s2);
    s3 = hn::MulAdd(q0, hn::LoadU(d, rows[3] + j), s3);
  }
  return sum_four(hn::Add(s0, t0), hn::Add(s1, t1), hn::Add(s2, t2), hn::Add(s3, t3));
}

// out += factor[0] rows[0] + ... + factor[3] rows[3]
HWY_INLINE void axpy_four(const float* const* rows, const float* factor, float* out,
                          std::size_t stride) {
  const Wide d;
  const std::size_t width = hn::Lanes(d);
  const V f0 = hn::Set(d, factor[0]);
  const V f1 = hn::Set(d, factor[1]);
  const V f2 = hn::Set(d, factor[2]);
  const V f3 = hn::Set(d, factor[3]);
  for (std::size_t j = 0; j < stride; j += width) {
    V left = hn::MulAdd(f0, hn::LoadU(d, rows[0] + j), hn::LoadU(d, out + j));
    const V right =
        hn::MulAdd(f3, hn::LoadU(d, rows[3] + j), hn::Mul(f2, hn::LoadU(d, rows[2] + j)));
    left = hn::MulAdd(f1, hn::LoadU(d, rows[1] + j), left);
    hn::StoreU(hn::Add(left, right), d, out + j);
  }
}

HWY_INLINE void rows_of(const GatheredRow& row, std::size_t k, const float** rows) {
  for (std::size_t q = 0; q < 4; ++q) {
    rows[q] = row.vectors + static_cast<std::size_t>(row.index[k + q]) * row.stride;
  }
}

// The first pass over a row misses cache; ask for the next group while this one is worked on.
HWY_INLINE void prefetch_group(const GatheredRow& row, std::size_t k) {
  if (k >= row.padded) return;
  const float* next[4];
  rows_of(row, k, next);
  for (const float* vector : next) {
    for (std::size_t j = 0; j < row.stride; j += 16) hwy::Prefetch(vector + j);
  }
}

void gather_sum_kernel(const GatheredRow& row, float* out) {
  const float* rows[4];
  for (std::size_t k = 0; k < row.padded; k += 4) {
    prefetch_group(row, k + 4);
    rows_of(row, k, rows);
    axpy_four(rows, row.target + k, out, row.stride);
  }
}

void gather_residual_kernel(const GatheredRow& row, const float* p, float* out) {
  const Quad quad;
  const float* rows[4];
  alignas(16) float factor[4];
  for (std::size_t k = 0; k < row.padded; k += 4) {
    prefetch_group(row, k + 4);
    rows_of(row, k, rows);
    const auto s = dot_four(rows, p, row.stride);
    hn::Store(hn::NegMulAdd(hn::LoadU(quad, row.excess + k), s, hn::LoadU(quad, row.target + k)),
              quad, factor);
    axpy_four(rows, factor, out, row.stride);
  }
}

void gather_apply_kernel(const GatheredRow& row, const float* p, float* out) {
  const Quad quad;
  const float* rows[4];
  alignas(16) float factor[4];
  for (std::size_t k = 0; k < row.padded; k += 4) {
    rows_of(row, k, rows);
    const auto s = dot_four(rows, p, row.stride);
    hn::Store(hn::Mul(hn::LoadU(quad, row.excess + k), s), quad, factor);
    axpy_four(rows, factor, out, row.stride);
  }
}

float gather_quadratic_kernel(const GatheredRow& row, const float* p) {
  const Quad quad;
  const float* rows[4];
  auto total = hn::Zero(quad);
  for (std::size_t k = 0; k < row.padded; k += 4) {
    rows_of(row, k, rows);
    const auto s = dot_four(rows, p, row.stride);
    total = hn::MulAdd(hn::Mul(hn::LoadU(quad, row.excess + k), s), s, total);
  }
  return hn::GetLane(hn::SumOfLanes(quad, total));
}

float fast_dot_kernel(const float* a, const float* b, std::size_t stride) {
  const Wide d;
  const std::size_t width = hn::Lanes(d);
  V total = hn::Zero(d);
  for (std::size_t j = 0; j < stride; j += width) {
    total = hn::MulAdd(hn::LoadU(d, a + j), hn::LoadU(d, b + j), total);
  }
  return hn::GetLane(hn::SumOfLanes(d, total));
}

void fast_axpy_kernel(float factor, const float* x, float* y, std::size_t stride) {
  const Wide d;
  const V f = hn::Set(d, factor);
  for (std::size_t j = 0; j < stride; j += hn::Lanes(d)) {
    hn::StoreU(hn::MulAdd(f, hn::LoadU(d, x + j), hn::LoadU(d, y + j)), d, y + j);
  }
}

void fast_xpby_kernel(const float* x, float factor, float* y, std::size_t stride) {
  const Wide d;
  const V f = hn::Set(d, factor);
  for (std::size_t j = 0; j < stride; j += hn::Lanes(d)) {
    hn::StoreU(hn::MulAdd(f, hn::LoadU(d, y + j), hn::LoadU(d, x + j)), d, y + j);
  }
}

}  // namespace penchant::models::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace penchant::models {

HWY_EXPORT(gather_sum_kernel);
HWY_EXPORT(gather_residual_kernel);
HWY_EXPORT(gather_apply_kernel);
HWY_EXPORT(gather_quadratic_kernel);
HWY_EXPORT(fast_dot_kernel);
HWY_EXPORT(fast_axpy_kernel);
HWY_EXPORT(fast_xpby_kernel);

void gather_sum(const GatheredRow& row, float* out) {
  HWY_DYNAMIC_DISPATCH(gather_sum_kernel)(row, out);
}
void gather_residual(const GatheredRow& row, const float* p, float* out) {
  HWY_DYNAMIC_DISPATCH(gather_residual_kernel)(row, p, out);
}
void gather_apply(const GatheredRow& row, const float* p, float* out) {
  HWY_DYNAMIC_DISPATCH(gather_apply_kernel)(row, p, out);
}
float gather_quadratic(const GatheredRow& row, const float* p) {
  return HWY_DYNAMIC_DISPATCH(gather_quadratic_kernel)(row, p);
}
float fast_dot(const float* a, const float* b, std::size_t stride) {
  return HWY_DYNAMIC_DISPATCH(fast_dot_kernel)(a, b, stride);
}
void fast_axpy(float factor, const float* x, float* y, std::size_t stride) {
  HWY_DYNAMIC_DISPATCH(fast_axpy_kernel)(factor, x, y, stride);
}
void fast_xpby(const float* x, float factor, float* y, std::size_t stride) {
  HWY_DYNAMIC_DISPATCH(fast_xpby_kernel)(x, factor, y, stride);
}

}  // namespace penchant::models
#endif  // HWY_ONCE
