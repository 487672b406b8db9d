#pragma once

// The inner loops of explanations, over blocks of 64 rows. A lane is a row and no lanes are added
// up, so every instruction set gives the same bits.

#include <cstddef>
#include <cstdint>
#include <span>

#include "penchant/base/matrix.h"

namespace penchant::ranking {

inline constexpr std::size_t kShapRows = 64;

// Bit r, for r up to `count`: values[r] <= threshold, or values[r] is NaN and nan_left.
// values: [kShapRows], all of them readable.
[[nodiscard]] std::uint64_t rows_at_most(const double* values, std::size_t count, double threshold,
                                         bool nan_left);

// What a leaf adds to the SHAP values of a block of rows.
struct LeafTask {
  double value = 0;
  std::span<const std::int32_t> feature;   // [elements]
  std::span<const double> share;           // [elements], LeafPaths::share
  const std::uint64_t* follows = nullptr;  // [elements]; bit r: row r goes the path's way
  std::span<const double> points;          // of a Quadrature exact for degree elements - 1
  std::span<const double> weights;
};

// For each element i with one o_i (1 where the row follows the path, else 0) and share z_i adds
//   value (o_i - z_i) integral_0^1 product_(j != i) (t o_j + (1 - t) z_j) dt
// to phi[feature_i][row]. The integral is the sum over subsets S of the other elements of
// |S|! (d - |S| - 1)! / d! product_(j in S) o_j product_(j not in S) z_j (Lundberg et al. 2020,
// "From local explanations to global understanding", algorithm 2), as the weights are beta
// functions. No term is negative: nothing cancels, however deep the tree.
// phi: [features][kShapRows]; rows up to `rows` matter. scratch grows as needed and is kept.
void add_leaf(const LeafTask& task, std::size_t rows, double* phi, AlignedVector<double>& scratch);

}  // namespace penchant::ranking
