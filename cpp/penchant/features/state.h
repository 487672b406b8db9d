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
#include <memory>
#include <span>
#include <vector>

#include "penchant/features/plan.h"

namespace penchant::features {

class State {
 public:
  // Throws kInvalidArgument when the table lacks what the plan names.
  State(std::shared_ptr<const Plan> plan, ItemTable items);

  // Rows of one time stay in the order in which they come. Throws kInvalidArgument when columns
  // differ in length or a code makes no sense, kBadData when a sum leaves 64 bits.
  // O(rows * columns) into an empty state; else as Series::insert a row.
  void replay(const EventBatch& events, int threads);

  // Takes the first row of `events` out again, where it is in. Throws as `replay`.
  void remove(const EventBatch& events);

  // The value of every feature as of each point, strictly before its time: columns[f] [points], or
  // null where it is not wanted. NaN: not known. Codes are numbers.
  void read(const Points& points, int threads, std::span<double* const> columns) const;

  [[nodiscard]] const Plan& plan() const { return *plan_; }
  [[nodiscard]] const ItemTable& items() const { return items_; }
  [[nodiscard]] const Series& series(std::size_t s) const { return series_[s]; }
  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t bytes() const;

 private:
  [[nodiscard]] PreparedEvents prepare(const EventBatch& events, int threads) const;
  [[nodiscard]] std::vector<std::int32_t> keys_of(const By& by, const EventBatch& events) const;
  void check(const EventBatch& events) const;

  std::shared_ptr<const Plan> plan_;
  ItemTable items_;
  std::vector<Series> series_;
  std::size_t rows_ = 0;
};

}  // namespace penchant::features
