#pragma once

// From trees that decide by bins to a forest that decides by values.

#include <vector>

#include "penchant/ranking/forest_data.h"
#include "penchant/ranking/tree_grower.h"

namespace penchant::ranking {

class ForestBuilder {
 public:
  // base: [outputs]
  ForestBuilder(const BinMapper& mapper, std::vector<double> base, Link link);

  // Begins with the trees of another forest. Throws kInvalidArgument where its scores mean
  // something else: other features, link or inputs.
  void follow(const ForestData& earlier);
  // leaf_values: [leaves], as they are to be added.
  void add(const GrownTree& tree, const std::vector<double>& leaf_values);

  [[nodiscard]] const std::vector<double>& base() const { return data_.base; }
  [[nodiscard]] std::size_t trees() const { return data_.trees(); }
  // The first `trees` trees.
  [[nodiscard]] ForestData finish(std::size_t trees) &&;

 private:
  const BinMapper* mapper_;
  ForestData data_;
  bool covers_known_ = true;
};

}  // namespace penchant::ranking
