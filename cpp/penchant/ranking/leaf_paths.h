#pragma once

// Each leaf as the features on its path, the form that explanations work on: a split that asks a
// feature a second time narrows the same element.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "penchant/ranking/forest_data.h"

namespace penchant::ranking {

inline constexpr std::size_t kMaxPathFeatures = 256;                 // distinct, on one path
inline constexpr std::size_t kMaxPathSplits = std::size_t{1} << 26;  // over all paths

// Leaves that weigh nothing (value 0) have no path.
struct LeafPaths {
  std::vector<std::int64_t> tree_begin{0};     // [trees + 1], into leaves
  std::vector<double> value;                   // [leaves]
  std::vector<std::int64_t> element_begin{0};  // [leaves + 1], into elements
  std::vector<std::int32_t> feature;           // [elements]
  // The product of child's cover / parent's cover over the element's splits: the share of training
  // rows that go the path's way at all of them.
  std::vector<double> share;
  std::vector<std::int64_t> split_begin{0};  // [elements + 1], into splits
  std::vector<std::int32_t> splits;  // >= 0: goes left at this node of the tree; else right at ~it
  std::size_t longest = 0;           // the most elements of a leaf
};

// Throws kInvalidArgument on trees too deep for the limits above. Linear in the sum of the paths'
// lengths. Where data has no covers, shares are meaningless.
[[nodiscard]] LeafPaths leaf_paths(const ForestData& data);

}  // namespace penchant::ranking
