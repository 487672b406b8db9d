#include "penchant/ranking/imported_tree.h"

#include <algorithm>

#include "penchant/base/error.h"

namespace penchant::ranking {
namespace {

void append_tree(ForestData& data, const ImportedTree& tree) {
  data.nodes.insert(data.nodes.end(), tree.nodes.begin(), tree.nodes.end());
  data.leaves.insert(data.leaves.end(), tree.leaves.begin(), tree.leaves.end());
  data.leaf_cover.insert(data.leaf_cover.end(), tree.leaf_cover.begin(), tree.leaf_cover.end());
  data.end_tree();
}

}  // namespace

void append_trees(ForestData& data, const std::vector<ImportedTree>& trees) {
  const std::size_t outputs = data.outputs();
  std::vector<std::vector<const ImportedTree*>> of_output(outputs);
  std::size_t rounds = 0;
  for (const ImportedTree& tree : trees) {
    of_output[tree.output].push_back(&tree);
    rounds = std::max(rounds, of_output[tree.output].size());
  }
  if (rounds > kMaxTrees / outputs) {
    fail(ErrorKind::kBadData, concat("forest: ", rounds, " trees an output and ", outputs,
                                     " outputs; at most ", kMaxTrees, " trees can be held"));
  }
  const ImportedTree nothing{.nodes = {}, .leaves = {0.0}, .leaf_cover = {0.0}, .output = 0};
  for (std::size_t round = 0; round < rounds; ++round) {
    for (const std::vector<const ImportedTree*>& own : of_output) {
      append_tree(data, round < own.size() ? *own[round] : nothing);
    }
  }
}

std::int32_t add_category_set(ForestData& data, const std::vector<std::int32_t>& members) {
  const std::int32_t largest =
      members.empty() ? -1 : *std::max_element(members.begin(), members.end());
  const auto words = static_cast<std::size_t>(std::max(largest, -1) + 64) / 64;
  if (words > kMaxCategoryWords - std::min(kMaxCategoryWords, data.category_words.size())) {
    fail(ErrorKind::kBadData,
         "forest: the sets of categories take too much memory; number the "
         "categories from 0 up without gaps");
  }
  return data.add_categories(members);
}

void scale_leaves(ImportedTree& tree, double factor) {
  for (double& leaf : tree.leaves) leaf *= factor;
}

}  // namespace penchant::ranking
