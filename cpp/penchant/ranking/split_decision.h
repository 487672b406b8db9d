#pragma once

// Which way a row goes at a split: the one definition that scoring, explanations and exports share.
//
//   const double x = input_value(data, row[node.feature]);
//   const bool left = goes_left(data, node, x);

#include <cmath>
#include <cstdint>

#include "penchant/ranking/forest_data.h"

namespace penchant::ranking {

// A float, as LightGBM has it: 1.0000000180025095e-35.
inline constexpr double kZeroAsMissing = static_cast<double>(1e-35F);

// The value that splits compare.
[[nodiscard]] inline double input_value(const ForestData& data, double x) {
  return data.float32_inputs ? static_cast<double>(static_cast<float>(x)) : x;
}

[[nodiscard]] inline bool is_missing(Missing rule, double x) {
  return (std::isnan(x) && rule != Missing::kNone) ||
         (rule == Missing::kZero && std::abs(x) <= kZeroAsMissing);
}

// Whether a value that is not NaN is a member of a set of categories.
[[nodiscard]] inline bool is_member(const ForestData& data, std::int32_t set, double x) {
  if (!(x >= 0 && x <= kMaxCategory)) return false;
  const auto category = static_cast<std::int32_t>(x);
  if (static_cast<double>(category) != x) return false;
  const auto at = static_cast<std::size_t>(set);
  const std::int64_t word = data.category_begin[at] + category / 64;
  return word < data.category_begin[at + 1] &&
         ((data.category_words[static_cast<std::size_t>(word)] >> (category % 64)) & 1U) != 0;
}

// x: as input_value gives it.
[[nodiscard]] inline bool goes_left(const ForestData& data, const SplitNode& node, double x) {
  if (node.categories >= 0) {
    return std::isnan(x) ? node.missing_left : is_member(data, node.categories, x);
  }
  if (is_missing(node.missing, x)) return node.missing_left;
  return (std::isnan(x) ? 0.0 : x) <= node.threshold;
}

// The leaf of tree t that a row reaches, counted over all leaves. value(feature) gives the row's
// value as input_value does.
template <class Value>
[[nodiscard]] std::size_t leaf_of(const ForestData& data, std::size_t t, const Value& value) {
  const SplitNode* const nodes = data.nodes.data() + data.node_begin[t];
  const auto first_leaf = static_cast<std::size_t>(data.leaf_begin[t]);
  if (data.node_begin[t + 1] == data.node_begin[t]) return first_leaf;
  std::int32_t at = 0;
  do {
    const SplitNode& node = nodes[at];
    at = goes_left(data, node, value(node.feature)) ? node.left : node.right;
  } while (at >= 0);
  return first_leaf + static_cast<std::size_t>(~at);
}

}  // namespace penchant::ranking
