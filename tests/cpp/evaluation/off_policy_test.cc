#include "penchant/evaluation/off_policy.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "evaluation/off_policy_sample.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/base/simd.h"
#include "penchant/evaluation/off_policy_embedding.h"

namespace penchant::evaluation {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

bool same_bits(const OffPolicyEstimation& a, const OffPolicyEstimation& b) {
  for (std::size_t e = 0; e < a.estimates.size(); ++e) {
    if (std::memcmp(&a.estimates[e], &b.estimates[e], sizeof(OffPolicyEstimate)) != 0) return false;
  }
  return std::memcmp(&a.weights, &b.weights, sizeof(WeightFacts)) == 0;
}

void expect_equals_twin(const SampleLog& sample, const OffPolicyEstimation& found) {
  const auto estimators = all_estimators();
  for (std::size_t e = 0; e < estimators.size(); ++e) {
    const auto& estimator = estimators[e];
    const std::string name = off_policy_estimator_name(estimator);
    const auto rounds = sample.plain(estimator.shape == WeightShape::kMarginal);
    const auto influence = reference::plain_influence(estimator, rounds);
    const OffPolicyEstimate& one = found.estimates[e];
    EXPECT_NEAR(one.value, reference::plain_mean(influence), 1e-12) << name;
    EXPECT_NEAR(one.standard_error, reference::plain_standard_error(influence), 1e-12) << name;
    if (estimator.shape == WeightShape::kNone) {
      EXPECT_EQ(one.largest_round, kNoRound);
      continue;
    }
    double sum = 0;
    double squares = 0;
    double total = 0;
    double largest = 0;
    for (const auto& round : rounds) {
      const double w = reference::plain_shaped(estimator, round.weight);
      const double part = w * (round.reward - (estimator.modelled ? round.fitted : 0));
      sum += w;
      squares += w * w;
      total += std::abs(part);
      largest = std::max(largest, std::abs(part));
    }
    EXPECT_NEAR(one.effective_sample_size, squares > 0 ? sum * sum / squares : 0, 1e-7) << name;
    EXPECT_NEAR(one.largest_share, total > 0 ? largest / total : 0, 1e-12) << name;
    if (!estimator.normalized) {
      for (const double value : influence) {
        EXPECT_GE(value, one.least - 1e-12) << name;
        EXPECT_LE(value, one.most + 1e-12) << name;
      }
    }
  }
}

TEST(OffPolicy, EqualsTheTwinAtAnySize) {
  for (const std::size_t rounds : {2U, 7U, 64U, 2048U, 2049U, 5003U}) {
    for (const std::size_t actions : {1U, 2U, 3U, 4U, 10U, 17U}) {
      const SampleLog sample(rounds, actions, 1, rounds * 31 + actions);
      expect_equals_twin(sample, estimate_off_policy(sample.view(), all_estimators(), {}));
    }
  }
}

TEST(OffPolicy, ReadsTheRoundsPosition) {
  const SampleLog sample(3000, 6, 3, 5);
  expect_equals_twin(sample, estimate_off_policy(sample.view(), all_estimators(), {}));
}

TEST(OffPolicy, TakesTheLoggingTable) {
  const SampleLog sample(2500, 5, 2, 6);
  LoggedRounds log = sample.view();
  const auto by_round = estimate_off_policy(log, all_estimators(), {});
  log.logged = sample.logging_table;
  EXPECT_TRUE(same_bits(by_round, estimate_off_policy(log, all_estimators(), {})));
}

TEST(OffPolicy, FloatTablesAreThoseRoundedValues) {
  SampleLog sample(4000, 7, 1, 8);
  for (std::size_t i = 0; i < sample.target.size(); ++i) {
    sample.target[i] = static_cast<double>(sample.target_float[i]);
    sample.q[i] = static_cast<double>(static_cast<float>(sample.q[i]));
  }
  const std::vector<float> q_float(sample.q.begin(), sample.q.end());
  LoggedRounds log = sample.view();
  const auto wide = estimate_off_policy(log, all_estimators(), {});
  log.target = RealTable(std::span<const float>(sample.target_float));
  EXPECT_TRUE(same_bits(wide, estimate_off_policy(log, all_estimators(), {})));
  log.q = RealTable(std::span<const float>(q_float));
  EXPECT_TRUE(same_bits(wide, estimate_off_policy(log, all_estimators(), {})));
  log.target = RealTable(std::span<const double>(sample.target));
  EXPECT_TRUE(same_bits(wide, estimate_off_policy(log, all_estimators(), {})));
}

TEST(OffPolicy, TheSameBitsAtAnyThreadCountAndOnEveryCpu) {
  const SampleLog sample(20'001, 9, 1, 9);
  for (const IntervalKind kind : {IntervalKind::kStudentT, IntervalKind::kBootstrap}) {
    OffPolicyOptions options{.interval = kind, .seed = 3, .resamples = 130, .threads = 1};
    const auto one = estimate_off_policy(sample.view(), all_estimators(), options);
    for (const int threads : {2, 8}) {
      options.threads = threads;
      EXPECT_TRUE(same_bits(one, estimate_off_policy(sample.view(), all_estimators(), options)));
    }
    for (const std::string& target : simd_targets()) {
      force_simd_target(target);
      EXPECT_TRUE(same_bits(one, estimate_off_policy(sample.view(), all_estimators(), options)))
          << target;
    }
    force_simd_target("best");
  }
}

TEST(OffPolicy, AnEstimateDoesNotDependOnItsNeighbours) {
  const SampleLog sample(5000, 4, 1, 10);
  const OffPolicyOptions options{.interval = IntervalKind::kBootstrap, .resamples = 64};
  const auto estimators = all_estimators();
  const auto together = estimate_off_policy(sample.view(), estimators, options);
  for (std::size_t e = 0; e < estimators.size(); ++e) {
    const auto alone = estimate_off_policy(sample.view(), std::span(&estimators[e], 1), options);
    EXPECT_EQ(alone.estimates[0].value, together.estimates[e].value);
    EXPECT_EQ(alone.estimates[0].low, together.estimates[e].low);
    EXPECT_EQ(alone.estimates[0].high, together.estimates[e].high);
  }
}

TEST(OffPolicy, BootstrapEqualsTheTwin) {
  const SampleLog sample(300, 5, 1, 11);
  const OffPolicyOptions options{
      .confidence = 0.9, .interval = IntervalKind::kBootstrap, .seed = 12, .resamples = 150};
  const std::vector<OffPolicyEstimator> estimators{parse_off_policy_estimator("sndr"),
                                                   parse_off_policy_estimator("ips")};
  const auto found = estimate_off_policy(sample.view(), estimators, options);
  const auto rounds = sample.plain();
  std::vector<double> sndr;
  std::vector<double> ips;
  for (std::size_t draw = 0; draw < 150; ++draw) {
    double rows = 0;
    double direct = 0;
    double part = 0;
    double weight = 0;
    double earned = 0;
    for (std::size_t i = 0; i < rounds.size(); ++i) {
      const double count = reference::plain_count(12, i, draw);
      rows += count;
      direct += count * rounds[i].direct;
      part += count * rounds[i].weight * (rounds[i].reward - rounds[i].fitted);
      weight += count * rounds[i].weight;
      earned += count * rounds[i].weight * rounds[i].reward;
    }
    sndr.push_back(direct / rows + part / weight);
    ips.push_back(earned / rows);
  }
  const Interval of_sndr = percentile_interval(0, sndr, 0.9);
  const Interval of_ips = percentile_interval(0, ips, 0.9);
  EXPECT_NEAR(found.estimates[0].low, of_sndr.low, 1e-12);
  EXPECT_NEAR(found.estimates[0].high, of_sndr.high, 1e-12);
  EXPECT_NEAR(found.estimates[1].low, of_ips.low, 1e-12);
  EXPECT_NEAR(found.estimates[1].high, of_ips.high, 1e-12);
}

TEST(OffPolicy, NamesTheRoundThatMakesNoSense) {
  const auto message = [](const auto& spoil) {
    SampleLog sample(5000, 4, 1, 13);
    spoil(sample);
    try {
      (void)estimate_off_policy(sample.view(), all_estimators(), {.threads = 4});
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kBadData);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  const auto says = [](const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
  };
  EXPECT_TRUE(says(message([](SampleLog& s) { s.logged[4321] = 0; }), "round 4321: logged is 0"));
  EXPECT_TRUE(says(message([](SampleLog& s) { s.logged[7] = kNan; }), "round 7: logged is nan"));
  EXPECT_TRUE(says(message([](SampleLog& s) { s.logged[7] = 1.1; }), "above 1"));
  EXPECT_TRUE(says(message([](SampleLog& s) { s.action[9] = 4; }), "round 9: action 4"));
  EXPECT_TRUE(says(message([](SampleLog& s) { s.action[9] = -1; }), "round 9: action -1"));
  EXPECT_TRUE(says(message([](SampleLog& s) { s.reward[2500] = kNan; }), "round 2500: reward"));
  EXPECT_TRUE(says(message([](SampleLog& s) { s.target[4 * 30] += 0.1; }), "round 30: target's"));
  EXPECT_TRUE(says(message([](SampleLog& s) {
                     s.target[4 * 30] -= 1;
                     s.target[4 * 30 + 1] += 1;
                   }),
                   "round 30: target[30, 0]"));
  EXPECT_TRUE(says(message([](SampleLog& s) { s.target[4 * 8 + 3] = kNan; }), "target[8, 3]"));
  EXPECT_TRUE(says(message([](SampleLog& s) { s.q[4 * 8 + 3] = INFINITY; }), "q[8, 3] is inf"));
  EXPECT_TRUE(says(message([](SampleLog& s) { s.marginal[3] = -1; }), "marginal weight is -1"));
  // The first of several, whichever thread meets which.
  EXPECT_TRUE(says(message([](SampleLog& s) { s.reward[4000] = s.reward[3] = kNan; }), "round 3:"));
}

TEST(OffPolicy, RefusesWhatDoesNotFit) {
  const SampleLog sample(50, 4, 2, 14);
  const auto refuses = [&](const auto& change, const char* estimator = "ips") {
    LoggedRounds log = sample.view();
    change(log);
    const auto asked = parse_off_policy_estimator(estimator);
    EXPECT_THROW((void)estimate_off_policy(log, std::span(&asked, 1), {}), Error);
  };
  refuses([](LoggedRounds& log) { log.action = log.action.first(49); });
  refuses([](LoggedRounds& log) { log.reward = log.reward.first(49); });
  refuses([](LoggedRounds& log) { log.logged = log.logged.first(49); });
  refuses([](LoggedRounds& log) { log.position = {}; });
  refuses([](LoggedRounds& log) { log.positions = 3; });
  refuses([](LoggedRounds& log) { log.rounds = 0; });
  refuses([](LoggedRounds& log) { log.target = std::nullopt; });
  refuses([](LoggedRounds& log) { log.q = std::nullopt; }, "doubly_robust");
  refuses([](LoggedRounds& log) { log.action = {}; });
  refuses([](LoggedRounds& log) { log.marginal_weight = {}; }, "mips");
  EXPECT_THROW((void)estimate_off_policy(sample.view(), {}, {}), Error);
  EXPECT_THROW((void)estimate_off_policy(sample.view(), all_estimators(), {.confidence = 1}),
               Error);
  EXPECT_THROW((void)estimate_off_policy(sample.view(), all_estimators(),
                                         {.interval = IntervalKind::kBootstrap, .resamples = 0}),
               Error);
}

TEST(OffPolicy, ATargetThatNeverDoesWhatWasLoggedHasNoNormalizedValue) {
  SampleLog sample(10, 2, 1, 15);
  for (std::size_t i = 0; i < 10; ++i) {
    sample.action[i] = 0;
    sample.target[2 * i] = 0;
    sample.target[2 * i + 1] = 1;
  }
  const std::vector<OffPolicyEstimator> asked{parse_off_policy_estimator("snips"),
                                              parse_off_policy_estimator("ips")};
  const auto found = estimate_off_policy(sample.view(), asked, {});
  EXPECT_TRUE(std::isnan(found.estimates[0].value));
  EXPECT_EQ(found.estimates[1].value, 0);
}

TEST(OffPolicy, NamesReadBack) {
  for (const OffPolicyEstimator& estimator : all_estimators()) {
    EXPECT_EQ(parse_off_policy_estimator(off_policy_estimator_name(estimator)), estimator);
  }
  EXPECT_EQ(off_policy_estimator_name(parse_off_policy_estimator("ips(clip=inf)")), "ips");
  EXPECT_EQ(off_policy_estimator_name(parse_off_policy_estimator(" dros( lambda_ = 1e2 )")),
            "dros(lambda_=100)");
  for (const char* wrong :
       {"", "IPS", "dr", "dros", "switch_dr", "switch_dr()", "switch_dr(10)", "switch_dr(tau=)",
        "switch_dr(tau=-1)", "switch_dr(tau=nan)", "switch_dr(tau=1", "switch_dr(lambda_=1)",
        "sub_gaussian(lambda_=1.5)", "direct_method(clip=1)", "ips(", "ips(clip=1))"}) {
    EXPECT_THROW((void)parse_off_policy_estimator(wrong), Error) << wrong;
  }
}

TEST(OffPolicyEmbedding, KnownChances) {
  // Two actions that always show category 0 and one that shows 1: weights are those of groups.
  const std::vector<double> target{0.2, 0.3, 0.5, 0.1, 0.1, 0.8};
  const std::vector<double> logged{0.5, 0.3, 0.2, 0.6, 0.2, 0.2};
  const std::vector<double> chance{1, 0, 1, 0, 0, 1};
  const std::vector<std::int64_t> embedding{0, 1};
  const PolicyTables tables{2, 3, target, logged};
  const auto weights = marginal_weights(tables, KnownEmbedding{2, 1, chance, embedding}, 1);
  EXPECT_DOUBLE_EQ(weights[0], 0.5 / 0.8);
  EXPECT_DOUBLE_EQ(weights[1], 0.8 / 0.2);
  const std::vector<double> posterior{0.625, 0.375, 0, 0, 0, 1};
  const auto estimated = marginal_weights(tables, posterior, 1);
  EXPECT_DOUBLE_EQ(estimated[0], weights[0]);
  EXPECT_DOUBLE_EQ(estimated[1], weights[1]);
  const std::vector<std::int64_t> outside{0, 2};
  EXPECT_THROW((void)marginal_weights(tables, KnownEmbedding{2, 1, chance, outside}, 1), Error);
  EXPECT_THROW((void)marginal_weights(tables, std::span(posterior).first(3), 1), Error);
}

}  // namespace
}  // namespace penchant::evaluation
