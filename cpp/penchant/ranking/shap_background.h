#pragma once

// A background set as each leaf sees it: which of its elements a background row follows, and how
// many rows follow just these.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/matrix.h"
#include "penchant/ranking/forest_data.h"
#include "penchant/ranking/leaf_paths.h"

namespace penchant::ranking {

inline constexpr std::size_t kMaxPatternFeatures = 64;

struct BackgroundPatterns {
  std::vector<std::int64_t> begin{0};  // [leaves + 1], into the patterns
  std::vector<std::uint64_t> pattern;  // ascending within a leaf; bit i: element i is followed
  std::vector<double> share;           // of the background's rows
  std::vector<double> expected;        // [outputs], the background's mean raw score
};

// paths: of data, none longer than kMaxPatternFeatures.
[[nodiscard]] BackgroundPatterns background_patterns(const ForestData& data, const LeafPaths& paths,
                                                     MatrixView<const double> background);

// What one leaf adds to the SHAP values of a row: for each background pattern b and the row's
// pattern x, of the nx elements that x follows alone and the nb that b follows alone (a leaf that
// neither reaches by some element adds nothing),
//   value share (nx - 1)! nb! / (nx + nb)!   to each of the former,
//  -value share nx! (nb - 1)! / (nx + nb)!   to each of the latter.
// added: [elements], overwritten.
void explain_pattern(const BackgroundPatterns& background, std::size_t leaf, double value,
                     std::uint64_t row, std::span<double> added);

}  // namespace penchant::ranking
