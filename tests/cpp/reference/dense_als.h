#pragma once

// The plain twin of ALS: the objective as a double loop over every pair, and one row's solution by
// Gaussian elimination on its dense normal equations.

#include <cmath>
#include <vector>

#include "penchant/data/interactions.h"
#include "penchant/models/als.h"

namespace penchant::reference {

using Dense = std::vector<std::vector<double>>;

inline Dense confidence_matrix(const models::AlsParameters& p, const data::Interactions& pairs,
                               Timestamp as_of) {
  Dense c(pairs.num_users(), std::vector<double>(pairs.num_items(), 0.0));
  for (std::size_t u = 0; u < pairs.num_users(); ++u) {
    const auto h = pairs.history(UserIndex(static_cast<std::int32_t>(u)));
    for (std::size_t k = 0; k < h.size(); ++k) {
      double v = h.values[k];
      if (p.weighting.value == models::ValueWeighting::kLog) v = std::log1p(v);
      if (p.weighting.value == models::ValueWeighting::kBinary) v = 1;
      if (p.weighting.value == models::ValueWeighting::kCapped) v = std::min(v, 1.0);
      if (p.weighting.half_life) {
        const double age = static_cast<double>(as_of.micros - h.last[k].micros);
        v *= std::exp2(-age / static_cast<double>(p.weighting.half_life->micros));
      }
      c[u][static_cast<std::size_t>(h.items[k].value)] = 1 + p.alpha * v;
    }
  }
  return c;
}

inline double lambda(const models::AlsParameters& p, double observed, double length) {
  return p.regularization *
         std::pow(observed + p.unobserved_weight * length, p.regularization_exponent);
}

inline double objective(const models::AlsParameters& p, const Dense& c,
                        MatrixView<const float> users, MatrixView<const float> items) {
  double loss = 0;
  std::vector<double> item_count(items.rows, 0);
  for (std::size_t u = 0; u < users.rows; ++u) {
    double count = 0;
    double norm = 0;
    for (const float x : users.row(u)) norm += static_cast<double>(x) * static_cast<double>(x);
    for (std::size_t i = 0; i < items.rows; ++i) {
      double s = 0;
      for (std::size_t j = 0; j < users.columns; ++j) {
        s += static_cast<double>(users.row(u)[j]) * static_cast<double>(items.row(i)[j]);
      }
      if (c[u][i] > 0) {
        ++count;
        ++item_count[i];
        loss += c[u][i] * (1 - s) * (1 - s);
      } else {
        loss += p.unobserved_weight * s * s;
      }
    }
    loss += lambda(p, count, static_cast<double>(items.rows)) * norm;
  }
  for (std::size_t i = 0; i < items.rows; ++i) {
    double norm = 0;
    for (const float y : items.row(i)) norm += static_cast<double>(y) * static_cast<double>(y);
    loss += lambda(p, item_count[i], static_cast<double>(users.rows)) * norm;
  }
  return loss;
}

// The vector that minimizes one row's part of the objective, the other side fixed.
inline std::vector<double> solve_row(const models::AlsParameters& p,
                                     const std::vector<double>& confidence,
                                     MatrixView<const float> other) {
  const std::size_t f = other.columns;
  Dense a(f, std::vector<double>(f + 1, 0.0));
  double count = 0;
  for (std::size_t i = 0; i < other.rows; ++i) {
    const bool seen = confidence[i] > 0;
    count += seen ? 1 : 0;
    const double weight = seen ? confidence[i] : p.unobserved_weight;
    for (std::size_t j = 0; j < f; ++j) {
      const double y = static_cast<double>(other.row(i)[j]);
      for (std::size_t k = 0; k < f; ++k) {
        a[j][k] += weight * y * static_cast<double>(other.row(i)[k]);
      }
      if (seen) a[j][f] += weight * y;
    }
  }
  for (std::size_t j = 0; j < f; ++j) a[j][j] += lambda(p, count, static_cast<double>(other.rows));
  for (std::size_t pivot = 0; pivot < f; ++pivot) {
    for (std::size_t j = 0; j < f; ++j) {
      if (j == pivot) continue;
      const double factor = a[j][pivot] / a[pivot][pivot];
      for (std::size_t k = pivot; k <= f; ++k) a[j][k] -= factor * a[pivot][k];
    }
  }
  std::vector<double> x(f);
  for (std::size_t j = 0; j < f; ++j) x[j] = a[j][f] / a[j][j];
  return x;
}

}  // namespace penchant::reference
