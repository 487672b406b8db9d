#pragma once

// The normal distribution with the same bits on every CPU: only +, -, *, / and square roots in a
// fixed order.

#include <cstdint>

#include "penchant/base/random.h"

namespace penchant::bandits {

// The distribution function and the density at one point.
struct NormalValue {
  double cdf = 0;
  double density = 0;
};

// Values are tabulated at -kNormalEnd, ..., kNormalEnd, so many a unit.
inline constexpr double kNormalEnd = 8;
inline constexpr int kNormalPerUnit = 64;
inline constexpr int kNormalKnots = 2 * 8 * kNormalPerUnit + 1;
[[nodiscard]] const NormalValue* normal_knots();  // [kNormalKnots]

// The quantile of p in (0, 1): Wichura, "Algorithm AS 241" (1988), within 1e-15.
[[nodiscard]] double normal_quantile(double p);

// A standard normal number by the quantile of a uniform one.
[[nodiscard]] inline double normal_of(const Philox& random, std::uint64_t entity,
                                      std::uint32_t step) {
  return normal_quantile(random.uniform(entity, step) + 0x1p-54);
}

}  // namespace penchant::bandits
