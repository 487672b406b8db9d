#include "penchant/evaluation/confidence.h"

#include <cmath>
#include <string>
#include <vector>

#include "reference/plain_off_policy.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/base/matrix.h"
#include "penchant/base/simd.h"
#include "penchant/evaluation/off_policy_bootstrap.h"

namespace penchant::evaluation {
namespace {

TEST(StudentT, KnownQuantiles) {
  // SciPy's stats.t.ppf and, for one degree, tan(pi (p - 1/2)).
  EXPECT_NEAR(student_t_quantile(0.975, 1), 12.706204736174698, 1e-9);
  EXPECT_NEAR(student_t_quantile(0.975, 2), 4.302652729749464, 1e-10);
  EXPECT_NEAR(student_t_quantile(0.975, 10), 2.2281388519862744, 1e-10);
  EXPECT_NEAR(student_t_quantile(0.95, 999), 1.6463803454275356, 1e-10);
  EXPECT_NEAR(student_t_quantile(0.975, 1e9), 1.9599639845400545, 1e-8);
  EXPECT_NEAR(student_t_quantile(0.025, 10), -2.2281388519862744, 1e-10);
  EXPECT_EQ(student_t_quantile(0.5, 3), 0);
  EXPECT_THROW((void)student_t_quantile(1, 3), Error);
  EXPECT_THROW((void)student_t_quantile(0.9, 0), Error);
}

TEST(StudentT, TheTwoFormulasMeet) {
  for (const double p : {0.6, 0.9, 0.975, 0.999, 0.99999}) {
    const double below = student_t_quantile(p, 1000);
    const double above = student_t_quantile(p, 1000.0001);
    EXPECT_NEAR(below, above, 1e-8) << p;
  }
}

TEST(MeanBounds, AreTheirFormulas) {
  const SampleOfMean sample{101, 2.0, 4.0, -1.0, 9.0};
  const double wide = std::log(2 / 0.05);
  EXPECT_NEAR(mean_margin(sample, IntervalKind::kBernstein, 0.95),
              std::sqrt(2 * 4.0 * wide / 101) + 7 * 10 * wide / 300, 1e-12);
  EXPECT_NEAR(mean_margin(sample, IntervalKind::kHoeffding, 0.95),
              10 * std::sqrt(std::log(20.0) / 202), 1e-12);
  EXPECT_NEAR(mean_margin(sample, IntervalKind::kStudentT, 0.975),
              student_t_quantile(0.975, 100) * std::sqrt(4.0 / 101), 1e-12);
  const Interval both = mean_interval(sample, IntervalKind::kStudentT, 0.95);
  EXPECT_NEAR(both.high - 2, mean_margin(sample, IntervalKind::kStudentT, 0.975), 1e-12);
  EXPECT_EQ(both.high - 2, 2 - both.low);
  EXPECT_TRUE(std::isinf(mean_margin({1, 2, 0, 2, 2}, IntervalKind::kStudentT, 0.9)));
  EXPECT_THROW((void)mean_margin(sample, IntervalKind::kStudentT, 1), Error);
  EXPECT_THROW((void)mean_margin(sample, IntervalKind::kBootstrap, 0.9), Error);
  EXPECT_THROW((void)parse_interval("normal"), Error);
}

TEST(PoissonBootstrap, CountsHaveMeanAndVarianceOne) {
  double mean = 0;
  double square = 0;
  for (int bits = 0; bits < 256; ++bits) {
    const int count = poisson_count(static_cast<std::uint8_t>(bits));
    mean += count / 256.0;
    square += count * count / 256.0;
  }
  EXPECT_EQ(mean, 1);
  EXPECT_EQ(square, 2);
}

TEST(PercentileInterval, LeavesOutWhatItSays) {
  std::vector<double> draws;
  for (int i = 99; i >= 1; --i) draws.push_back(i);  // the k-th smallest of 99 is k
  const Interval interval = percentile_interval(50, draws, 0.9);
  EXPECT_NEAR(interval.low, 5, 1e-12);
  EXPECT_NEAR(interval.high, 95, 1e-12);
  std::vector<double> few{2, 1};
  EXPECT_EQ(percentile_interval(0, few, 0.95).low, 1);
  EXPECT_EQ(percentile_interval(0, few, 0.95).high, 2);
  std::vector<double> none;
  EXPECT_TRUE(std::isnan(percentile_interval(0, none, 0.95).low));
}

PoissonSums sums_of(const std::vector<double>& table, std::size_t columns,
                    const PoissonOptions& options) {
  PoissonSums sums(columns, options);
  const std::size_t rows = table.size() / columns;
  const std::size_t first = rows / 4 * 2;  // in two pieces, of which the second begins evenly
  sums.add(0, {table.data(), first, columns});
  sums.add(first, {table.data() + first * columns, rows - first, columns});
  return sums;
}

TEST(PoissonBootstrap, EqualsTheTwinOnEveryCpu) {
  for (const std::size_t rows : {1U, 15U, 17U, 2051U}) {
    for (const std::size_t columns : {2U, 4U, 10U}) {
      std::vector<double> table(rows * columns);
      for (std::size_t i = 0; i < table.size(); ++i) table[i] = std::sin(static_cast<double>(i));
      const std::size_t resamples = rows > 100 ? 5 : 300;
      const PoissonOptions options{0x1234567890ULL, static_cast<int>(resamples)};
      const PoissonSums sums = sums_of(table, columns, options);
      for (const std::string& target : simd_targets()) {
        force_simd_target(target);
        const PoissonSums again = sums_of(table, columns, options);
        for (std::size_t d = 0; d < resamples; ++d) {
          for (std::size_t c = 0; c < columns; ++c) ASSERT_EQ(sums.sum(d, c), again.sum(d, c));
        }
      }
      force_simd_target("best");
      for (std::size_t d = 0; d < resamples; ++d) {
        for (std::size_t c = 0; c < columns; ++c) {
          double sum = 0;
          for (std::size_t i = 0; i < rows; ++i) {
            sum += table[i * columns + c] * reference::plain_count(options.seed, i, d);
          }
          ASSERT_NEAR(sums.sum(d, c), sum, 1e-9) << rows << " " << d << " " << c;
        }
      }
    }
  }
}

TEST(PoissonBootstrap, RefusesNonsense) {
  EXPECT_THROW(PoissonSums(2, {.resamples = 0}), Error);
  EXPECT_THROW(PoissonSums(3, {.resamples = 1}), Error);
  const std::vector<double> one{1, 2};
  PoissonSums sums(2, {.resamples = 1});
  EXPECT_THROW(sums.add(1, {one.data(), 1, 2}), Error);
  EXPECT_THROW(sums.add(0, {one.data(), 2, 1}), Error);
}

}  // namespace
}  // namespace penchant::evaluation
