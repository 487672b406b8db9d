#pragma once

// A block of rows and which way each goes at the splits of a tree: 64 rows are the bits of a word.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/matrix.h"
#include "penchant/ranking/forest_data.h"
#include "penchant/ranking/leaf_paths.h"

namespace penchant::ranking {

class ShapBlock {
 public:
  // Rows [begin, end) of at most kShapRows. Does not own the data.
  ShapBlock(const ForestData& data, MatrixView<const double> rows, std::size_t begin,
            std::size_t end);

  [[nodiscard]] std::size_t rows() const { return rows_; }

  // Asks the splits of a tree.
  void set_tree(std::size_t tree);

  // Bit r of word i: row r goes the way of the leaf's path at every split of its element i.
  // leaf: counted over LeafPaths. Valid until the next call.
  [[nodiscard]] std::span<const std::uint64_t> follows(const LeafPaths& paths, std::size_t leaf);

 private:
  const ForestData& data_;
  std::size_t rows_;
  AlignedVector<double> columns_;    // [features][kShapRows], as splits compare them
  std::vector<std::uint64_t> left_;  // [splits of the tree]
  std::vector<std::uint64_t> follow_;
};

}  // namespace penchant::ranking
