#include "penchant/ranking/forest_builder.h"

#include <algorithm>
#include <utility>

#include "penchant/base/error.h"

namespace penchant::ranking {

ForestBuilder::ForestBuilder(const BinMapper& mapper, std::vector<double> base, Link link)
    : mapper_(&mapper) {
  data_.num_features = static_cast<std::int32_t>(mapper.features());
  data_.base = std::move(base);
  data_.link = link;
}

void ForestBuilder::follow(const ForestData& earlier) {
  check_argument(earlier.num_features == data_.num_features, "the forest to go on from has ",
                 earlier.num_features, " features, the rows ", data_.num_features);
  check_argument(earlier.link == data_.link && earlier.link_slope == 1,
                 "the forest to go on from turns scores into predictions in another way");
  check_argument(!earlier.float32_inputs,
                 "the forest to go on from rounds its inputs to float32; give its scores as "
                 "init_score");
  data_ = earlier;
  covers_known_ = data_.leaf_cover.size() == data_.leaves.size();
}

void ForestBuilder::add(const GrownTree& tree, const std::vector<double>& leaf_values) {
  for (std::size_t n = 0; n < tree.splits.size(); ++n) {
    const Split& split = tree.splits[n];
    const FeatureBins& feature = mapper_->feature(static_cast<std::size_t>(split.feature));
    SplitNode node;
    node.feature = split.feature;
    node.left = tree.bins.nodes[n].left;
    node.right = tree.bins.nodes[n].right;
    node.missing_left = split.missing_left;
    node.gain = static_cast<float>(split.gain);
    node.cover = tree.cover[n];
    if (split.categorical) {
      std::vector<std::int32_t> members;
      for (std::size_t b = 0; b < feature.categories.size(); ++b) {
        if (((split.set[b / 64] >> (b % 64)) & 1U) != 0) members.push_back(feature.categories[b]);
      }
      node.categories = data_.add_categories(members);
    } else {
      node.threshold = feature.bounds[static_cast<std::size_t>(split.bin)];
    }
    data_.nodes.push_back(node);
  }
  data_.leaves.insert(data_.leaves.end(), leaf_values.begin(), leaf_values.end());
  if (covers_known_) {
    data_.leaf_cover.insert(data_.leaf_cover.end(), tree.leaf_cover.begin(), tree.leaf_cover.end());
  }
  data_.end_tree();
}

ForestData ForestBuilder::finish(std::size_t trees) && {
  if (trees < data_.trees()) {
    data_.node_begin.resize(trees + 1);
    data_.leaf_begin.resize(trees + 1);
    data_.nodes.resize(static_cast<std::size_t>(data_.node_begin.back()));
    data_.leaves.resize(static_cast<std::size_t>(data_.leaf_begin.back()));
    if (covers_known_) data_.leaf_cover.resize(data_.leaves.size());
    // Sets are numbered in the order in which they were added.
    std::int32_t last = -1;
    for (const SplitNode& node : data_.nodes) last = std::max(last, node.categories);
    const auto sets = static_cast<std::size_t>(last + 1);
    data_.category_begin.resize(sets + 1);
    data_.category_words.resize(static_cast<std::size_t>(data_.category_begin.back()));
  }
  return std::move(data_);
}

}  // namespace penchant::ranking
