#pragma once

// Counting and selecting in rows of scores: what ranking metrics and lists need instead of sorting.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace penchant {

// Sum over the thresholds t of (scores below t) + (scores not above t): twice the pairs that a
// threshold wins, ties one half each. NaN is in no count. O(scores * thresholds).
[[nodiscard]] std::int64_t twice_below(std::span<const float> scores,
                                       std::span<const float> thresholds);

// Writes the positions of scores >= floor, ascending, and returns how many; NaN never is.
// positions.size() >= scores.size().
[[nodiscard]] std::size_t select_not_below(std::span<const float> scores, float floor,
                                           std::span<std::uint32_t> positions);

inline constexpr std::size_t kBandRows = 256;  // rows a call of scan_bands takes at most

// Scores known only to lie in [(p - slack) * scale, (p + slack) * scale], p and scale one a row.
struct Bands {
  std::span<const std::int32_t> products;  // [rows], rows a multiple of 16, at most kBandRows
  std::span<const float> scales;           // [rows]; NaN: no row, in no count
  float slack = 0;
  std::span<const float> thresholds;  // ascending
  float floor = 0;                    // what may reach it is a candidate; infinity: nothing
};

struct BandCounts {
  std::int64_t below = 0;  // pairs (row, threshold), the row surely below; unsure rows left out
  std::int64_t above = 0;  // rows surely above the last threshold
  std::size_t unsure = 0;  // rows that some threshold may equal or come to lie on either side of
  std::size_t candidates = 0;
  std::array<std::uint16_t, kBandRows> unsure_rows;     // ascending
  std::array<std::uint16_t, kBandRows> candidate_rows;  // ascending
};

// Adds to below and above, and writes the lists anew.
void scan_bands(const Bands& bands, BandCounts& counts);

}  // namespace penchant
