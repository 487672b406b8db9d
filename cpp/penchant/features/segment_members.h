#pragma once

// Who was in a segment when: what keys by segments are made of.
//
// An event belongs to who its subject was just before it, as rules say of events strictly before
// its time; a point to who its subject is as of its moment. So what is kept of an event depends on
// earlier ones of its subject, and one that comes late may move those after it to another key.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "penchant/features/segment_reader.h"
#include "penchant/features/segment_rules.h"
#include "penchant/features/state.h"

namespace penchant::features {

class SegmentMembers {
 public:
  // Of the plan's segments; throws kInvalidArgument where the rules lack one, or ask for scores.
  SegmentMembers(const Plan& plan, std::shared_ptr<const ItemTable> items,
                 std::shared_ptr<const SegmentRules> rules);
  // As State::over.
  [[nodiscard]] static std::unique_ptr<SegmentMembers> over(const SegmentMembers& base);

  // Rows of a subject that are later than `time`, with all that series by segments keep of them.
  struct Rows {
    std::vector<std::int64_t> times;
    std::vector<std::vector<std::int32_t>> codes;
    PreparedEvents prepared;  // views of these
  };
  [[nodiscard]] std::unique_ptr<Rows> later(std::int32_t subject, std::int64_t time) const;

  // What the rules ask for and series by segments keep; to be told of the same events.
  [[nodiscard]] State& state() { return state_; }
  [[nodiscard]] const State& state() const { return state_; }

 private:
  friend class MemberReader;
  SegmentMembers(std::shared_ptr<const SegmentRules> rules, std::vector<std::size_t> segments,
                 State state);

  std::shared_ptr<const SegmentRules> rules_;
  std::vector<std::size_t> segments_;  // [plan's segments], of the rules
  State state_;
  std::size_t subjects_ = 0;  // series of state_
};

// A thread's: reads a block at a time and allocates nothing.
class MemberReader {
 public:
  static constexpr std::size_t kPoints = SegmentReader::kPoints;

  explicit MemberReader(const SegmentMembers& members);

  // At most kPoints. Of someone unknown as of a person who did nothing.
  void read(std::span<const std::int32_t> subjects, std::span<const std::int64_t> times);
  // 1: the point's subject is in the segment, 0: not.
  [[nodiscard]] std::int32_t code(std::size_t segment, std::size_t point) const {
    return codes_[segment * kPoints + point];
  }

 private:
  const SegmentMembers& members_;
  SegmentReader reader_;
  std::vector<Rank> ranks_;
  std::vector<std::int32_t> codes_;     // [segments][kPoints]
  std::vector<std::int32_t> subjects_;  // of runs of points
  std::vector<std::int64_t> times_;
  std::vector<std::size_t> run_of_;
};

}  // namespace penchant::features
