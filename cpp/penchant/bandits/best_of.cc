#include "penchant/bandits/best_of.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>
#include <vector>

#include "penchant/bandits/beta_distribution.h"
#include "penchant/bandits/normal_kernels.h"
#include "penchant/bandits/quadrature.h"

namespace penchant::bandits {
namespace {

constexpr double kTolerance = 5e-7;
constexpr double kReach = 6.5;  // standard deviations that matter
constexpr std::size_t kMostPanels = 400;
constexpr std::size_t kFirstPanels = 4;

// Integrates all arms over [low, high]. Below: called with t and ratio, it returns prod_a F_a(t),
// and fills f_a(t) / F_a(t) unless ratio is null or the product is 0.
template <class Below>
class BestOf {
 public:
  BestOf(const Below& below, std::size_t arms)
      : below_(below), arms_(arms), probability_(arms), panel_(arms), ratio_(arms) {}

  // Of each arm; they sum to 1.
  const std::vector<double>& integrate(double low, double high) {
    struct Panel {
      double low, high, at_low, at_high;
    };
    std::vector<Panel> open;
    open.reserve(kMostPanels + 2 * kFirstPanels);
    double from = low;
    double below = below_(low, nullptr);
    for (std::size_t p = 0; p < kFirstPanels; ++p) {
      const double to = low + (high - low) * static_cast<double>(p + 1) / kFirstPanels;
      const double above = below_(to, nullptr);
      open.push_back({from, to, below, above});
      from = to;
      below = above;
    }
    for (std::size_t done = 0; !open.empty(); ++done) {
      const Panel panel = open.back();
      open.pop_back();
      const double difference = panel.at_high - panel.at_low;
      const double sum = take(panel.low, panel.high);
      const double middle = panel.low + (panel.high - panel.low) / 2;
      const bool splits = middle > panel.low && middle < panel.high;
      if (std::abs(sum - difference) <= kTolerance || done > kMostPanels || !splits) {
        for (std::size_t a = 0; a < arms_; ++a) probability_[a] += panel_[a];
        continue;
      }
      const double at_middle = below_(middle, nullptr);
      open.push_back({panel.low, middle, panel.at_low, at_middle});
      open.push_back({middle, panel.high, at_middle, panel.at_high});
    }
    const double sum = std::accumulate(probability_.begin(), probability_.end(), 0.0);
    for (double& p : probability_) p /= sum;
    return probability_;
  }

 private:
  // The integrals over one panel into panel_; their sum.
  double take(double low, double high) {
    std::fill(panel_.begin(), panel_.end(), 0.0);
    const double half = (high - low) / 2;
    const double middle = low + half;
    for (const GaussPoint& point : kGauss) {
      const double t = middle + half * point.point;
      const double product = below_(t, ratio_.data());
      if (!(product > 0)) continue;
      const double weight = half * point.weight * product;
      for (std::size_t a = 0; a < arms_; ++a) panel_[a] += weight * ratio_[a];
    }
    double sum = 0;
    for (std::size_t a = 0; a < arms_; ++a) sum += panel_[a];
    return sum;
  }

  const Below& below_;
  std::size_t arms_;
  std::vector<double> probability_;
  std::vector<double> panel_;
  std::vector<double> ratio_;
};

// The arms that reach up to where the best of the lower ends is; others can't be best.
std::vector<std::size_t> contenders(std::span<const double> mean, std::span<const double> deviation,
                                    double& low, double& high) {
  low = -std::numeric_limits<double>::infinity();
  high = low;
  for (std::size_t a = 0; a < mean.size(); ++a) {
    low = std::max(low, mean[a] - kReach * deviation[a]);
    high = std::max(high, mean[a] + kReach * deviation[a]);
  }
  std::vector<std::size_t> kept;
  for (std::size_t a = 0; a < mean.size(); ++a) {
    if (mean[a] + kReach * deviation[a] >= low) kept.push_back(a);
  }
  return kept;
}

// Arms of the same parameters side by side, each kind once: of arms that were shown seldom there
// are many of few kinds, and a cdf is what takes the time.
std::vector<std::vector<std::size_t>> alike(std::vector<std::size_t> arms,
                                            std::span<const double> alpha,
                                            std::span<const double> beta) {
  std::sort(arms.begin(), arms.end(), [&](std::size_t a, std::size_t b) {
    return std::tie(alpha[a], beta[a], a) < std::tie(alpha[b], beta[b], b);
  });
  std::vector<std::vector<std::size_t>> out;
  for (const std::size_t a : arms) {
    if (out.empty() || alpha[out.back()[0]] != alpha[a] || beta[out.back()[0]] != beta[a]) {
      out.emplace_back();
    }
    out.back().push_back(a);
  }
  return out;
}

// By squaring: the same bits on every CPU.
double power(double base, std::size_t exponent) {
  double out = 1;
  for (; exponent > 0; exponent /= 2, base *= base) {
    if (exponent % 2 == 1) out *= base;
  }
  return out;
}

}  // namespace

void best_of_normals(std::span<const double> mean, std::span<const double> deviation,
                     std::span<double> probability) {
  std::fill(probability.begin(), probability.end(), 0.0);
  double low = 0;
  double high = 0;
  const auto kept = contenders(mean, deviation, low, high);
  if (!(high > low)) {  // nobody deviates: the largest means, alike
    best_of_votes(mean, probability);
    return;
  }
  NormalArms arms;
  // An arm without deviation is a narrow one.
  const double narrowest = (high - low) * 1e-9;
  for (const std::size_t a : kept) arms.add(mean[a], 1 / std::max(deviation[a], narrowest));
  arms.pad();
  const auto below = [&arms](double t, double* ratio) { return normals_below(arms, t, ratio); };
  BestOf integral(below, arms.mean.size());
  const auto& found = integral.integrate(low, high);
  for (std::size_t i = 0; i < kept.size(); ++i) probability[kept[i]] = found[i];
}

void best_of_betas(std::span<const double> alpha, std::span<const double> beta,
                   std::span<double> probability) {
  std::fill(probability.begin(), probability.end(), 0.0);
  const std::size_t arms = alpha.size();
  std::vector<BetaDistribution> all;
  all.reserve(arms);
  std::vector<double> mean(arms);
  std::vector<double> deviation(arms);
  for (std::size_t a = 0; a < arms; ++a) {
    all.emplace_back(alpha[a], beta[a]);
    mean[a] = all[a].mean();
    deviation[a] = all[a].deviation();
  }
  double low = 0;
  double high = 0;
  const auto kinds = alike(contenders(mean, deviation, low, high), alpha, beta);
  const auto below = [&](double t, double* ratio) {
    double product = 1;
    for (std::size_t k = 0; k < kinds.size() && product > 0; ++k) {
      const BetaDistribution& arm = all[kinds[k].front()];
      const double cdf = arm.cdf(t);
      product *= power(cdf, kinds[k].size());
      if (product < 1e-12) product = 0;
      if (ratio == nullptr || !(product > 0)) continue;
      ratio[k] = static_cast<double>(kinds[k].size()) * arm.density(t) / cdf;  // of all of them
    }
    return product;
  };
  BestOf integral(below, kinds.size());
  const auto& found = integral.integrate(std::max(low, 0.0), std::min(high, 1.0));
  for (std::size_t k = 0; k < kinds.size(); ++k) {
    const double each = found[k] / static_cast<double>(kinds[k].size());
    for (const std::size_t a : kinds[k]) probability[a] = each;
  }
}

void best_of_votes(std::span<const double> scores, std::span<double> probability) {
  const std::size_t arms = probability.size();
  const std::size_t voters = scores.size() / arms;
  std::fill(probability.begin(), probability.end(), 0.0);
  const double vote = 1.0 / static_cast<double>(voters);
  for (std::size_t v = 0; v < voters; ++v) {
    const auto row = scores.subspan(v * arms, arms);
    const double best = *std::max_element(row.begin(), row.end());
    const auto ties = static_cast<double>(std::count(row.begin(), row.end(), best));
    for (std::size_t a = 0; a < arms; ++a) {
      if (row[a] == best) probability[a] += vote / ties;
    }
  }
}

}  // namespace penchant::bandits
