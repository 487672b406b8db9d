#include "penchant/ranking/calibration.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/base/portable_math.h"
#include "penchant/ranking/forest_data.h"

namespace penchant::ranking {
namespace {

constexpr std::size_t kBlockScores = 16'384;
constexpr double kMostScore = 1e300;  // so that no difference of two overflows

double portable_exp(double x) { return portable_exp2(x * std::numbers::log2e); }
double portable_log(double x) { return portable_log2(x) * std::numbers::ln2; }

double isotonic(const CalibrationCurve& curve, double x) {
  if (x != x) return x;
  const auto above = std::upper_bound(curve.x.begin(), curve.x.end(), x);
  if (above == curve.x.begin()) return curve.p.front();
  if (above == curve.x.end()) return curve.p.back();
  const auto k = static_cast<std::size_t>(above - curve.x.begin());
  const double part = (x - curve.x[k - 1]) / (curve.x[k] - curve.x[k - 1]);
  // Rounding must not lift a line above its end: order is kept.
  return std::min(curve.p[k - 1] + part * (curve.p[k] - curve.p[k - 1]), curve.p[k]);
}

double probability(const CalibrationData& data, std::size_t output, double x) {
  const CalibrationCurve& curve = data.curves[output];
  const double score = std::clamp(x, -kMostScore, kMostScore);
  if (data.method == CalibrationMethod::kIsotonic) return isotonic(curve, score);
  return 1 / (1 + portable_exp(-(curve.slope * score + curve.offset)));
}

// Log odds of each output under the softmax of a row. The others' powers are taken against the
// largest of them, so that their sum is at least one.
void log_odds(std::span<double> row) {
  const auto top = static_cast<std::size_t>(std::max_element(row.begin(), row.end()) - row.begin());
  const double first = row[top];
  double second = -std::numeric_limits<double>::infinity();
  for (std::size_t o = 0; o < row.size(); ++o) {
    if (o != top) second = std::max(second, row[o]);
  }
  double all = 0;
  double others = 0;  // than the top
  for (std::size_t o = 0; o < row.size(); ++o) {
    all += portable_exp(row[o] - first);
    if (o != top) others += portable_exp(row[o] - second);
  }
  for (std::size_t o = 0; o < row.size(); ++o) {
    row[o] = o == top ? first - second - portable_log(others)
                      : row[o] - first - portable_log(all - portable_exp(row[o] - first));
  }
}

void normalize(std::span<double> row) {
  double sum = 0;
  for (const double p : row) sum += p;
  for (double& p : row) p = sum == 0 ? 1 / static_cast<double>(row.size()) : p / sum;
}

void check_isotonic(const CalibrationCurve& curve, std::size_t output) {
  const auto bad = [&](const auto&... parts) {
    fail(ErrorKind::kBadData, concat("calibration, output ", output, ": ", parts...));
  };
  if (curve.x.empty() || curve.x.size() != curve.p.size()) {
    bad(curve.x.size(), " knots with ", curve.p.size(), " probabilities");
  }
  for (std::size_t k = 0; k < curve.x.size(); ++k) {
    if (!(std::abs(curve.x[k]) <= kMostScore)) bad("knot ", k, " is not within +-1e300");
    if (k > 0 && !(curve.x[k] > curve.x[k - 1])) bad("knot ", k, " is not above the one before");
    if (!(curve.p[k] >= 0 && curve.p[k] <= 1)) bad("knot ", k, " has no probability");
    if (k > 0 && curve.p[k] < curve.p[k - 1]) bad("probabilities fall at knot ", k);
  }
}

}  // namespace

void curve_inputs(std::span<double> scores, std::size_t outputs) {
  if (outputs == 1) return;
  for (std::size_t i = 0; i < scores.size(); i += outputs) log_odds(scores.subspan(i, outputs));
}

Calibration::Calibration(CalibrationData data) : data_(std::move(data)) {
  if (data_.curves.empty() || data_.curves.size() > kMaxOutputs) {
    fail(ErrorKind::kBadData,
         concat("calibration: ", data_.curves.size(), " curves; there must be 1 to ", kMaxOutputs));
  }
  for (std::size_t o = 0; o < data_.curves.size(); ++o) {
    const CalibrationCurve& curve = data_.curves[o];
    if (data_.method == CalibrationMethod::kIsotonic) {
      check_isotonic(curve, o);
    } else if (!std::isfinite(curve.slope) || !std::isfinite(curve.offset)) {
      fail(ErrorKind::kBadData,
           concat("calibration, output ", o, ": slope and offset must be finite"));
    }
  }
}

void Calibration::apply(std::span<double> scores, int threads) const {
  const std::size_t width = outputs();
  check_argument(scores.size() % width == 0, scores.size(), " scores are no whole rows of ", width);
  const std::size_t rows = std::max<std::size_t>(1, kBlockScores / width);
  parallel_blocks(scores.size() / width, rows, threads, [&](const Block& block) {
    const auto mine = scores.subspan(block.begin * width, (block.end - block.begin) * width);
    curve_inputs(mine, width);
    for (std::size_t i = 0; i < mine.size(); ++i) mine[i] = probability(data_, i % width, mine[i]);
    if (width == 1) return;
    for (std::size_t i = 0; i < mine.size(); i += width) normalize(mine.subspan(i, width));
  });
}

}  // namespace penchant::ranking
