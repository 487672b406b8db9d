#pragma once

// Dense single-precision algebra for training: products, weighted Gram matrices and Cholesky
// factors of systems of a few hundred unknowns, where a BLAS spends its time packing. Everything is
// held in panels of sixteen columns, so that one micro-kernel (six rows of sixteen sums kept in
// registers, or eight of thirty-two where they are wide) serves all. Fused multiply-add is used:
// the bits belong to one instruction set, and depend on nothing else. The serving path has
// small_linalg.h instead.
//
//   const PackedMatrix lower = pack(l, f, MatrixShape::kLower);
//   multiply(x, rows, lower, z);                         // z = x L, half of it skipped
//   PanelSquare a(stride);
//   a.set_identity();  a.add_weighted(rows, weights, n, scratch);  a.factorize();  a.solve(z);

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/matrix.h"

namespace penchant::models {

inline constexpr std::size_t kPanel = 16;  // columns; rows of factors are padded to it with zeros

[[nodiscard]] constexpr std::size_t padded_to_panels(std::size_t n) {
  return (n + kPanel - 1) / kPanel * kPanel;
}

enum class MatrixShape : std::uint8_t { kFull, kLower, kUpper };  // which entries may be non-zero

// A square matrix as the right operand of a product.
struct PackedMatrix {
  std::size_t stride = 0;          // its rows and columns, padded
  AlignedVector<float> panels;     // [stride / 16][stride][16]
  std::vector<std::size_t> begin;  // rows of each panel that may be non-zero
  std::vector<std::size_t> end;
};

// `matrix` is row-major f x f; `stride` is that of the rows it will multiply, a multiple of 16.
[[nodiscard]] PackedMatrix pack(const std::vector<double>& matrix, std::size_t f,
                                std::size_t stride, MatrixShape shape);

// out[rows, stride] = in[rows, stride] * matrix; the two must not overlap. 2 rows stride^2 flops,
// half of that for a triangle.
void multiply(const float* in, std::size_t rows, const PackedMatrix& matrix, float* out);

// A symmetric matrix, its lower triangle by panels of sixteen rows: element (r, c) of panel b,
// 16 b <= r < 16 b + 16, is at panel(b)[16 c + r - 16 b].
class PanelSquare {
 public:
  explicit PanelSquare(std::size_t stride);

  void clear();
  // Zero but for its diagonal: ones, or `diagonal` (size: stride).
  void set_diagonal(const float* diagonal);

  // += sum_k weights[k] rows[k] rows[k]^T; weights null: ones. rows[k] has `stride` floats.
  void add_weighted(const float* const* rows, const float* weights, std::size_t count);

  // A = L L^T in place. False when a pivot is not positive.
  [[nodiscard]] bool factorize();
  // Solves L L^T x = b in place of b (size: stride), after factorize().
  void solve(float* b) const;

  // The panels themselves, [stride / 16][stride][16]; see above.
  [[nodiscard]] std::span<const float> values() const { return values_; }

  // total[r * f + c] += element (r, c) for c <= r < f.
  void add_lower_to(std::vector<double>& total, std::size_t f) const;

 private:
  std::size_t stride_;
  AlignedVector<float> values_;
  AlignedVector<float> left_;   // a chunk of rows by panels, weighted
  AlignedVector<float> right_;  // and not
};

}  // namespace penchant::models
