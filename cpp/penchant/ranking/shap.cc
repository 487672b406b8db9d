#include "penchant/ranking/shap.h"

#include <algorithm>
#include <utility>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/ranking/shap_background.h"
#include "penchant/ranking/shap_block.h"
#include "penchant/ranking/shap_kernels.h"

namespace penchant::ranking {
namespace {

std::size_t elements_of(const LeafPaths& paths, std::size_t leaf) {
  return static_cast<std::size_t>(paths.element_begin[leaf + 1] - paths.element_begin[leaf]);
}

// Explains a block of rows. add(block, leaf, phi) adds a leaf's part to phi, [features][kShapRows].
template <class Add>
void explain_block(const ForestData& data, const LeafPaths& paths, MatrixView<const double> rows,
                   const Block& range, const std::vector<double>& expected,
                   std::span<double> values, const Add& add) {
  ShapBlock block(data, rows, range.begin, range.end);
  const std::size_t outputs = data.outputs();
  const std::size_t row_size = outputs * (rows.columns + 1);
  AlignedVector<double> phi(rows.columns * kShapRows);
  for (std::size_t output = 0; output < outputs; ++output) {
    std::fill(phi.begin(), phi.end(), 0.0);
    for (std::size_t t = output; t < data.trees(); t += outputs) {
      block.set_tree(t);
      for (auto leaf = static_cast<std::size_t>(paths.tree_begin[t]);
           leaf < static_cast<std::size_t>(paths.tree_begin[t + 1]); ++leaf) {
        if (elements_of(paths, leaf) > 0) add(block, leaf, phi.data());
      }
    }
    for (std::size_t r = 0; r < block.rows(); ++r) {
      double* const out =
          values.data() + (range.begin + r) * row_size + output * (rows.columns + 1);
      for (std::size_t f = 0; f < rows.columns; ++f) out[f] = phi[f * kShapRows + r];
      out[rows.columns] = expected[output];
    }
  }
}

}  // namespace

ShapExplainer::ShapExplainer(std::shared_ptr<const Forest> forest)
    : forest_(std::move(forest)),
      paths_(leaf_paths(forest_->data())),
      quadrature_((paths_.longest + 1) / 2),
      expected_(forest_->data().base) {
  const ForestData& data = forest_->data();
  const auto root_has_cover = [&](std::size_t t) {
    const std::int64_t root = data.node_begin[t];
    return root == data.node_begin[t + 1] || data.nodes[static_cast<std::size_t>(root)].cover > 0;
  };
  has_covers_ = !data.leaf_cover.empty() || data.nodes.empty();
  for (std::size_t t = 0; t < data.trees(); ++t) {
    has_covers_ = has_covers_ && root_has_cover(t);
    for (auto leaf = static_cast<std::size_t>(paths_.tree_begin[t]);
         leaf < static_cast<std::size_t>(paths_.tree_begin[t + 1]); ++leaf) {
      double reaching = 1;
      for (std::size_t i = 0; i < elements_of(paths_, leaf); ++i) {
        reaching *= paths_.share[static_cast<std::size_t>(paths_.element_begin[leaf]) + i];
      }
      expected_[t % data.outputs()] += paths_.value[leaf] * reaching;
    }
  }
}

void ShapExplainer::check_shapes(MatrixView<const double> rows, std::span<double> values) const {
  check_argument(rows.columns == forest_->num_features(), "the forest was made for ",
                 forest_->num_features(), " features, the rows have ", rows.columns);
  const std::size_t size = rows.rows * forest_->outputs() * (rows.columns + 1);
  check_argument(values.size() == size, "room for ", values.size(), " values, but there are ",
                 size);
}

void ShapExplainer::values(MatrixView<const double> rows, std::span<double> values,
                           int threads) const {
  check_shapes(rows, values);
  check_argument(
      has_covers_,
      "the forest does not say how many training rows each split saw; give a background");
  const auto add = [this](ShapBlock& block, std::size_t leaf, double* phi) {
    thread_local AlignedVector<double> scratch;
    const auto first = static_cast<std::size_t>(paths_.element_begin[leaf]);
    const std::size_t n = elements_of(paths_, leaf);
    const std::size_t points = (n + 1) / 2;
    LeafTask task;
    task.value = paths_.value[leaf];
    task.feature = std::span(paths_.feature).subspan(first, n);
    task.share = std::span(paths_.share).subspan(first, n);
    task.follows = block.follows(paths_, leaf).data();
    task.points = quadrature_.points(points);
    task.weights = quadrature_.weights(points);
    add_leaf(task, block.rows(), phi, scratch);
  };
  parallel_blocks(rows.rows, kShapRows, threads, [&](const Block& range) {
    explain_block(forest_->data(), paths_, rows, range, expected_, values, add);
  });
}

void ShapExplainer::values_against(MatrixView<const double> rows,
                                   MatrixView<const double> background, std::span<double> values,
                                   int threads) const {
  check_shapes(rows, values);
  check_argument(background.columns == rows.columns, "the background has ", background.columns,
                 " features, the rows ", rows.columns);
  check_argument(background.rows > 0, "the background must have at least one row");
  check_argument(paths_.longest <= kMaxPatternFeatures, "a leaf depends on ", paths_.longest,
                 " features; against a background, ", kMaxPatternFeatures, " can be told apart");
  const BackgroundPatterns patterns = background_patterns(forest_->data(), paths_, background);
  const auto add = [&](ShapBlock& block, std::size_t leaf, double* phi) {
    const auto follows = block.follows(paths_, leaf);
    const auto* const feature =
        paths_.feature.data() + static_cast<std::size_t>(paths_.element_begin[leaf]);
    double added[kMaxPatternFeatures];
    for (std::size_t r = 0; r < block.rows(); ++r) {
      std::uint64_t row = 0;
      for (std::size_t i = 0; i < follows.size(); ++i) row |= (follows[i] >> r & 1U) << i;
      explain_pattern(patterns, leaf, paths_.value[leaf], row, {added, follows.size()});
      for (std::size_t i = 0; i < follows.size(); ++i) {
        phi[static_cast<std::size_t>(feature[i]) * kShapRows + r] += added[i];
      }
    }
  };
  parallel_blocks(rows.rows, kShapRows, threads, [&](const Block& range) {
    explain_block(forest_->data(), paths_, rows, range, patterns.expected, values, add);
  });
}

}  // namespace penchant::ranking
