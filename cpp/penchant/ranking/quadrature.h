#pragma once

// Gauss-Legendre quadrature on [0, 1]: exact for polynomials of degree 2n - 1 with n points.

#include <cstddef>
#include <span>
#include <vector>

namespace penchant::ranking {

class Quadrature {
 public:
  static constexpr std::size_t kPadding = 8;

  // The rules of 1 to `most` points. Only +, -, *, / in a fixed order: the same bits everywhere.
  explicit Quadrature(std::size_t most);

  // [n]. Zeros follow up to a multiple of kPadding, so that whole vectors may be loaded.
  [[nodiscard]] std::span<const double> points(std::size_t n) const {
    return std::span(points_[n]).first(n);
  }
  [[nodiscard]] std::span<const double> weights(std::size_t n) const {
    return std::span(weights_[n]).first(n);
  }

 private:
  std::vector<std::vector<double>> points_;   // [most + 1][n and padding]
  std::vector<std::vector<double>> weights_;  // [most + 1][n and padding]
};

}  // namespace penchant::ranking
