#pragma once

// Plain twins of the bandits: ridge regression by Gaussian elimination, probabilities of being best
// by a fine Simpson's rule.

#include <cmath>
#include <cstddef>
#include <functional>
#include <vector>

namespace penchant::reference {

using Vector = std::vector<double>;
using Rows = std::vector<Vector>;

// The inverse of a small matrix, by Gauss-Jordan elimination with pivoting.
inline Rows inverse(Rows a) {
  const std::size_t n = a.size();
  Rows out(n, Vector(n, 0.0));
  for (std::size_t i = 0; i < n; ++i) out[i][i] = 1;
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t pivot = k;
    for (std::size_t i = k; i < n; ++i) {
      if (std::abs(a[i][k]) > std::abs(a[pivot][k])) pivot = i;
    }
    std::swap(a[k], a[pivot]);
    std::swap(out[k], out[pivot]);
    const double by = a[k][k];
    for (std::size_t j = 0; j < n; ++j) {
      a[k][j] /= by;
      out[k][j] /= by;
    }
    for (std::size_t i = 0; i < n; ++i) {
      const double factor = i == k ? 0 : a[i][k];
      for (std::size_t j = 0; j < n; ++j) {
        a[i][j] -= factor * a[k][j];
        out[i][j] -= factor * out[k][j];
      }
    }
  }
  return out;
}

struct Ridge {
  Rows covariance{};  // A^-1
  Vector theta{};

  // From events x [n, d] with rewards and, for each event, how often it counts. `prior` is the mean
  // of theta's prior; empty: 0.
  static Ridge fit(const Rows& x, const Vector& rewards, double l2, std::size_t d,
                   const Vector& prior = {}) {
    Rows a(d, Vector(d, 0.0));
    Vector b(d, 0.0);
    for (std::size_t i = 0; i < d; ++i) {
      a[i][i] = l2;
      if (!prior.empty()) b[i] = l2 * prior[i];
    }
    for (std::size_t e = 0; e < x.size(); ++e) {
      for (std::size_t i = 0; i < d; ++i) {
        b[i] += x[e][i] * rewards[e];
        for (std::size_t j = 0; j < d; ++j) a[i][j] += x[e][i] * x[e][j];
      }
    }
    Ridge out{.covariance = inverse(a), .theta = Vector(d, 0.0)};
    for (std::size_t i = 0; i < d; ++i) {
      for (std::size_t j = 0; j < d; ++j) out.theta[i] += out.covariance[i][j] * b[j];
    }
    return out;
  }

  [[nodiscard]] double mean(const Vector& x) const {
    double sum = 0;
    for (std::size_t j = 0; j < x.size(); ++j) sum += theta[j] * x[j];
    return sum;
  }
  [[nodiscard]] double variance(const Vector& x) const {
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      for (std::size_t j = 0; j < x.size(); ++j) sum += x[i] * covariance[i][j] * x[j];
    }
    return sum;
  }
};

// Simpson's rule for the probability that each arm is the largest.
inline Vector best_of(std::size_t arms, double low, double high, std::size_t steps,
                      const std::function<double(std::size_t, double)>& cdf,
                      const std::function<double(std::size_t, double)>& density) {
  Vector out(arms, 0.0);
  const double width = (high - low) / static_cast<double>(steps);
  for (std::size_t k = 0; k <= steps; ++k) {
    const double t = low + width * static_cast<double>(k);
    const double weight = (k == 0 || k == steps ? 1.0 : k % 2 == 1 ? 4.0 : 2.0) * width / 3;
    for (std::size_t a = 0; a < arms; ++a) {
      double product = density(a, t);
      for (std::size_t b = 0; b < arms; ++b) product *= b == a ? 1.0 : cdf(b, t);
      out[a] += weight * product;
    }
  }
  return out;
}

}  // namespace penchant::reference
