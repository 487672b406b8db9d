#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "penchant/base/error.h"
#include "penchant/base/portable_math.h"
#include "penchant/ranking/calibration.h"

namespace penchant::ranking {
namespace {

constexpr double kMostScore = 1e300;

struct Point {
  double x = 0;
  double weight = 0;
  bool right = false;
};

// Rows of equal probability: neighbours that the fit does not tell apart.
struct Pool {
  double first = 0;  // the lowest and the highest x
  double last = 0;
  double weight = 0;
  double right = 0;  // weight of the right ones; never above `weight`, as both are summed alike
  [[nodiscard]] double p() const { return right / weight; }
};

Pool joined(const Pool& low, const Pool& high) {
  return {low.first, high.last, low.weight + high.weight, low.right + high.right};
}

CalibrationCurve fit_isotonic(std::vector<Point> points) {
  std::stable_sort(points.begin(), points.end(),
                   [](const Point& a, const Point& b) { return a.x < b.x; });
  std::vector<Pool> pools;
  for (std::size_t i = 0; i < points.size();) {
    Pool next{points[i].x, points[i].x, 0, 0};
    for (; i < points.size() && points[i].x == next.first; ++i) {
      next.weight += points[i].weight;
      next.right += points[i].right ? points[i].weight : 0;
    }
    while (!pools.empty() && pools.back().p() >= next.p()) {
      next = joined(pools.back(), next);
      pools.pop_back();
    }
    pools.push_back(next);
  }
  CalibrationCurve curve;
  for (const Pool& pool : pools) {
    curve.x.push_back(pool.first);
    curve.p.push_back(pool.p());
    if (pool.last == pool.first) continue;
    curve.x.push_back(pool.last);
    curve.p.push_back(pool.p());
  }
  return curve;
}

// The loss of p = 1 / (1 + exp(-(slope x + offset))) against smoothed targets, and its derivatives.
struct SigmoidLoss {
  double value = 0;
  double slope = 0;  // first derivatives
  double offset = 0;
  double slope2 = 0;  // second derivatives
  double offset2 = 0;
  double both = 0;
};

class SigmoidFit {
 public:
  explicit SigmoidFit(const std::vector<Point>& points) : points_(points) {
    double right = 0;
    double sum = 0;
    for (const Point& point : points_) {
      total_ += point.weight;
      right += point.right ? point.weight : 0;
      sum += point.weight * point.x;
    }
    const double wrong = total_ - right;
    // Platt's targets: as if one more row of each class had been seen.
    right_target_ = (right + 1) / (right + 2);
    wrong_target_ = 1 / (wrong + 2);
    offset_ = portable_log2((right + 1) / (wrong + 1)) * std::numbers::ln2;
    mean_ = sum / total_;
    double squares = 0;
    for (const Point& point : points_) {
      squares += point.weight * (point.x - mean_) * (point.x - mean_);
    }
    spread_ = std::sqrt(squares / total_);
    if (!(spread_ > 0 && std::isfinite(spread_))) spread_ = 1;
  }

  CalibrationCurve fit() {
    constexpr int kMostSteps = 100;
    SigmoidLoss at = loss(slope_, offset_);
    for (int step = 0; step < kMostSteps; ++step) {
      if (std::max(std::abs(at.slope), std::abs(at.offset)) <= 1e-13 * total_) break;
      if (!improve(at)) break;
    }
    CalibrationCurve curve;
    curve.slope = slope_ / spread_;
    curve.offset = offset_ - curve.slope * mean_;
    return curve;
  }

 private:
  // x is taken by its mean and spread, or large scores would leave Newton's matrix singular.
  [[nodiscard]] SigmoidLoss loss(double slope, double offset) const {
    SigmoidLoss sum;
    for (const Point& point : points_) {
      const double x = (point.x - mean_) / spread_;
      const double target = point.right ? right_target_ : wrong_target_;
      const double z = slope * x + offset;
      const double small = portable_exp2(-std::abs(z) * std::numbers::log2e);
      const double p = (z >= 0 ? 1 : small) / (1 + small);
      const double curve = point.weight * small / ((1 + small) * (1 + small));
      sum.value += point.weight * (std::max(z, 0.0) + portable_log1p(small) - target * z);
      sum.slope += point.weight * (p - target) * x;
      sum.offset += point.weight * (p - target);
      sum.slope2 += curve * x * x;
      sum.offset2 += curve;
      sum.both += curve * x;
    }
    return sum;
  }

  // One step of Newton's method, halved until the loss falls. False when no step makes it fall.
  bool improve(SigmoidLoss& at) {
    constexpr double kRidge = 1e-12;
    constexpr double kLeastStep = 1e-10;
    const double a = at.slope2 + kRidge * total_;
    const double b = at.offset2 + kRidge * total_;
    const double determinant = a * b - at.both * at.both;
    const double to_slope = -(b * at.slope - at.both * at.offset) / determinant;
    const double to_offset = -(a * at.offset - at.both * at.slope) / determinant;
    const double fall = at.slope * to_slope + at.offset * to_offset;
    for (double step = 1; step >= kLeastStep; step /= 2) {
      const SigmoidLoss next = loss(slope_ + step * to_slope, offset_ + step * to_offset);
      if (!(next.value < at.value + 1e-4 * step * fall)) continue;
      slope_ += step * to_slope;
      offset_ += step * to_offset;
      at = next;
      return true;
    }
    return false;
  }

  const std::vector<Point>& points_;
  double total_ = 0;
  double right_target_ = 0;
  double wrong_target_ = 0;
  double mean_ = 0;
  double spread_ = 1;
  double slope_ = 0;
  double offset_ = 0;
};

void check_rows(const CalibrationRows& rows) {
  const std::size_t count = rows.label.size();
  check_argument(rows.outputs >= 1 && count >= 1 && rows.scores.size() == count * rows.outputs,
                 "calibration: ", rows.scores.size(), " scores for ", count, " labels of ",
                 rows.outputs, " outputs");
  check_argument(rows.weight.empty() || rows.weight.size() == count,
                 "calibration: ", rows.weight.size(), " weights for ", count, " rows");
  const auto classes = static_cast<std::int32_t>(std::max<std::size_t>(2, rows.outputs));
  double total = rows.weight.empty() ? 1 : 0;
  for (std::size_t i = 0; i < count; ++i) {
    check_argument(rows.label[i] >= 0 && rows.label[i] < classes, "calibration: label ",
                   rows.label[i], ", row ", i, ": must be 0 to ", classes - 1);
    for (std::size_t o = 0; o < rows.outputs; ++o) {
      check_argument(std::abs(rows.scores[i * rows.outputs + o]) <= kMostScore,
                     "calibration: scores, row ", i, ": must be within +-1e300");
    }
    if (rows.weight.empty()) continue;
    check_argument(std::isfinite(rows.weight[i]) && rows.weight[i] >= 0,
                   "calibration: sample_weight, row ", i, ": must be a finite number from 0 up");
    total += rows.weight[i];
  }
  check_argument(total > 0, "calibration: every sample_weight is zero");
}

}  // namespace

CalibrationData fit_calibration(const CalibrationRows& rows, CalibrationMethod method) {
  check_rows(rows);
  std::vector<double> x(rows.scores.begin(), rows.scores.end());
  curve_inputs(x, rows.outputs);
  CalibrationData data{.method = method};
  for (std::size_t o = 0; o < rows.outputs; ++o) {
    const auto right = rows.outputs == 1 ? 1 : static_cast<std::int32_t>(o);
    std::vector<Point> points;
    for (std::size_t i = 0; i < rows.label.size(); ++i) {
      const double weight = rows.weight.empty() ? 1 : rows.weight[i];
      if (weight > 0) points.push_back({x[i * rows.outputs + o], weight, rows.label[i] == right});
    }
    data.curves.push_back(method == CalibrationMethod::kIsotonic ? fit_isotonic(std::move(points))
                                                                 : SigmoidFit(points).fit());
  }
  return data;
}

}  // namespace penchant::ranking
