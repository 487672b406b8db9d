#include "penchant/bandits/inverse_factor.h"

#include <algorithm>
#include <cmath>

namespace penchant::bandits {

void factorize(std::span<const double> gram, std::size_t n, double l2, FactorScratch& scratch) {
  auto& square = scratch.square;
  square.resize(n * n);
  for (std::size_t i = 0, at = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j, ++at) square[j * n + i] = gram[at];
  }
  for (std::size_t k = 0; k < n; ++k) square[k * n + k] += l2;
  for (std::size_t k = 0; k < n; ++k) {
    double* row = square.data() + k * n;
    const double root = std::sqrt(std::max(row[k], l2));
    row[k] = root;
    for (std::size_t j = k + 1; j < n; ++j) row[j] /= root;
    for (std::size_t i = k + 1; i < n; ++i) {
      const double factor = row[i];
      double* target = square.data() + i * n;
      for (std::size_t j = i; j < n; ++j) target[j] -= factor * row[j];
    }
  }
}

void invert_factor(std::size_t n, const FactorScratch& scratch, std::span<double> inverse) {
  const double* square = scratch.square.data();
  for (std::size_t i = 0; i < n; ++i) {
    double* row = inverse.data() + packed_begin(i);
    std::fill(row, row + i, 0.0);
    for (std::size_t k = 0; k < i; ++k) {
      const double factor = square[k * n + i];
      const double* earlier = inverse.data() + packed_begin(k);
      for (std::size_t j = 0; j <= k; ++j) row[j] -= factor * earlier[j];
    }
    const double reciprocal = 1.0 / square[i * n + i];
    for (std::size_t j = 0; j < i; ++j) row[j] *= reciprocal;
    row[i] = reciprocal;
  }
}

void solve_factor(std::size_t n, const FactorScratch& scratch, std::span<const double> moment,
                  std::span<double> theta) {
  const double* square = scratch.square.data();
  std::copy(moment.begin(), moment.end(), theta.begin());
  for (std::size_t k = 0; k < n; ++k) {  // L y = b
    theta[k] /= square[k * n + k];
    for (std::size_t j = k + 1; j < n; ++j) theta[j] -= square[k * n + j] * theta[k];
  }
  for (std::size_t k = n; k-- > 0;) {  // L^T theta = y
    double sum = theta[k];
    for (std::size_t j = k + 1; j < n; ++j) sum -= square[k * n + j] * theta[j];
    theta[k] = sum / square[k * n + k];
  }
}

void multiply_lower(std::span<const double> inverse, std::span<const double> x,
                    std::span<double> out) {
  const double* row = inverse.data();
  for (std::size_t i = 0; i < x.size(); ++i) {
    double sum = 0;
    for (std::size_t j = 0; j <= i; ++j) sum += row[j] * x[j];
    out[i] = sum;
    row += i + 1;
  }
}

void multiply_lower_transposed(std::span<const double> inverse, std::span<const double> z,
                               std::span<double> out) {
  std::fill(out.begin(), out.end(), 0.0);
  const double* row = inverse.data();
  for (std::size_t i = 0; i < z.size(); ++i) {
    for (std::size_t j = 0; j <= i; ++j) out[j] += row[j] * z[i];
    row += i + 1;
  }
}

void factorize_semidefinite(std::span<double> a, std::size_t n, double floor) {
  const auto at = [](std::size_t i, std::size_t j) { return packed_begin(i) + j; };
  for (std::size_t k = 0; k < n; ++k) {
    const double pivot = a[at(k, k)];
    const bool kept = pivot > floor;
    const double root = kept ? std::sqrt(pivot) : 0.0;
    a[at(k, k)] = root;
    for (std::size_t i = k + 1; i < n; ++i) a[at(i, k)] = kept ? a[at(i, k)] / root : 0.0;
    for (std::size_t i = k + 1; i < n && kept; ++i) {
      for (std::size_t j = k + 1; j <= i; ++j) a[at(i, j)] -= a[at(i, k)] * a[at(j, k)];
    }
  }
}

}  // namespace penchant::bandits
