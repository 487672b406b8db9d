#pragma once

// Features of a subject together with an item, or with the items that share an attribute with it:
// read in one walk over the subject's rows, for all items that are asked for at once.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "penchant/features/state.h"

namespace penchant::features {

class PairWalk {
 public:
  // Of the plan's pairs that are read with this shift; keeps a reference.
  PairWalk(const State& state, std::size_t shift);

  [[nodiscard]] bool any() const { return !targets_.empty(); }
  // Walks the rows of `subject` strictly before `time`.
  void walk(std::int32_t subject, std::int64_t time);
  // The walk's values for each of `count` items (none: all without), to columns[feature][first...].
  void write(std::span<const std::int32_t> items, std::span<double* const> columns,
             std::size_t first, std::size_t count);

 private:
  // A feature and what it has come to, by slot.
  struct Sum {
    std::size_t feature = 0;
    std::vector<std::int64_t> totals;
    std::vector<std::int64_t> times;  // of the last row that counted
    Fading fading;
  };
  // Features that share what they tell rows apart by.
  struct Target {
    By by;
    std::size_t code = 0;  // of items, in the series' layout
    std::vector<Sum> sums;
    std::vector<std::int32_t> slot_of;  // by item or attribute, kNoCode: not met in this walk
    std::vector<std::int32_t> met;      // by slot
  };

  [[nodiscard]] std::int32_t target_of(const Target& target, std::int32_t item) const;
  void add(Sum& sum, const Series::List& list, std::size_t row, std::size_t slot) const;
  [[nodiscard]] double value(Sum& sum, std::int32_t slot) const;

  const State& state_;
  std::size_t series_ = 0;
  std::vector<Target> targets_;
  std::int64_t time_ = 0;
  std::vector<std::int32_t> slots_;  // of the items that are written
};

}  // namespace penchant::features
