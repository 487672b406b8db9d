#pragma once

// Sums of derivatives a bin: what splits are chosen from.

#include <cstdint>
#include <span>
#include <vector>

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

// Where features' bins lie in a histogram: the bins of values, then the missing one.
struct HistogramLayout {
  explicit HistogramLayout(const BinMapper& mapper) : begin{0} {
    for (std::size_t f = 0; f < mapper.features(); ++f) {
      begin.push_back(begin.back() + static_cast<std::size_t>(mapper.feature(f).bins()) + 1);
    }
  }
  [[nodiscard]] std::size_t size() const { return begin.back(); }
  [[nodiscard]] std::size_t missing(std::size_t f) const { return begin[f + 1] - 1; }

  std::vector<std::size_t> begin;  // [features + 1]
};

enum class Summed : std::uint8_t { kPairs, kRows };  // kRows: hessian = 1, to count

// Sums the entries' pairs into `out` [layout.size()], over the tiles that `used` [tiles] marks;
// other tiles' bins are zeroed. O(entries * used features).
void build_histogram(const BinnedMatrix& bins, const HistogramLayout& layout,
                     std::span<const Entry> entries, std::span<const std::uint8_t> used,
                     Summed summed, int threads, std::span<BinSum> out);

// parent -= child: what remains is the sibling.
void subtract_histogram(std::span<BinSum> parent, std::span<const BinSum> child);

}  // namespace penchant::ranking
