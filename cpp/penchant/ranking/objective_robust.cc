// l1, huber and quantile: losses that outliers pull at with bounded force. Their second derivative
// is nothing to divide by, so a leaf's value is refitted from its rows' residuals (Friedman 2001,
// algorithms 3 and 4).

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "penchant/base/error.h"
#include "penchant/ranking/objectives.h"

namespace penchant::ranking {
namespace {

struct Residual {
  double value = 0;
  double weight = 0;
};

// The value below which a share of the weight lies; midway at an exact tie.
double weighted_quantile(std::vector<Residual>& residuals, double share) {
  std::sort(residuals.begin(), residuals.end(), [](const Residual& a, const Residual& b) {
    return a.value != b.value ? a.value < b.value : a.weight < b.weight;
  });
  double total = 0;
  for (const Residual& one : residuals) total += one.weight;
  const double wanted = share * total;
  double below = 0;
  for (std::size_t i = 0; i < residuals.size(); ++i) {
    below += residuals[i].weight;
    if (below > wanted) return residuals[i].value;
    if (below == wanted && i + 1 < residuals.size()) {
      return residuals[i].value / 2 + residuals[i + 1].value / 2;
    }
  }
  return residuals.empty() ? 0 : residuals.back().value;
}

class Robust : public Objective {
 public:
  explicit Robust(Labels labels) : labels_(std::move(labels)) {}
  [[nodiscard]] bool refits_leaves() const override { return true; }

 protected:
  [[nodiscard]] double target(std::size_t row) const {
    return static_cast<double>(labels_.target[row]);
  }
  // Quantile of y - score over some rows; scores empty: of y.
  [[nodiscard]] double residual_quantile(std::span<const std::uint32_t> rows,
                                         std::span<const double> scores, double share) const {
    std::vector<Residual> residuals;
    residuals.reserve(rows.size());
    for (const std::uint32_t row : rows) {
      const double score = scores.empty() ? 0 : scores[row];
      residuals.push_back({target(row) - score, weight_of(labels_, row)});
    }
    return weighted_quantile(residuals, share);
  }
  [[nodiscard]] double target_quantile(double share) const {
    std::vector<std::uint32_t> rows(labels_.target.size());
    std::iota(rows.begin(), rows.end(), 0U);
    return residual_quantile(rows, {}, share);
  }

  Labels labels_;
};

// The share `quantile` of residuals is to lie below 0: max(q r, (q - 1) r), r = y - score.
class Quantile final : public Robust {
 public:
  Quantile(Labels labels, double share, double scale, const char* name)
      : Robust(std::move(labels)), share_(share), scale_(scale), name_(name) {
    check_argument(share > 0 && share < 1, "quantile must be between 0 and 1, not ", share);
  }

  [[nodiscard]] std::vector<double> start() const override { return {target_quantile(share_)}; }

  void derivatives(std::span<const double> scores, std::span<float> gradients,
                   std::span<float> hessians, const Step& step) const override {
    fill_pairs(labels_, gradients, hessians, step.threads, [&](std::size_t i) {
      return std::pair{scale_ * (scores[i] >= target(i) ? 1 - share_ : -share_), 1.0};
    });
  }

  [[nodiscard]] double loss(std::span<const double> scores, int threads) const override {
    return weighted_mean(labels_, threads, [&](std::size_t i) {
      const double r = target(i) - scores[i];
      return scale_ * std::max(share_ * r, (share_ - 1) * r);
    });
  }
  [[nodiscard]] const char* loss_name() const override { return name_; }

  [[nodiscard]] double leaf_value(std::span<const std::uint32_t> rows,
                                  std::span<const double> scores) const override {
    return residual_quantile(rows, scores, share_);
  }

 private:
  double share_;
  double scale_;  // 2 makes the median's loss |r|
  const char* name_;
};

// r^2 / 2 up to |r| = delta, delta (|r| - delta / 2) beyond.
class Huber final : public Robust {
 public:
  Huber(Labels labels, double delta) : Robust(std::move(labels)), delta_(delta) {
    check_argument(delta > 0 && std::isfinite(delta), "huber_delta must be positive");
  }

  [[nodiscard]] std::vector<double> start() const override { return {target_quantile(0.5)}; }

  void derivatives(std::span<const double> scores, std::span<float> gradients,
                   std::span<float> hessians, const Step& step) const override {
    fill_pairs(labels_, gradients, hessians, step.threads, [&](std::size_t i) {
      return std::pair{std::clamp(scores[i] - target(i), -delta_, delta_), 1.0};
    });
  }

  [[nodiscard]] double loss(std::span<const double> scores, int threads) const override {
    return weighted_mean(labels_, threads, [&](std::size_t i) {
      const double r = std::abs(target(i) - scores[i]);
      return r <= delta_ ? r * r / 2 : delta_ * (r - delta_ / 2);
    });
  }
  [[nodiscard]] const char* loss_name() const override { return "huber"; }

  // The median, and the mean of what is left, held to delta.
  [[nodiscard]] double leaf_value(std::span<const std::uint32_t> rows,
                                  std::span<const double> scores) const override {
    const double median = residual_quantile(rows, scores, 0.5);
    std::vector<std::uint32_t> sorted(rows.begin(), rows.end());
    std::sort(sorted.begin(), sorted.end());  // one order of summing
    double sum = 0;
    double weights = 0;
    for (const std::uint32_t row : sorted) {
      const double weight = weight_of(labels_, row);
      sum += weight * std::clamp(target(row) - scores[row] - median, -delta_, delta_);
      weights += weight;
    }
    return weights > 0 ? median + sum / weights : median;
  }

 private:
  double delta_;
};

}  // namespace

Made make_l1(Labels labels, const ObjectiveParams& /*params*/) {
  return std::make_unique<Quantile>(std::move(labels), 0.5, 2, "absolute_error");
}

Made make_quantile(Labels labels, const ObjectiveParams& params) {
  return std::make_unique<Quantile>(std::move(labels), params.quantile, 1, "pinball");
}

Made make_huber(Labels labels, const ObjectiveParams& params) {
  return std::make_unique<Huber>(std::move(labels), params.huber_delta);
}

}  // namespace penchant::ranking
