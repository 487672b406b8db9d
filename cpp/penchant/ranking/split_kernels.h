#pragma once

// The gain of all thresholds of a feature at once.

#include <cstddef>
#include <cstdint>

#include "penchant/ranking/gradient_pairs.h"

namespace penchant::ranking {

struct GainInput {
  const std::int64_t* gradient = nullptr;  // [..., end) sums of what goes left
  const std::int64_t* hessian = nullptr;
  Scales scales{};
  std::size_t begin = 0;  // thresholds to look at
  std::size_t end = 0;
  double total_gradient = 0;
  double total_hessian = 0;
  double l1 = 0;
  double l2 = 0;  // H + l2 must be positive on both sides
};

struct BestGain {
  double gain = -1;  // of both sides, the parent's not taken off
  std::size_t at = 0;
};

// Of one threshold, to the bits of best_gain.
[[nodiscard]] double gain_at(const GainInput& input, std::size_t at);

// The first threshold of the highest gain. The same bits whatever the width of vectors.
[[nodiscard]] BestGain best_gain(const GainInput& input);

}  // namespace penchant::ranking
