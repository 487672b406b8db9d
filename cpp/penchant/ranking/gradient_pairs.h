#pragma once

// Gradients as integers: a row's first and second derivative of the loss in 16 bits each, of one
// scale an iteration. Sums of integers are exact, so histograms are the same bits in any order, on
// any number of threads, and a sibling is exactly parent minus child. Rounding is stochastic, by
// random numbers that depend on (seed, iteration, row) alone, so that sums are unbiased (Shi, Ke et
// al., "Quantized training of gradient boosting decision trees", NeurIPS 2022).

#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/matrix.h"
#include "penchant/ranking/row_sampling.h"

namespace penchant::ranking {

// A row and its derivatives: what a leaf's list holds, so that a histogram reads one stream.
struct Entry {
  std::uint32_t row = 0;
  std::int16_t gradient = 0;
  std::uint16_t hessian = 0;
};

// A list of entries in pieces.
using EntryRuns = std::vector<std::span<const Entry>>;

// gradient = scale * integer.
struct Scales {
  double gradient = 1;
  double hessian = 1;
};

// Rounds all rows, or a sample of them, into `entries` (resized), in the order of rows; hessians
// must not be negative. Hessians that are all alike become 1 each. O(rows).
Scales round_pairs(std::span<const float> gradients, std::span<const float> hessians,
                   const SampleOptions& options, AlignedVector<Entry>& entries);

}  // namespace penchant::ranking
