#include "penchant/models/als_kernels.h"

#include <algorithm>
#include <type_traits>

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
using Words = hn::CappedTag<std::uint32_t, 16>;
using V = hn::Vec<Wide>;
constexpr std::size_t kGroup = 8;  // vectors worked on together

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

// Calls visit(word, number, paired) for each vector of words of `width` numbers: its first word,
// the number in that one's upper half, and whether the lower halves hold numbers (16 further on).
// Not kPaired: the words are floats, of which the "upper half" is all.
template <bool kPaired, class Visit>
HWY_INLINE void each_words(std::size_t width, const Visit& visit) {
  const std::size_t lanes = hn::Lanes(Wide());
  if constexpr (!kPaired) {
    for (std::size_t j = 0; j < width; j += lanes) visit(j, j, std::false_type{});
    return;
  }
  std::size_t word = 0;
  for (std::size_t group = 0; group + 32 <= width; group += 32) {
    for (std::size_t j = 0; j < 16; j += lanes) visit(word + j, group + j, std::true_type{});
    word += 16;
  }
  if (width % 32 != 0) {
    for (std::size_t j = 0; j < 16; j += lanes) {
      visit(word + j, width - 16 + j, std::false_type{});
    }
  }
}

HWY_INLINE V upper(hn::Vec<Words> words) { return hn::BitCast(Wide(), words); }
HWY_INLINE V lower(hn::Vec<Words> words) { return hn::BitCast(Wide(), hn::ShiftLeft<16>(words)); }

// The gathered vectors of R (4 or 8) entries.
template <std::size_t R>
struct Gathered {
  // In registers: the compiler can't know that nothing changes what a pointer to them would see.
  const std::uint32_t* row[R];

  HWY_INLINE Gathered(const std::uint32_t* vectors, const std::int32_t* columns,
                      std::size_t words) {
    for (std::size_t r = 0; r < R; ++r) {
      row[r] = vectors + static_cast<std::size_t>(columns[r]) * words;
    }
  }
};

// Their dot products with p, into out[R].
template <std::size_t R, std::size_t kFixed, bool kPaired>
HWY_INLINE void dots(const Gathered<R>& gathered, const float* HWY_RESTRICT p, std::size_t any,
                     float* HWY_RESTRICT out) {
  const Wide d;
  V sum[R];
  for (std::size_t r = 0; r < R; ++r) sum[r] = hn::Zero(d);
  each_words<kPaired>(width_of<kFixed>(any),
                      [&](std::size_t w, std::size_t j, auto paired) HWY_ATTR {
                        const V q = hn::LoadU(d, p + j);
                        [[maybe_unused]] const V q16 = paired ? hn::LoadU(d, p + j + 16) : q;
                        for (std::size_t r = 0; r < R; ++r) {
                          const auto words = hn::LoadU(Words(), gathered.row[r] + w);
                          sum[r] = hn::MulAdd(q, upper(words), sum[r]);
                          if constexpr (paired) sum[r] = hn::MulAdd(q16, lower(words), sum[r]);
                        }
                      });
  const Quad quad;
  for (std::size_t r = 0; r < R; r += 4) {
    hn::Store(sum_four(sum[r], sum[r + 1], sum[r + 2], sum[r + 3]), quad, out + r);
  }
}

// out += sum_r weights[r] row[r], two chains of adds.
template <std::size_t R, std::size_t kFixed, bool kPaired>
HWY_INLINE void combine(const Gathered<R>& gathered, const float* HWY_RESTRICT weights,
                        std::size_t any, float* HWY_RESTRICT out) {
  const Wide d;
  V weight[R];
  for (std::size_t r = 0; r < R; ++r) weight[r] = hn::Set(d, weights[r]);
  each_words<kPaired>(width_of<kFixed>(any), [&](std::size_t w, std::size_t j,
                                                 auto paired) HWY_ATTR {
    V sum[2] = {hn::LoadU(d, out + j), hn::Zero(d)};
    [[maybe_unused]] V sum16[2] = {paired ? hn::LoadU(d, out + j + 16) : hn::Zero(d), hn::Zero(d)};
    for (std::size_t r = 0; r < R; ++r) {
      const auto words = hn::LoadU(Words(), gathered.row[r] + w);
      sum[r % 2] = hn::MulAdd(weight[r], upper(words), sum[r % 2]);
      if constexpr (paired) sum16[r % 2] = hn::MulAdd(weight[r], lower(words), sum16[r % 2]);
    }
    hn::StoreU(hn::Add(sum[0], sum[1]), d, out + j);
    if constexpr (paired) hn::StoreU(hn::Add(sum16[0], sum16[1]), d, out + j + 16);
  });
}

HWY_INLINE void prefetch(const std::uint32_t* vectors, const std::int32_t* columns,
                         std::size_t count, std::size_t words) {
  for (std::size_t r = 0; r < count; ++r) {
    const std::uint32_t* row = vectors + static_cast<std::size_t>(columns[r]) * words;
    for (std::size_t w = 0; w < words; w += 16) hwy::Prefetch(row + w);
  }
}

enum class Pass : std::uint8_t { kResidual, kApply, kCurvature, kSum };

// A row's system and the vectors it is about.
struct Problem {
  const RowSystem& s;
  const std::uint32_t* vectors;
  std::size_t words;
  std::size_t ahead;

  template <std::size_t R>
  HWY_INLINE Gathered<R> gathered(std::size_t k) const {
    return {vectors, s.columns + k, words};
  }
};

// The weights with which a group's vectors are summed. Residual: t - e (v.p); apply: e (v.p); sum:
// t. Curvature sums e (v.p)^2 into *curvature instead.
template <Pass kPass, std::size_t R, std::size_t kFixed, bool kPaired>
HWY_INLINE void group_weights(const Problem& problem, std::size_t k, const float* p, float* weights,
                              float* curvature) {
  const Quad quad;
  const RowSystem& s = problem.s;
  if constexpr (kPass == Pass::kSum) {
    for (std::size_t r = 0; r < R; ++r) weights[r] = s.target[k + r];
    return;
  }
  dots<R, kFixed, kPaired>(problem.gathered<R>(k), p, s.stride, weights);
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

// Asks for vectors before they are needed: this row's own in its first walk, the next row's in its
// last.
template <Pass kPass, bool kFirst>
HWY_INLINE void look_ahead(const Problem& problem, std::size_t k) {
  const RowSystem& s = problem.s;
  if (kFirst) {
    const std::size_t from = k + problem.ahead;
    if (from < s.padded) {
      prefetch(problem.vectors, s.columns + from, std::min(kGroup, s.padded - from), problem.words);
    }
  } else if (kPass == Pass::kCurvature && k < s.next_count) {
    prefetch(problem.vectors, s.next + k, std::min(kGroup, s.next_count - k), problem.words);
  }
}

// One walk over the gathered vectors. A group's weights are found before the group ahead of it is
// summed, so that the latency of the reduction hides behind that sum.
template <Pass kPass, bool kFirst, std::size_t kFixed, bool kPaired>
HWY_INLINE float walk(const Problem& problem, const float* p, float* out) {
  const RowSystem& s = problem.s;
  alignas(64) float weights[2][kGroup];
  alignas(16) float curvature[4] = {};
  const std::size_t whole = s.padded / kGroup;
  const bool half = s.padded % kGroup != 0;
  for (std::size_t g = 0; g <= whole; ++g) {
    const std::size_t k = g * kGroup;
    look_ahead<kPass, kFirst>(problem, k);
    if (g < whole) {
      group_weights<kPass, kGroup, kFixed, kPaired>(problem, k, p, weights[g % 2], curvature);
    } else if (half) {
      group_weights<kPass, 4, kFixed, kPaired>(problem, k, p, weights[g % 2], curvature);
    }
    if (kPass == Pass::kCurvature) continue;
    if (g > 0) {
      combine<kGroup, kFixed, kPaired>(problem.gathered<kGroup>(k - kGroup), weights[(g - 1) % 2],
                                       s.stride, out);
    }
  }
  if (kPass == Pass::kCurvature) {  // a short row's walk ends before the next one's start
    for (std::size_t k = (whole + 1) * kGroup; k < s.next_count; k += kGroup) {
      look_ahead<kPass, kFirst>(problem, k);
    }
  } else if (half) {
    combine<4, kFixed, kPaired>(problem.gathered<4>(whole * kGroup), weights[whole % 2], s.stride,
                                out);
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

// The residual at z, which is set to zero unless warm; this walk meets the vectors for the first
// time.
template <std::size_t kFixed, bool kPaired>
HWY_INLINE void start(const Problem& problem, bool warm, float* z, float* residual) {
  const RowSystem& s = problem.s;
  if (s.shared == nullptr) {
    std::fill_n(residual, s.stride, 0.0F);
  } else {
    std::copy_n(s.shared, s.stride, residual);
  }
  if (!warm) {
    std::fill_n(z, s.stride, 0.0F);
    walk<Pass::kSum, true, kFixed, kPaired>(problem, nullptr, residual);
    return;
  }
  const Wide d;
  for (std::size_t j = 0; j < s.stride; j += hn::Lanes(d)) {
    V value = hn::LoadU(d, z + j);
    if (s.diagonal != nullptr) value = hn::Mul(value, hn::LoadU(d, s.diagonal + j));
    hn::StoreU(hn::Sub(hn::LoadU(d, residual + j), value), d, residual + j);
  }
  walk<Pass::kResidual, true, kFixed, kPaired>(problem, z, residual);
}

template <std::size_t kFixed, bool kPaired>
HWY_NOINLINE void steps_of(const Problem& problem, int steps, bool warm, float* z, float* work) {
  const Wide d;
  const RowSystem& s = problem.s;
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
  start<kFixed, kPaired>(problem, warm, z, residual);
  scaled(residual, inverse, direction, s.stride);
  float square = dot(residual, direction, s.stride);
  for (int step = 0; step < steps && square > 1e-20F; ++step) {
    scaled(direction, s.diagonal, image, s.stride);
    if (step + 1 == steps) {  // the last image is needed for its curvature only
      const float curvature =
          dot(direction, image, s.stride) +
          walk<Pass::kCurvature, false, kFixed, kPaired>(problem, direction, nullptr);
      axpy(square / curvature, direction, z, s.stride);
      return;
    }
    walk<Pass::kApply, false, kFixed, kPaired>(problem, direction, image);
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

void word_steps_kernel(const RowSystem& s, const std::uint32_t* vectors, int steps, bool warm,
                       float* z, float* work) {
  const Problem problem{s, vectors, words_of(s.stride), vectors_ahead(s.stride)};
  switch (s.stride) {
    case 64:
      return steps_of<64, true>(problem, steps, warm, z, work);
    case 128:
      return steps_of<128, true>(problem, steps, warm, z, work);
    case 256:
      return steps_of<256, true>(problem, steps, warm, z, work);
    default:
      return steps_of<0, true>(problem, steps, warm, z, work);
  }
}

void float_steps_kernel(const RowSystem& s, const float* vectors, int steps, bool warm, float* z,
                        float* work) {
  // Only ever loaded as vectors of bits, which may alias anything.
  const auto* words = reinterpret_cast<const std::uint32_t*>(vectors);
  steps_of<0, false>({s, words, s.stride, vectors_ahead(s.stride)}, steps, warm, z, work);
}

void round_to_words_kernel(const float* in, std::size_t rows, std::size_t stride,
                           std::uint32_t* out) {
  const Words d;
  const hn::RebindToSigned<Words> d32;
  const auto sign = hn::Set(d, 0x80000000U);
  const auto magnitude = hn::Set(d, 0x7FFFFFFFU);
  const auto half = hn::Set(d, 0x8000U);
  const auto high = hn::Set(d, 0xFFFF0000U);
  const auto normal = hn::Set(d32, 0x00800000);  // the least normal number
  // Signed comparisons: magnitudes leave the top bit alone.
  const auto flushed = [&](auto bits, auto least) HWY_ATTR {
    const auto small = hn::Lt(hn::BitCast(d32, hn::And(bits, magnitude)), normal);
    return hn::BitCast(d, hn::IfThenElse(small, least, hn::BitCast(d32, bits)));
  };
  for (std::size_t i = 0; i < rows; ++i) {
    const float* row = in + i * stride;
    std::uint32_t* to = out + i * words_of(stride);
    each_words<true>(stride, [&](std::size_t w, std::size_t j, auto paired) HWY_ATTR {
      auto low = hn::Zero(d);
      if constexpr (paired) {
        const auto bits = hn::BitCast(d, hn::LoadU(Wide(), row + j + 16));
        low = hn::ShiftRight<16>(flushed(hn::And(hn::Add(bits, half), high), hn::Zero(d32)));
      }
      const auto bits = hn::BitCast(d, hn::LoadU(Wide(), row + j));
      const auto size = hn::Add(hn::Sub(hn::And(bits, magnitude), low), half);
      const auto up = hn::And(hn::BitCast(d, hn::Max(hn::BitCast(d32, size), hn::Zero(d32))), high);
      const auto least = hn::IfThenElse(hn::Eq(hn::BitCast(d32, low), hn::Zero(d32)), hn::Zero(d32),
                                        hn::Or(normal, hn::BitCast(d32, low)));
      const auto word = flushed(hn::Or(up, low), least);
      hn::StoreU(hn::Or(hn::And(bits, sign), word), d, to + w);
    });
  }
}

// out += sum_r weights[r] rows[r] over the first `width` floats, two chains of adds.
template <std::size_t R>
HWY_INLINE void combine_floats(const float* const* gathered, const float* HWY_RESTRICT weights,
                               std::size_t width, float* HWY_RESTRICT out) {
  const Wide d;
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

void gather_sum_kernel(const float* const* rows, const float* weights, std::size_t padded,
                       std::size_t width, float* out) {
  std::size_t k = 0;
  for (; k + kGroup <= padded; k += kGroup)
    combine_floats<kGroup>(rows + k, weights + k, width, out);
  if (k < padded) combine_floats<4>(rows + k, weights + k, width, out);
}

void gather_dots_kernel(const float* const* rows, std::size_t padded, std::size_t width,
                        const float* p, float* out) {
  const Wide d;
  alignas(16) float found[4];
  for (std::size_t k = 0; k < padded; k += 4) {
    V sum[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
    for (std::size_t j = 0; j < width; j += hn::Lanes(d)) {
      const V q = hn::LoadU(d, p + j);
      for (std::size_t r = 0; r < 4; ++r) {
        sum[r] = hn::MulAdd(q, hn::LoadU(d, rows[k + r] + j), sum[r]);
      }
    }
    hn::Store(sum_four(sum[0], sum[1], sum[2], sum[3]), Quad(), found);
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

HWY_EXPORT(word_steps_kernel);
HWY_EXPORT(float_steps_kernel);
HWY_EXPORT(round_to_words_kernel);
HWY_EXPORT(gather_sum_kernel);
HWY_EXPORT(gather_dots_kernel);
HWY_EXPORT(precise_dot_kernel);

std::size_t vectors_ahead(std::size_t stride) {
  constexpr std::size_t kWords = 2048;  // on their way at a time
  return std::clamp<std::size_t>(kWords / words_of(stride) / 8 * 8, 8, 32);
}

void round_to_words(const float* in, std::size_t rows, std::size_t stride, std::uint32_t* out) {
  HWY_DYNAMIC_DISPATCH(round_to_words_kernel)(in, rows, stride, out);
}

void conjugate_gradients(const RowSystem& row, const std::uint32_t* words, int steps, bool warm,
                         float* z, float* work) {
  HWY_DYNAMIC_DISPATCH(word_steps_kernel)(row, words, steps, warm, z, work);
}
void conjugate_gradients(const RowSystem& row, const float* vectors, int steps, bool warm, float* z,
                         float* work) {
  HWY_DYNAMIC_DISPATCH(float_steps_kernel)(row, vectors, steps, warm, z, work);
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
