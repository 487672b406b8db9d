#pragma once

// Small dense double-precision algebra for the serving path: plain loops in a defined order (column
// updates, never reassociated), so that a fold-in gives the same bits on every CPU. Training uses
// BLAS instead.

#include <cstddef>
#include <span>

namespace penchant::models {

// Replaces the lower triangle of the row-major n x n matrix `a` by its Cholesky factor L, a = L
// L^T. The upper triangle becomes L^T. Returns false when a pivot is not positive. n^3/3 flops.
[[nodiscard]] bool cholesky_in_place(std::span<double> a, std::size_t n);

// Solves L L^T x = b in place of b, with `factor` as cholesky_in_place leaves it. 2 n^2 flops.
void cholesky_solve(std::span<const double> factor, std::size_t n, std::span<double> b);

// Lower triangle of a += weight * v v^T.
void rank_one_update(std::span<double> a, std::size_t n, double weight, std::span<const float> v);

}  // namespace penchant::models
