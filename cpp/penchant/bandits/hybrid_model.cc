// Coefficients of its own for each arm, around what the shared model expects of its attributes.
//
// theta_a ~ N(B f_a, I / l2) with B the shared coefficients as a matrix. Given B the posterior of
// arm a is that of ridge regression around w = B f_a: with A = l2 I + sum x x^T and M its factor,
//
//   theta_a = A^-1 (sum x r + l2 w),   variance at x = |M x|^2 + l2^2 v^T Cov(w) v,  v = A^-1 x,
//
// the second term being what is not known of B (the law of total variance). B is learnt from all
// arms' events as in the shared model.

#include <cmath>

#include "penchant/bandits/inputs.h"
#include "penchant/bandits/linear_bank.h"
#include "penchant/bandits/models.h"
#include "penchant/bandits/normal.h"
#include "penchant/bandits/shared_posterior.h"
#include "penchant/bandits/sums_io.h"

namespace penchant::bandits {
namespace {

class HybridModel : public RewardModel {
 public:
  explicit HybridModel(const PolicyOptions& options)
      : l2_(options.l2),
        inputs_(options),
        bank_({.dimension = inputs_.context(),
               .l2 = options.l2,
               .discount = options.discount,
               .variances = true}),
        shared_({.context = inputs_.context(),
                 .arm = inputs_.arm(),
                 .interactions = true,
                 .l2 = options.l2,
                 .discount = options.discount}),
        context_(inputs_.context()),
        arm_(inputs_.arm()),
        joint_(shared_.dimension()) {}

  [[nodiscard]] std::unique_ptr<RewardModel> clone() const override {
    return std::make_unique<HybridModel>(*this);
  }

  void ensure_arms(std::size_t arms) override { bank_.ensure(arms); }
  void check(const Lesson& lesson) override { put(lesson); }

  void learn(const Lesson& lesson) override {
    put(lesson);
    bank_.sums(lesson.arm).add(own_, lesson.copies);
    shared_.learn(pooled_, lesson.copies);
    bank_.touch(lesson.arm);
  }

  void take_back(const Lesson& lesson) override {
    put(lesson);
    bank_.sums(lesson.arm).take_back(own_, lesson.copies, lesson.age);
    shared_.take_back(pooled_, lesson.copies, lesson.age_of_all);
    bank_.touch(lesson.arm);
  }

  [[nodiscard]] bool plausible(std::size_t arm) const override {
    return bank_.sums(arm).plausible() && shared_.sums().plausible();
  }

  void refresh(int threads) override {
    bank_.refresh(threads);
    shared_.refresh();
  }

  void beliefs(const Candidates& ask, std::size_t first, std::size_t rows, double* mean,
               double* spread) const override {
    const std::size_t arms = ask.arms.size();
    const std::size_t n = inputs_.context();
    const auto x = inputs_.contexts(ask, first, rows);
    bank_.moments(bank_.plan(ask.arms), x.data(), rows, mean, spread);
    std::vector<double> features;
    std::vector<double> moved;
    std::vector<double> joint(shared_.dimension());
    std::vector<double> image(shared_.dimension());
    for (std::size_t r = 0; r < rows; ++r) {
      const auto here = std::span<const double>(x).subspan(r * n, n);
      if (r == 0 || inputs_.by_row(ask)) {
        inputs_.put_arms(ask, first + r, features);
        moved = pulls(ask, features, shared_.theta());
      }
      for (std::size_t a = 0; a < arms; ++a) {
        mean[r * arms + a] += product(here, std::span<const double>(moved).subspan(a * n, n));
        if (spread == nullptr) continue;
        const auto v = solved(ask.arms[a], here);
        shared_.joint(v, features_of(features, a), joint);
        multiply_lower(shared_.inverse(), joint, image);
        spread[r * arms + a] += l2_ * l2_ * product(image, image);
      }
    }
  }

  [[nodiscard]] bool independent() const override { return false; }

  void draw_scores(const Candidates& ask, std::size_t row, const PosteriorDraws& draws,
                   double* scores) const override {
    const std::size_t arms = ask.arms.size();
    const auto x = inputs_.contexts(ask, row, 1);
    std::vector<double> own_mean(arms);
    std::vector<double> own_deviation(arms);
    bank_.moments(bank_.plan(ask.arms), x.data(), 1, own_mean.data(), own_deviation.data());
    std::vector<double> features;
    inputs_.put_arms(ask, row, features);
    // What an arm's score takes of the shared coefficients: l2 v (x) f.
    std::vector<double> weights(arms * shared_.dimension());
    for (std::size_t a = 0; a < arms; ++a) {
      own_deviation[a] = draws.scale * std::sqrt(own_deviation[a]);
      const auto weight = std::span(weights).subspan(a * shared_.dimension(), shared_.dimension());
      shared_.joint(solved(ask.arms[a], x), features_of(features, a), weight);
      for (double& value : weight) value *= l2_;
    }
    std::vector<double> z(shared_.dimension());
    std::vector<double> drawn(shared_.dimension());
    for (std::size_t m = 0; m < draws.count; ++m) {
      const Philox random = generator_of(draws, m);
      for (std::size_t j = 0; j < z.size(); ++j) {
        z[j] = draws.scale * normal_of(random, draws.id, static_cast<std::uint32_t>(j));
      }
      multiply_lower_transposed(shared_.inverse(), z, drawn);
      for (std::size_t j = 0; j < z.size(); ++j) drawn[j] += shared_.theta()[j];
      for (std::size_t a = 0; a < arms; ++a) {
        const auto step = static_cast<std::uint32_t>(z.size() + a);
        const auto weight =
            std::span<const double>(weights).subspan(a * drawn.size(), drawn.size());
        scores[m * arms + a] = own_mean[a] + product(drawn, weight) +
                               own_deviation[a] * normal_of(random, draws.id, step);
      }
    }
  }

  [[nodiscard]] std::size_t memory_bytes() const override {
    return bank_.memory_bytes() + shared_.memory_bytes();
  }

  void save(bundle::Writer& writer, const std::string& prefix) const override {
    save_sums(writer, prefix + "/arms", bank_.arms(),
              [&](std::size_t arm) -> const LinearSums& { return bank_.sums(arm); });
    shared_.save(writer, prefix + "/shared");
  }

  void load(const bundle::Reader& reader, const std::string& prefix, std::size_t arms) override {
    load_bank(reader, prefix + "/arms", arms, bank_);
    shared_.load(reader, prefix + "/shared");
  }

 private:
  static double product(std::span<const double> a, std::span<const double> b) {
    double sum = 0;
    for (std::size_t j = 0; j < a.size(); ++j) sum += a[j] * b[j];
    return sum;
  }

  [[nodiscard]] std::span<const double> features_of(const std::vector<double>& features,
                                                    std::size_t a) const {
    return std::span(features).subspan(a * inputs_.arm(), inputs_.arm());
  }

  // A^-1 x of an arm.
  [[nodiscard]] std::vector<double> solved(std::int32_t arm, std::span<const double> x) const {
    std::vector<double> image(x.size());
    std::vector<double> out(x.size());
    bank_.product(arm, x, image);
    bank_.transposed_product(arm, image, out);
    return out;
  }

  // l2 A^-1 B f of each arm [arms, n]: how far the shared coefficients move it from its own.
  [[nodiscard]] std::vector<double> pulls(const Candidates& ask,
                                          const std::vector<double>& features,
                                          std::span<const double> shared) const {
    const std::size_t n = inputs_.context();
    const std::size_t width = inputs_.arm();
    std::vector<double> out;
    std::vector<double> expected(n);
    for (std::size_t a = 0; a < ask.arms.size(); ++a) {
      for (std::size_t i = 0; i < n; ++i) {
        expected[i] = l2_ * product(features_of(features, a), shared.subspan(i * width, width));
      }
      const auto pull = solved(ask.arms[a], expected);
      out.insert(out.end(), pull.begin(), pull.end());
    }
    return out;
  }

  void put(const Lesson& lesson) {
    inputs_.put_context(lesson.context, context_);
    inputs_.put_arm(lesson.features, arm_);
    for (double& value : context_) value *= lesson.root;
    shared_.joint(context_, arm_, joint_);
    own_.set(context_, lesson.reward * lesson.root);
    pooled_.set(joint_, lesson.reward * lesson.root);
  }

  double l2_;
  Inputs inputs_;
  LinearBank bank_;
  SharedPosterior shared_;
  std::vector<double> context_;
  std::vector<double> arm_;
  std::vector<double> joint_;
  FixedRow own_;
  FixedRow pooled_;
};

}  // namespace

std::unique_ptr<RewardModel> make_hybrid_model(const PolicyOptions& options) {
  return std::make_unique<HybridModel>(options);
}

}  // namespace penchant::bandits
