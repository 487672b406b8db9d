#include "penchant/models/als_kernels.h"

#include <algorithm>

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
constexpr std::size_t kGroup = 8;  // rows worked on together

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

// The usual numbers of factors are known to the compiler (kFixed, 0: any), so that loops over them
// unroll.
template <std::size_t kFixed>
HWY_INLINE std::size_t width_of(std::size_t width) {
  return kFixed == 0 ? width : kFixed;
}

// The dot products of R (4 or 8) rows with p, into out[R].
template <std::size_t R, std::size_t kFixed = 0>
HWY_INLINE void dots(const float* const* gathered, const float* HWY_RESTRICT p, std::size_t any,
                     float* HWY_RESTRICT out) {
  const Wide d;
  const std::size_t width = width_of<kFixed>(any);
  const float* rows[R];  // in registers: the compiler can't know that nothing changes them
  for (std::size_t r = 0; r < R; ++r) rows[r] = gathered[r];
  const Quad quad;
  const std::size_t lanes = hn::Lanes(d);
  V sum[R];
  for (std::size_t r = 0; r < R; ++r) sum[r] = hn::Zero(d);
  for (std::size_t j = 0; j < width; j += lanes) {
    const V q = hn::LoadU(d, p + j);
    for (std::size_t r = 0; r < R; ++r) sum[r] = hn::MulAdd(q, hn::LoadU(d, rows[r] + j), sum[r]);
  }
  for (std::size_t r = 0; r < R; r += 4) {
    hn::Store(sum_four(sum[r], sum[r + 1], sum[r + 2], sum[r + 3]), quad, out + r);
  }
}

// out += sum_r weights[r] rows[r], two chains of adds.
template <std::size_t R, std::size_t kFixed = 0>
HWY_INLINE void combine(const float* const* gathered, const float* HWY_RESTRICT weights,
                        std::size_t any, float* HWY_RESTRICT out) {
  const Wide d;
  const std::size_t width = width_of<kFixed>(any);
  const float* rows[R];
  for (std::size_t r = 0; r < R; ++r) rows[r] = gathered[r];
  V weight[R];
  for (std::size_t r = 0; r < R; ++r) weight[r] = hn::Set(d, weights[r]);
  for (std::size_t j = 0; j < width; j += hn::Lanes(d)) {
    V even = hn::MulAdd(weight[0], hn::LoadU(d, rows[0] + j), hn::LoadU(d, out + j));
    V odd = hn::Mul(weight[1], hn::LoadU(d, rows[1] + j));
    for (std::size_t r = 2; r < R; r += 2) {
      even = hn::MulAdd(weight[r], hn::LoadU(d, rows[r] + j), even);
      odd = hn::MulAdd(weight[r + 1], hn::LoadU(d, rows[r + 1] + j), odd);
    }
    hn::StoreU(hn::Add(even, odd), d, out + j);
  }
}

HWY_INLINE void prefetch(const float* const* rows, std::size_t count, std::size_t width) {
  for (std::size_t r = 0; r < count; ++r) {
    for (std::size_t j = 0; j < width; j += 16) hwy::Prefetch(rows[r] + j);
  }
}

enum class Pass : std::uint8_t { kResidual, kApply, kCurvature, kSum };

// The weights with which a group's rows are summed. Residual: t - e (v.p); apply: e (v.p); sum: t.
// Curvature sums e (v.p)^2 into *curvature instead.
template <Pass kPass, std::size_t R, std::size_t kFixed>
HWY_INLINE void group_weights(const RowSystem& s, std::size_t k, const float* p, float* weights,
                              float* curvature) {
  const Quad quad;
  if constexpr (kPass == Pass::kSum) {
    for (std::size_t r = 0; r < R; ++r) weights[r] = s.target[k + r];
    return;
  }
  dots<R, kFixed>(s.rows + k, p, s.stride, weights);
  for (std::size_t r = 0; r < R; r += 4) {
    const auto dot = hn::Load(quad, weights + r);
    const auto excess = hn::LoadU(quad, s.excess + k + r);
    if constexpr (kPass == Pass::kResidual) {
      hn::Store(hn::NegMulAdd(excess, dot, hn::LoadU(quad, s.target + k + r)), quad, weights + r);
    } else if constexpr (kPass == Pass::kApply) {
      hn::Store(hn::Mul(excess, dot), quad, weights + r);
    } else {
      const auto sum = hn::Load(quad, curvature);
      hn::Store(hn::MulAdd(hn::Mul(excess, dot), dot, sum), quad, curvature);
    }
  }
}

// One walk over the gathered rows. A group's weights are found before the group ahead of it is
// summed, so that the latency of the reduction hides behind that sum.
template <Pass kPass, bool kFirst, std::size_t kFixed>
HWY_INLINE float walk(const RowSystem& s, const float* p, float* out) {
  alignas(64) float weights[2][kGroup];
  alignas(16) float curvature[4] = {};
  const std::size_t whole = s.padded / kGroup;
  const bool half = s.padded % kGroup != 0;
  for (std::size_t g = 0; g <= whole; ++g) {
    const std::size_t k = g * kGroup;
    if (kFirst && k + kGroup < s.padded) {
      prefetch(s.rows + k + kGroup, std::min(kGroup, s.padded - k - kGroup), s.stride);
    }
    if (g < whole) {
      group_weights<kPass, kGroup, kFixed>(s, k, p, weights[g % 2], curvature);
    } else if (half) {
      group_weights<kPass, 4, kFixed>(s, k, p, weights[g % 2], curvature);
    }
    if (kPass == Pass::kCurvature) continue;
    if (g > 0) combine<kGroup, kFixed>(s.rows + k - kGroup, weights[(g - 1) % 2], s.stride, out);
  }
  if (kPass != Pass::kCurvature && half) {
    combine<4, kFixed>(s.rows + whole * kGroup, weights[whole % 2], s.stride, out);
  }
  return (curvature[0] + curvature[2]) + (curvature[1] + curvature[3]);
}

HWY_INLINE float dot(const float* a, const float* b, std::size_t stride) {
  const Wide d;
  const std::size_t lanes = hn::Lanes(d);
  V even = hn::Zero(d);
  V odd = hn::Zero(d);
  for (std::size_t j = 0; j < stride; j += 16) {
    for (std::size_t i = 0; i < 16; i += 2 * lanes) {
      even = hn::MulAdd(hn::LoadU(d, a + j + i), hn::LoadU(d, b + j + i), even);
      if (lanes < 16) {
        odd = hn::MulAdd(hn::LoadU(d, a + j + i + lanes), hn::LoadU(d, b + j + i + lanes), odd);
      }
    }
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(even, odd)));
}

HWY_INLINE void axpy(float factor, const float* x, float* y, std::size_t stride) {
  const Wide d;
  const V f = hn::Set(d, factor);
  for (std::size_t j = 0; j < stride; j += hn::Lanes(d)) {
    hn::StoreU(hn::MulAdd(f, hn::LoadU(d, x + j), hn::LoadU(d, y + j)), d, y + j);
  }
}

// out[j] = a[j] * b[j]; b null: a copy.
HWY_INLINE void scaled(const float* a, const float* b, float* out, std::size_t stride) {
  const Wide d;
  for (std::size_t j = 0; j < stride; j += hn::Lanes(d)) {
    const V value = hn::LoadU(d, a + j);
    hn::StoreU(b == nullptr ? value : hn::Mul(value, hn::LoadU(d, b + j)), d, out + j);
  }
}

// The residual at z, which is set to zero unless warm; this walk meets the rows for the first time.
template <std::size_t kFixed>
HWY_INLINE void start(const RowSystem& s, bool warm, float* z, float* residual) {
  if (s.shared == nullptr) {
    std::fill_n(residual, s.stride, 0.0F);
  } else {
    std::copy_n(s.shared, s.stride, residual);
  }
  if (!warm) {
    std::fill_n(z, s.stride, 0.0F);
    walk<Pass::kSum, true, kFixed>(s, nullptr, residual);
    return;
  }
  const Wide d;
  for (std::size_t j = 0; j < s.stride; j += hn::Lanes(d)) {
    V value = hn::LoadU(d, z + j);
    if (s.diagonal != nullptr) value = hn::Mul(value, hn::LoadU(d, s.diagonal + j));
    hn::StoreU(hn::Sub(hn::LoadU(d, residual + j), value), d, residual + j);
  }
  walk<Pass::kResidual, true, kFixed>(s, z, residual);
}

template <std::size_t kFixed>
HWY_NOINLINE void steps_of(const RowSystem& s, int steps, bool warm, float* z, float* work) {
  const Wide d;
  float* residual = work;
  float* direction = work + s.stride;
  float* image = work + 2 * s.stride;
  float* inverse = nullptr;  // of the diagonal: the preconditioner
  if (s.diagonal != nullptr) {
    inverse = work + 3 * s.stride;
    for (std::size_t j = 0; j < s.stride; j += hn::Lanes(d)) {
      hn::StoreU(hn::Div(hn::Set(d, 1.0F), hn::LoadU(d, s.diagonal + j)), d, inverse + j);
    }
  }
  start<kFixed>(s, warm, z, residual);
  scaled(residual, inverse, direction, s.stride);
  float square = dot(residual, direction, s.stride);
  for (int step = 0; step < steps && square > 1e-20F; ++step) {
    scaled(direction, s.diagonal, image, s.stride);
    if (step + 1 == steps) {  // the last image is needed for its curvature only
      prefetch(s.next, s.next_count, s.stride);
      const float curvature = dot(direction, image, s.stride) +
                              walk<Pass::kCurvature, false, kFixed>(s, direction, nullptr);
      axpy(square / curvature, direction, z, s.stride);
      return;
    }
    walk<Pass::kApply, false, kFixed>(s, direction, image);
    const float length = square / dot(direction, image, s.stride);
    axpy(length, direction, z, s.stride);
    axpy(-length, image, residual, s.stride);
    scaled(residual, inverse, image, s.stride);
    const float next = dot(residual, image, s.stride);
    const V ratio = hn::Set(d, next / square);
    for (std::size_t j = 0; j < s.stride; j += hn::Lanes(d)) {
      hn::StoreU(hn::MulAdd(ratio, hn::LoadU(d, direction + j), hn::LoadU(d, image + j)), d,
                 direction + j);
    }
    square = next;
  }
}

void conjugate_gradients_kernel(const RowSystem& s, int steps, bool warm, float* z, float* work) {
  switch (s.stride) {
    case 64:
      return steps_of<64>(s, steps, warm, z, work);
    case 128:
      return steps_of<128>(s, steps, warm, z, work);
    case 256:
      return steps_of<256>(s, steps, warm, z, work);
    default:
      return steps_of<0>(s, steps, warm, z, work);
  }
}

void gather_sum_kernel(const float* const* rows, const float* weights, std::size_t padded,
                       std::size_t width, float* out) {
  std::size_t k = 0;
  for (; k + kGroup <= padded; k += kGroup) combine<kGroup>(rows + k, weights + k, width, out);
  if (k < padded) combine<4>(rows + k, weights + k, width, out);
}

void gather_dots_kernel(const float* const* rows, std::size_t padded, std::size_t width,
                        const float* p, float* out) {
  alignas(16) float found[4];
  for (std::size_t k = 0; k < padded; k += 4) {
    dots<4>(rows + k, p, width, found);
    for (std::size_t r = 0; r < 4; ++r) out[k + r] += found[r];
  }
}

double precise_dot_kernel(const float* a, const float* b, std::size_t n) {
  const hn::CappedTag<double, 8> d;
  const hn::Rebind<float, decltype(d)> half;
  const std::size_t lanes = hn::Lanes(d);
  auto even = hn::Zero(d);
  auto odd = hn::Zero(d);
  std::size_t j = 0;
  for (; j + 2 * lanes <= n; j += 2 * lanes) {
    even = hn::MulAdd(hn::PromoteTo(d, hn::LoadU(half, a + j)),
                      hn::PromoteTo(d, hn::LoadU(half, b + j)), even);
    odd = hn::MulAdd(hn::PromoteTo(d, hn::LoadU(half, a + j + lanes)),
                     hn::PromoteTo(d, hn::LoadU(half, b + j + lanes)), odd);
  }
  double sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(even, odd)));
  for (; j < n; ++j) sum += static_cast<double>(a[j]) * static_cast<double>(b[j]);
  return sum;
}

}  // namespace penchant::models::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace penchant::models {

HWY_EXPORT(conjugate_gradients_kernel);
HWY_EXPORT(gather_sum_kernel);
HWY_EXPORT(gather_dots_kernel);
HWY_EXPORT(precise_dot_kernel);

void conjugate_gradients(const RowSystem& row, int steps, bool warm, float* z, float* work) {
  HWY_DYNAMIC_DISPATCH(conjugate_gradients_kernel)(row, steps, warm, z, work);
}
void gather_sum(const float* const* rows, const float* weights, std::size_t padded,
                std::size_t width, float* out) {
  HWY_DYNAMIC_DISPATCH(gather_sum_kernel)(rows, weights, padded, width, out);
}
void gather_dots(const float* const* rows, std::size_t padded, std::size_t width, const float* p,
                 float* out) {
  HWY_DYNAMIC_DISPATCH(gather_dots_kernel)(rows, padded, width, p, out);
}

double precise_dot(const float* a, const float* b, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(precise_dot_kernel)(a, b, n);
}

}  // namespace penchant::models
#endif  // HWY_ONCE
