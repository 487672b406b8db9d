#pragma once

// Gauss-Legendre quadrature on [0, 1]: exact for polynomials of degree 2n - 1 with n points.

#include <cstddef>
#include <span>
#include <vector>

namespace penchant::ranking {

class Quadrature {
 public:
  // The rules of 1 to `most` points. Only +, -, *, / in a fixed order: the same bits everywhere.
  explicit Quadrature(std::size_t most);

  [[nodiscard]] std::span<const double> points(std::size_t n) const { return points_[n]; }
  [[nodiscard]] std::span<const double> weights(std::size_t n) const { return weights_[n]; }

 private:
  std::vector<std::vector<double>> points_;   // [most + 1][n]
  std::vector<std::vector<double>> weights_;  // [most + 1][n]
};

}  // namespace penchant::ranking
