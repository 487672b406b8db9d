#pragma once

// From values to bins: at most 255 a feature, so that a value is one byte while trees are grown.
//
//   const BinMapper mapper = BinMapper::fit(rows, {}, {.max_bins = 255, .seed = 1});
//   mapper.feature(3).bounds;     // bin b holds bounds[b - 1] < x <= bounds[b]
//
// Bounds lie midway between values that were seen, and a split after bin b has the threshold
// bounds[b]: so `x <= threshold` in double decides a row exactly as its bin did, and a forest gives
// the training rows the very scores they were trained with.

#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/matrix.h"
#include "penchant/ranking/row_source.h"

namespace penchant::ranking {

inline constexpr int kMaxBins = 255;              // of values: bins 0 to 254
inline constexpr std::uint8_t kMissingBin = 255;  // NaN

struct BinningParams {
  int max_bins = kMaxBins;                  // 2 to 255
  std::vector<std::int32_t> categorical{};  // features whose values name categories
  std::size_t sample_rows = 200'000;        // bounds come from at most so many rows
  std::uint64_t seed = 0;                   // which ones
  int threads = 0;                          // 0: all
};

struct FeatureBins {
  bool categorical = false;
  // Numeric: ascending, one fewer than there are bins.
  std::vector<double> bounds;
  // Categorical: the category of bin b, the heaviest first. What is no category of these (rare,
  // negative, not whole) is in the bin after the last, which no split takes to the left.
  std::vector<std::int32_t> categories;

  // Bins of values, the missing one apart.
  [[nodiscard]] int bins() const {
    return static_cast<int>(categorical ? categories.size() : bounds.size()) + 1;
  }
};

class BinMapper {
 public:
  // Quantile bounds, weighted where weights [rows] are given; one bin a value where the sample has
  // at most max_bins different ones. O(sample) a feature. Throws kInvalidArgument on shapes and
  // parameters.
  [[nodiscard]] static BinMapper fit(MatrixView<const float> rows, std::span<const float> weights,
                                     const BinningParams& params);
  [[nodiscard]] static BinMapper fit(MatrixView<const double> rows, std::span<const float> weights,
                                     const BinningParams& params);

  [[nodiscard]] static BinMapper fit(const SparseColumns<float>& rows,
                                     std::span<const float> weights, const BinningParams& params);
  [[nodiscard]] static BinMapper fit(const SparseColumns<double>& rows,
                                     std::span<const float> weights, const BinningParams& params);

  [[nodiscard]] std::size_t features() const { return features_.size(); }
  [[nodiscard]] const FeatureBins& feature(std::size_t f) const { return features_[f]; }

 private:
  std::vector<FeatureBins> features_;
};

}  // namespace penchant::ranking
