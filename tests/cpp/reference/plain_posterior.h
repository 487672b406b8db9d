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

inline Vector times(const Rows& a, const Vector& x) {
  Vector out(a.size(), 0.0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < x.size(); ++j) out[i] += a[i][j] * x[j];
  }
  return out;
}
inline Vector transposed_times(const Rows& a, const Vector& x, std::size_t columns) {
  Vector out(columns, 0.0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < columns; ++j) out[j] += a[i][j] * x[i];
  }
  return out;
}
inline double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t j = 0; j < a.size(); ++j) sum += a[j] * b[j];
  return sum;
}

// "LinUCB with hybrid linear models", line by line (Li et al. 2010, Algorithm 2).
class LiHybrid {
 public:
  LiHybrid(std::size_t arms, std::size_t d, std::size_t k, double l2)
      : k_(k), a0_(diagonal(k, l2)), b0_(k, 0.0) {
    for (std::size_t a = 0; a < arms; ++a) {
      arms_.push_back({diagonal(d, l2), Rows(d, Vector(k, 0.0)), Vector(d, 0.0)});
    }
  }

  void learn(std::size_t arm, const Vector& x, const Vector& z, double reward) {
    Arm& one = arms_[arm];
    add(one, 1);
    for (std::size_t i = 0; i < x.size(); ++i) {
      for (std::size_t j = 0; j < x.size(); ++j) one.a[i][j] += x[i] * x[j];
      for (std::size_t j = 0; j < k_; ++j) one.b[i][j] += x[i] * z[j];
      one.moment[i] += reward * x[i];
    }
    for (std::size_t i = 0; i < k_; ++i) {
      for (std::size_t j = 0; j < k_; ++j) a0_[i][j] += z[i] * z[j];
      b0_[i] += reward * z[i];
    }
    add(one, -1);
  }

  [[nodiscard]] double mean(std::size_t arm, const Vector& x, const Vector& z) const {
    const Arm& one = arms_[arm];
    const Vector beta = times(inverse(a0_), b0_);
    Vector rest = one.moment;
    const Vector explained = times(one.b, beta);
    for (std::size_t i = 0; i < rest.size(); ++i) rest[i] -= explained[i];
    return dot(z, beta) + dot(x, times(inverse(one.a), rest));
  }

  [[nodiscard]] double variance(std::size_t arm, const Vector& x, const Vector& z) const {
    const Arm& one = arms_[arm];
    const Rows a0 = inverse(a0_);
    const Vector v = times(inverse(one.a), x);
    const Vector bv = transposed_times(one.b, v, k_);
    return dot(z, times(a0, z)) - 2 * dot(z, times(a0, bv)) + dot(x, v) + dot(bv, times(a0, bv));
  }

 private:
  struct Arm {
    Rows a, b;
    Vector moment;
  };
  static Rows diagonal(std::size_t n, double value) {
    Rows out(n, Vector(n, 0.0));
    for (std::size_t i = 0; i < n; ++i) out[i][i] = value;
    return out;
  }
  // B^T A^-1 B and B^T A^-1 b of the arm.
  void add(const Arm& one, double sign) {
    const Rows inverse_a = inverse(one.a);
    for (std::size_t j = 0; j < k_; ++j) {
      Vector column(one.b.size());
      for (std::size_t i = 0; i < column.size(); ++i) column[i] = one.b[i][j];
      const Vector through = transposed_times(one.b, times(inverse_a, column), k_);
      for (std::size_t i = 0; i < k_; ++i) a0_[i][j] += sign * through[i];
    }
    const Vector through = transposed_times(one.b, times(inverse_a, one.moment), k_);
    for (std::size_t i = 0; i < k_; ++i) b0_[i] += sign * through[i];
  }

  std::size_t k_;
  Rows a0_;
  Vector b0_;
  std::vector<Arm> arms_;
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
