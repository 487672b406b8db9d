#pragma once

// The inverse of a large symmetric positive definite matrix, in place and blocked, on all threads.
//
//   Matrix<float> a(n, n);                       // both triangles, or the lower one
//   invert_in_place(a.view(), threads);          // both triangles of a^-1
//
// a = L L^T (left-looking Cholesky), then L^-1, then L^-T L^-1: n^3 floating-point operations in
// all, nearly all of them in matrix products. Needs n^2 numbers and a few blocks. The blocks are
// fixed and each is computed by one thread with a BLAS of one thread, so the result is the same
// bits at any number of threads (and differs between instruction sets: for training only).

#include "penchant/base/matrix.h"
#include "penchant/models/model.h"

namespace penchant::models {

// Calls of `progress` count from `done_before` of `total_steps` on; see inverse_steps. Throws
// kBadData when the matrix is not positive definite. T is float or double.
template <class T>
void invert_in_place(MatrixView<T> a, int threads, const Progress& progress = {},
                     int done_before = 0, int total_steps = 0);

// How many steps invert_in_place reports for an n x n matrix.
[[nodiscard]] int inverse_steps(std::size_t n);

}  // namespace penchant::models
