// One set of coefficients over the products of context and arm.

#include "penchant/bandits/inputs.h"
#include "penchant/bandits/models.h"
#include "penchant/bandits/normal.h"
#include "penchant/bandits/shared_posterior.h"

namespace penchant::bandits {
namespace {

class SharedModel : public RewardModel {
 public:
  SharedModel(const PolicyOptions& options, bool variances)
      : inputs_(options),
        shared_({.context = inputs_.context(),
                 .arm = inputs_.arm(),
                 .interactions = options.interactions,
                 .l2 = options.l2,
                 .discount = options.discount,
                 .variances = variances}),
        context_(inputs_.context()),
        arm_(inputs_.arm()),
        joint_(shared_.dimension()) {}

  [[nodiscard]] std::unique_ptr<RewardModel> clone() const override {
    return std::make_unique<SharedModel>(*this);
  }

  void ensure_arms(std::size_t /*arms*/) override {}
  void check(const Lesson& lesson) override { put(lesson); }

  void learn(const Lesson& lesson) override {
    put(lesson);
    shared_.learn(row_, lesson.copies);
  }

  void take_back(const Lesson& lesson) override {
    put(lesson);
    shared_.take_back(row_, lesson.copies, lesson.age);
  }

  [[nodiscard]] bool plausible(std::size_t /*arm*/) const override {
    return shared_.sums().plausible();
  }

  void refresh(int /*threads*/) override { shared_.refresh(); }

  void beliefs(const Candidates& ask, std::size_t first, std::size_t rows, double* mean,
               double* spread) const override {
    const auto x = inputs_.contexts(ask, first, rows);
    const std::size_t arms = ask.arms.size();
    const std::size_t width = inputs_.arm();
    ContextPosterior here;
    std::vector<double> scratch;
    std::vector<double> features;
    for (std::size_t r = 0; r < rows; ++r) {
      if (r == 0 || inputs_.by_row(ask)) inputs_.put_arms(ask, first + r, features);
      shared_.at(std::span(x).subspan(r * inputs_.context(), inputs_.context()), spread != nullptr,
                 here, scratch);
      for (std::size_t a = 0; a < arms; ++a) {
        const auto f = std::span<const double>(features).subspan(a * width, width);
        mean[r * arms + a] = shared_.mean(here, f);
        if (spread != nullptr) spread[r * arms + a] = shared_.variance(here, f, scratch);
      }
    }
  }

  [[nodiscard]] bool independent() const override { return false; }

  // The small model's coefficients are drawn: the same law as drawing those of z.
  void draw_scores(const Candidates& ask, std::size_t row, const PosteriorDraws& draws,
                   double* scores) const override {
    const auto x = inputs_.contexts(ask, row, 1);
    std::vector<double> features;
    std::vector<double> scratch;
    ContextPosterior here;
    inputs_.put_arms(ask, row, features);
    shared_.at(x, true, here, scratch);
    const std::size_t arms = ask.arms.size();
    const std::size_t arm_width = inputs_.arm();
    const std::size_t width = shared_.width();
    ContextPosterior drawn{.mean = std::vector<double>(width), .factor = {}};
    std::vector<double> z(width);
    for (std::size_t m = 0; m < draws.count; ++m) {
      const Philox random = generator_of(draws, m);
      for (std::size_t j = 0; j < width; ++j) {
        z[j] = draws.scale * normal_of(random, draws.id, static_cast<std::uint32_t>(j));
      }
      multiply_lower(here.factor, z, drawn.mean);
      for (std::size_t j = 0; j < width; ++j) drawn.mean[j] += here.mean[j];
      for (std::size_t a = 0; a < arms; ++a) {
        scores[m * arms + a] = shared_.mean(
            drawn, std::span<const double>(features).subspan(a * arm_width, arm_width));
      }
    }
  }

  [[nodiscard]] std::size_t memory_bytes() const override { return shared_.memory_bytes(); }

  void save(bundle::Writer& writer, const std::string& prefix) const override {
    shared_.save(writer, prefix + "/shared");
  }

  void load(const bundle::Reader& reader, const std::string& prefix,
            std::size_t /*arms*/) override {
    shared_.load(reader, prefix + "/shared");
  }

 private:
  void put(const Lesson& lesson) {
    inputs_.put_context(lesson.context, context_);
    inputs_.put_arm(lesson.features, arm_);
    shared_.joint(context_, arm_, joint_);
    for (double& value : joint_) value *= lesson.root;
    row_.set(joint_, lesson.reward * lesson.root);
  }

  Inputs inputs_;
  SharedPosterior shared_;
  std::vector<double> context_;
  std::vector<double> arm_;
  std::vector<double> joint_;
  FixedRow row_;
};

}  // namespace

std::unique_ptr<RewardModel> make_shared_model(const PolicyOptions& options, bool variances) {
  return std::make_unique<SharedModel>(options, variances);
}

}  // namespace penchant::bandits
