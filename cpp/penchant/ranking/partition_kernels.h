#pragma once

// The inner loop of splitting a leaf's rows.

#include <cstddef>
#include <cstdint>
#include <span>

#include "penchant/ranking/bin_tree.h"
#include "penchant/ranking/binned_matrix.h"
#include "penchant/ranking/gradient_pairs.h"

namespace penchant::ranking {

// Left entries to the front of `out`, the others to its back, which has room for all; returns how
// many went left. `out` must not overlap `entries`; kColumnSlack bytes follow the column.
std::size_t partition_block(std::span<const Entry> entries, const std::uint8_t* column,
                            const BinDecision& decision, Entry* out);

}  // namespace penchant::ranking
