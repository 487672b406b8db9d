#pragma once

// The inner loops of off-policy estimates. Sums have eight virtual lanes (rows of tables four)
// whatever the width of the machine's vectors, and no fused multiply-add: the same bits on every
// CPU.

#include <cstddef>
#include <span>

#include "penchant/evaluation/off_policy_rounds.h"

namespace penchant::evaluation {

// What is told of a column in two passes over it.
struct Description {
  double mean = 0;
  double squares = 0;  // sum of (x - mean)^2
  double total = 0;    // sum of |x|
  double largest = 0;  // max of |x|
  double least = 0;
  double most = 0;
};

// Of at least one value.
[[nodiscard]] Description describe(std::span<const double> x);

// Sum of (x - mean_x)(y - mean_y).
[[nodiscard]] double product_about(std::span<const double> x, double mean_x,
                                   std::span<const double> y, double mean_y);

// Of a row of probabilities p and predictions q.
struct RowSums {
  double mass = 0;   // sum of p
  double value = 0;  // sum of p q; 0 without q
  double least = 0;  // min of p and 0
};

// out[i]: of row first_row + i of tables whose rows have `columns` adjacent entries.
void sum_rows(const RealTable& target, const RealTable* q, std::size_t columns,
              std::size_t first_row, std::span<RowSums> out);

}  // namespace penchant::evaluation
