#include "penchant/models/pairwise_kernels.h"

#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/models/pairwise_kernels.cc"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace penchant::models::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Wide = hn::CappedTag<float, 16>;
using V = hn::Vec<Wide>;
constexpr std::size_t kAhead = 4;  // steps whose vectors are asked for early

HWY_INLINE void prefetch(const float* row, std::size_t stride) {
  for (std::size_t j = 0; j < stride; j += 16) hwy::Prefetch(row + j);
}

// x . (a - b); b null: x . a
HWY_INLINE float difference(const float* x, const float* a, const float* b, std::size_t stride) {
  const Wide d;
  const std::size_t lanes = hn::Lanes(d);
  V even = hn::Zero(d);
  V odd = hn::Zero(d);
  for (std::size_t j = 0; j < stride; j += 16) {
    for (std::size_t i = 0; i < 16; i += lanes) {
      V value = hn::Load(d, a + j + i);
      if (b != nullptr) value = hn::Sub(value, hn::Load(d, b + j + i));
      V& sum = (i / lanes) % 2 == 0 ? even : odd;
      sum = hn::MulAdd(hn::Load(d, x + j + i), value, sum);
    }
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(even, odd)));
}

// x += g (a - b), a += g x, b -= g x, each shrunk; the user's one stays one.
HWY_INLINE void descend(const PairwiseStep& s, float gradient, float* x, float* a, float* b) {
  const Wide d;
  const V g = hn::Set(d, gradient);
  const V keep = hn::Set(d, 1 - s.decay);
  for (std::size_t j = 0; j < s.stride; j += hn::Lanes(d)) {
    const V old_x = hn::Load(d, x + j);
    const V old_a = hn::Load(d, a + j);
    const V old_b = hn::Load(d, b + j);
    const V step = hn::Mul(g, old_x);
    hn::Store(hn::MulAdd(g, hn::Sub(old_a, old_b), hn::Mul(keep, old_x)), d, x + j);
    hn::Store(hn::MulAdd(keep, old_a, step), d, a + j);
    hn::Store(hn::MulSub(keep, old_b, step), d, b + j);
  }
  x[s.bias_at] = 1.0F;
}

std::size_t bpr_steps_kernel(const PairwiseStep& s, float* x,
                             std::span<const std::int32_t> positives,
                             std::span<const std::int32_t> negatives) {
  const auto row = [&](std::int32_t item) {
    return s.items + static_cast<std::size_t>(item) * s.stride;
  };
  const std::size_t count = positives.size();
  for (std::size_t k = 0; k < std::min(kAhead, count); ++k) {
    prefetch(row(positives[k]), s.stride);
    prefetch(row(negatives[k]), s.stride);
  }
  std::size_t right = 0;
  for (std::size_t k = 0; k < count; ++k) {
    if (k + kAhead < count) {
      prefetch(row(positives[k + kAhead]), s.stride);
      prefetch(row(negatives[k + kAhead]), s.stride);
    }
    float* a = row(positives[k]);
    float* b = row(negatives[k]);
    const float score = difference(x, a, b, s.stride);
    right += score > 0 ? 1 : 0;
    descend(s, s.learning_rate / (1 + std::exp(score)), x, a, b);
  }
  return right;
}

std::size_t warp_steps_kernel(const PairwiseStep& s, float* x,
                              std::span<const std::int32_t> positives, const WarpSampler& sampler,
                              SplitMix& random) {
  const auto row = [&](std::int32_t item) {
    return s.items + static_cast<std::size_t>(item) * s.stride;
  };
  const auto size = static_cast<std::uint32_t>(sampler.block.size());
  const auto draw = [&] { return sampler.block[random.below(size)]; };
  std::size_t right = 0;
  for (const std::int32_t positive : positives) {
    float* a = row(positive);
    const float score = difference(x, a, nullptr, s.stride);
    std::int32_t next = draw();
    prefetch(row(next), s.stride);
    bool violated = false;
    for (int trial = 1; trial <= sampler.max_trials; ++trial) {
      const std::int32_t item = next;
      next = draw();
      prefetch(row(next), s.stride);
      if (sampler.marked[item] != 0) continue;
      float* b = row(item);
      if (difference(x, b, nullptr, s.stride) <= score - 1) continue;
      descend(s, s.learning_rate * sampler.rank_weight[trial], x, a, b);
      violated = true;
      break;
    }
    right += violated ? 0 : 1;
  }
  return right;
}

}  // namespace penchant::models::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace penchant::models {

HWY_EXPORT(bpr_steps_kernel);
HWY_EXPORT(warp_steps_kernel);

std::size_t bpr_steps(const PairwiseStep& step, float* x, std::span<const std::int32_t> positives,
                      std::span<const std::int32_t> negatives) {
  return HWY_DYNAMIC_DISPATCH(bpr_steps_kernel)(step, x, positives, negatives);
}
std::size_t warp_steps(const PairwiseStep& step, float* x, std::span<const std::int32_t> positives,
                       const WarpSampler& sampler, SplitMix& random) {
  return HWY_DYNAMIC_DISPATCH(warp_steps_kernel)(step, x, positives, sampler, random);
}

}  // namespace penchant::models
#endif  // HWY_ONCE
