#pragma once

// Plain twins of the item-item operators: dense, in double, by the formulas of their headers.

#include <algorithm>
#include <cmath>
#include <vector>

#include "penchant/data/interactions.h"
#include "penchant/models/pair_weight.h"

namespace penchant::reference {

using Dense = std::vector<std::vector<double>>;

inline Dense zeros(std::size_t rows, std::size_t columns) {
  return Dense(rows, std::vector<double>(columns, 0.0));
}

inline Dense weight_matrix(const data::Interactions& pairs, Timestamp as_of,
                           const models::PairWeighting& weighting) {
  Dense out = zeros(pairs.num_users(), pairs.num_items());
  for (std::size_t u = 0; u < pairs.num_users(); ++u) {
    const auto h = pairs.history(UserIndex(static_cast<std::int32_t>(u)));
    for (std::size_t k = 0; k < h.size(); ++k) {
      out[u][static_cast<std::size_t>(h.items[k].value)] =
          static_cast<double>(models::pair_weight(weighting, h.values[k], h.last[k], as_of));
    }
  }
  return out;
}

// W^T D W, D_u = (row sum)^-exponent.
inline Dense gram_matrix(const Dense& w, double user_exponent) {
  const std::size_t n = w.empty() ? 0 : w[0].size();
  Dense out = zeros(n, n);
  for (const auto& row : w) {
    double sum = 0;
    for (const double v : row) sum += v;
    if (!(sum > 0)) continue;
    const double d = std::pow(sum, -user_exponent);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) out[i][j] += d * row[i] * row[j];
    }
  }
  return out;
}

inline Dense product(const Dense& a, const Dense& b) {
  Dense out = zeros(a.size(), b[0].size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t k = 0; k < b.size(); ++k) {
      for (std::size_t j = 0; j < b[0].size(); ++j) out[i][j] += a[i][k] * b[k][j];
    }
  }
  return out;
}

// By Gauss-Jordan elimination with pivoting.
inline Dense inverse(Dense a) {
  const std::size_t n = a.size();
  Dense out = zeros(n, n);
  for (std::size_t i = 0; i < n; ++i) out[i][i] = 1;
  for (std::size_t c = 0; c < n; ++c) {
    std::size_t pivot = c;
    for (std::size_t r = c; r < n; ++r) {
      if (std::fabs(a[r][c]) > std::fabs(a[pivot][c])) pivot = r;
    }
    std::swap(a[c], a[pivot]);
    std::swap(out[c], out[pivot]);
    const double p = a[c][c];
    for (std::size_t j = 0; j < n; ++j) {
      a[c][j] /= p;
      out[c][j] /= p;
    }
    for (std::size_t r = 0; r < n; ++r) {
      const double factor = a[r][c];
      if (r == c || factor == 0) continue;
      for (std::size_t j = 0; j < n; ++j) {
        a[r][j] -= factor * a[c][j];
        out[r][j] -= factor * out[c][j];
      }
    }
  }
  return out;
}

// Eigenvalues and vectors (columns) of a symmetric matrix by Jacobi rotations, largest first.
struct SymmetricEigen {
  std::vector<double> values;
  Dense vectors;
};
inline SymmetricEigen symmetric_eigen(Dense a) {
  const std::size_t n = a.size();
  Dense v = zeros(n, n);
  for (std::size_t i = 0; i < n; ++i) v[i][i] = 1;
  for (int sweep = 0; sweep < 60; ++sweep) {
    for (std::size_t p = 0; p < n; ++p) {
      for (std::size_t q = p + 1; q < n; ++q) {
        if (std::fabs(a[p][q]) < 1e-15) continue;
        const double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        const double sign = theta < 0 ? -1.0 : 1.0;
        const double t = sign / (std::fabs(theta) + std::sqrt(theta * theta + 1));
        const double c = 1 / std::sqrt(t * t + 1);
        const double s = t * c;
        for (std::size_t k = 0; k < n; ++k) {
          const double x = a[k][p];
          const double y = a[k][q];
          a[k][p] = c * x - s * y;
          a[k][q] = s * x + c * y;
        }
        for (std::size_t k = 0; k < n; ++k) {
          const double x = a[p][k];
          const double y = a[q][k];
          a[p][k] = c * x - s * y;
          a[q][k] = s * x + c * y;
          const double vx = v[k][p];
          const double vy = v[k][q];
          v[k][p] = c * vx - s * vy;
          v[k][q] = s * vx + c * vy;
        }
      }
    }
  }
  std::vector<std::size_t> order(n);
  for (std::size_t i = 0; i < n; ++i) order[i] = i;
  std::sort(order.begin(), order.end(),
            [&](std::size_t x, std::size_t y) { return a[x][x] > a[y][y]; });
  SymmetricEigen out{std::vector<double>(n), zeros(n, n)};
  for (std::size_t k = 0; k < n; ++k) {
    out.values[k] = a[order[k]][order[k]];
    for (std::size_t i = 0; i < n; ++i) out.vectors[i][k] = v[i][order[k]];
  }
  return out;
}

}  // namespace penchant::reference
