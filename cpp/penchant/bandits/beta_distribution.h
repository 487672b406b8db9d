#pragma once

// The beta distribution with the same bits on every CPU.

namespace penchant::bandits {

class BetaDistribution {
 public:
  // Parameters above 0.
  BetaDistribution(double alpha, double beta);

  [[nodiscard]] double mean() const { return alpha_ / (alpha_ + beta_); }
  [[nodiscard]] double deviation() const;
  [[nodiscard]] double density(double x) const;  // x in (0, 1)

  // The regularized incomplete beta function: its continued fraction by Lentz's method, and where
  // parameters are large, where that converges slowly, the density's integral. Press et al.,
  // "Numerical recipes" (2007), 6.4. Within 1e-9.
  [[nodiscard]] double cdf(double x) const;

 private:
  [[nodiscard]] double power_term(double x) const;  // x^alpha (1 - x)^beta / B(alpha, beta)
  [[nodiscard]] double by_integral(double x) const;

  double alpha_;
  double beta_;
  double log2_norm_;  // log2 of 1 / B(alpha, beta)
};

}  // namespace penchant::bandits
