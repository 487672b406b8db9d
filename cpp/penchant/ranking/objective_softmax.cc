#include <algorithm>
#include <cmath>

#include "penchant/base/error.h"
#include "penchant/ranking/objectives.h"

namespace penchant::ranking {
namespace {

// -log p_y, p = softmax(scores); y is the number of a class.
class Softmax final : public Objective {
 public:
  Softmax(Labels labels, int classes)
      : labels_(std::move(labels)), classes_(static_cast<std::size_t>(std::max(classes, 0))) {
    check_argument(classes >= 2 && static_cast<std::size_t>(classes) <= kMaxOutputs,
                   "softmax wants 2 to ", kMaxOutputs, " classes, not ", classes);
    for (std::size_t i = 0; i < labels_.target.size(); ++i) {
      const float y = labels_.target[i];
      check_argument(y >= 0 && y < static_cast<float>(classes) && y == std::floor(y), "y, row ", i,
                     ": softmax wants the number of a class, 0 to ", classes - 1);
    }
  }

  [[nodiscard]] std::size_t outputs() const override { return classes_; }
  [[nodiscard]] Link link() const override { return Link::kSoftmax; }

  [[nodiscard]] std::vector<double> start() const override {
    std::vector<double> weight(classes_, 0.0);
    for (std::size_t i = 0; i < labels_.target.size(); ++i) {
      weight[class_of(i)] += weight_of(labels_, i);
    }
    const double total = total_weight(labels_);
    for (double& one : weight) one = std::log(std::max(one / total, 1e-10));
    return weight;
  }

  void derivatives(std::span<const double> scores, std::span<float> gradients,
                   std::span<float> hessians, const Step& step) const override {
    const std::size_t rows = labels_.target.size();
    // Of the K scores one is free to move: what the diagonal leaves out.
    const double curvature = static_cast<double>(classes_) / static_cast<double>(classes_ - 1);
    parallel_blocks(rows, kObjectiveBlock, step.threads, [&](const Block& block) {
      std::vector<double> p(classes_);
      for (std::size_t i = block.begin; i < block.end; ++i) {
        probabilities(scores, i, p);
        const double weight = weight_of(labels_, i);
        for (std::size_t k = 0; k < classes_; ++k) {
          const double hit = k == class_of(i) ? 1.0 : 0.0;
          gradients[k * rows + i] = static_cast<float>((p[k] - hit) * weight);
          hessians[k * rows + i] = static_cast<float>(curvature * p[k] * (1 - p[k]) * weight);
        }
      }
    });
  }

  [[nodiscard]] double loss(std::span<const double> scores, int threads) const override {
    return weighted_mean(labels_, threads, [&](std::size_t i) {
      static thread_local std::vector<double> p;
      p.resize(classes_);
      probabilities(scores, i, p);
      return -std::log(std::max(p[class_of(i)], 1e-300));
    });
  }
  [[nodiscard]] const char* loss_name() const override { return "log_loss"; }

 private:
  [[nodiscard]] std::size_t class_of(std::size_t row) const {
    return static_cast<std::size_t>(labels_.target[row]);
  }

  void probabilities(std::span<const double> scores, std::size_t row,
                     std::vector<double>& p) const {
    const std::size_t rows = labels_.target.size();
    double highest = scores[row];
    for (std::size_t k = 1; k < classes_; ++k) {
      highest = std::max(highest, scores[k * rows + row]);
    }
    double sum = 0;
    for (std::size_t k = 0; k < classes_; ++k) {
      p[k] = std::exp(scores[k * rows + row] - highest);
      sum += p[k];
    }
    for (double& one : p) one /= sum;
  }

  Labels labels_;
  std::size_t classes_;
};

}  // namespace

Made make_softmax(Labels labels, const ObjectiveParams& params) {
  return std::make_unique<Softmax>(std::move(labels), params.classes);
}

}  // namespace penchant::ranking
