#pragma once

// What rules make of subjects as of moments, a block at a time.

#include <cstdint>
#include <span>
#include <vector>

#include "penchant/features/segment_rules.h"
#include "penchant/features/state.h"

namespace penchant::features {

// What others say of subjects (the risk that they leave, what they will be worth):
// [rules' scores][subjects]; NaN, and whoever is beyond the end: not known.
using SegmentScores = std::vector<std::vector<double>>;

class SegmentReader {
 public:
  static constexpr std::size_t kPoints = 256;

  // Keeps references. Throws kInvalidArgument where the rules want another number of scores.
  // remembers: as of a ReadScratch.
  SegmentReader(const State& state, const SegmentRules& rules, const SegmentScores& scores,
                std::size_t room = kPoints, bool remembers = true);
  SegmentReader(SegmentReader&&) = default;

  // At most `room` of them, which stay where they are while values are asked for.
  void read(std::span<const std::int32_t> subjects, std::span<const std::int64_t> moments);
  // Of a point of the block; reading doesn't allocate.
  [[nodiscard]] double value(std::size_t column, std::size_t point) const;
  // All features of the plan [features][points], as the column sees them.
  [[nodiscard]] std::span<const double* const> features(std::size_t column) const;
  // Who is in which segment as of any number of points, 1 or 0, to out [points][segments].
  void read_segments(const Points& points, std::span<std::uint8_t> out);

 private:
  const State& state_;
  const SegmentRules& rules_;
  const SegmentScores& scores_;
  std::span<const std::int32_t> subjects_;
  ReadScratch scratch_;
  std::vector<double> values_;              // [items][features][room]
  std::vector<std::vector<double*>> into_;  // [items][features]
  std::vector<std::vector<const double*>> from_;
  std::vector<std::int32_t> items_;  // [room]
  std::vector<Rank> ranks_;          // [rules' columns]
};

// Who is in which segment as of points, 1 or 0, to out [points][segments]: from the state alone.
// Throws kInvalidArgument as State::read does.
void read_segments(const State& state, const SegmentRules& rules, const SegmentScores& scores,
                   const Points& points, int threads, std::span<std::uint8_t> out);

}  // namespace penchant::features
