#pragma once

// Which bin a value is in: a binary search without branches, several values at once.

#include <array>
#include <cstdint>
#include <vector>

namespace penchant::ranking {

// Ascending bounds, filled up with infinity: 255 entries and one that is not read.
template <class T>
struct BoundTable {
  std::array<T, 256> bound;
  std::uint32_t first_step = 0;  // a power of two above half the number of bounds; 0: one bin
};

// For float values a bound is rounded down to float, which changes no comparison x <= bound.
template <class T>
[[nodiscard]] BoundTable<T> make_bound_table(const std::vector<double>& bounds);

// bins[i] = the first bin whose bound is >= values[i]; kMissingBin for NaN.
void find_bins(const BoundTable<float>& table, const float* values, std::size_t count,
               std::uint8_t* bins);
void find_bins(const BoundTable<double>& table, const double* values, std::size_t count,
               std::uint8_t* bins);

}  // namespace penchant::ranking
