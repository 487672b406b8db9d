// The ranking objectives' derivatives against their plain twins.

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "reference/plain_lambdas.h"
#include <gtest/gtest.h>

#include "penchant/base/random.h"
#include "penchant/ranking/objective.h"
#include "penchant/ranking/rank_kernel.h"

namespace penchant::ranking {
namespace {

struct MadeQueries {
  Labels labels;
  std::vector<double> scores;
};

// Queries of odd sizes: some with one label only, some with equal scores, some far apart; the last
// are too long for ranks by counting.
MadeQueries made_queries(std::uint64_t seed, int most_label) {
  std::mt19937_64 random(seed);
  MadeQueries made;
  made.labels.group_begin.push_back(0);
  for (int q = 0; q < 150; ++q) {
    const bool is_long = q >= 147;
    const std::size_t size = is_long  ? kMostCounted + 1 + random() % 100
                             : q < 70 ? static_cast<std::size_t>(q) + 1
                                      : 1 + random() % 200;
    const double spread = std::ldexp(1.0, static_cast<int>(random() % 8) - 3);
    const bool coarse = random() % 3 == 0 || is_long;
    const auto labels = 1 + random() % (static_cast<std::uint64_t>(most_label) + 1);
    std::normal_distribution<double> normal(0, spread);
    for (std::size_t i = 0; i < size; ++i) {
      made.labels.target.push_back(static_cast<float>(std::min(random() % labels, random() % 7)));
      const double score = normal(random) + (q % 5 == 0 ? 1000 : 0);
      made.scores.push_back(coarse ? std::round(score) : score);
    }
    made.labels.group_begin.push_back(static_cast<std::int64_t>(made.scores.size()));
  }
  return made;
}

void expect_plain(const std::string& objective, const ObjectiveParams& params,
                  const reference::LambdaOptions& options, const MadeQueries& made) {
  const auto fast = make_objective(objective, made.labels, params);
  std::vector<float> g(made.scores.size());
  std::vector<float> h(made.scores.size());
  fast->derivatives(made.scores, g, h, {.threads = 1});
  for (std::size_t q = 0; q + 1 < made.labels.group_begin.size(); ++q) {
    const auto begin = static_cast<std::size_t>(made.labels.group_begin[q]);
    const auto end = static_cast<std::size_t>(made.labels.group_begin[q + 1]);
    std::vector<double> gains;
    for (std::size_t i = begin; i < end; ++i) {
      const auto label = static_cast<std::size_t>(made.labels.target[i]);
      gains.push_back(params.label_gains.empty() ? std::ldexp(1.0, static_cast<int>(label)) - 1
                                                 : params.label_gains[label]);
    }
    const std::vector<double> scores(made.scores.begin() + static_cast<std::ptrdiff_t>(begin),
                                     made.scores.begin() + static_cast<std::ptrdiff_t>(end));
    const reference::Lambdas plain = reference::plain_lambdas(gains, scores, options);
    double most = 0;
    for (const double one : plain.gradient) most = std::max(most, std::abs(one));
    for (std::size_t i = 0; i < gains.size(); ++i) {
      const double near = 1e-5 * most + 1e-12;
      ASSERT_NEAR(static_cast<double>(g[begin + i]), plain.gradient[i], near) << q << ", " << i;
      ASSERT_NEAR(static_cast<double>(h[begin + i]), plain.hessian[i], near) << q << ", " << i;
      ASSERT_GE(h[begin + i], 0.0F);
    }
  }
  for (const int threads : {2, 8}) {
    std::vector<float> g_many(g.size());
    std::vector<float> h_many(h.size());
    fast->derivatives(made.scores, g_many, h_many, {.threads = threads});
    EXPECT_EQ(g, g_many);
    EXPECT_EQ(h, h_many);
  }
}

TEST(Lambdas, AreThePlainTwins) {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    const MadeQueries made = made_queries(seed, seed % 2 == 0 ? 4 : 1);
    for (const int truncation : {1, 10, 30, 1000}) {
      for (const bool normalize : {true, false}) {
        const ObjectiveParams params{.truncation = truncation, .normalize = normalize};
        expect_plain("lambdamart", params,
                     {.truncation = static_cast<std::size_t>(truncation), .normalize = normalize},
                     made);
      }
    }
    expect_plain("pairwise", {}, {.alike = true}, made);
  }
}

// A flat gain: labels that are worth the same don't push each other; the least need not be 0.
TEST(Lambdas, FollowTheLabelGains) {
  const MadeQueries made = made_queries(9, 4);
  expect_plain("lambdamart", {.label_gains = {0.5, 0.5, 2, 2, 3, 5, 6}}, {}, made);
}

TEST(Lambdas, OfXeNdcgAreThePlainTwins) {
  const MadeQueries made = made_queries(5, 4);
  const auto fast = make_objective("xendcg", made.labels, {.seed = 12});
  const Philox random(12, 0x786e6463);
  std::vector<float> g(made.scores.size());
  std::vector<float> h(made.scores.size());
  fast->derivatives(made.scores, g, h, {.iteration = 3, .threads = 2});
  for (std::size_t q = 0; q + 1 < made.labels.group_begin.size(); ++q) {
    std::vector<double> gains;
    std::vector<double> scores;
    std::vector<double> drawn;
    const auto begin = static_cast<std::size_t>(made.labels.group_begin[q]);
    const auto end = static_cast<std::size_t>(made.labels.group_begin[q + 1]);
    for (std::size_t i = begin; i < end; ++i) {
      gains.push_back(std::ldexp(1.0, static_cast<int>(made.labels.target[i])) - 1);
      scores.push_back(made.scores[i]);
      drawn.push_back(random.uniform(i, 3));
    }
    const reference::Lambdas plain = reference::plain_xendcg(gains, scores, drawn);
    for (std::size_t i = 0; i < gains.size(); ++i) {
      // Where p is all but 1, what is left of 1 - p has few digits.
      const double near = 1e-6 + 1e-4 * std::abs(plain.gradient[i]);
      ASSERT_NEAR(static_cast<double>(g[begin + i]), plain.gradient[i], near) << q << ", " << i;
      ASSERT_NEAR(static_cast<double>(h[begin + i]), plain.hessian[i], 1e-6) << q << ", " << i;
    }
  }
}

TEST(Ranks, AreThoseOfAStableSort) {
  const Philox random(3, 4);
  for (std::size_t count = 1; count <= kMostCounted; count += count < 40 ? 1 : 27) {
    std::vector<double> scores;
    for (std::size_t i = 0; i < count; ++i) {
      scores.push_back(std::round(4 * random.normal(i, static_cast<std::uint32_t>(count))) / 4);
    }
    std::vector<std::uint32_t> plain(count);
    std::iota(plain.begin(), plain.end(), 0U);
    std::stable_sort(plain.begin(), plain.end(),
                     [&](auto a, auto b) { return scores[a] > scores[b]; });
    std::vector<std::uint32_t> order(count);
    rank_by_counting(scores.data(), count, order.data());
    ASSERT_EQ(order, plain) << count;
  }
}

}  // namespace
}  // namespace penchant::ranking
