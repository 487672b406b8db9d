#pragma once

// Counting and selecting in rows of scores: what ranking metrics and lists need instead of sorting.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace penchant {

// Sum over the thresholds t of (scores below t) + (scores not above t): twice the pairs that a
// threshold wins, ties one half each. NaN is in no count. O(scores * thresholds).
[[nodiscard]] std::int64_t twice_below(std::span<const float> scores,
                                       std::span<const float> thresholds);

// Writes the positions of scores >= floor, ascending, and returns how many; NaN never is.
// positions.size() >= scores.size().
[[nodiscard]] std::size_t select_not_below(std::span<const float> scores, float floor,
                                           std::span<std::uint32_t> positions);

inline constexpr std::size_t kBandRows = 256;           // rows a call of scan_bands takes at most
inline constexpr std::size_t kMostThresholds = 32'000;  // counts are kept in 16 bits

// A monotone map of scores to 16 bits, so that one instruction compares twice as many: rounded
// (score - origin) * steps, clamped. Scores whose codes differ differ the same way.
struct BandCodes {
  float origin = 0;
  float steps = 0;                       // a unit of score
  std::vector<std::int16_t> thresholds;  // codes, ascending
};

// Codes as fine as the range of the thresholds allows; differences below `coarse` may share one.
[[nodiscard]] BandCodes band_codes(std::span<const float> thresholds, float coarse);

// Scores known only to lie in [(p - slack) * scale, (p + slack) * scale], p and scale one a row.
struct Bands {
  std::span<const std::int32_t> products;  // [rows], at most kBandRows
  std::span<const float> scales;           // [rows], not negative
  float slack = 0;
  std::span<const float> thresholds;  // ascending
  const BandCodes* codes = nullptr;   // of the thresholds
  float floor = 0;                    // what may reach it is a candidate; infinity: nothing
};

struct BandCounts {
  std::int64_t below = 0;  // pairs (row, threshold), the row surely below; unsure rows left out
  std::int64_t above = 0;  // rows surely above all thresholds
  std::size_t unsure = 0;  // rows of which that can't be said of every threshold
  std::size_t candidates = 0;
  std::array<std::uint16_t, kBandRows> unsure_rows;
  std::array<std::uint16_t, kBandRows> candidate_rows;
};

// Adds to below and above, and writes the lists anew. What is sure is true; how much is sure may
// depend on the instruction set.
void scan_bands(const Bands& bands, BandCounts& counts);

}  // namespace penchant
