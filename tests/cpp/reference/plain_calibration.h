#pragma once

// The plain twin of calibration.h: the isotonic fit by its min-max formula, quadratic in the rows,
// and probabilities by the C library, one row after the other.

#include <algorithm>
#include <cmath>
#include <vector>

#include "penchant/ranking/calibration.h"

namespace penchant::reference {

struct WeightedLabel {
  double x = 0;
  double weight = 0;
  double right = 0;  // 0 or 1
};

// p at x[i] = max over a <= i of min over b >= i of the mean of a..b (Robertson, Wright and
// Dykstra, "Order restricted statistical inference", 1988, theorem 1.4.4).
inline double isotonic_at(const std::vector<WeightedLabel>& rows, double x) {
  double best = -1;
  for (const WeightedLabel& from : rows) {
    if (from.x > x) continue;
    double least = 2;
    for (const WeightedLabel& to : rows) {
      if (to.x < x) continue;
      double weight = 0;
      double right = 0;
      for (const WeightedLabel& row : rows) {
        if (row.x < from.x || row.x > to.x) continue;
        weight += row.weight;
        right += row.weight * row.right;
      }
      least = std::min(least, right / weight);
    }
    best = std::max(best, least);
  }
  return best;
}

inline double curve_at(const ranking::CalibrationCurve& curve, double x) {
  if (curve.x.empty()) return 1 / (1 + std::exp(-(curve.slope * x + curve.offset)));
  if (x <= curve.x.front()) return curve.p.front();
  for (std::size_t k = 1; k < curve.x.size(); ++k) {
    if (x > curve.x[k]) continue;
    const double part = (x - curve.x[k - 1]) / (curve.x[k] - curve.x[k - 1]);
    return curve.p[k - 1] + part * (curve.p[k] - curve.p[k - 1]);
  }
  return curve.p.back();
}

inline std::vector<double> calibrated_row(const ranking::CalibrationData& data,
                                          const std::vector<double>& scores) {
  if (scores.size() == 1) return {curve_at(data.curves[0], scores[0])};
  std::vector<double> p(scores.size());
  double sum = 0;
  for (std::size_t o = 0; o < scores.size(); ++o) {
    double most = -INFINITY;
    for (std::size_t other = 0; other < scores.size(); ++other) {
      if (other != o) most = std::max(most, scores[other]);
    }
    double others = 0;
    for (std::size_t other = 0; other < scores.size(); ++other) {
      if (other != o) others += std::exp(scores[other] - most);
    }
    p[o] = curve_at(data.curves[o], scores[o] - most - std::log(others));
    sum += p[o];
  }
  for (double& one : p) one = sum == 0 ? 1 / static_cast<double>(p.size()) : one / sum;
  return p;
}

}  // namespace penchant::reference
