#pragma once

// Exact SHAP values of a forest's raw scores: how much each feature moved a row's score away from
// the expected one.
//
//   const ShapExplainer explainer(forest);
//   Matrix<double> values(rows.rows, forest->outputs() * (forest->num_features() + 1));
//   explainer.values(rows, values.view().flat(), 0);
//
// The values of a row and output add up to its raw score; the last is the expected score. Two ways
// of leaving a feature out:
//   - path-dependent: where a split asks it, both ways count by the training rows that went there
//     (the forest's covers). "Tree SHAP", Lundberg et al. 2020, algorithm 2; what the libraries
//     call pred_contrib.
//   - interventional: its value comes from a row of a background set, averaged over the set
//     (ibid., algorithm 3).
// Instead of walking subsets along the tree, each leaf's sum over subsets is taken as an integral
// of a product, exactly, by quadrature (shap_kernels.h). O(rows x leaves x d^2 / 2) with d features
// on a leaf's path; interventional O(rows x leaves x distinct background patterns).
//
// The same bits at any number of threads and on every CPU.

#include <memory>
#include <span>
#include <vector>

#include "penchant/base/matrix.h"
#include "penchant/ranking/forest.h"
#include "penchant/ranking/leaf_paths.h"
#include "penchant/ranking/quadrature.h"

namespace penchant::ranking {

class ShapExplainer {
 public:
  // Throws kInvalidArgument on trees too deep (leaf_paths.h).
  explicit ShapExplainer(std::shared_ptr<const Forest> forest);

  [[nodiscard]] std::size_t outputs() const { return forest_->outputs(); }
  // Whether values() can tell; values_against() always can.
  [[nodiscard]] bool has_covers() const { return has_covers_; }

  // values: [rows, outputs, features + 1]. threads: 0 means all.
  // Throws kInvalidArgument on shapes, and where the forest has no covers.
  void values(MatrixView<const double> rows, std::span<double> values, int threads) const;

  // The same against a background of at least one row. Throws kInvalidArgument on shapes, and where
  // a leaf depends on more than 64 features.
  void values_against(MatrixView<const double> rows, MatrixView<const double> background,
                      std::span<double> values, int threads) const;

 private:
  void check_shapes(MatrixView<const double> rows, std::span<double> values) const;

  std::shared_ptr<const Forest> forest_;
  LeafPaths paths_;
  Quadrature quadrature_;
  std::vector<double> expected_;  // [outputs], by the covers
  bool has_covers_ = false;
};

}  // namespace penchant::ranking
