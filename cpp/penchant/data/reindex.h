#pragma once

// Interactions in another catalogue's terms.

#include <cstdint>
#include <memory>
#include <span>

#include "penchant/data/interactions.h"

namespace penchant::data {

// The same users with item j renamed to to_index[j], entries whose new index is -1 left out.
// to_index.size() == pairs.num_items(); indices below num_items, each used at most once.
// Throws kInvalidArgument.
[[nodiscard]] Interactions reindexed(const Interactions& pairs,
                                     std::span<const std::int32_t> to_index, std::size_t num_items);

}  // namespace penchant::data
