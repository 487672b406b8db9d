#pragma once

// One half of an ALS iteration: every row of one side solved against the other side's factors.
//
// All three solvers work in a basis in which the term that the rows share is diagonal. Where every
// row has the same regularization, G = w0 V^T V + lambda I = L L^T and W = V L^-T: a row's system
// (G + V_u^T E V_u) x = V_u^T t becomes (I + W_u^T E W_u) z = W_u^T t with x = L^-T z. Where it
// differs from row to row, w0 V^T V = Q D Q^T and W = V Q give (D + lambda_u I + W_u^T E W_u) z =
// W_u^T t with x = Q z. Either way the shared term costs nothing a step, and the system is well
// conditioned after scaling by its diagonal, so that few warm-started steps suffice, single
// precision is enough for exact solves, and blocks of unknowns are nearly independent.

#include <cstddef>
#include <span>
#include <vector>

#include "penchant/base/matrix.h"
#include "penchant/models/als.h"
#include "penchant/models/csr.h"
#include "penchant/models/large_buffer.h"

namespace penchant::models {

// One side of the factorization: its rows of the matrix (values are confidences) and its factors:
// `factors` of them and, where the side has a bias, the bias as one more; padded to `stride`.
struct AlsSide {
  Csr matrix;
  bool has_bias = false;
  std::vector<double> regularization;  // lambda of each row
  Matrix<float> factors;               // [rows, stride]

  [[nodiscard]] std::size_t rows() const { return matrix.rows(); }
};

// c = 1 + alpha v for every pair.
[[nodiscard]] std::vector<float> als_confidences(const AlsParameters& p,
                                                 const data::Interactions& pairs, Timestamp as_of);

// lambda of a row with this many observed pairs among `row_length`.
[[nodiscard]] double als_row_regularization(const AlsParameters& p, std::size_t observed,
                                            std::size_t row_length);

// The objective over every pair, from factors as a model holds them; see als.h.
[[nodiscard]] double als_objective(const AlsParameters& p, const Csr& confidence,
                                   MatrixView<const float> users, MatrixView<const float> items);

// X^T X of the first f columns, row-major, in single precision for some hundred rows and in double
// across those, in a fixed order. Rows weigh `weights` (empty: one each). What `buffer` held is
// lost.
[[nodiscard]] std::vector<double> als_gram(const Matrix<float>& factors, std::size_t f, int threads,
                                           LargeBuffer& buffer,
                                           std::span<const double> weights = {});

// A = sum_j values[j] q_j q_j^T, the q_j being the rows of `vectors`, values ascending.
struct Eigen {
  std::vector<double> values;   // [f]
  std::vector<double> vectors;  // [f, f]
};
// Throws kBadData when it does not converge (something is not finite).
[[nodiscard]] Eigen eigendecomposition(std::vector<double> symmetric, std::size_t f);

// Replaces side.factors by better (conjugate gradients, one sweep of blocks) or the best ones
// (Cholesky) for other.factors. `rounded`: conjugate gradients may take other.factors at two bytes
// a number (als_kernels.h). `buffer` is working memory, kept from half to half. Throws kBadData
// when the system is singular.
void als_half(const AlsParameters& p, AlsSide& side, const AlsSide& other, bool rounded,
              LargeBuffer& buffer);

}  // namespace penchant::models
