#pragma once

// What a plan knows after the events it has seen.
//
//   State state(plan, std::move(items));
//   state.replay(events, threads);
//   state.read(points, threads, columns);
//
// The same events in any order, in one batch or many, give a state that answers the same bits,
// where rows of one time come in the same order. Reading is safe from any number of threads while
// nobody replays.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "penchant/features/joint_keys.h"
#include "penchant/features/plan.h"
#include "penchant/features/segment_rules.h"

namespace penchant::features {

// A thread's room for reading, made when it first reads; it may read several states in turn, but
// it is made again when it turns to another. It remembers what it found of keys, which pays where
// it reads again and again.
class ReadScratch {
 public:
  explicit ReadScratch(bool remembers = true);
  ~ReadScratch();
  ReadScratch(ReadScratch&&) noexcept;
  ReadScratch& operator=(ReadScratch&&) noexcept;

 private:
  friend class State;
  struct Impl;
  bool remembers_;
  std::unique_ptr<Impl> impl_;
};

class SegmentMembers;

class State {
 public:
  // `rules` of the plan's segments, where keys are by some. Throws kInvalidArgument when a table
  // lacks what the plan names, or rules a segment.
  State(std::shared_ptr<const Plan> plan, ItemTable items, SubjectTable subjects = {},
        std::shared_ptr<const SegmentRules> rules = nullptr);
  ~State();
  State(State&&) noexcept;
  State& operator=(State&&) noexcept;
  // What `base` knows, to be told more of; `base` has to stay as it is for as long. What comes is
  // kept beside it, with those rows of its key that are later. O(plan + keys).
  [[nodiscard]] static State over(const State& base);

  // Rows of one time stay in the order in which they come. Throws kInvalidArgument when columns
  // differ in length or a code makes no sense, kBadData when a sum leaves 64 bits; then the state
  // is what it was before. O(rows * columns) into an empty state; else as Series::insert a row, and
  // where keys are by segments as a look at who is in them, at the row and at all of its subject
  // that are later.
  void replay(const EventBatch& events, int threads);

  // Takes the first row of `events` out again, where it is in. Throws as `replay`.
  void remove(const EventBatch& events);

  // The value of every feature as of each point, strictly before its time: columns[f] [points], or
  // null where it is not wanted. NaN: not known. Codes are numbers.
  void read(const Points& points, int threads, std::span<double* const> columns) const;
  // The same by this thread alone; allocates nothing once `scratch` has read as many points of a
  // state with this plan and these items at the same place.
  void read(const Points& points, std::span<double* const> columns, ReadScratch& scratch) const;

  [[nodiscard]] const Plan& plan() const { return *plan_; }
  [[nodiscard]] const ItemTable& items() const { return *items_; }
  [[nodiscard]] const SubjectTable& subjects() const { return *subjects_; }
  [[nodiscard]] const Series& series(std::size_t s) const { return series_[s]; }
  // Another one whenever rows of the key come or go; of series by subjects it is not kept.
  [[nodiscard]] std::uint32_t edition(std::size_t s, std::int32_t key) const {
    const std::vector<std::uint32_t>& all = editions_[s];
    const auto at = static_cast<std::size_t>(key);
    return key < 0 || at >= all.size() ? 0 : all[at];
  }
  // The subject's code of an attribute, or kNoCode.
  [[nodiscard]] std::int32_t group_of(std::size_t attribute, std::int32_t subject) const;
  // How many codes a group of By::group may have.
  [[nodiscard]] std::size_t group_codes(std::size_t group) const;
  // Of a series by groups of subjects the key of a group with an item, or kNoCode.
  [[nodiscard]] std::int32_t group_key(std::size_t s, std::int32_t group, std::int32_t item) const;
  // Who is in the plan's segments; null where no keys are by them.
  [[nodiscard]] const SegmentMembers* members() const { return members_.get(); }
  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t bytes() const;

 private:
  friend class ReadScratch;
  friend class SegmentMembers;
  using MemberCodes = std::vector<std::vector<std::int32_t>>;  // [plan's segments][rows]

  State();
  State(std::shared_ptr<const Plan> plan, std::shared_ptr<const ItemTable> items,
        std::shared_ptr<const SubjectTable> subjects);
  [[nodiscard]] static EventBatch one_of(const EventBatch& events, std::size_t row);
  [[nodiscard]] PreparedEvents prepare(const EventBatch& events, int threads) const;
  struct Keys {
    std::vector<KeyColumn> columns;                // [series]
    std::vector<std::vector<std::int32_t>> rooms;  // what some of them view

    template <class Use>
    void each(std::size_t row, const Use& use) const;
  };
  void build(const EventBatch& events, const MemberCodes& members, const PreparedEvents& prepared,
             std::span<const std::uint32_t> order, int threads);
  void insert(const PreparedEvents& prepared, const Keys& keys, std::size_t row);
  void count_edition(std::size_t s, std::size_t key);
  bool take_out(const PreparedEvents& prepared, const Keys& keys, std::size_t row);
  void replay_each(const EventBatch& events, std::span<const std::uint32_t> order, int threads);
  void replay_more(const EventBatch& events, std::span<const std::uint32_t> order, int threads);
  [[nodiscard]] Keys keys_of(const EventBatch& events, const MemberCodes& members);
  // Of each row the key in a series; `room` has to stay for as long as it is read. Joint keys that
  // are new get numbers.
  [[nodiscard]] KeyColumn keys_of(std::size_t s, const EventBatch& events,
                                  const MemberCodes& members, std::vector<std::int32_t>& room,
                                  int threads);
  // Just before each event, who of its subjects is in which segment.
  [[nodiscard]] MemberCodes member_codes(std::span<const std::int32_t> subjects,
                                         std::span<const std::int64_t> times, int threads) const;
  // An event comes or goes: later rows of its subject go where they then belong.
  void change_members(const EventBatch& event, bool in);
  // The item as it stands in keys: itself, or its attribute.
  [[nodiscard]] std::int32_t item_key(const By& by, std::int32_t item) const;
  void check(const EventBatch& events, int threads) const;
  void check(const Points& points, std::span<double* const> columns) const;

  std::shared_ptr<const Plan> plan_;
  std::shared_ptr<const ItemTable> items_;
  std::shared_ptr<const SubjectTable> subjects_;
  std::vector<Series> series_;
  std::vector<std::vector<std::uint32_t>> editions_;  // [series][keys], as far as they changed
  std::vector<JointKeys> joint_keys_;  // [series], empty where keys are no joint ones
  std::unique_ptr<SegmentMembers> members_;
  std::size_t rows_ = 0;
  // Of what editions count from: held by who remembers some, so that no other is ever equal to it.
  std::shared_ptr<const char> identity_ = std::make_shared<const char>();
};

}  // namespace penchant::features
