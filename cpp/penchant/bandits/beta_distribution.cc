#include "penchant/bandits/beta_distribution.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "penchant/bandits/quadrature.h"
#include "penchant/base/portable_math.h"

namespace penchant::bandits {
namespace {

constexpr double kLarge = 1000;

// log2 of the gamma function, x > 0: Stirling's series from 12 up, brought there by recursion.
// Abramowitz & Stegun 6.1.41.
double log2_gamma(double x) {
  double below = 1;
  for (; x < 12; x += 1) below *= x;
  const double square = 1 / (x * x);
  const double series =
      (1.0 / 12 -
       square * (1.0 / 360 - square * (1.0 / 1260 - square * (1.0 / 1680 - square / 1188)))) /
      x;
  const double half_log2_two_pi = 0.5 * portable_log2(2 * std::numbers::pi);
  return (x - 0.5) * portable_log2(x) + half_log2_two_pi + (series - x) * std::numbers::log2e -
         portable_log2(below);
}

// The continued fraction of the incomplete beta function, for x below its mean.
double fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  constexpr int kMostSteps = 3000;
  const auto away = [](double v) { return std::abs(v) < kTiny ? kTiny : v; };
  double c = 1;
  double d = 1 / away(1 - (a + b) * x / (a + 1));
  double h = d;
  for (int m = 1; m <= kMostSteps; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    h *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    const double change = d * c;
    h *= change;
    if (std::abs(change - 1) < 1e-12) break;
  }
  return h;
}

}  // namespace

BetaDistribution::BetaDistribution(double alpha, double beta)
    : alpha_(alpha),
      beta_(beta),
      log2_norm_(log2_gamma(alpha + beta) - log2_gamma(alpha) - log2_gamma(beta)) {}

double BetaDistribution::deviation() const {
  const double sum = alpha_ + beta_;
  return std::sqrt(alpha_ * beta_ / (sum * sum * (sum + 1)));
}

double BetaDistribution::power_term(double x) const {
  return portable_exp2(alpha_ * portable_log2(x) + beta_ * portable_log2(1 - x) + log2_norm_);
}

double BetaDistribution::density(double x) const { return power_term(x) / (x * (1 - x)); }

double BetaDistribution::cdf(double x) const {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (alpha_ > kLarge && beta_ > kLarge) return by_integral(x);
  if (x < (alpha_ + 1) / (alpha_ + beta_ + 2)) {
    return std::min(1.0, power_term(x) * fraction(alpha_, beta_, x) / alpha_);
  }
  return std::max(0.0, 1 - power_term(x) * fraction(beta_, alpha_, 1 - x) / beta_);
}

// From x away from the mean, until nothing is left.
double BetaDistribution::by_integral(double x) const {
  constexpr int kPanels = 6;
  constexpr double kReach = 10;  // standard deviations
  const bool upper = x > mean();
  const double end =
      upper ? std::min(1.0, x + kReach * deviation()) : std::max(0.0, x - kReach * deviation());
  const double half = (end - x) / (2 * kPanels);
  double sum = 0;
  for (int panel = 0; panel < kPanels; ++panel) {
    const double middle = x + (2 * panel + 1) * half;
    for (const GaussPoint& at : kGauss) sum += at.weight * density(middle + half * at.point);
  }
  const double tail = std::min(1.0, std::abs(half) * sum);
  return upper ? 1 - tail : tail;
}

}  // namespace penchant::bandits
