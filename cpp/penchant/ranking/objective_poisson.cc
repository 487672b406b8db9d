#include <algorithm>
#include <cmath>

#include "penchant/base/error.h"
#include "penchant/ranking/objectives.h"

namespace penchant::ranking {
namespace {

// exp(score) - y score: counts with a logarithmic link.
class Poisson final : public Objective {
 public:
  explicit Poisson(Labels labels) : labels_(std::move(labels)) {
    for (std::size_t i = 0; i < labels_.target.size(); ++i) {
      check_argument(labels_.target[i] >= 0, "y, row ", i,
                     ": poisson wants counts, which are not negative");
    }
    check_argument(mean() > 0, "poisson: every y is 0");
  }

  [[nodiscard]] Link link() const override { return Link::kExp; }
  [[nodiscard]] std::vector<double> start() const override { return {std::log(mean())}; }

  void derivatives(std::span<const double> scores, std::span<float> gradients,
                   std::span<float> hessians, const Step& step) const override {
    fill_pairs(labels_, gradients, hessians, step.threads, [&](std::size_t i) {
      const double rate = rate_of(scores[i]);
      // e^0.7 more of curvature keeps steps from overshooting where rates are small.
      return std::pair{rate - static_cast<double>(labels_.target[i]), rate * kCurvature};
    });
  }

  [[nodiscard]] double loss(std::span<const double> scores, int threads) const override {
    return weighted_mean(labels_, threads, [&](std::size_t i) {
      return rate_of(scores[i]) - static_cast<double>(labels_.target[i]) * scores[i];
    });
  }
  [[nodiscard]] const char* loss_name() const override { return "poisson"; }

 private:
  static constexpr double kCurvature = 2.0137527074704766;  // exp(0.7)

  [[nodiscard]] static double rate_of(double score) { return std::exp(std::min(score, 60.0)); }
  [[nodiscard]] double mean() const {
    return weighted_mean(labels_, 1,
                         [&](std::size_t i) { return static_cast<double>(labels_.target[i]); });
  }

  Labels labels_;
};

}  // namespace

Made make_poisson(Labels labels, const ObjectiveParams& /*params*/) {
  return std::make_unique<Poisson>(std::move(labels));
}

}  // namespace penchant::ranking
