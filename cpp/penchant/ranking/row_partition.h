#pragma once

// A leaf's rows, split in two.

#include <span>

#include "penchant/ranking/bin_tree.h"
#include "penchant/ranking/gradient_pairs.h"

namespace penchant::ranking {

// Writes the entries that go left to the front of `out` and the others behind them; returns how
// many went left. The order within a side may depend on the threads; runs stay in order of rows
// (ascending or descending), so that what is read for them later is read in order of memory.
std::size_t partition_entries(std::span<const Entry> entries, const std::uint8_t* column,
                              const BinDecision& decision, int threads, std::span<Entry> out);

}  // namespace penchant::ranking
