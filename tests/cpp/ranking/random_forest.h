#pragma once

// Forests and rows at random, and the values where kernels go wrong.

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "penchant/ranking/forest_data.h"

namespace penchant::ranking {

enum class Growth : std::uint8_t { kBushy, kLeftChain, kRightChain };

struct RandomForest {
  std::size_t trees = 20;
  std::size_t leaves = 32;  // of a tree at most
  std::int32_t features = 7;
  std::size_t outputs = 1;
  std::size_t thresholds = 60;  // to draw from, for each feature
  double categorical = 0;       // share of the splits
  std::int32_t categories = 100;
  bool all_missing_rules = true;
  bool float32_inputs = false;
  Growth growth = Growth::kBushy;
};

// A value that any feature may have: plain, or one of those that are easily mistaken.
inline double drawn_value(std::mt19937_64& random) {
  constexpr double kOdd[] = {0.0,
                             -0.0,
                             1e-35,
                             1.0000000180025095e-35,  // the last that is zero to LightGBM
                             -1.0000000180025095e-35,
                             1.0000000180025097e-35,
                             1e-36,
                             5e-324,
                             -5e-324,
                             1e-45,
                             3.4028234663852886e38,
                             1e300,
                             -1e300,
                             std::numeric_limits<double>::infinity(),
                             -std::numeric_limits<double>::infinity(),
                             16777217.0,
                             0.1,
                             2.5,
                             1048575.0,
                             1048576.0,
                             -1.0};
  if (random() % 4 == 0) return kOdd[random() % std::size(kOdd)];
  return std::normal_distribution<double>()(random);
}

inline ForestData random_forest(const RandomForest& shape, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto chance = [&] { return std::uniform_real_distribution<double>()(random); };
  ForestData data;
  data.num_features = shape.features;
  data.float32_inputs = shape.float32_inputs;
  data.base.assign(shape.outputs, 0.0);
  for (double& base : data.base) base = chance();
  std::vector<std::vector<double>> cuts(static_cast<std::size_t>(shape.features));
  for (auto& feature : cuts) {
    for (std::size_t i = 0; i < shape.thresholds; ++i) feature.push_back(drawn_value(random));
  }
  const auto draw_split = [&] {
    SplitNode node;
    node.feature = static_cast<std::int32_t>(random() % cuts.size());
    const auto& from = cuts[static_cast<std::size_t>(node.feature)];
    node.threshold = from[random() % from.size()];
    node.missing_left = random() % 2 == 0;
    node.missing = shape.all_missing_rules ? static_cast<Missing>(random() % 3) : Missing::kNone;
    if (chance() < shape.categorical) {
      std::vector<std::int32_t> members;
      for (std::int32_t c = 0; c < shape.categories; ++c) {
        if (random() % 3 == 0) members.push_back(c);
      }
      node.categories = data.add_categories(members);
    }
    return node;
  };
  for (std::size_t t = 0; t < shape.trees; ++t) {
    const std::size_t leaves = shape.leaves <= 2 ? shape.leaves : 1 + random() % shape.leaves;
    // Each new split takes the place of a leaf; the leaf goes to one side, a new one to the other.
    struct Open {
      std::int32_t parent;
      bool left;
    };
    std::vector<Open> open{{-1, false}};
    std::vector<SplitNode> nodes;
    while (open.size() < leaves) {
      const std::size_t at = shape.growth == Growth::kBushy       ? random() % open.size()
                             : shape.growth == Growth::kLeftChain ? 0
                                                                  : open.size() - 1;
      const auto number = static_cast<std::int32_t>(nodes.size());
      if (open[at].parent >= 0) {
        SplitNode& parent = nodes[static_cast<std::size_t>(open[at].parent)];
        (open[at].left ? parent.left : parent.right) = number;
      }
      nodes.push_back(draw_split());
      open[at] = {number, true};
      open.push_back({number, false});
    }
    std::shuffle(open.begin(), open.end(), random);  // leaves are numbered in no order
    for (std::size_t leaf = 0; leaf < open.size(); ++leaf) {
      data.leaves.push_back(std::normal_distribution<double>()(random));
      if (open[leaf].parent < 0) continue;
      SplitNode& parent = nodes[static_cast<std::size_t>(open[leaf].parent)];
      (open[leaf].left ? parent.left : parent.right) = ~static_cast<std::int32_t>(leaf);
    }
    data.nodes.insert(data.nodes.end(), nodes.begin(), nodes.end());
    data.end_tree();
  }
  return data;
}

// Rows of a forest's own thresholds, their neighbours, NaN, categories and values at random.
inline std::vector<double> random_rows(const ForestData& data, std::size_t rows,
                                       std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto width = static_cast<std::size_t>(data.num_features);
  std::vector<std::vector<double>> cuts(width);
  for (const SplitNode& node : data.nodes) {
    cuts[static_cast<std::size_t>(node.feature)].push_back(node.threshold);
  }
  std::vector<double> values(rows * width);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto& own = cuts[i % width];
    const std::uint64_t kind = random() % 8;
    if (kind < 3 && !own.empty()) {
      const double cut = own[random() % own.size()];
      constexpr double kInfinity = std::numeric_limits<double>::infinity();
      values[i] = kind == 0   ? cut
                  : kind == 1 ? std::nextafter(cut, kInfinity)
                              : std::nextafter(cut, -kInfinity);
    } else if (kind == 3) {
      values[i] = std::numeric_limits<double>::quiet_NaN();
    } else if (kind == 4) {
      values[i] = static_cast<double>(random() % 120);
    } else {
      values[i] = drawn_value(random);
    }
  }
  return values;
}

}  // namespace penchant::ranking
