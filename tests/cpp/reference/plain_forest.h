#pragma once

// The plain twin of ranking::Forest: one row, one tree, one node after the other.

#include <cmath>
#include <cstdint>
#include <vector>

#include "penchant/ranking/forest_data.h"

namespace penchant::reference {

inline bool is_member(const ranking::ForestData& data, std::int32_t set, double x) {
  if (!(x >= 0) || x > ranking::kMaxCategory || x != std::floor(x)) return false;
  const auto category = static_cast<std::int64_t>(x);
  const auto at = static_cast<std::size_t>(set);
  const std::int64_t word = data.category_begin[at] + category / 64;
  if (word >= data.category_begin[at + 1]) return false;
  return ((data.category_words[static_cast<std::size_t>(word)] >> (category % 64)) & 1U) != 0;
}

inline bool goes_left(const ranking::ForestData& data, const ranking::SplitNode& node, double x) {
  if (node.categories >= 0) {
    return std::isnan(x) ? node.missing_left : is_member(data, node.categories, x);
  }
  const bool missing = node.missing == ranking::Missing::kNan ? std::isnan(x)
                       : node.missing == ranking::Missing::kZero
                           ? std::isnan(x) || std::abs(x) <= 1.0000000180025095e-35
                           : false;
  if (missing) return node.missing_left;
  return (std::isnan(x) ? 0.0 : x) <= node.threshold;
}

// The leaf of tree t that a row reaches, counted over all leaves.
inline std::size_t leaf_of(const ranking::ForestData& data, std::size_t t,
                           const std::vector<double>& row) {
  const auto first = static_cast<std::size_t>(data.node_begin[t]);
  const auto first_leaf = static_cast<std::size_t>(data.leaf_begin[t]);
  if (data.node_begin[t + 1] == data.node_begin[t]) return first_leaf;
  for (std::int32_t at = 0;;) {
    const ranking::SplitNode& node = data.nodes[first + static_cast<std::size_t>(at)];
    double x = row[static_cast<std::size_t>(node.feature)];
    if (data.float32_inputs) x = static_cast<double>(static_cast<float>(x));
    at = goes_left(data, node, x) ? node.left : node.right;
    if (at < 0) return first_leaf + static_cast<std::size_t>(~at);
  }
}

// The raw scores of one row, [outputs].
inline std::vector<double> plain_scores(const ranking::ForestData& data,
                                        const std::vector<double>& row) {
  std::vector<double> scores = data.base;
  for (std::size_t t = 0; t < data.trees(); ++t) {
    scores[t % data.outputs()] += data.leaves[leaf_of(data, t, row)];
  }
  return scores;
}

}  // namespace penchant::reference
