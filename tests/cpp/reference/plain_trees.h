#pragma once

// Plain twins of what grows trees: one row, one feature, one threshold after the other.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "penchant/ranking/histogram.h"
#include "penchant/ranking/split_finder.h"

namespace penchant::reference {

// The bin of a value: the first whose bound is not below it.
inline std::uint8_t plain_bin(const std::vector<double>& bounds, double x) {
  if (std::isnan(x)) return ranking::kMissingBin;
  std::size_t b = 0;
  while (b < bounds.size() && bounds[b] < x) ++b;
  return static_cast<std::uint8_t>(b);
}

inline std::vector<ranking::BinSum> plain_histogram(const ranking::BinnedMatrix& bins,
                                                    const ranking::HistogramLayout& layout,
                                                    std::span<const ranking::Entry> entries) {
  std::vector<ranking::BinSum> out(layout.size());
  for (const ranking::Entry& entry : entries) {
    for (std::size_t c = 0; c < bins.columns(); ++c) {
      const std::uint8_t byte = bins.column(c)[entry.row];
      const std::size_t at =
          byte == ranking::kMissingBin ? layout.missing(c) : layout.begin[c] + byte;
      out[at] = out[at] + ranking::BinSum{entry.gradient, entry.hessian};
    }
  }
  return out;
}

struct PlainSplit {
  double gain = -1;
  std::size_t feature = 0;
  std::size_t bin = 0;
  bool missing_left = false;
};

// Every numeric split of some rows, each side summed anew; rows are counted, not estimated.
inline PlainSplit plain_split(const ranking::BinnedMatrix& bins, const ranking::BinMapper& mapper,
                              std::span<const ranking::Entry> entries,
                              const ranking::Scales& scales, const ranking::SplitParams& params) {
  const auto part = [&](double g, double h) {
    const double t = std::max(std::abs(g) - params.l1, 0.0);
    return t * t / (h + params.l2);
  };
  PlainSplit best;
  for (std::size_t f = 0; f < mapper.features(); ++f) {
    for (const bool missing_left : {false, true}) {
      for (std::size_t b = 0; b < mapper.feature(f).bounds.size(); ++b) {
        double g[2] = {0, 0};
        double h[2] = {0, 0};
        std::int64_t rows[2] = {0, 0};
        for (const ranking::Entry& entry : entries) {
          const std::uint8_t bin = bins.bin(f, entry.row);
          const bool left = bin == ranking::kMissingBin ? missing_left : bin <= b;
          g[left ? 0 : 1] += entry.gradient * scales.gradient;
          h[left ? 0 : 1] += entry.hessian * scales.hessian;
          ++rows[left ? 0 : 1];
        }
        if (std::min(rows[0], rows[1]) < params.min_leaf_rows) continue;
        if (std::min(h[0], h[1]) < params.min_hessian) continue;
        const double gain = part(g[0], h[0]) + part(g[1], h[1]) - part(g[0] + g[1], h[0] + h[1]);
        if (gain > params.min_gain && gain > best.gain) best = {gain, f, b, missing_left};
      }
    }
  }
  return best;
}

}  // namespace penchant::reference
