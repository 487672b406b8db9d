// Coefficients that all arms share and coefficients of each arm, estimated together: the hybrid
// model of Li, Chu, Langford & Schapire, "A contextual-bandit approach" (2010), Algorithm 2.
//
// r ~ z . beta + x . theta_a, all of them N(0, I / l2) beforehand, z being the products of context
// and attributes (or both side by side). With what an arm has seen, X, Z and r, and the paper's
// A_a = l2 I + X^T X, B_a = X^T Z, b_a = X^T r:
//
//   A_0 = l2 I + sum_a (Z^T Z - B_a^T A_a^-1 B_a),   b_0 = sum_a (Z^T r - B_a^T A_a^-1 b_a),
//   beta = A_0^-1 b_0,   theta_a = A_a^-1 (b_a - B_a beta),
//
// and at (x, z), with w = z - B_a^T A_a^-1 x,
//
//   mean = x . A_a^-1 b_a + w . beta,   variance = x^T A_a^-1 x + w^T A_0^-1 w:
//
// the second is the paper's s_t,a (lines 8 to 12), completed to a square. Given beta, arms are
// independent. All is a function of the arms' exact sums over (x, z), whatever the order of events.

#include <algorithm>
#include <cmath>

#include "penchant/bandits/inputs.h"
#include "penchant/bandits/inverse_factor.h"
#include "penchant/bandits/models.h"
#include "penchant/bandits/normal.h"
#include "penchant/bandits/sums_io.h"
#include "penchant/base/parallel.h"

namespace penchant::bandits {
namespace {

constexpr std::size_t kGroup = 32;  // arms whose parts of A_0 are kept added up

void add_scaled(std::span<double> out, double by, std::span<const double> row) {
  for (std::size_t j = 0; j < out.size(); ++j) out[j] += by * row[j];
}

double product(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t j = 0; j < a.size(); ++j) sum += a[j] * b[j];
  return sum;
}

// What scoring reads of an arm, and what it adds to the shared normal equations.
struct ArmPart {
  std::vector<double> inverse{};  // M of A_a, packed [n]
  std::vector<double> alone{};    // A_a^-1 b_a [n]
  std::vector<double> cross{};    // A_a^-1 B_a [n, k]
  std::vector<double> gram{};     // Z^T Z - B_a^T A_a^-1 B_a, packed [k]; empty: nothing was learnt
  std::vector<double> moment{};   // [k]
};

class JointModel : public RewardModel {
 public:
  explicit JointModel(const PolicyOptions& options)
      : options_(options),
        inputs_(options),
        n_(inputs_.context()),
        k_(options.interactions ? inputs_.context() * inputs_.arm()
                                : inputs_.context() + inputs_.arm()),
        beta_(k_, 0.0),
        inverse_(packed_size(k_), 0.0),
        row_(n_ + k_),
        attributes_(inputs_.arm()) {
    for (std::size_t i = 0; i < k_; ++i) inverse_[packed_begin(i) + i] = 1 / std::sqrt(options.l2);
  }

  [[nodiscard]] std::unique_ptr<RewardModel> clone() const override {
    return std::make_unique<JointModel>(*this);
  }

  void ensure_arms(std::size_t arms) override {
    if (arms <= sums_.size()) return;
    sums_.resize(arms, LinearSums(n_ + k_, options_.discount));
    parts_.resize(arms, prior());
    is_touched_.resize(arms, 0);
    groups_.resize((arms + kGroup - 1) / kGroup);
  }

  void check(const Lesson& lesson) override { put(lesson); }
  void learn(const Lesson& lesson) override {
    put(lesson);
    sums_[lesson.arm].add(fixed_, lesson.copies);
    touch(lesson.arm);
  }
  void take_back(const Lesson& lesson) override {
    put(lesson);
    sums_[lesson.arm].take_back(fixed_, lesson.copies, lesson.age);
    touch(lesson.arm);
  }
  [[nodiscard]] bool plausible(std::size_t arm) const override { return sums_[arm].plausible(); }

  void refresh(int threads) override {
    if (touched_.empty()) return;
    parallel_blocks(touched_.size(), 4, threads, [&](const Block& part) {
      for (std::size_t i = part.begin; i < part.end; ++i) refresh_arm(touched_[i]);
    });
    refresh_shared();
    for (const std::size_t arm : touched_) is_touched_[arm] = 0;
    touched_.clear();
  }

  void beliefs(const Candidates& ask, std::size_t first, std::size_t rows, double* mean,
               double* spread) const override {
    const std::size_t arms = ask.arms.size();
    const auto x = inputs_.contexts(ask, first, rows);
    std::vector<double> features;
    std::vector<double> w(k_);
    std::vector<double> image(std::max(n_, k_));
    for (std::size_t r = 0; r < rows; ++r) {
      const auto here = std::span<const double>(x).subspan(r * n_, n_);
      if (r == 0 || inputs_.by_row(ask)) inputs_.put_arms(ask, first + r, features);
      for (std::size_t a = 0; a < arms; ++a) {
        const ArmPart& part = part_of(ask.arms[a]);
        put_w(part, here, features_of(features, a), w);
        mean[r * arms + a] = product(here, part.alone) + product(w, beta_);
        if (spread == nullptr) continue;
        spread[r * arms + a] =
            own_variance(part, here, image) + square_of(inverse_, w, std::span(image).first(k_));
      }
    }
  }

  [[nodiscard]] bool independent() const override { return false; }

  void draw_scores(const Candidates& ask, std::size_t row, const PosteriorDraws& draws,
                   double* scores) const override {
    const std::size_t arms = ask.arms.size();
    const auto x = inputs_.contexts(ask, row, 1);
    std::vector<double> features;
    inputs_.put_arms(ask, row, features);
    std::vector<double> w(arms * k_);
    std::vector<double> alone(arms);
    std::vector<double> deviation(arms);
    std::vector<double> image(n_);
    for (std::size_t a = 0; a < arms; ++a) {
      const ArmPart& part = part_of(ask.arms[a]);
      put_w(part, x, features_of(features, a), std::span(w).subspan(a * k_, k_));
      alone[a] = product(x, part.alone);
      deviation[a] = draws.scale * std::sqrt(own_variance(part, x, image));
    }
    std::vector<double> z(k_);
    std::vector<double> drawn(k_);
    for (std::size_t m = 0; m < draws.count; ++m) {
      const Philox random = generator_of(draws, m);
      for (std::size_t j = 0; j < k_; ++j) {
        z[j] = draws.scale * normal_of(random, draws.id, static_cast<std::uint32_t>(j));
      }
      multiply_lower_transposed(inverse_, z, drawn);
      for (std::size_t j = 0; j < k_; ++j) drawn[j] += beta_[j];
      for (std::size_t a = 0; a < arms; ++a) {
        const auto step = static_cast<std::uint32_t>(k_ + a);
        scores[m * arms + a] = alone[a] +
                               product(drawn, std::span<const double>(w).subspan(a * k_, k_)) +
                               deviation[a] * normal_of(random, draws.id, step);
      }
    }
  }

  [[nodiscard]] std::size_t memory_bytes() const override {
    std::size_t numbers = beta_.size() + inverse_.size() + prior_.inverse.size();
    std::size_t bytes = 0;
    for (std::size_t arm = 0; arm < sums_.size(); ++arm) {
      bytes += sums_[arm].memory_bytes() + sizeof(LinearSums) + sizeof(ArmPart);
      const ArmPart& part = parts_[arm];
      numbers += part.inverse.size() + part.alone.size() + part.cross.size() + part.gram.size() +
                 part.moment.size();
    }
    for (const Equations& group : groups_) numbers += group.gram.size() + group.moment.size();
    return bytes + numbers * sizeof(double);
  }

  void save(bundle::Writer& writer, const std::string& prefix) const override {
    save_sums(writer, prefix + "/arms", sums_.size(),
              [&](std::size_t arm) -> const LinearSums& { return sums_[arm]; });
  }

  void load(const bundle::Reader& reader, const std::string& prefix, std::size_t arms) override {
    ensure_arms(arms);
    load_sums(reader, prefix + "/arms", arms,
              [&](std::size_t arm) -> LinearSums& { return sums_[arm]; });
    for (std::size_t arm = 0; arm < arms; ++arm) {
      if (sums_[arm].count() > 0) touch(arm);
    }
    refresh(1);
    check_finite(beta_, prefix);
    check_finite(inverse_, prefix);
    for (const ArmPart& part : parts_) {
      check_finite(part.inverse, prefix);
      check_finite(part.alone, prefix);
      check_finite(part.cross, prefix);
    }
  }

 private:
  struct Equations {
    std::vector<double> gram{};    // packed [k]
    std::vector<double> moment{};  // [k]
  };

  // An arm of which nothing is known has no cross term: w is z.
  [[nodiscard]] ArmPart prior() const {
    ArmPart out{.inverse = std::vector<double>(packed_size(n_), 0.0),
                .alone = std::vector<double>(n_, 0.0)};
    for (std::size_t i = 0; i < n_; ++i) {
      out.inverse[packed_begin(i) + i] = 1 / std::sqrt(options_.l2);
    }
    return out;
  }
  [[nodiscard]] const ArmPart& part_of(std::int32_t arm) const {
    return arm < 0 ? prior_ : parts_[static_cast<std::size_t>(arm)];
  }

  void touch(std::size_t arm) {
    if (is_touched_[arm] != 0) return;
    is_touched_[arm] = 1;
    touched_.push_back(arm);
  }

  // O(n^3 + n^2 k + n k^2 / 2).
  void refresh_arm(std::size_t arm) {
    if (sums_[arm].count() == 0) {
      parts_[arm] = prior();
      return;
    }
    FactorScratch scratch;
    std::vector<double> gram(packed_size(n_ + k_));
    std::vector<double> moment(n_ + k_);
    sums_[arm].read(gram, moment);
    const std::span<const double> all(gram);
    ArmPart part;
    part.inverse.resize(packed_size(n_));
    part.alone.resize(n_);
    factorize(all.first(packed_size(n_)), n_, options_.l2, scratch);
    solve_factor(n_, scratch, std::span<const double>(moment).first(n_), part.alone);
    invert_factor(n_, scratch, part.inverse);
    const auto through = [&](auto&& use) {  // M's entries (i, j)
      for (std::size_t i = 0, e = 0; i < n_; ++i) {
        for (std::size_t j = 0; j <= i; ++j, ++e) use(i, j, part.inverse[e]);
      }
    };
    std::vector<double> b(n_ * k_);
    part.gram.resize(packed_size(k_));
    part.moment.resize(k_);
    for (std::size_t p = 0; p < k_; ++p) {
      const auto row = all.subspan(packed_begin(n_ + p), n_ + p + 1);
      for (std::size_t j = 0; j < n_; ++j) b[j * k_ + p] = row[j];
      std::copy(row.begin() + static_cast<std::ptrdiff_t>(n_), row.end(),
                part.gram.begin() + static_cast<std::ptrdiff_t>(packed_begin(p)));
      part.moment[p] = moment[n_ + p];
    }
    const auto row_of = [&](std::vector<double>& rows, std::size_t i) {
      return std::span(rows).subspan(i * k_, k_);
    };
    std::vector<double> y(n_ * k_, 0.0);  // M B
    part.cross.assign(n_ * k_, 0.0);      // M^T M B
    through(
        [&](std::size_t i, std::size_t j, double m) { add_scaled(row_of(y, i), m, row_of(b, j)); });
    through([&](std::size_t i, std::size_t j, double m) {
      add_scaled(row_of(part.cross, j), m, row_of(y, i));
    });
    std::vector<double> image(n_);  // M b
    multiply_lower(part.inverse, std::span<const double>(moment).first(n_), image);
    for (std::size_t i = 0; i < n_; ++i) {
      const auto yi = row_of(y, i);
      add_scaled(part.moment, -image[i], yi);
      for (std::size_t p = 0; p < k_; ++p) {
        add_scaled(std::span(part.gram).subspan(packed_begin(p), p + 1), -yi[p], yi);
      }
    }
    parts_[arm] = std::move(part);
  }

  // Sums in the order of the arms, by groups, so that one arm costs its group and the groups'.
  // O((kGroup + arms / kGroup) k^2 / 2 + k^3).
  void refresh_shared() {
    std::vector<std::uint8_t> stale(groups_.size(), 0);
    for (const std::size_t arm : touched_) stale[arm / kGroup] = 1;
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      if (stale[g] != 0) refresh_group(g);
    }
    std::vector<double> gram(packed_size(k_), 0.0);
    std::vector<double> moment(k_, 0.0);
    for (const Equations& group : groups_) {
      if (group.gram.empty()) continue;
      add_scaled(gram, 1, group.gram);
      add_scaled(moment, 1, group.moment);
    }
    FactorScratch scratch;
    factorize(gram, k_, options_.l2, scratch);
    solve_factor(k_, scratch, moment, beta_);
    invert_factor(k_, scratch, inverse_);
  }

  void refresh_group(std::size_t group) {
    Equations sum;
    const std::size_t end = std::min(parts_.size(), (group + 1) * kGroup);
    for (std::size_t arm = group * kGroup; arm < end; ++arm) {
      const ArmPart& part = parts_[arm];
      if (part.gram.empty()) continue;
      sum.gram.resize(part.gram.size(), 0.0);
      sum.moment.resize(part.moment.size(), 0.0);
      add_scaled(sum.gram, 1, part.gram);
      add_scaled(sum.moment, 1, part.moment);
    }
    groups_[group] = std::move(sum);
  }

  [[nodiscard]] static double square_of(std::span<const double> inverse, std::span<const double> x,
                                        std::span<double> image) {
    multiply_lower(inverse, x, image);
    return product(image, image);
  }
  [[nodiscard]] double own_variance(const ArmPart& part, std::span<const double> x,
                                    std::vector<double>& image) const {
    return square_of(part.inverse, x, std::span(image).first(n_));
  }

  [[nodiscard]] std::span<const double> features_of(const std::vector<double>& features,
                                                    std::size_t a) const {
    return std::span(features).subspan(a * inputs_.arm(), inputs_.arm());
  }

  void put_z(std::span<const double> x, std::span<const double> f, std::span<double> z) const {
    if (!options_.interactions) {
      std::copy(x.begin(), x.end(), z.begin());
      std::copy(f.begin(), f.end(), z.begin() + static_cast<std::ptrdiff_t>(x.size()));
      return;
    }
    for (std::size_t i = 0; i < x.size(); ++i) {
      for (std::size_t j = 0; j < f.size(); ++j) z[i * f.size() + j] = x[i] * f[j];
    }
  }

  void put_w(const ArmPart& part, std::span<const double> x, std::span<const double> f,
             std::span<double> w) const {
    put_z(x, f, w);
    if (part.cross.empty()) return;
    for (std::size_t i = 0; i < n_; ++i) {
      add_scaled(w, -x[i], std::span<const double>(part.cross).subspan(i * k_, k_));
    }
  }

  void put(const Lesson& lesson) {
    const auto x = std::span(row_).first(n_);
    inputs_.put_context(lesson.context, x);
    inputs_.put_arm(lesson.features, attributes_);
    put_z(x, attributes_, std::span(row_).subspan(n_));
    for (double& value : row_) value *= lesson.root;
    fixed_.set(row_, lesson.reward * lesson.root);
  }

  PolicyOptions options_;
  Inputs inputs_;
  std::size_t n_;  // |x|
  std::size_t k_;  // |z|
  std::vector<LinearSums> sums_;
  std::vector<ArmPart> parts_;
  std::vector<std::uint8_t> is_touched_;
  std::vector<std::size_t> touched_;
  std::vector<Equations> groups_;
  std::vector<double> beta_;
  std::vector<double> inverse_;  // M of A_0
  std::vector<double> row_;
  std::vector<double> attributes_;
  FixedRow fixed_;
  ArmPart prior_ = prior();
};

}  // namespace

std::unique_ptr<RewardModel> make_joint_model(const PolicyOptions& options) {
  return std::make_unique<JointModel>(options);
}

}  // namespace penchant::bandits
