#pragma once

// How many rows of a stretch have a value below a bound, without looking at each: a wavelet matrix
// (F. Claude, G. Navarro, A. Ordóñez: The wavelet matrix, 2015). Of each bit of the values, from
// the highest on, it keeps a column, in which rows stand in the stable order of the bits before.
//
//   const BelowCounter counter(values);
//   counter.count(begin, end, bound);           // O(bits of the largest value)

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/matrix.h"

namespace penchant::features {

class BelowCounter {
 public:
  // values: at least -1. O(values * bits).
  explicit BelowCounter(std::span<const std::int32_t> values);

  [[nodiscard]] std::size_t size() const { return size_; }
  // Of rows begin to end - 1, those whose value is below `bound`.
  [[nodiscard]] std::size_t count(std::size_t begin, std::size_t end, std::int32_t bound) const;
  [[nodiscard]] std::size_t bytes() const;

 private:
  static constexpr std::size_t kWords = 7;
  // 448 bits and how many are set before them: a cache line.
  struct alignas(64) Line {
    std::uint64_t before = 0;
    std::array<std::uint64_t, kWords> words{};
  };
  // Of one bit of the values.
  struct Level {
    std::vector<Line, AlignedAllocator<Line>> lines;
    std::size_t zeros = 0;

    [[nodiscard]] std::size_t ones_before(std::size_t row) const;
  };

  std::size_t size_;
  std::vector<Level> levels_;  // from the highest bit on
};

}  // namespace penchant::features
