#pragma once

// Steps of stochastic gradient descent for one user: the inner loop of pairwise.h. They may use
// fused multiply-add, so their bits belong to one instruction set (training only).

#include <cstddef>
#include <cstdint>
#include <span>

namespace penchant::models {

// SplitMix64 (Steele, Lea & Flood, OOPSLA 2014): one state a task, started from Philox.
struct SplitMix {
  std::uint64_t state = 0;
  std::uint64_t next() {
    std::uint64_t z = (state += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }
  // Uniform on {0, ..., bound - 1}.
  std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>(((next() >> 32U) * bound) >> 32U);
  }
};

// Vectors lie `stride` floats apart, a multiple of 16, zero padded; element `bias_at` of a user's
// is 1, of an item's its bias.
struct PairwiseStep {
  float* items = nullptr;
  std::size_t stride = 0;
  std::size_t bias_at = 0;
  float learning_rate = 0;
  float decay = 0;  // learning_rate * regularization
};

// One step for each (positives[k], negatives[k]) against the user's vector x, in this order.
// Returns how many were ranked right before their step.
[[nodiscard]] std::size_t bpr_steps(const PairwiseStep& step, float* x,
                                    std::span<const std::int32_t> positives,
                                    std::span<const std::int32_t> negatives);

// What WARP draws from: items of the block that are not marked.
struct WarpSampler {
  std::span<const std::int32_t> block;
  const std::uint8_t* marked = nullptr;  // one byte an item of the catalogue
  const float* rank_weight = nullptr;    // [max_trials + 1], by the number of trials it took
  int max_trials = 0;
};

// One step for each positive against the first violating negative found, if any. Returns how many
// had none.
[[nodiscard]] std::size_t warp_steps(const PairwiseStep& step, float* x,
                                     std::span<const std::int32_t> positives,
                                     const WarpSampler& sampler, SplitMix& random);

}  // namespace penchant::models
