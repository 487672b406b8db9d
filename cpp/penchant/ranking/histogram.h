#pragma once

// Sums of derivatives a bin: what splits are chosen from.

#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/crew.h"
#include "penchant/ranking/binned_matrix.h"
#include "penchant/ranking/gradient_pairs.h"

namespace penchant::ranking {

struct BinSum {
  std::int64_t gradient = 0;
  std::int64_t hessian = 0;

  friend BinSum operator+(BinSum a, BinSum b) {
    return {a.gradient + b.gradient, a.hessian + b.hessian};
  }
  friend BinSum operator-(BinSum a, BinSum b) {
    return {a.gradient - b.gradient, a.hessian - b.hessian};
  }
  friend bool operator==(BinSum a, BinSum b) = default;
};

// Where columns' values lie in a histogram: those below values(c), then the missing one.
struct HistogramLayout {
  explicit HistogramLayout(const BinnedMatrix& bins) : begin{0} {
    for (std::size_t c = 0; c < bins.columns(); ++c) {
      begin.push_back(begin.back() + bins.values(c) + 1);
    }
  }
  [[nodiscard]] std::size_t size() const { return begin.back(); }
  [[nodiscard]] std::size_t missing(std::size_t c) const { return begin[c + 1] - 1; }

  std::vector<std::size_t> begin;  // [columns + 1]
};

enum class Summed : std::uint8_t { kPairs, kRows };  // kRows: hessian = 1, to count

// Sums the entries' pairs into `out` [layout.size()], over the tiles that `used` [tiles] marks;
// other tiles' bins are zeroed. O(entries * used columns).
void build_histogram(const BinnedMatrix& bins, const HistogramLayout& layout,
                     const EntryRuns& entries, std::span<const std::uint8_t> used, Summed summed,
                     Crew& crew, std::span<BinSum> out);

// parent -= child: what remains is the sibling.
void subtract_histogram(std::span<BinSum> parent, std::span<const BinSum> child);

}  // namespace penchant::ranking
