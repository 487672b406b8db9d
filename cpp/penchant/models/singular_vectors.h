#pragma once

// The leading right singular vectors of a large sparse matrix, by randomized subspace iteration.
//
//   const SparsePair m{a, transpose(a, columns)};
//   const SingularVectors top = top_singular_vectors(m, 64, seed, threads);
//   // top.vectors [columns, found]: orthonormal columns; top.squares: a^T a's eigenvalues
//
// A random block wider than what is wanted is multiplied by A^T A a few times, made orthonormal
// after each, and the small problem inside its span is solved exactly (Halko, Martinsson & Tropp,
// "Finding structure with randomness", SIAM Review 2011, alg. 4.4 and 5.3). Deterministic at any
// number of threads; the signs of the vectors mean nothing.

#include <cstdint>
#include <vector>

#include "penchant/base/matrix.h"
#include "penchant/models/csr.h"

namespace penchant::models {

// A matrix beside its transpose, so that products with either run over rows.
struct SparsePair {
  Csr rows;
  Csr columns;
};

struct SingularVectors {
  Matrix<float> vectors;        // [columns, found], found <= wanted and <= the rank
  std::vector<double> squares;  // [found], squared singular values, descending
};

// O(iterations * nnz * wanted + iterations * columns * wanted^2).
[[nodiscard]] SingularVectors top_singular_vectors(const SparsePair& matrix, std::size_t wanted,
                                                   std::uint64_t seed, int threads);

// out = matrix * in, [rows, l] = [rows, columns] x [columns, l], in float, each row of the result
// summed in the order of the entries.
void multiply(const Csr& matrix, const Matrix<float>& in, Matrix<float>& out, int threads);

}  // namespace penchant::models
