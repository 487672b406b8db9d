#include <algorithm>
#include <cmath>

#include "penchant/base/error.h"
#include "penchant/ranking/logistic_kernel.h"
#include "penchant/ranking/objectives.h"

namespace penchant::ranking {
namespace {

// -y log p - (1 - y) log(1 - p), p = sigmoid(score), y from 0 to 1.
class Logistic final : public Objective {
 public:
  explicit Logistic(Labels labels) : labels_(std::move(labels)) {
    for (std::size_t i = 0; i < labels_.target.size(); ++i) {
      check_argument(labels_.target[i] >= 0 && labels_.target[i] <= 1, "y, row ", i,
                     ": logistic loss wants labels from 0 to 1");
    }
  }

  [[nodiscard]] Link link() const override { return Link::kSigmoid; }

  [[nodiscard]] std::vector<double> start() const override {
    const double mean = weighted_mean(
        labels_, 1, [&](std::size_t i) { return static_cast<double>(labels_.target[i]); });
    const double p = std::clamp(mean, 1e-10, 1 - 1e-10);
    return {std::log(p / (1 - p))};
  }

  void derivatives(std::span<const double> scores, std::span<float> gradients,
                   std::span<float> hessians, const Step& step) const override {
    parallel_blocks(scores.size(), kObjectiveBlock, step.threads, [&](const Block& block) {
      const float* weight = labels_.weight.empty() ? nullptr : labels_.weight.data() + block.begin;
      logistic_pairs(scores.data() + block.begin, labels_.target.data() + block.begin, weight,
                     block.end - block.begin, gradients.data() + block.begin,
                     hessians.data() + block.begin);
    });
  }

  [[nodiscard]] double loss(std::span<const double> scores, int threads) const override {
    return weighted_mean(labels_, threads, [&](std::size_t i) {
      // log(1 + exp(s)) - y s, without overflow.
      const double s = scores[i];
      return std::max(s, 0.0) + std::log1p(std::exp(-std::abs(s))) -
             static_cast<double>(labels_.target[i]) * s;
    });
  }
  [[nodiscard]] const char* loss_name() const override { return "log_loss"; }

 private:
  Labels labels_;
};

}  // namespace

Made make_logistic(Labels labels, const ObjectiveParams& /*params*/) {
  return std::make_unique<Logistic>(std::move(labels));
}

}  // namespace penchant::ranking
