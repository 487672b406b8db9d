#pragma once

// The plain twins of ranking::ShapExplainer: Shapley's formula over all subsets of the features.
// For small trees of few features.

#include <cstdint>
#include <vector>

#include "reference/plain_forest.h"

#include "penchant/ranking/forest_data.h"

namespace penchant::reference {

// The score of one tree with the features of `known` (bit i) from the row; at splits on others,
// both sides weighed by cover.
inline double expected_score(const ranking::ForestData& data, std::size_t t,
                             const std::vector<double>& row, std::uint32_t known,
                             std::int32_t at = 0) {
  const auto first_leaf = static_cast<std::size_t>(data.leaf_begin[t]);
  const auto first = static_cast<std::size_t>(data.node_begin[t]);
  if (data.node_begin[t] == data.node_begin[t + 1]) return data.leaves[first_leaf];
  if (at < 0) return data.leaves[first_leaf + static_cast<std::size_t>(~at)];
  const ranking::SplitNode& node = data.nodes[first + static_cast<std::size_t>(at)];
  if ((known >> node.feature & 1U) != 0) {
    double x = row[static_cast<std::size_t>(node.feature)];
    if (data.float32_inputs) x = static_cast<double>(static_cast<float>(x));
    return expected_score(data, t, row, known, goes_left(data, node, x) ? node.left : node.right);
  }
  const auto cover = [&](std::int32_t child) {
    return child < 0 ? data.leaf_cover[first_leaf + static_cast<std::size_t>(~child)]
                     : data.nodes[first + static_cast<std::size_t>(child)].cover;
  };
  return (cover(node.left) * expected_score(data, t, row, known, node.left) +
          cover(node.right) * expected_score(data, t, row, known, node.right)) /
         node.cover;
}

// The weight of a subset of k of the other n - 1 features: k! (n - k - 1)! / n!
inline double shapley_weight(int n, int k) {
  double weight = 1.0 / n;
  for (int i = 1; i <= k; ++i) weight *= static_cast<double>(i) / (n - i);
  return weight;
}

// game(known, output): the score when just the features of `known` are known.
// Returns [outputs * (features + 1)], the last of an output the score with none known.
template <class Game>
std::vector<double> plain_shapley(int features, std::size_t outputs, const Game& game) {
  std::vector<double> values;
  for (std::size_t o = 0; o < outputs; ++o) {
    for (int f = 0; f < features; ++f) {
      double value = 0;
      for (std::uint32_t known = 0; known < std::uint32_t{1} << features; ++known) {
        if ((known >> f & 1U) != 0) continue;
        const double gained = game(known | std::uint32_t{1} << f, o) - game(known, o);
        value += shapley_weight(features, __builtin_popcount(known)) * gained;
      }
      values.push_back(value);
    }
    values.push_back(game(0, o));
  }
  return values;
}

inline std::vector<double> plain_shap(const ranking::ForestData& data,
                                      const std::vector<double>& row) {
  return plain_shapley(data.num_features, data.outputs(), [&](std::uint32_t known, std::size_t o) {
    double score = data.base[o];
    for (std::size_t t = o; t < data.trees(); t += data.outputs()) {
      score += expected_score(data, t, row, known);
    }
    return score;
  });
}

inline std::vector<double> plain_shap_against(const ranking::ForestData& data,
                                              const std::vector<double>& row,
                                              const std::vector<std::vector<double>>& background) {
  return plain_shapley(data.num_features, data.outputs(), [&](std::uint32_t known, std::size_t o) {
    double sum = 0;
    for (std::vector<double> mixed : background) {
      for (std::size_t f = 0; f < mixed.size(); ++f) {
        if ((known >> f & 1U) != 0) mixed[f] = row[f];
      }
      sum += plain_scores(data, mixed)[o];
    }
    return sum / static_cast<double>(background.size());
  });
}

}  // namespace penchant::reference
