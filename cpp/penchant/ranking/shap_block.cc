#include "penchant/ranking/shap_block.h"

#include "penchant/ranking/shap_kernels.h"
#include "penchant/ranking/split_decision.h"

namespace penchant::ranking {

ShapBlock::ShapBlock(const ForestData& data, MatrixView<const double> rows, std::size_t begin,
                     std::size_t end)
    : data_(data), rows_(end - begin), columns_(rows.columns * kShapRows, 0.0) {
  for (std::size_t r = 0; r < rows_; ++r) {
    const std::span<const double> row = rows.row(begin + r);
    for (std::size_t f = 0; f < row.size(); ++f) {
      columns_[f * kShapRows + r] = input_value(data, row[f]);
    }
  }
}

void ShapBlock::set_tree(std::size_t tree) {
  const auto first = static_cast<std::size_t>(data_.node_begin[tree]);
  left_.resize(static_cast<std::size_t>(data_.node_begin[tree + 1]) - first);
  for (std::size_t i = 0; i < left_.size(); ++i) {
    const SplitNode& node = data_.nodes[first + i];
    const double* const values =
        columns_.data() + static_cast<std::size_t>(node.feature) * kShapRows;
    if (node.categories < 0 && node.missing != Missing::kZero) {
      const bool nan_left = node.missing == Missing::kNan ? node.missing_left : 0 <= node.threshold;
      left_[i] = rows_at_most(values, rows_, node.threshold, nan_left);
      continue;
    }
    left_[i] = 0;
    for (std::size_t r = 0; r < rows_; ++r) {
      left_[i] |= std::uint64_t{goes_left(data_, node, values[r])} << r;
    }
  }
}

std::span<const std::uint64_t> ShapBlock::follows(const LeafPaths& paths, std::size_t leaf) {
  const auto first = static_cast<std::size_t>(paths.element_begin[leaf]);
  follow_.resize(static_cast<std::size_t>(paths.element_begin[leaf + 1]) - first);
  for (std::size_t i = 0; i < follow_.size(); ++i) {
    std::uint64_t all = ~std::uint64_t{0};
    for (auto s = static_cast<std::size_t>(paths.split_begin[first + i]);
         s < static_cast<std::size_t>(paths.split_begin[first + i + 1]); ++s) {
      const std::int32_t step = paths.splits[s];
      all &= step >= 0 ? left_[static_cast<std::size_t>(step)]
                       : ~left_[static_cast<std::size_t>(~step)];
    }
    follow_[i] = all;
  }
  return follow_;
}

}  // namespace penchant::ranking
