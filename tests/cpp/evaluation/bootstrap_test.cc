#include "penchant/evaluation/bootstrap.h"

#include <cmath>
#include <cstring>
#include <limits>

#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/base/random.h"

namespace penchant::evaluation {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::vector<double> normals(std::size_t count, std::uint64_t seed) {
  const Philox random(seed, 5);
  std::vector<double> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(random.normal(i, 0));
  return out;
}

TEST(Bootstrap, IntervalOfAMeanIsThatOfTheNormalApproximation) {
  const std::vector<double> values = normals(2000, 4);
  const Interval interval =
      bootstrap_mean(values, {.confidence = 0.95, .seed = 1, .resamples = 4000});
  double mean = 0;
  for (const double value : values) mean += value / 2000;
  double variance = 0;
  for (const double value : values) variance += (value - mean) * (value - mean) / 2000;
  const double error = std::sqrt(variance / 2000);
  EXPECT_NEAR(interval.value, mean, 1e-12);
  EXPECT_NEAR(interval.low, mean - 1.96 * error, 0.1 * error);
  EXPECT_NEAR(interval.high, mean + 1.96 * error, 0.1 * error);
  const Interval narrow = bootstrap_mean(values, {.confidence = 0.5, .seed = 1, .resamples = 4000});
  EXPECT_NEAR(narrow.high - narrow.low, 2 * 0.6745 * error, 0.1 * error);
}

TEST(Bootstrap, CoversTheTruthAboutAsOftenAsItSays) {
  int covered = 0;
  for (std::uint64_t trial = 0; trial < 300; ++trial) {
    const Interval interval = bootstrap_mean(normals(80, 100 + trial),
                                             {.confidence = 0.9, .seed = trial, .resamples = 400});
    covered += interval.low <= 0 && 0 <= interval.high ? 1 : 0;
  }
  EXPECT_GT(covered, 250);
  EXPECT_LT(covered, 288);
}

TEST(Bootstrap, SameBitsAtAnyThreadCountAndOtherBitsForAnotherSeed) {
  std::vector<double> values = normals(333, 2);
  values[5] = kNan;
  const std::vector<double> others = normals(333, 3);
  const std::vector<std::span<const double>> columns{values, others};
  const auto one = bootstrap_means(columns, {.seed = 9, .threads = 1});
  const auto eight = bootstrap_means(columns, {.seed = 9, .threads = 8});
  EXPECT_EQ(std::memcmp(one.data(), eight.data(), one.size() * sizeof(Interval)), 0);
  EXPECT_NE(one[0].low, bootstrap_means(columns, {.seed = 10})[0].low);
  // A column's interval does not depend on its neighbours.
  EXPECT_EQ(bootstrap_mean(others, {.seed = 9}).low, one[1].low);
}

TEST(Bootstrap, LeavesUndefinedRowsOut) {
  const std::vector<double> values{1, kNan, 3, kNan, 5};
  const Interval interval = bootstrap_mean(values, {});
  EXPECT_DOUBLE_EQ(interval.value, 3);
  EXPECT_GE(interval.low, 1);
  EXPECT_LE(interval.high, 5);
  const std::vector<double> none{kNan, kNan};
  EXPECT_TRUE(std::isnan(bootstrap_mean(none, {}).value));
  EXPECT_TRUE(std::isnan(bootstrap_mean(none, {}).low));
  EXPECT_TRUE(std::isnan(bootstrap_mean({}, {}).value));
  const std::vector<double> single{0.25};
  EXPECT_DOUBLE_EQ(bootstrap_mean(single, {}).low, 0.25);
  EXPECT_DOUBLE_EQ(bootstrap_mean(single, {}).high, 0.25);
}

TEST(Bootstrap, RefusesNonsense) {
  const std::vector<double> values{1, 2};
  EXPECT_THROW((void)bootstrap_mean(values, {.confidence = 0}), Error);
  EXPECT_THROW((void)bootstrap_mean(values, {.confidence = 1}), Error);
  EXPECT_THROW((void)bootstrap_mean(values, {.confidence = kNan}), Error);
  EXPECT_THROW((void)bootstrap_mean(values, {.resamples = 0}), Error);
  const std::vector<double> longer{1, 2, 3};
  const std::vector<std::span<const double>> uneven{values, longer};
  EXPECT_THROW((void)bootstrap_means(uneven, {}), Error);
}

}  // namespace
}  // namespace penchant::evaluation
