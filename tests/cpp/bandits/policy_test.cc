#include "penchant/bandits/policy.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <vector>

#include "bandits/world.h"
#include "reference/plain_posterior.h"
#include <gtest/gtest.h>

#include "penchant/bandits/linear_bank.h"
#include "penchant/bandits/reward_model.h"
#include "penchant/base/error.h"
#include "penchant/base/simd.h"

namespace penchant::bandits {
namespace {

using testing::every_policy;
using testing::for_model;
using testing::name_of;
using testing::World;

std::vector<std::uint64_t> ids_from(std::uint64_t first, std::size_t rows) {
  std::vector<std::uint64_t> ids(rows);
  std::iota(ids.begin(), ids.end(), first);
  return ids;
}

std::vector<double> proposals(const Policy& policy, const Candidates& ask, int threads = 1) {
  const auto ids = ids_from(900, ask.contexts.rows);
  std::vector<double> out(ask.contexts.rows * ask.arms.size());
  policy.propose(ask, {.ids = ids, .threads = threads}, out);
  return out;
}

Policy taught(const PolicyOptions& options, const World& world, std::size_t events) {
  Policy policy(options);
  policy.ensure_arms(world.arms);
  policy.update(for_model(world.events(0, events), options));
  return policy;
}

// ---------------------------------------------------------------------------- models and twins

// The events of one arm (or of all: -1), each input as `map` makes it.
reference::Ridge plain_ridge(const World& world, std::int32_t arm, double l2, std::size_t d,
                             const std::function<reference::Vector(std::size_t)>& map,
                             const reference::Vector& prior = {}) {
  reference::Rows x;
  reference::Vector rewards;
  for (std::size_t e = 0; e < world.arm.size(); ++e) {
    if (arm >= 0 && world.arm[e] != arm) continue;
    x.push_back(map(e));
    rewards.push_back(world.rewards[e]);
  }
  return reference::Ridge::fit(x, rewards, l2, d, prior);
}

reference::Vector with_one(const double* from, std::size_t n) {
  reference::Vector out{1.0};
  out.insert(out.end(), from, from + n);
  return out;
}

reference::Vector products(const reference::Vector& x, const reference::Vector& f) {
  reference::Vector out;
  for (const double a : x) {
    for (const double b : f) out.push_back(a * b);
  }
  return out;
}

// Beliefs of a model against plain ridge regressions; inputs are rounded to 2^-20, hence the error.
constexpr double kRounding = 2e-5;

struct Beliefs {
  std::vector<double> mean, spread;
};
Beliefs beliefs_of(const PolicyOptions& options, const World& world, std::size_t rows) {
  const auto model = make_reward_model(options);
  model->ensure_arms(world.arms);
  for (std::size_t e = 0; e < world.arm.size(); ++e) {
    model->learn(
        {.context = std::span(world.contexts).subspan(e * world.dimension, world.dimension),
         .arm = static_cast<std::size_t>(world.arm[e]),
         .features =
             std::span(world.features).subspan(e * options.arm_dimension, options.arm_dimension),
         .reward = world.rewards[e]});
  }
  model->refresh(1);
  Beliefs out{std::vector<double>(rows * world.arms), std::vector<double>(rows * world.arms)};
  model->beliefs(for_model(world.ask(rows), options), 0, rows, out.mean.data(), out.spread.data());
  return out;
}

TEST(Models, DisjointIsRidgeRegressionOfEachArm) {
  const World world(400, 5, 0, 11);
  const auto got = beliefs_of({.kind = PolicyKind::kLinUcb, .dimension = 5, .l2 = 0.7}, world, 9);
  const auto input = [&](std::size_t e) { return with_one(world.contexts.data() + e * 5, 5); };
  for (std::int32_t a = 0; a < 11; ++a) {
    const auto twin = plain_ridge(world, a, 0.7, 6, input);
    for (std::size_t r = 0; r < 9; ++r) {
      const std::size_t at = r * 11 + static_cast<std::size_t>(a);
      EXPECT_NEAR(got.mean[at], twin.mean(input(r)), kRounding);
      EXPECT_NEAR(got.spread[at], twin.variance(input(r)), kRounding);
    }
  }
}

TEST(Models, SharedIsRidgeRegressionOfProducts) {
  const World world(400, 3, 2, 6);
  for (const bool interactions : {true, false}) {
    const PolicyOptions options{.kind = PolicyKind::kLinUcb,
                                .model = ModelKind::kShared,
                                .dimension = 3,
                                .arm_dimension = 2,
                                .interactions = interactions,
                                .l2 = 2};
    const auto got = beliefs_of(options, world, 7);
    const auto input = [&](std::size_t row, const double* f) {
      const auto x = with_one(world.contexts.data() + row * 3, 3);
      if (interactions) return products(x, with_one(f, 2));
      auto z = x;
      const auto more = with_one(f, 2);
      z.insert(z.end(), more.begin(), more.end());
      return z;
    };
    const auto twin = plain_ridge(world, -1, 2, interactions ? 12 : 7, [&](std::size_t e) {
      return input(e, world.features.data() + e * 2);
    });
    for (std::size_t r = 0; r < 7; ++r) {
      for (std::size_t a = 0; a < 6; ++a) {
        const auto z = input(r, world.arm_features.data() + a * 2);
        EXPECT_NEAR(got.mean[r * 6 + a], twin.mean(z), kRounding);
        EXPECT_NEAR(got.spread[r * 6 + a], twin.variance(z), kRounding);
      }
    }
  }
}

TEST(Models, HybridStartsArmsFromWhatTheirAttributesSay) {
  const World world(300, 2, 2, 5);
  const double l2 = 1.5;
  const PolicyOptions options{.kind = PolicyKind::kLinUcb,
                              .model = ModelKind::kHybrid,
                              .dimension = 2,
                              .arm_dimension = 2,
                              .l2 = l2};
  const auto got = beliefs_of(options, world, 6);
  const auto context = [&](std::size_t e) { return with_one(world.contexts.data() + e * 2, 2); };
  const auto pooled = plain_ridge(world, -1, l2, 9, [&](std::size_t e) {
    return products(context(e), with_one(world.features.data() + e * 2, 2));
  });
  for (std::int32_t a = 0; a < 5; ++a) {
    const auto f = with_one(world.arm_features.data() + a * 2, 2);
    reference::Vector prior(3, 0.0);
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j < 3; ++j) prior[i] += pooled.theta[i * 3 + j] * f[j];
    }
    const auto twin = plain_ridge(world, a, l2, 3, context, prior);
    for (std::size_t r = 0; r < 6; ++r) {
      const auto x = context(r);
      reference::Vector v(3, 0.0);
      for (std::size_t i = 0; i < 3; ++i) {
        for (std::size_t j = 0; j < 3; ++j) v[i] += l2 * twin.covariance[i][j] * x[j];
      }
      const std::size_t at = r * 5 + static_cast<std::size_t>(a);
      EXPECT_NEAR(got.mean[at], twin.mean(x), kRounding);
      EXPECT_NEAR(got.spread[at], twin.variance(x) + pooled.variance(products(v, f)), kRounding);
    }
  }
}

// Against the paper's own updates, event by event, and against one regression over coefficients of
// all arms and the shared ones, side by side.
TEST(Models, JointIsTheHybridOfLiAndOthers) {
  for (const bool interactions : {true, false}) {
    const World world(260, 2, 2, 5);
    const double l2 = 1.5;
    const PolicyOptions options{.kind = PolicyKind::kLinUcb,
                                .model = ModelKind::kJoint,
                                .dimension = 2,
                                .arm_dimension = 2,
                                .interactions = interactions,
                                .l2 = l2};
    const auto got = beliefs_of(options, world, 6);
    const auto context = [&](std::size_t e) { return with_one(world.contexts.data() + e * 2, 2); };
    const auto shared = [&](std::size_t e, const double* attributes) {
      const auto x = context(e);
      const auto f = with_one(attributes, 2);
      if (interactions) return products(x, f);
      reference::Vector both = x;
      both.insert(both.end(), f.begin(), f.end());
      return both;
    };
    const std::size_t k = interactions ? 9 : 6;
    reference::LiHybrid paper(6, 3, k, l2);
    const auto wide = [&](std::size_t arm, const reference::Vector& x, const reference::Vector& z) {
      reference::Vector out(6 * 3 + k, 0.0);
      std::copy(x.begin(), x.end(), out.begin() + static_cast<std::ptrdiff_t>(arm * 3));
      std::copy(z.begin(), z.end(), out.begin() + 18);
      return out;
    };
    reference::Rows rows;
    for (std::size_t e = 0; e < world.arm.size(); ++e) {
      const auto arm = static_cast<std::size_t>(world.arm[e]);
      const auto z = shared(e, world.features.data() + e * 2);
      paper.learn(arm, context(e), z, world.rewards[e]);
      rows.push_back(wide(arm, context(e), z));
    }
    const auto all = reference::Ridge::fit(rows, world.rewards, l2, 18 + k);
    for (std::size_t r = 0; r < 6; ++r) {
      for (std::size_t a = 0; a < 5; ++a) {
        const auto x = context(r);
        const auto z = shared(r, world.arm_features.data() + a * 2);
        const std::size_t at = r * 5 + a;
        EXPECT_NEAR(got.mean[at], paper.mean(a, x, z), kRounding);
        EXPECT_NEAR(got.spread[at], paper.variance(a, x, z), kRounding);
        EXPECT_NEAR(got.mean[at], all.mean(wide(a, x, z)), kRounding);
        EXPECT_NEAR(got.spread[at], all.variance(wide(a, x, z)), kRounding);
      }
    }
  }
}

// The joint draws of models whose arms depend on each other have the means and variances of the
// beliefs.
TEST(Models, DrawsOfCoefficientsHaveTheBeliefsMoments) {
  const World world(200, 2, 2, 4);
  for (const ModelKind kind : {ModelKind::kShared, ModelKind::kHybrid, ModelKind::kJoint}) {
    const PolicyOptions options{
        .kind = PolicyKind::kLinTs, .model = kind, .dimension = 2, .arm_dimension = 2};
    const auto expected = beliefs_of(options, world, 1);
    const auto model = make_reward_model(options);
    model->ensure_arms(4);
    for (std::size_t e = 0; e < world.arm.size(); ++e) {
      model->learn({.context = std::span(world.contexts).subspan(e * 2, 2),
                    .arm = static_cast<std::size_t>(world.arm[e]),
                    .features = std::span(world.features).subspan(e * 2, 2),
                    .reward = world.rewards[e]});
    }
    model->refresh(1);
    constexpr std::size_t kDraws = 60000;
    std::vector<double> scores(kDraws * 4);
    model->draw_scores(world.ask(1), 0, {.seed = 1, .id = 7, .count = kDraws, .scale = 1},
                       scores.data());
    for (std::size_t a = 0; a < 4; ++a) {
      double sum = 0;
      double square = 0;
      for (std::size_t m = 0; m < kDraws; ++m) {
        sum += scores[m * 4 + a];
        square += scores[m * 4 + a] * scores[m * 4 + a];
      }
      const double mean = sum / kDraws;
      const double variance = square / kDraws - mean * mean;
      EXPECT_NEAR(mean, expected.mean[a], 5 * std::sqrt(expected.spread[a] / kDraws));
      EXPECT_NEAR(variance / expected.spread[a], 1, 0.04);
    }
  }
}

TEST(Models, NewArmsHaveThePrior) {
  const World world(50, 3, 0, 4);
  LinearBank bank({.dimension = 3, .l2 = 4, .discount = 1, .variances = true});
  bank.ensure(2);
  const std::vector<std::int32_t> arms = {kNewArm, 1};
  double mean[2];
  double variance[2];
  bank.moments(bank.plan(arms), world.contexts.data(), 1, mean, variance);
  double expected = 0;
  for (std::size_t j = 0; j < 3; ++j) expected += world.contexts[j] * world.contexts[j] / 4;
  for (const std::size_t a : {0U, 1U}) {
    EXPECT_EQ(mean[a], 0);
    EXPECT_NEAR(variance[a], expected, 1e-12);
  }
}

// Any width of vectors gives the bits of the plain loop.
TEST(Models, KernelsGiveTheBitsOfThePlainLoop) {
  const Philox random(2, 8);
  for (const std::string& target : simd_targets()) {
    force_simd_target(target);
    for (const std::size_t n : {1U, 2U, 7U, 33U}) {
      const std::size_t blocks = 3;
      const std::size_t block = (n + packed_size(n)) * kLanes;
      std::vector<double> numbers(blocks * block);
      for (std::uint32_t i = 0; i < numbers.size(); ++i) numbers[i] = random.normal(n, i);
      std::vector<BlockView> views;
      for (std::size_t b = 0; b < blocks; ++b) {
        views.push_back({.theta = numbers.data() + b * block,
                         .inverse = numbers.data() + b * block + n * kLanes});
      }
      for (const std::size_t rows : {1U, 5U, 6U, 14U}) {
        std::vector<double> x(rows * n);
        for (std::uint32_t i = 0; i < x.size(); ++i) x[i] = random.normal(n + 100, i);
        const std::size_t width = blocks * kLanes;
        std::vector<double> mean(rows * width);
        std::vector<double> variance(rows * width);
        block_moments(views, x.data(), rows, n, mean.data(), variance.data());
        for (std::size_t at = 0; at < rows * width; ++at) {
          const double* row = x.data() + at / width * n;
          const BlockView& view = views[at % width / kLanes];
          const std::size_t lane = at % kLanes;
          double m = 0;
          for (std::size_t j = 0; j < n; ++j) m += view.theta[j * kLanes + lane] * row[j];
          double v = 0;
          for (std::size_t i = 0, e = 0; i < n; ++i) {
            double sum = 0;
            for (std::size_t j = 0; j <= i; ++j, ++e) {
              sum += view.inverse[e * kLanes + lane] * row[j];
            }
            v += sum * sum;
          }
          ASSERT_EQ(mean[at], m) << target << " n=" << n << " rows=" << rows;
          ASSERT_EQ(variance[at], v) << target << " n=" << n << " rows=" << rows;
        }
      }
    }
  }
  force_simd_target("best");
}

// ------------------------------------------------------------------------ what policies promise

class Policies : public ::testing::TestWithParam<PolicyOptions> {
 protected:
  World world{600, 3, 2, 7};
  const PolicyOptions& options() const { return GetParam(); }
  bool ordered() const { return options().kind == PolicyKind::kLogisticTs; }
  Candidates ask(std::size_t rows) const { return for_model(world.ask(rows), options()); }
};

TEST_P(Policies, ProbabilitiesAreDistributions) {
  const Policy policy = taught(options(), world, 600);
  const auto p = proposals(policy, ask(50));
  for (std::size_t r = 0; r < 50; ++r) {
    double sum = 0;
    for (std::size_t a = 0; a < 7; ++a) {
      ASSERT_GE(p[r * 7 + a], 0);
      sum += p[r * 7 + a];
    }
    ASSERT_NEAR(sum, 1, 1e-12);
  }
}

TEST_P(Policies, ThreadsAndBatchesAndOrderChangeNoBit) {
  const Policy whole = taught(options(), world, 600);
  Policy parts(options());
  std::vector<std::size_t> order(600);
  std::iota(order.begin(), order.end(), 0);
  if (!ordered()) std::reverse(order.begin(), order.end());
  for (const std::size_t e : order) {
    parts.ensure_arms(std::max<std::size_t>(parts.arms(), world.arm[e] + 1U));
    parts.update(for_model(world.events(e, e + 1), options()));
  }
  const auto expected = proposals(whole, ask(60), 1);
  EXPECT_EQ(proposals(parts, ask(60), 1), expected);
  EXPECT_EQ(proposals(whole, ask(60), 2), expected);
  EXPECT_EQ(proposals(whole, ask(60), 8), expected);
  const auto ids = ids_from(0, 60);
  const Decisions together = whole.decide(ask(60), {.ids = ids, .slots = 3, .threads = 8});
  for (std::size_t r = 0; r < 60; ++r) {
    Candidates one = ask(60);
    one.contexts = {world.contexts.data() + r * 3, 1, 3};
    const Decisions alone =
        parts.decide(one, {.ids = std::span(ids).subspan(r, 1), .slots = 3, .threads = 1});
    for (std::size_t s = 0; s < 3; ++s) {
      ASSERT_EQ(alone.position[s], together.position[r * 3 + s]);
      ASSERT_EQ(alone.propensity[s], together.propensity[r * 3 + s]);
    }
  }
}

TEST_P(Policies, UndoneEventsWereNeverThere) {
  Policy policy = taught(options(), world, 500);
  const auto before = proposals(policy, ask(40));
  policy.update(for_model(world.events(500, 600), options()));
  // In another order, one after the other.
  for (std::size_t e = 600; e-- > 500;) {
    policy.undo(for_model(world.events(e, e + 1), options()));
  }
  EXPECT_EQ(proposals(policy, ask(40)), before);
  EXPECT_EQ(policy.events(), 500);
}

TEST_P(Policies, RefuseToUndoWhatNeverCameAndStayAsTheyWere) {
  Policy policy = taught(options(), world, 100);
  const auto before = proposals(policy, ask(20));
  World other(300, 3, 2, 7, 99);
  for (auto& id : other.ids) id += 5000;
  for (double& x : other.contexts) x *= 30;  // squares that the sums don't hold
  other.rewards.assign(300, 1.0);
  EXPECT_THROW(policy.undo(for_model(other.events(), options())), Error);
  EXPECT_EQ(proposals(policy, ask(20)), before);
  EXPECT_EQ(policy.events(), 100);
}

TEST_P(Policies, FloorsHoldAndBlockedArmsAreNeverShown) {
  PolicyOptions floored = options();
  floored.min_probability = 0.02;
  const Policy policy = taught(floored, world, 600);
  Candidates ask30 = ask(30);
  std::vector<std::uint8_t> blocked(30 * 7, 0);
  for (std::size_t r = 0; r < 30; ++r) {
    for (std::size_t a = 0; a < 7; ++a) blocked[r * 7 + a] = a == r % 7 || a == (r * 3 + 1) % 7;
  }
  ask30.blocked = blocked;
  const auto p = proposals(policy, ask30);
  for (std::size_t r = 0; r < 30; ++r) {
    double sum = 0;
    for (std::size_t a = 0; a < 7; ++a) {
      const double value = p[r * 7 + a];
      if (blocked[r * 7 + a] != 0) {
        ASSERT_EQ(value, 0);
      } else {
        ASSERT_GE(value, 0.02 - 1e-15);
      }
      sum += value;
    }
    ASSERT_NEAR(sum, 1, 1e-12);
  }
  const auto ids = ids_from(0, 30);
  const Decisions shown = policy.decide(ask30, {.ids = ids, .slots = 5, .threads = 1});
  for (std::size_t r = 0; r < 30; ++r) {
    std::vector<std::uint8_t> seen(7, 0);
    for (std::size_t s = 0; s < 5; ++s) {
      const auto a = static_cast<std::size_t>(shown.position[r * 5 + s]);
      ASSERT_EQ(blocked[r * 7 + a], 0);
      ASSERT_EQ(seen[a]++, 0);
    }
  }
}

TEST_P(Policies, LastOfASlateHasProbabilityOne) {
  const Policy policy = taught(options(), world, 600);
  const auto ids = ids_from(0, 20);
  const Decisions shown = policy.decide(ask(20), {.ids = ids, .slots = 7, .threads = 1});
  for (std::size_t r = 0; r < 20; ++r) ASSERT_NEAR(shown.propensity[r * 7 + 6], 1, 1e-12);
}

TEST_P(Policies, RefuseBadNumbersAndLearnNothing) {
  Policy policy = taught(options(), world, 100);
  const auto before = proposals(policy, ask(10));
  const bool reads =
      !(options().kind == PolicyKind::kUniform || options().kind == PolicyKind::kUcb1 ||
        options().kind == PolicyKind::kBetaThompson);
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity(), 1e9}) {
    World broken(100, 3, 2, 7, 3);
    for (auto& id : broken.ids) id += 1000;
    broken.rewards[57] = bad;
    EXPECT_THROW(policy.update(for_model(broken.events(), options())), Error);
    broken.rewards[57] = 0;
    broken.contexts[57 * 3 + 1] = bad;
    if (reads) {
      EXPECT_THROW(policy.update(for_model(broken.events(), options())), Error);
      EXPECT_THROW((void)proposals(policy, for_model(broken.ask(90), options())), Error);
    }
  }
  EXPECT_EQ(proposals(policy, ask(10)), before);
}

std::string test_name(const ::testing::TestParamInfo<PolicyOptions>& info) {
  return name_of(info.param);
}

INSTANTIATE_TEST_SUITE_P(Every, Policies, ::testing::ValuesIn(every_policy(3, 2)), test_name);

TEST(Policy, TenThousandEventsAreUndoneToTheBit) {
  const World world(20000, 8, 0, 30);
  const PolicyOptions options{.kind = PolicyKind::kLinTs, .dimension = 8};
  Policy policy = taught(options, world, 20000);
  Policy never(options);
  never.ensure_arms(30);
  for (std::size_t e = 0; e < 20000; e += 2) {
    policy.undo(for_model(world.events(e, e + 1), options));
  }
  for (std::size_t e = 1; e < 20000; e += 2) {
    never.update(for_model(world.events(e, e + 1), options));
  }
  const Candidates ask = for_model(world.ask(50), options);
  EXPECT_EQ(proposals(policy, ask), proposals(never, ask));
}

TEST(Policy, FadingEventsCountByTheirAge) {
  const World world(300, 2, 0, 3);
  const PolicyOptions options{.kind = PolicyKind::kSoftmax, .dimension = 2, .discount = 0.98};
  Policy policy = taught(options, world, 300);
  // Ridge regression of each arm with weights by age.
  std::vector<double> mean;
  const double x[] = {1, world.contexts[0], world.contexts[1]};
  for (std::int32_t a = 0; a < 3; ++a) {
    reference::Rows rows;
    reference::Vector rewards;
    double weight = 1;
    for (std::size_t e = 300; e-- > 0;) {
      if (world.arm[e] != a) continue;
      const double root = std::sqrt(weight);
      rows.push_back({root, root * world.contexts[e * 2], root * world.contexts[e * 2 + 1]});
      rewards.push_back(root * world.rewards[e]);
      weight *= 0.98;
    }
    mean.push_back(reference::Ridge::fit(rows, rewards, 1, 3).mean({x[0], x[1], x[2]}));
  }
  const auto p = proposals(policy, for_model(world.ask(1), options));
  for (std::size_t a = 1; a < 3; ++a) {
    EXPECT_NEAR(std::log(p[a] / p[0]) * options.temperature, mean[a] - mean[0], 1e-5);
  }
  // Taken back with the right age: to rounding.
  Policy without(options);
  without.ensure_arms(3);
  without.update(for_model(world.events(0, 299), options));
  const std::vector<std::int64_t> age = {0};
  Events last = for_model(world.events(299, 300), options);
  EXPECT_THROW(policy.undo(last), Error);
  last.age = age;
  policy.undo(last);
  EXPECT_EQ(policy.events(), 299);
}

// With its ages, an event's own term goes: what is left is what others would have been taught by an
// event that fades them and adds nothing. Such an event is one of no weight: context and attributes
// of 0, without intercept.
TEST(Policy, FadingEventsAreTakenBackByTheirAges) {
  const World world(120, 2, 2, 3);
  for (PolicyOptions options : every_policy(2, 2)) {
    if (options.kind != PolicyKind::kSoftmax && options.kind != PolicyKind::kLogisticTs) continue;
    options.discount = 0.95;
    options.intercept = false;
    for (const std::size_t gone : {std::size_t{20}, std::size_t{119}}) {
      const bool logistic = options.kind == PolicyKind::kLogisticTs;
      if (logistic && gone != 119) continue;  // later events were linearized with it
      Policy policy = taught(options, world, 120);
      World other = world;
      for (std::size_t j = 0; j < 2; ++j) {
        other.contexts[gone * 2 + j] = 0;
        other.features[gone * 2 + j] = 0;
      }
      const Policy without = taught(options, other, 120);
      std::int64_t of_arm = 0;
      for (std::size_t e = gone + 1; e < 120; ++e)
        of_arm += world.arm[e] == world.arm[gone] ? 1 : 0;
      const std::vector<std::int64_t> age{of_arm};
      const std::vector<std::int64_t> age_of_all{static_cast<std::int64_t>(119 - gone)};
      Events event = for_model(world.events(gone, gone + 1), options);
      event.age = options.model == ModelKind::kShared ? age_of_all : age;
      if (options.model == ModelKind::kHybrid) {
        EXPECT_THROW(policy.undo(event), Error);
        event.age_of_all = age_of_all;
      }
      policy.undo(event);
      EXPECT_EQ(policy.events(), 119);
      const auto expected = proposals(without, for_model(world.ask(8), options));
      const auto got = proposals(policy, for_model(world.ask(8), options));
      for (std::size_t i = 0; i < got.size(); ++i) {
        ASSERT_NEAR(got[i], expected[i], logistic ? 2e-5 : 1e-9) << name_of(options) << " " << gone;
      }
    }
  }
}

// What is logged for a slate is Plackett-Luce.
TEST(Policy, SlatesArePlackettLuce) {
  const World world(600, 3, 0, 7);
  const PolicyOptions options{.kind = PolicyKind::kSoftmax, .dimension = 3, .temperature = 0.3};
  const Policy policy = taught(options, world, 600);
  const Candidates ask = for_model(world.ask(40), options);
  const auto ids = ids_from(900, 40);
  const auto p = proposals(policy, ask);
  const Decisions shown = policy.decide(ask, {.ids = ids, .slots = 4, .threads = 1});
  for (std::size_t r = 0; r < 40; ++r) {
    double log = 0;
    double left = 1;
    for (std::size_t s = 0; s < 4; ++s) {
      const double taken = p[r * 7 + static_cast<std::size_t>(shown.position[r * 4 + s])];
      EXPECT_NEAR(shown.propensity[r * 4 + s], taken / left, 1e-12);
      log += std::log(shown.propensity[r * 4 + s]);
      left -= taken;
    }
    EXPECT_TRUE(std::isfinite(log));
  }
}

TEST(Policy, ManyArmsOfManyCoefficientsFitTheStatedMemory) {
  const PolicyOptions options{.kind = PolicyKind::kLinUcb, .dimension = 128, .intercept = false};
  Policy policy(options);
  policy.ensure_arms(400);
  // docs/bandits.md: 134 kB an arm, 1.34 GB for 10,000.
  EXPECT_NEAR(static_cast<double>(policy.memory_bytes()) / 400, 134e3, 2e3);
}

TEST(Options, SayWhatIsWrong) {
  const auto refused = [](auto change) {
    PolicyOptions options{.kind = PolicyKind::kLinUcb, .dimension = 3};
    change(options);
    EXPECT_THROW(Policy{options}, Error);
  };
  refused([](auto& o) { o.l2 = 0; });
  refused([](auto& o) { o.discount = 0; });
  refused([](auto& o) { o.discount = 1.1; });
  refused([](auto& o) { o.epsilon = -0.1; });
  refused([](auto& o) { o.temperature = 0; });
  refused([](auto& o) { o.alpha = -1; });
  refused([](auto& o) { o.scale = std::nan(""); });
  refused([](auto& o) { o.prior_success = 0; });
  refused([](auto& o) { o.gamma = std::numeric_limits<double>::infinity(); });
  refused([](auto& o) { o.gamma_exponent = 2; });
  refused([](auto& o) { o.min_probability = 1.5; });
  refused([](auto& o) { o.replicas = 0; });
  refused([](auto& o) { o.draws = 0; });
  refused([](auto& o) { o.arm_dimension = 2; });
  refused([](auto& o) { o.dimension = 5000; });
  refused([](auto& o) { o.model = ModelKind::kShared, o.dimension = 90, o.arm_dimension = 90; });
}

}  // namespace
}  // namespace penchant::bandits
