#include "penchant/features/segment_reader.h"

#include <algorithm>
#include <limits>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"

namespace penchant::features {

SegmentReader::SegmentReader(const State& state, const SegmentRules& rules,
                             const SegmentScores& scores, std::size_t room, bool remembers)
    : state_(state),
      rules_(rules),
      scores_(scores),
      scratch_(remembers),
      items_(room),
      ranks_(rules.columns().size()) {
  check_argument(scores.size() == rules.scores(), "the rules of segments want ", rules.scores(),
                 " columns of scores, not ", scores.size());
  const std::size_t features = state.plan().features().size();
  const std::size_t slots = rules.items().size();
  values_.resize(slots * features * room);
  for (std::size_t slot = 0; slot < slots; ++slot) {
    std::vector<double*>& into = into_.emplace_back();
    for (std::size_t f = 0; f < features; ++f) {
      into.push_back(values_.data() + (slot * features + f) * room);
    }
    from_.emplace_back(into.begin(), into.end());
  }
}

void SegmentReader::read(std::span<const std::int32_t> subjects,
                         std::span<const std::int64_t> moments) {
  subjects_ = subjects;
  for (std::size_t slot = 0; slot < into_.size(); ++slot) {
    std::ranges::fill(items_, rules_.items()[slot]);
    state_.read(
        {.times = moments, .subjects = subjects, .items = std::span(items_).first(subjects.size())},
        into_[slot], scratch_);
  }
}

double SegmentReader::value(std::size_t c, std::size_t point) const {
  const SegmentRules::Column& column = rules_.columns()[c];
  if (column.score) {
    const std::vector<double>& all = scores_[*column.score];
    const auto subject = static_cast<std::size_t>(subjects_[point]);
    return subjects_[point] >= 0 && subject < all.size() ? all[subject]
                                                         : std::numeric_limits<double>::quiet_NaN();
  }
  const std::vector<const double*>& features = from_[column.item_slot];
  return column.formula ? column.formula->value(features, point) : features[column.feature][point];
}

std::span<const double* const> SegmentReader::features(std::size_t column) const {
  return from_[rules_.columns()[column].item_slot];
}

void SegmentReader::read_segments(const Points& points, std::span<std::uint8_t> out) {
  const std::size_t segments = rules_.segments();
  check_argument(points.subjects.size() == points.size() && out.size() == points.size() * segments,
                 "columns of points that differ in length");
  for (std::size_t first = 0; first < points.size(); first += items_.size()) {
    const std::size_t count = std::min(items_.size(), points.size() - first);
    read(points.subjects.subspan(first, count), points.times.subspan(first, count));
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t c = 0; c < ranks_.size(); ++c) ranks_[c] = rules_.rank(c, value(c, i));
      for (std::size_t s = 0; s < segments; ++s) {
        out[(first + i) * segments + s] = rules_.holds(s, ranks_) ? 1 : 0;
      }
    }
  }
}

void read_segments(const State& state, const SegmentRules& rules, const SegmentScores& scores,
                   const Points& points, int threads, std::span<std::uint8_t> out) {
  const std::size_t segments = rules.segments();
  check_argument(points.subjects.size() == points.size() && out.size() == points.size() * segments,
                 "columns of points that differ in length");
  constexpr std::size_t kBlock = 4'096;
  parallel_blocks(points.size(), kBlock, threads, [&](const Block& block) {
    // Room for what was found of keys is not made for a few points.
    SegmentReader reader(state, rules, scores, std::min(points.size(), SegmentReader::kPoints),
                         points.size() >= kBlock);
    const std::size_t count = block.end - block.begin;
    reader.read_segments(
        {points.times.subspan(block.begin, count), points.subjects.subspan(block.begin, count), {}},
        out.subspan(block.begin * segments, count * segments));
  });
}

}  // namespace penchant::features
