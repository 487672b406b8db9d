// Frequencies over a million decisions are the probabilities that were logged.

#include <cmath>
#include <numeric>
#include <vector>

#include "bandits/world.h"
#include <gtest/gtest.h>

#include "penchant/bandits/choice.h"
#include "penchant/bandits/policy.h"

namespace penchant::bandits {
namespace {

using testing::every_policy;
using testing::for_model;
using testing::name_of;
using testing::World;

constexpr std::size_t kArms = 5;
constexpr std::size_t kContexts = 20;  // rows of a call
constexpr std::size_t kCalls = 50000;
// Quantiles of chi-square beyond which one true case in a million lies, by degrees of freedom.
constexpr double kFourDegrees = 33.4;
constexpr double kNineteenDegrees = 63.2;

class Honesty : public ::testing::TestWithParam<PolicyOptions> {};

// The statistic sum (N - E)^2 / E; where probabilities differ from row to row N varies less than
// chi-square has it, so the test is on the safe side.
double chi_square(const std::vector<double>& seen, const std::vector<double>& expected) {
  double sum = 0;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    if (expected[i] < 1e-9) {
      EXPECT_EQ(seen[i], 0);
      continue;
    }
    sum += (seen[i] - expected[i]) * (seen[i] - expected[i]) / expected[i];
  }
  return sum;
}

TEST_P(Honesty, OverAMillionDecisions) {
  PolicyOptions options = GetParam();
  options.min_probability = options.kind == PolicyKind::kGreedy ? 0.05 : 0.01;
  options.draws = 4;
  const World world(300, 2, 2, kArms);
  Policy policy(options);
  policy.ensure_arms(kArms);
  policy.update(for_model(world.events(), options));
  // One arm is blocked in each third row: what is logged is what comes after that.
  Candidates ask = for_model(world.ask(kContexts), options);
  std::vector<std::uint8_t> blocked(kContexts * kArms, 0);
  for (std::size_t r = 0; r < kContexts; r += 3) blocked[r * kArms + r % kArms] = 1;
  ask.blocked = blocked;
  const bool counted =
      (options.kind == PolicyKind::kLinTs || options.kind == PolicyKind::kLogisticTs) &&
      options.model != ModelKind::kDisjoint;
  std::vector<double> p(kContexts * kArms);
  std::vector<double> seen(kArms, 0.0);
  std::vector<double> expected(kArms, 0.0);
  double weights = 0;
  std::vector<std::uint64_t> ids(kContexts);
  for (std::size_t call = 0; call < kCalls; ++call) {
    std::iota(ids.begin(), ids.end(), call * kContexts);
    const Draws draws{.ids = ids, .slots = 1, .threads = 1};
    if (call == 0 || counted) policy.propose(ask, draws, p);
    const Decisions shown = policy.decide(ask, draws);
    for (std::size_t r = 0; r < kContexts; ++r) {
      const auto a = static_cast<std::size_t>(shown.position[r]);
      seen[a] += 1;
      ASSERT_DOUBLE_EQ(shown.propensity[r], p[r * kArms + a]);
      weights += 1 / shown.propensity[r];
    }
    for (std::size_t i = 0; i < p.size(); ++i) expected[i % kArms] += p[i];
  }
  EXPECT_LT(chi_square(seen, expected), kFourDegrees);
  // Inverse propensities average to the number of arms that could be shown.
  const double open = static_cast<double>(kArms) - 7.0 / kContexts;
  EXPECT_NEAR(weights / (kContexts * kCalls), open, 0.05);
}

std::string test_name(const ::testing::TestParamInfo<PolicyOptions>& info) {
  return name_of(info.param);
}

INSTANTIATE_TEST_SUITE_P(Every, Honesty, ::testing::ValuesIn(every_policy(2, 2)), test_name);

TEST(Slates, OverAMillionDecisions) {
  const World world(300, 2, 0, kArms);
  const PolicyOptions options{.kind = PolicyKind::kSoftmax, .dimension = 2, .temperature = 0.2};
  Policy policy(options);
  policy.ensure_arms(kArms);
  policy.update(for_model(world.events(), options));
  const Candidates ask = for_model(world.ask(1), options);
  std::vector<double> p(kArms);
  std::uint64_t id = 0;
  policy.propose(ask, {.ids = {&id, 1}}, p);
  std::vector<double> seen(kArms * kArms, 0.0);
  std::vector<double> expected(kArms * kArms, 0.0);
  constexpr std::size_t kDecisions = 1'000'000;
  for (std::size_t a = 0; a < kArms; ++a) {
    for (std::size_t b = 0; b < kArms; ++b) {
      const std::vector<std::int32_t> slate = {static_cast<std::int32_t>(a),
                                               static_cast<std::int32_t>(b)};
      if (a != b) {
        expected[a * kArms + b] = kDecisions * std::exp(slate_log_probability(p, slate));
      }
    }
  }
  for (; id < kDecisions; ++id) {
    const Decisions shown = policy.decide(ask, {.ids = {&id, 1}, .slots = 2});
    seen[static_cast<std::size_t>(shown.position[0]) * kArms +
         static_cast<std::size_t>(shown.position[1])] += 1;
  }
  EXPECT_NEAR(std::accumulate(expected.begin(), expected.end(), 0.0), kDecisions, 1e-3);
  EXPECT_LT(chi_square(seen, expected), kNineteenDegrees);
}

TEST(Choice, GuardsRenormalizeExactly) {
  std::vector<double> p = {0.5, 0.3, 0.2};
  const std::vector<std::uint8_t> blocked = {1, 0, 0};
  EXPECT_TRUE(guard(p, blocked));
  EXPECT_DOUBLE_EQ(p[0], 0);
  EXPECT_DOUBLE_EQ(p[1], 0.6);
  EXPECT_DOUBLE_EQ(p[2], 0.4);
  std::vector<double> one = {1, 0, 0};
  EXPECT_FALSE(guard(one, blocked));
}

TEST(Choice, FloorsAreMixedIn) {
  std::vector<double> p = {0.9, 0.1, 0};
  const std::vector<std::uint8_t> none;
  mix_floor(p, none, 0.1);
  EXPECT_DOUBLE_EQ(p[0], 0.7 * 0.9 + 0.1);
  EXPECT_DOUBLE_EQ(p[2], 0.1);
  mix_floor(p, none, 0.9);  // more than there is: uniform
  for (const double value : p) EXPECT_DOUBLE_EQ(value, 1.0 / 3);
}

TEST(Choice, DrawNeverTakesWhatHasNoProbability) {
  const std::vector<double> p = {0, 0.25, 0, 0.75, 0};
  EXPECT_EQ(draw(p, 0), 1);
  EXPECT_EQ(draw(p, 0.2499), 1);
  EXPECT_EQ(draw(p, 0.25), 3);
  EXPECT_EQ(draw(p, 1 - 0x1p-53), 3);
  EXPECT_EQ(draw(p, 1), 3);
}

TEST(Choice, SlatesHaveTheProductOfTheirSteps) {
  const std::vector<double> p = {0.5, 0.3, 0.2};
  const std::vector<std::int32_t> slate = {1, 0};
  EXPECT_NEAR(slate_log_probability(p, slate), std::log(0.3 * (0.5 / 0.7)), 1e-15);
  const std::vector<double> none = {1, 0, 0};
  EXPECT_EQ(slate_log_probability(none, slate), -std::numeric_limits<double>::infinity());
}

}  // namespace
}  // namespace penchant::bandits
