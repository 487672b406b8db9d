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

#include "penchant/features/plan.h"

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

// Of whom something was learned: a copy is another, what is moved is itself. Held by who learned,
// so that no other is ever equal to it.
class Identity {
 public:
  Identity() : token_(std::make_shared<const char>()) {}
  Identity(const Identity& /*other*/) : Identity() {}
  Identity(Identity&&) noexcept = default;
  Identity& operator=(const Identity& other) {
    if (this != &other) token_ = std::make_shared<const char>();
    return *this;
  }
  Identity& operator=(Identity&&) noexcept = default;
  ~Identity() = default;

  [[nodiscard]] const std::shared_ptr<const char>& token() const { return token_; }

 private:
  std::shared_ptr<const char> token_;
};

class State {
 public:
  // Throws kInvalidArgument when the table lacks what the plan names.
  State(std::shared_ptr<const Plan> plan, ItemTable items);
  // What `base` knows, to be told more of; `base` has to stay as it is for as long. What comes is
  // kept beside it, with those rows of its key that are later. O(plan + keys).
  [[nodiscard]] static State over(const State& base);

  // Rows of one time stay in the order in which they come. Throws kInvalidArgument when columns
  // differ in length or a code makes no sense, kBadData when a sum leaves 64 bits; then the state
  // is what it was before. O(rows * columns) into an empty state; else as Series::insert a row.
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
  [[nodiscard]] const Series& series(std::size_t s) const { return series_[s]; }
  // Another one whenever rows of the key come or go; of series by subjects it is not kept.
  [[nodiscard]] std::uint32_t edition(std::size_t s, std::int32_t key) const {
    const std::vector<std::uint32_t>& all = editions_[s];
    const auto at = static_cast<std::size_t>(key);
    return key < 0 || at >= all.size() ? 0 : all[at];
  }
  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t bytes() const;

 private:
  friend class ReadScratch;
  State() = default;
  [[nodiscard]] PreparedEvents prepare(const EventBatch& events, int threads) const;
  void build(const PreparedEvents& prepared, std::span<const KeyColumn> keys,
             std::span<const std::uint32_t> order, int threads);
  void insert(const PreparedEvents& prepared, std::span<const KeyColumn> keys, std::size_t row);
  void count_edition(std::size_t s, std::size_t key);
  bool take_out(const PreparedEvents& prepared, std::span<const KeyColumn> keys, std::size_t row);
  [[nodiscard]] std::vector<KeyColumn> keys_of(const EventBatch& events) const;
  [[nodiscard]] KeyColumn keys_of(const By& by, const EventBatch& events) const;
  void check(const EventBatch& events, int threads) const;
  void check(const Points& points, std::span<double* const> columns) const;

  std::shared_ptr<const Plan> plan_;
  std::shared_ptr<const ItemTable> items_;
  std::vector<Series> series_;
  std::vector<std::vector<std::uint32_t>> editions_;  // [series][keys], as far as they changed
  std::size_t rows_ = 0;
  Identity identity_;  // of what editions count from
};

}  // namespace penchant::features
