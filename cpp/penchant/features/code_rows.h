#pragma once

// Of rows that have a code and say which row had it before: where each code was last, and how many
// codes are different in a stretch of rows, which is how many of its rows say that the row before
// lies before the stretch.
//
//   CodeRows rows;
//   rows.put(code, row);                        // code was last at row
//   rows.grow(previous);                        // of all rows so far, now and then indexed
//   rows.count(begin, end, bound);              // rows of these whose previous one is below bound
//   rows.changed_from(row);                     // rows from here on are others now
//
// Rows that come at the end are indexed some at a time, and what is indexed is put together as it
// grows; where one comes or goes in the middle, those behind it are looked at one by one until they
// have been left alone for a while.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/features/below_counter.h"

namespace penchant::features {

class CodeRows {
 public:
  // The row where the code was last, or -1. O(1), as what follows.
  [[nodiscard]] std::int32_t last(std::int32_t code) const;
  // row: -1 where it is nowhere any more. code: at least 0.
  void put(std::int32_t code, std::int32_t row);

  // So many rows are indexed, from the first on.
  [[nodiscard]] std::size_t indexed() const {
    return stretches_.empty() ? 0 : stretches_.back().first + stretches_.back().rows.size();
  }
  // Of rows begin to end - 1, which are indexed. O(log^2 rows), and a stretch every kMost rows.
  [[nodiscard]] std::size_t count(std::size_t begin, std::size_t end, std::int32_t bound) const;
  // Indexes all at once.
  void index(std::span<const std::int32_t> previous);
  // A row has come at the end. Amortized O(log^2 rows).
  void grow(std::span<const std::int32_t> previous);
  void changed_from(std::size_t row);
  [[nodiscard]] std::size_t bytes() const;

 private:
  static constexpr std::size_t kLeast = 1024;
  static constexpr std::size_t kMost = std::size_t{1} << 16;  // an event doesn't wait for more

  struct Slot {
    std::int32_t code = -1;
    std::int32_t row = -1;
  };
  struct Stretch {
    std::size_t first = 0;
    BelowCounter rows;
  };

  [[nodiscard]] std::size_t slot_of(std::int32_t code) const;

  std::vector<Slot> slots_;  // a power of two, at most half of them taken
  std::size_t taken_ = 0;
  std::vector<Stretch> stretches_;
  std::size_t calm_ = 0;  // rows that came since one came or went elsewhere
};

}  // namespace penchant::features
