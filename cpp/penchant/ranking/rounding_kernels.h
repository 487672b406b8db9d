#pragma once

// The inner loops of gradient_pairs.cc.

#include <cstddef>
#include <cstdint>

#include "penchant/ranking/gradient_pairs.h"

namespace penchant::ranking {

inline constexpr std::uint32_t kStreamRounding = 0x726f756e;  // "roun"
inline constexpr float kMostGradient = 32'767;
inline constexpr float kMostHessian = 65'535;

struct DerivativeRange {
  float gradient = 0;  // the largest magnitude
  float hessian = 0;
  float least_hessian = 0;
};

// Requires count > 0.
DerivativeRange derivative_range(const float* gradients, const float* hessians, std::size_t count);

struct RoundingRule {
  std::uint64_t seed = 0;
  std::uint32_t iteration = 0;
  float gradient = 0;  // integer = gradient * this, rounded by lot
  float hessian = 0;   // 0: hessians are all alike and become 1
};

// Rows first_row, first_row + 1, ... to out [count]; first_row is a multiple of 4. A row's random
// bits are word row % 4 of Philox for entity row / 4: 16 for each of its two numbers.
void round_rows(const RoundingRule& rule, const float* gradients, const float* hessians,
                std::size_t first_row, std::size_t count, Entry* out);

}  // namespace penchant::ranking
