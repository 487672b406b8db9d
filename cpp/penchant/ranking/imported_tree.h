#pragma once

// What the importers share: one tree at a time, then all of them in the order that a forest adds
// them.

#include <cstddef>
#include <vector>

#include "penchant/ranking/forest_data.h"

namespace penchant::ranking {

inline constexpr std::size_t kMaxCategoryWords = std::size_t{1} << 24;  // of 8 bytes

struct ImportedTree {
  std::vector<SplitNode> nodes;  // as in ForestData
  std::vector<double> leaves;
  std::vector<double> leaf_cover;  // [leaves]
  std::size_t output = 0;
};

// Appends the trees so that tree t adds to output t % outputs. Each output keeps the order of its
// trees, and so its sums; where outputs have unequal numbers of trees, constant zeros fill up.
// data.base says the outputs. Throws kBadData when that takes more than kMaxTrees.
void append_trees(ForestData& data, const std::vector<ImportedTree>& trees);

// Appends a set of categories and returns its number; see ForestData::add_categories. A set takes
// memory by its largest member, so a short file could ask for much: throws kBadData where the sets
// would take more than kMaxCategoryWords.
[[nodiscard]] std::int32_t add_category_set(ForestData& data,
                                            const std::vector<std::int32_t>& members);

// Multiplies the leaves' values.
void scale_leaves(ImportedTree& tree, double factor);

}  // namespace penchant::ranking
