#include "penchant/ranking/objectives.h"

namespace penchant::ranking {
namespace {

// (score - y)^2 / 2.
class L2 final : public Objective {
 public:
  explicit L2(Labels labels) : labels_(std::move(labels)) {}

  [[nodiscard]] std::vector<double> start() const override {
    return {weighted_mean(labels_, 1,
                          [&](std::size_t i) { return static_cast<double>(labels_.target[i]); })};
  }

  void derivatives(std::span<const double> scores, std::span<float> gradients,
                   std::span<float> hessians, const Step& step) const override {
    fill_pairs(labels_, gradients, hessians, step.threads, [&](std::size_t i) {
      return std::pair{scores[i] - static_cast<double>(labels_.target[i]), 1.0};
    });
  }

  [[nodiscard]] double loss(std::span<const double> scores, int threads) const override {
    return weighted_mean(labels_, threads, [&](std::size_t i) {
      const double off = scores[i] - static_cast<double>(labels_.target[i]);
      return off * off;
    });
  }
  [[nodiscard]] const char* loss_name() const override { return "squared_error"; }

 private:
  Labels labels_;
};

}  // namespace

Made make_l2(Labels labels, const ObjectiveParams& /*params*/) {
  return std::make_unique<L2>(std::move(labels));
}

}  // namespace penchant::ranking
