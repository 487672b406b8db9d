#pragma once

// The best split of a leaf, from its histogram.
//
// With G and H the sums of derivatives of a side, t(G) = sign(G) max(|G| - l1, 0), the objective
// falls by
//
//   gain = t(G_left)^2 / (H_left + l2) + t(G_right)^2 / (H_right + l2) - t(G)^2 / (H + l2)
//
// (Chen and Guestrin, "XGBoost", KDD 2016, eq. 7, twice as large). Under monotone constraints a
// side's value is held within its bounds and the gain is that of the values held.

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "penchant/ranking/histogram.h"

namespace penchant::ranking {

struct SplitParams {
  double l1 = 0;
  double l2 = 0;
  double min_gain = 0;        // a split must gain more
  double min_hessian = 1e-3;  // of each side
  std::int64_t min_leaf_rows = 20;
  double category_smoothing = 10;        // categories are sorted by G / (H + smoothing)
  double category_l2 = 10;               // on top of l2, where a feature has more categories than
  int few_categories = 4;                // this: few leave little to choose by chance
  int most_categories = 32;              // on the left side
  std::int64_t min_category_rows = 100;  // a lighter category is never taken to the left
  std::vector<std::int8_t> monotone{};   // [features] 1 rising, -1 falling, 0 free; or empty
};

// What is known of a leaf before it is split.
struct LeafState {
  BinSum sum;
  std::int64_t rows = 0;
  double lowest = -std::numeric_limits<double>::infinity();  // of its value, by monotony
  double highest = std::numeric_limits<double>::infinity();
};

using BinSet = std::array<std::uint64_t, 4>;  // bit b: bin b

struct Split {
  double gain = -1;  // above min_gain, or negative: there is none
  std::int32_t feature = -1;
  std::int32_t bin = 0;  // numeric: the last bin to the left
  bool missing_left = false;
  bool categorical = false;
  BinSet set{};  // categorical: bins to the left
  BinSum left;
  double left_value = 0;  // before the learning rate
  double right_value = 0;

  [[nodiscard]] bool found() const { return feature >= 0; }
};

// A feature of two bins in a shared column, where one of the codes is its rare bin.
struct TwoBinFeature {
  std::int32_t feature = 0;
  std::uint8_t code = 0;
  bool rare_is_left = false;  // bin 0
};

class SplitFinder {
 public:
  SplitFinder(const BinMapper& mapper, SplitParams params);

  // The best split by feature f of a leaf whose histogram of f is `bins` (values, then missing).
  // `counts`: rows a bin as the hessians of kRows, or empty, and they are estimated by hessians.
  [[nodiscard]] Split best(std::size_t f, std::span<const BinSum> bins,
                           std::span<const BinSum> counts, const LeafState& leaf,
                           const Scales& scales) const;

  // The same for numeric features of two bins that share a column, ascending, whose codes have the
  // sums `codes`: one pass for all of them. No missing values, no monotone constraints, no counts.
  [[nodiscard]] Split best_of_two_bins(std::span<const TwoBinFeature> features,
                                       std::span<const BinSum> codes, const LeafState& leaf,
                                       const Scales& scales) const;

  // -t(G) / (H + l2), within the leaf's bounds.
  [[nodiscard]] double value(BinSum sum, const LeafState& leaf, const Scales& scales) const;

  [[nodiscard]] const SplitParams& params() const { return params_; }
  [[nodiscard]] bool monotone() const { return bounded_; }

 private:
  friend class FeatureScan;
  [[nodiscard]] int monotone(std::size_t f) const {
    return params_.monotone.empty() ? 0 : params_.monotone[f];
  }

  const BinMapper& mapper_;
  SplitParams params_;
  bool bounded_ = false;  // any constraint
};

// Whether `a` is to be taken before `b`: by gain, then by feature.
[[nodiscard]] inline bool better(const Split& a, const Split& b) {
  if (!a.found() || !b.found()) return a.found();
  return a.gain != b.gain ? a.gain > b.gain : a.feature < b.feature;
}

}  // namespace penchant::ranking
