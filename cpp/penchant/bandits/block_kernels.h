#pragma once

// Means and variances of many arms side by side. Arms lie in blocks of eight, element by element
// (entry e of lane l at 8 e + l), so that a triangle's product with a context is taken for eight
// arms at once and is one pass over memory. Each arm is a lane that adds in the order of its
// elements: the width of the machine's vectors changes no bit. The plain twin is
// tests/cpp/reference/plain_posterior.h.

#include <cstddef>
#include <span>

namespace penchant::bandits {

inline constexpr std::size_t kLanes = 8;

struct BlockView {
  const double* theta = nullptr;    // [n, kLanes]
  const double* inverse = nullptr;  // M, [packed_size(n), kLanes]; null where only means are wanted
};

// For each row of x [rows, n] and each block b and lane l:
//   mean[row, b, l] = sum_j theta_j x_j,   variance[row, b, l] = sum_i (sum_{j <= i} M_ij x_j)^2.
// Outputs are [rows, blocks, kLanes]; variance may be null.
void block_moments(std::span<const BlockView> blocks, const double* x, std::size_t rows,
                   std::size_t n, double* mean, double* variance);

}  // namespace penchant::bandits
