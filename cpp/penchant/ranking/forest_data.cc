#include "penchant/ranking/forest_data.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "penchant/base/error.h"

namespace penchant::ranking {
namespace {

template <class... Parts>
void check(bool holds, const Parts&... message) {
  if (!holds) fail(ErrorKind::kBadData, concat("forest: ", message...));
}

// Boundaries of consecutive ranges over `size` elements.
void check_ranges(const std::vector<std::int64_t>& begin, std::size_t size, const char* what) {
  check(!begin.empty() && begin.front() == 0, what, " must begin at 0");
  check(std::is_sorted(begin.begin(), begin.end()), what, " must not descend");
  check(begin.back() == static_cast<std::int64_t>(size), what, " end at ", begin.back(),
        ", but there are ", size);
}

bool all_finite(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

// Children come after nothing in particular, so every one is counted: a walk from the root that
// meets each node and leaf once proves a tree.
class TreeCheck {
 public:
  explicit TreeCheck(const ForestData& data) : data_(data) {}

  void run(std::size_t tree) {
    const std::int64_t first = data_.node_begin[tree];
    const auto nodes = static_cast<std::size_t>(data_.node_begin[tree + 1] - first);
    const auto leaves =
        static_cast<std::size_t>(data_.leaf_begin[tree + 1] - data_.leaf_begin[tree]);
    check(leaves == nodes + 1, "tree ", tree, " has ", nodes, " splits and ", leaves, " leaves");
    if (nodes == 0) return;
    met_nodes_.assign(nodes, 0);
    met_leaves_.assign(leaves, 0);
    met_nodes_[0] = 1;
    waiting_.assign(1, 0);
    while (!waiting_.empty()) {
      const std::size_t at = waiting_.back();
      waiting_.pop_back();
      const SplitNode& node = data_.nodes[static_cast<std::size_t>(first) + at];
      check_node(node, tree, at);
      meet(node.left, tree);
      meet(node.right, tree);
    }
    // Nodes and leaves met once each, and one more leaf than nodes: none is left over unless some
    // node was never reached.
    check(std::find(met_nodes_.begin(), met_nodes_.end(), 0) == met_nodes_.end(), "tree ", tree,
          ": a split is not reached from the root");
  }

 private:
  void check_node(const SplitNode& node, std::size_t tree, std::size_t at) const {
    check(node.feature >= 0 && node.feature < data_.num_features, "tree ", tree, ", split ", at,
          ": feature ", node.feature, " of ", data_.num_features);
    check(!std::isnan(node.threshold), "tree ", tree, ", split ", at, ": the threshold is NaN");
    check(node.missing <= Missing::kNan, "tree ", tree, ", split ", at, ": unknown missing rule");
    const auto sets = static_cast<std::int64_t>(data_.category_begin.size()) - 1;
    check(node.categories >= -1 && node.categories < sets, "tree ", tree, ", split ", at,
          ": set of categories ", node.categories, " of ", sets);
    check(std::isfinite(node.cover) && node.cover >= 0, "tree ", tree, ", split ", at,
          ": the cover is not a finite number from 0 up");
  }

  void meet(std::int32_t child, std::size_t tree) {
    std::vector<std::uint8_t>& met = child >= 0 ? met_nodes_ : met_leaves_;
    const auto at = static_cast<std::size_t>(child >= 0 ? child : ~child);
    check(at < met.size(), "tree ", tree, ": child ", child, " is outside the tree");
    check(met[at] == 0, "tree ", tree, ": child ", child, " has two parents");
    met[at] = 1;
    if (child >= 0) waiting_.push_back(at);
  }

  const ForestData& data_;
  std::vector<std::uint8_t> met_nodes_;
  std::vector<std::uint8_t> met_leaves_;
  std::vector<std::size_t> waiting_;
};

}  // namespace

std::int32_t ForestData::add_categories(const std::vector<std::int32_t>& members) {
  std::vector<std::uint64_t> words;
  for (const std::int32_t member : members) {
    check(member >= 0 && member <= kMaxCategory, "category ", member, " is not within 0 to ",
          kMaxCategory);
    const auto word = static_cast<std::size_t>(member) / 64;
    if (words.size() <= word) words.resize(word + 1, 0);
    words[word] |= std::uint64_t{1} << (member % 64);
  }
  category_words.insert(category_words.end(), words.begin(), words.end());
  category_begin.push_back(static_cast<std::int64_t>(category_words.size()));
  return static_cast<std::int32_t>(category_begin.size()) - 2;
}

void check_forest(const ForestData& data) {
  check(data.num_features >= 0 && static_cast<std::size_t>(data.num_features) <= kMaxFeatures,
        data.num_features, " features; at most ", kMaxFeatures, " can be told apart");
  check(!data.base.empty() && data.base.size() <= kMaxOutputs, data.base.size(),
        " outputs; there must be 1 to ", kMaxOutputs);
  check(all_finite(data.base), "a start score is not finite");
  check(!data.node_begin.empty() && data.trees() <= kMaxTrees, "more than ", kMaxTrees, " trees");
  check_ranges(data.node_begin, data.nodes.size(), "splits");
  check_ranges(data.leaf_begin, data.leaves.size(), "leaves");
  check_ranges(data.category_begin, data.category_words.size(), "sets of categories");
  for (std::size_t s = 0; s + 1 < data.category_begin.size(); ++s) {
    check(data.category_begin[s + 1] - data.category_begin[s] <= (kMaxCategory + 1) / 64,
          "set of categories ", s, " is too large");
  }
  check(data.leaf_begin.size() == data.node_begin.size(), "splits of ", data.trees(),
        " trees, leaves of ", data.leaf_begin.size() - 1);
  check(all_finite(data.leaves), "a leaf's value is not finite");
  check(data.leaf_cover.empty() || data.leaf_cover.size() == data.leaves.size(), "covers of ",
        data.leaf_cover.size(), " leaves, but there are ", data.leaves.size());
  check(all_finite(data.leaf_cover), "a leaf's cover is not finite");
  check(data.link <= Link::kExp, "unknown link");
  check(std::isfinite(data.link_slope) && data.link_slope > 0, "the link's slope must be positive");
  check(data.feature_names.empty() ||
            data.feature_names.size() == static_cast<std::size_t>(data.num_features),
        data.feature_names.size(), " names for ", data.num_features, " features");
  TreeCheck tree_check(data);
  for (std::size_t t = 0; t < data.trees(); ++t) tree_check.run(t);
}

}  // namespace penchant::ranking
