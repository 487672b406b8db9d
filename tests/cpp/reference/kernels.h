#pragma once

// The plain twins of base/kernels.h: the defined order written out with one float a lane.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace penchant::reference {

// sum of term(j) over sixteen lanes, element j in lane j mod 16, then the tree of kernels.h.
template <class Term>
[[nodiscard]] float lane_sum(std::size_t n, Term&& term) {
  std::array<float, 16> lane{};
  const std::size_t padded = (n + 15) / 16 * 16;
  for (std::size_t j = 0; j < padded; ++j) {
    const float value = j < n ? term(j) : 0.0F;
    lane[j % 16] = lane[j % 16] + value;
  }
  std::array<float, 4> t{};
  for (std::size_t i = 0; i < 4; ++i) t[i] = (lane[i] + lane[i + 8]) + (lane[i + 4] + lane[i + 12]);
  return (t[0] + t[2]) + (t[1] + t[3]);
}

[[nodiscard]] inline float dot(std::span<const float> a, std::span<const float> b) {
  return lane_sum(a.size(), [&](std::size_t j) { return a[j] * b[j]; });
}

[[nodiscard]] inline float squared_distance(std::span<const float> a, std::span<const float> b) {
  return lane_sum(a.size(), [&](std::size_t j) {
    const float difference = a[j] - b[j];
    return difference * difference;
  });
}

inline void axpy(float factor, std::span<const float> x, std::span<float> y) {
  for (std::size_t j = 0; j < y.size(); ++j) {
    const float product = factor * x[j];
    y[j] = y[j] + product;
  }
}

}  // namespace penchant::reference
