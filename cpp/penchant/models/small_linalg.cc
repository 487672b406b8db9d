#include "penchant/models/small_linalg.h"

#include <cmath>

namespace penchant::models {

// A left-looking factorization needs dot products, reductions whose order must be kept and which
// therefore don't vectorize; the right-looking form updates rows of L^T elementwise, which does,
// without changing any bit. Both triangles end up filled so that solves also run along rows.
bool cholesky_in_place(std::span<double> a, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) a[j * n + i] = a[i * n + j];
  }
  for (std::size_t p = 0; p < n; ++p) {
    double* pivot_row = a.data() + p * n;
    if (!(pivot_row[p] > 0)) return false;
    const double root = std::sqrt(pivot_row[p]);
    const double inverse = 1.0 / root;
    pivot_row[p] = root;
    for (std::size_t j = p + 1; j < n; ++j) pivot_row[j] *= inverse;
    for (std::size_t i = p + 1; i < n; ++i) {
      const double factor = pivot_row[i];
      double* row = a.data() + i * n;
      for (std::size_t j = i; j < n; ++j) row[j] -= factor * pivot_row[j];
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) a[i * n + j] = a[j * n + i];
  }
  return true;
}

void cholesky_solve(std::span<const double> factor, std::size_t n, std::span<double> b) {
  // Both triangles hold L (mirrored), so the elementwise updates run along rows.
  for (std::size_t p = 0; p < n; ++p) {
    const double* row = factor.data() + p * n;
    b[p] /= row[p];
    const double value = b[p];
    for (std::size_t j = p + 1; j < n; ++j) b[j] -= value * row[j];
  }
  for (std::size_t q = n; q-- > 0;) {
    const double* row = factor.data() + q * n;
    b[q] /= row[q];
    const double value = b[q];
    for (std::size_t j = 0; j < q; ++j) b[j] -= value * row[j];
  }
}

void rank_one_update(std::span<double> a, std::size_t n, double weight, std::span<const float> v) {
  for (std::size_t i = 0; i < n; ++i) {
    const double factor = weight * static_cast<double>(v[i]);
    double* row = a.data() + i * n;
    for (std::size_t j = 0; j <= i; ++j) row[j] += factor * static_cast<double>(v[j]);
  }
}

}  // namespace penchant::models
