// Keys by segments: rows move between them as what is known of their subject does.

#include "penchant/base/parallel.h"
#include "penchant/features/segment_members.h"
#include "penchant/features/state.h"

namespace penchant::features {

State::State() = default;
State::~State() = default;
State::State(State&&) noexcept = default;
State& State::operator=(State&&) noexcept = default;

EventBatch State::one_of(const EventBatch& events, std::size_t row) {
  EventBatch out{.times = events.times.subspan(row, 1),
                 .types = events.types.subspan(row, 1),
                 .subjects = events.subjects.subspan(row, 1),
                 .items = events.items.subspan(row, 1),
                 .numbers = {},
                 .codes = {}};
  for (const auto column : events.numbers) out.numbers.push_back(column.subspan(row, 1));
  for (const auto column : events.codes) out.codes.push_back(column.subspan(row, 1));
  return out;
}

// Of events that are in, each subject's segments just before: [segments][rows].
State::MemberCodes State::member_codes(std::span<const std::int32_t> subjects,
                                       std::span<const std::int64_t> times, int threads) const {
  constexpr std::size_t kBlock = 4'096;
  const std::size_t segments = plan_->segments().size();
  MemberCodes out(segments, std::vector<std::int32_t>(subjects.size(), kNoCode));
  parallel_blocks(subjects.size(), kBlock, threads, [&](const Block& block) {
    MemberReader reader(*members_);
    for (std::size_t first = block.begin; first < block.end; first += MemberReader::kPoints) {
      const std::size_t count = std::min(MemberReader::kPoints, block.end - first);
      reader.read(subjects.subspan(first, count), times.subspan(first, count));
      for (std::size_t i = 0; i < count; ++i) {
        if (subjects[first + i] < 0) continue;  // what nobody known did is of no group
        for (std::size_t s = 0; s < segments; ++s) out[s][first + i] = reader.code(s, i);
      }
    }
  });
  return out;
}

void State::change_members(const EventBatch& event, bool in) {
  const std::int32_t subject = event.subjects[0];
  const auto rows = members_->later(subject, event.times[0]);
  const std::vector<std::int32_t> who(rows->times.size(), subject);
  const MemberCodes before = member_codes(who, rows->times, 1);
  if (in) {
    members_->state().replay(event, 1);
  } else {
    members_->state().remove(event);
  }
  const MemberCodes after = member_codes(who, rows->times, 1);
  const std::size_t attributes = subjects_->codes.size();
  for (std::size_t s = 0; s < series_.size(); ++s) {
    const By& by = plan_->series()[s].by;
    if (!plan_->by_segment(by)) continue;
    const std::size_t segment = by.group - attributes;
    for (std::size_t i = 0; i < who.size(); ++i) {
      if (before[segment][i] == after[segment][i]) continue;
      const std::int32_t item = rows->codes.back()[i];
      const std::int32_t from = group_key(s, before[segment][i], item);
      std::int32_t to = after[segment][i];
      if (by.joint()) to = joint_keys_[s].add(to, item_key(by, item));
      if (from < 0 || to < 0) continue;  // of no item: in neither
      (void)series_[s].remove(rows->prepared, i, static_cast<std::size_t>(from));
      series_[s].insert(rows->prepared, i, static_cast<std::size_t>(to));
      count_edition(s, static_cast<std::size_t>(from));
      count_edition(s, static_cast<std::size_t>(to));
    }
  }
}

}  // namespace penchant::features
