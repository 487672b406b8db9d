#include "penchant/bandits/best_of.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <string>
#include <vector>

#include "reference/plain_posterior.h"
#include <gtest/gtest.h>

#include "penchant/bandits/beta_distribution.h"
#include "penchant/bandits/normal.h"
#include "penchant/bandits/normal_kernels.h"
#include "penchant/base/random.h"
#include "penchant/base/simd.h"

namespace penchant::bandits {
namespace {

constexpr double kError = 1e-5;  // what best_of.h promises

double plain_cdf(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }
double plain_density(double z) { return std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi); }

TEST(Normal, KernelIsTheDistribution) {
  NormalArms arm;
  arm.add(0.5, 2);
  arm.pad();
  std::vector<double> ratio(arm.mean.size());
  for (double t = -4; t <= 5; t += 0.00137) {
    const double z = (t - 0.5) * 2;
    const double cdf = normals_below(arm, t, ratio.data());
    ASSERT_NEAR(cdf, plain_cdf(z), 1e-9) << z;
    if (cdf > 0) {
      ASSERT_NEAR(ratio[0] * cdf, 2 * plain_density(z), 4e-9) << z;
    }
  }
}

TEST(Normal, KernelMultipliesArmsToTheSameBitsOnEveryMachine) {
  const Philox random(8, 8);
  for (const std::size_t arms : {1U, 7U, 8U, 9U, 63U, 64U, 65U, 300U}) {
    NormalArms many;
    for (std::uint32_t a = 0; a < arms; ++a) many.add(random.normal(arms, a), 1 + a % 5);
    many.pad();
    const double t = 3.1;
    double product = 1;
    for (std::size_t a = 0; a < arms; ++a) {
      product *= plain_cdf((t - many.mean[a]) * many.reciprocal[a]);
    }
    std::vector<std::vector<double>> ratios;
    std::vector<double> products;
    for (const std::string& target : simd_targets()) {
      force_simd_target(target);
      ratios.emplace_back(many.mean.size());
      products.push_back(normals_below(many, t, ratios.back().data()));
      EXPECT_NEAR(products.back(), product, 1e-6);
      EXPECT_EQ(products.back(), products[0]) << target;
      EXPECT_EQ(ratios.back(), ratios[0]) << target;
    }
    force_simd_target("best");
  }
}

TEST(Normal, QuantileIsItsInverse) {
  for (double p = 1e-3; p < 1; p += 1e-3) {
    ASSERT_NEAR(plain_cdf(normal_quantile(p)), p, 1e-15) << p;
  }
  for (const double p : {0x1p-54, 1e-12, 1e-7}) {
    ASSERT_NEAR(plain_cdf(normal_quantile(p)) / p, 1, 1e-12) << p;
    ASSERT_DOUBLE_EQ(normal_quantile(p), -normal_quantile(p) * -1);
  }
}

TEST(Normal, DrawsHaveItsMoments) {
  const Philox random(3, 9);
  double sum = 0;
  double square = 0;
  double fourth = 0;
  constexpr int kDraws = 400000;
  for (int i = 0; i < kDraws; ++i) {
    const double z = normal_of(random, static_cast<std::uint64_t>(i), 0);
    sum += z;
    square += z * z;
    fourth += z * z * z * z;
  }
  EXPECT_NEAR(sum / kDraws, 0, 0.006);
  EXPECT_NEAR(square / kDraws, 1, 0.008);
  EXPECT_NEAR(fourth / kDraws, 3, 0.08);
}

TEST(Beta, CdfIsTheIntegralOfTheDensity) {
  const double shapes[][2] = {{1, 1}, {2, 5}, {2.5, 300}, {40, 3}, {1200, 2500}, {5e5, 4e5}};
  for (const auto& [a, b] : shapes) {
    const BetaDistribution beta(a, b);
    const double low = std::max(0.0, beta.mean() - 12 * beta.deviation());
    const double high = std::min(1.0, beta.mean() + 12 * beta.deviation());
    constexpr int kSteps = 200000;
    const double width = (high - low) / kSteps;
    double sum = 0;
    for (int k = 0; k < kSteps; ++k) {
      sum += width * beta.density(low + (k + 0.5) * width);
      if (k % 20000 == 10000) {
        ASSERT_NEAR(beta.cdf(low + (k + 1) * width), sum, 2e-8) << a << " " << b;
      }
    }
    ASSERT_NEAR(sum, 1, 1e-7) << a << " " << b;
  }
}

TEST(Beta, KnowsWhatIsKnown) {
  EXPECT_NEAR(BetaDistribution(1, 1).cdf(0.3), 0.3, 1e-12);
  EXPECT_NEAR(BetaDistribution(2, 1).cdf(0.3), 0.09, 1e-12);
  EXPECT_NEAR(BetaDistribution(0.5, 0.5).cdf(0.5), 0.5, 1e-12);  // arcsine
  EXPECT_NEAR(BetaDistribution(0.5, 0.5).cdf(0.25), 1.0 / 3, 1e-12);
}

std::vector<double> by_simpson(const std::vector<double>& mean, const std::vector<double>& sd,
                               std::size_t steps) {
  double low = mean[0];
  double high = mean[0];
  for (std::size_t a = 0; a < mean.size(); ++a) {
    low = std::min(low, mean[a] - 9 * sd[a]);
    high = std::max(high, mean[a] + 9 * sd[a]);
  }
  return reference::best_of(
      mean.size(), low, high, steps,
      [&](std::size_t a, double t) { return plain_cdf((t - mean[a]) / sd[a]); },
      [&](std::size_t a, double t) { return plain_density((t - mean[a]) / sd[a]) / sd[a]; });
}

TEST(BestOf, NormalsMatchThePlainTwin) {
  const Philox random(21, 4);
  for (std::uint64_t round = 0; round < 60; ++round) {
    const std::size_t arms = 2 + random.below(12, round, 0);
    std::vector<double> mean(arms);
    std::vector<double> sd(arms);
    for (std::uint32_t a = 0; a < arms; ++a) {
      mean[a] = random.normal(round, 2 * a + 1);
      sd[a] = std::exp(3 * random.uniform(round, 2 * a + 2) - 3);
    }
    std::vector<double> p(arms);
    best_of_normals(mean, sd, p);
    const auto expected = by_simpson(mean, sd, 20000);
    for (std::size_t a = 0; a < arms; ++a) ASSERT_NEAR(p[a], expected[a], kError) << round;
    ASSERT_NEAR(std::accumulate(p.begin(), p.end(), 0.0), 1, 1e-12);
  }
}

// One arm is known to a millionth, the other not at all.
TEST(BestOf, FindsNarrowArmsBesideWideOnes) {
  for (const double offset : {-1.0, 0.0, 0.3, 2.0}) {
    const std::vector<double> mean = {offset, 0};
    const std::vector<double> sd = {1e-6, 1};
    std::vector<double> p(2);
    best_of_normals(mean, sd, p);
    EXPECT_NEAR(p[0], plain_cdf(offset), kError) << offset;
  }
}

TEST(BestOf, TwoNormalsHaveAClosedForm) {
  const std::vector<double> mean = {0.2, -0.1};
  const std::vector<double> sd = {0.5, 0.3};
  std::vector<double> p(2);
  best_of_normals(mean, sd, p);
  EXPECT_NEAR(p[0], plain_cdf(0.3 / std::sqrt(0.34)), kError);
}

TEST(BestOf, AlikeArmsShareAlike) {
  for (const std::size_t arms : {1U, 2U, 7U, 1000U}) {
    const std::vector<double> mean(arms, 0.4);
    const std::vector<double> sd(arms, 0.2);
    std::vector<double> p(arms);
    best_of_normals(mean, sd, p);
    for (const double value : p) ASSERT_NEAR(value, 1.0 / static_cast<double>(arms), 1e-12);
    const std::vector<double> none(arms, 0.0);
    best_of_normals(mean, none, p);
    for (const double value : p) ASSERT_NEAR(value, 1.0 / static_cast<double>(arms), 1e-12);
  }
}

TEST(BestOf, BetasMatchThePlainTwin) {
  const std::vector<double> alpha = {1, 3, 12, 2.5, 40, 3, 1, 3, 9};  // some alike
  const std::vector<double> beta = {1, 9, 30, 2, 90, 9, 1, 9, 3};
  std::vector<double> p(alpha.size());
  best_of_betas(alpha, beta, p);
  std::vector<BetaDistribution> arms;
  for (std::size_t a = 0; a < alpha.size(); ++a) arms.emplace_back(alpha[a], beta[a]);
  const auto expected = reference::best_of(
      alpha.size(), 1e-9, 1 - 1e-9, 20000, [&](std::size_t a, double t) { return arms[a].cdf(t); },
      [&](std::size_t a, double t) { return arms[a].density(t); });
  for (std::size_t a = 0; a < alpha.size(); ++a) EXPECT_NEAR(p[a], expected[a], kError);
  EXPECT_EQ(p[1], p[5]);
  EXPECT_EQ(p[1], p[7]);
}

TEST(BestOf, ManyEventsMakeNarrowBetas) {
  const std::vector<double> alpha = {30000, 30300, 1};
  const std::vector<double> beta = {970000, 969700, 1};
  std::vector<double> p(3);
  best_of_betas(alpha, beta, p);
  EXPECT_NEAR(p[2], 0.97, 1e-3);
  const double sd = std::sqrt(2 * 0.03 * 0.97 / 1e6);
  EXPECT_NEAR(p[1] / (p[0] + p[1]), plain_cdf(0.0003 / sd), 0.01);
}

TEST(BestOf, VotesSplitTies) {
  const std::vector<double> scores = {1, 2, 2, 0,  //
                                      5, 1, 1, 1};
  std::vector<double> p(4);
  best_of_votes(scores, p);
  EXPECT_EQ(p, (std::vector<double>{0.5, 0.25, 0.25, 0}));
}

}  // namespace
}  // namespace penchant::bandits
