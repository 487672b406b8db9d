#pragma once

// A leaf's rows, split in two.

#include <span>

#include "penchant/base/crew.h"
#include "penchant/ranking/bin_tree.h"
#include "penchant/ranking/gradient_pairs.h"

namespace penchant::ranking {

// Writes the entries that go left to the front of `out` and the others to its back; returns how
// many went left. The order within a side may change from run to run: sums of integers don't depend
// on it. Runs stay in the order of rows, ascending or descending, so that what is read for them
// later is read in the order of memory.
std::size_t partition_entries(std::span<const Entry> entries, const std::uint8_t* column,
                              const BinDecision& decision, Crew& crew, std::span<Entry> out);

}  // namespace penchant::ranking
