#pragma once

// Ridge regression of vectors on sparse rows of features and a constant, each row weighted:
//
//   B = argmin  sum_r w_r |B^T (f_r, 1) - y_r|^2  +  ridge |B|^2,
//
// one column of targets at a time, by conjugate gradient scaled by the diagonal, in double.

#include <cstdint>
#include <span>
#include <vector>

namespace penchant::models {

// Rows of features (CSR): [rows + 1], [nnz], [nnz].
struct FeatureRows {
  std::span<const std::int64_t> offsets;
  std::span<const std::int32_t> features;
  std::span<const float> values;
  std::size_t num_features = 0;

  [[nodiscard]] std::size_t size() const { return offsets.size() - 1; }
  [[nodiscard]] bool empty(std::size_t row) const { return offsets[row] == offsets[row + 1]; }
};

class AttributeRidge {
 public:
  // Keeps references to both.
  AttributeRidge(const FeatureRows& rows, const std::vector<double>& weights, double ridge);

  // The coefficients that fit `target` [rows] best: [num_features + 1], the constant last.
  // O(steps * entries).
  [[nodiscard]] std::vector<double> coefficients(const std::vector<double>& target) const;
  // What they make one expect of every row.
  [[nodiscard]] std::vector<double> applied(const std::vector<double>& coefficients) const;

 private:
  template <class Body>
  void each(std::size_t row, const Body& body) const;
  [[nodiscard]] std::vector<double> transposed(const std::vector<double>& of_rows) const;
  [[nodiscard]] std::vector<double> scaled(const std::vector<double>& residual) const;

  const FeatureRows& rows_;
  const std::vector<double>& weights_;
  double ridge_;
  std::vector<double> diagonal_;
};

}  // namespace penchant::models
