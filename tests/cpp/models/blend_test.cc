#include "penchant/models/blend.h"

#include <cmath>

#include "models/sample.h"
#include <gtest/gtest.h>

#include "penchant/models/ease.h"
#include "penchant/models/item_knn.h"
#include "penchant/models/popular.h"
#include "penchant/models/random_model.h"

namespace penchant::models {
namespace {

using testing::random_dataset;

std::vector<std::shared_ptr<const Model>> members_of(const data::Dataset& data) {
  const auto pairs = data.interactions();
  return {fit_item_knn(*pairs, data.last_time(), {.neighbors = 10}),
          fit_ease(*pairs, data.last_time(), {.regularization = 5}),
          std::make_shared<const RandomModel>(pairs->num_items(), 3)};
}

TEST(Standardize, LeavesMeanZeroAndDeviationOne) {
  std::vector<float> scores;
  for (int i = 0; i < 1003; ++i) scores.push_back(static_cast<float>(i * i % 101) * 3.0F + 700.0F);
  std::vector<float> before = scores;
  standardize(scores);
  double sum = 0;
  double square = 0;
  for (const float v : scores) {
    sum += static_cast<double>(v);
    square += static_cast<double>(v) * static_cast<double>(v);
  }
  EXPECT_NEAR(sum / 1003, 0, 1e-6);
  EXPECT_NEAR(square / 1003, 1, 1e-6);
  for (std::size_t i = 1; i < scores.size(); ++i) {
    EXPECT_EQ(scores[i] < scores[0], before[i] < before[0]);
  }
  std::vector<float> alike(17, 0.1F);
  standardize(alike);
  EXPECT_EQ(alike, std::vector<float>(17, 0.0F));
  standardize({});
}

TEST(Blend, IsTheWeightedSumOfStandardizedScores) {
  const data::Dataset data = random_dataset(50, 30, 500, 51);
  const auto pairs = data.interactions();
  const auto members = members_of(data);
  const std::vector<float> weights = {1, 0.5F, 0};
  const BlendModel blend(members, weights);
  std::vector<float> scores(30);
  std::vector<float> part(30);
  for (int u = 0; u < 20; ++u) {
    const Query query{UserIndex(u), pairs->history(UserIndex(u)), data.last_time(), false};
    blend.score_all(query, scores);
    std::vector<double> expected(30, 0.0);
    for (std::size_t m = 0; m < 2; ++m) {
      members[m]->score_all(query, part);
      double mean = 0;
      for (const float v : part) mean += static_cast<double>(v) / 30;
      double variance = 0;
      for (const float v : part) variance += std::pow(static_cast<double>(v) - mean, 2) / 30;
      for (std::size_t i = 0; i < 30; ++i) {
        expected[i] += static_cast<double>(weights[m]) * (static_cast<double>(part[i]) - mean) /
                       std::sqrt(variance);
      }
    }
    for (std::size_t i = 0; i < 30; ++i) {
      EXPECT_NEAR(static_cast<double>(scores[i]), expected[i], 1e-4);
    }
  }
}

TEST(Blend, AnswersWhenAPersonalMemberOfWeightCan) {
  const data::Dataset data = random_dataset(50, 30, 500, 52);
  const auto members = members_of(data);
  const Query nobody{UserIndex(3), {}, data.last_time(), false};
  EXPECT_FALSE(BlendModel(members, {1, 1, 0}).can_score(nobody));
  EXPECT_FALSE(BlendModel(members, {1, 1, 1}).can_score(nobody));  // a Random has no idea either
  EXPECT_TRUE(BlendModel(members, {0, 0, 1}).can_score(nobody));   // but where it is all there is
  EXPECT_TRUE(BlendModel({members[0], members[1]}, {1, 1}).together());
  EXPECT_FALSE(BlendModel(members, {1, 1, 1}).together());
}

TEST(Blend, RefusesWeightsThatMakeNoSense) {
  const auto members = members_of(random_dataset(50, 30, 500, 53));
  const float nan = std::nanf("");
  for (const std::vector<float>& weights :
       std::vector<std::vector<float>>{{1, 1}, {0, 0, 0}, {1, -1, 0}, {1, nan, 1}, {1, 1, 1, 1}}) {
    EXPECT_THROW(BlendModel(members, weights), Error);
  }
  EXPECT_THROW(BlendModel({}, {}), Error);
  const auto other = members_of(random_dataset(50, 31, 500, 53));
  EXPECT_THROW(BlendModel({members[0], other[0]}, {1, 1}), Error);
}

TEST(RankingProblem, CountsAsTheMetricsDo) {
  // Five candidates in the order of the only score; right at ranks 1 and 3 of four right items.
  const RankingRow row{{5, 4, 3, 2, 1}, {1, 0, 1, 0, 0}, 4};
  const auto value = [&](const char* metric) {
    RankingProblem problem(1, parse_ranking_metric(metric));
    problem.add(row);
    problem.add({{1}, {0}, 0});  // nothing right: not counted
    EXPECT_EQ(problem.rows(), 1U);
    return problem.objective(std::vector<float>{1}, 1);
  };
  const double ideal3 = 1 + 1 / std::log2(3.0) + 0.5;
  EXPECT_NEAR(value("ndcg@3"), 1.5 / ideal3, 1e-12);
  EXPECT_NEAR(value("ndcg@2"), 1 / (1 + 1 / std::log2(3.0)), 1e-12);
  EXPECT_NEAR(value("ndcg@20"), 1.5 / (ideal3 + 1 / std::log2(5.0)), 1e-12);
  EXPECT_NEAR(value("recall@3"), 0.5, 1e-12);
  EXPECT_NEAR(value("recall@1"), 0.25, 1e-12);
  EXPECT_NEAR(value("map@3"), (1.0 + 2.0 / 3) / 3, 1e-12);
  EXPECT_NEAR(value("map@20"), (1.0 + 2.0 / 3) / 4, 1e-12);
  for (const char* bad : {"", "ndcg", "ndcg@", "ndcg@0", "ndcg@-1", "ndcg@1001", "ndcg@2x", "@5",
                          "auc@5", "NDCG@5"}) {
    EXPECT_THROW((void)parse_ranking_metric(bad), Error) << bad;
  }
}

TEST(RankingProblem, LearnsWhichMemberIsRight) {
  const data::Dataset data = random_dataset(80, 40, 1200, 54);
  const auto pairs = data.interactions();
  const auto members = members_of(data);
  // What the second member likes best is right.
  std::vector<UserIndex> people;
  std::vector<std::vector<ItemIndex>> truth;
  std::vector<float> scores(40);
  for (int u = 0; u < 80; ++u) {
    const Query query{UserIndex(u), pairs->history(UserIndex(u)), data.last_time(), false};
    members[1]->score_all(query, scores);
    std::vector<ItemIndex> right;
    for (int i = 0; i < 40; ++i) {
      if (query.history.find(ItemIndex(i)) < 0 && scores[static_cast<std::size_t>(i)] > 0.1F) {
        right.emplace_back(i);
      }
    }
    people.emplace_back(u);
    truth.push_back(right);
  }
  std::vector<std::vector<float>> found;
  for (const int threads : {1, 2, 8}) {
    RankingProblem problem(3, parse_ranking_metric("ndcg@10"));
    add_blend_rows(problem, members, *pairs, people, truth, data.last_time(), threads);
    ASSERT_GT(problem.rows(), 20U);
    const std::vector<float> equal = {1, 1, 1};
    found.push_back(learn_weights(problem, equal, {.prior_strength = 0.01, .threads = threads}));
    EXPECT_GT(problem.objective(found.back(), 1), problem.objective(equal, 1) + 0.01);
  }
  EXPECT_EQ(found[0][1], 1.0F);
  EXPECT_LT(found[0][2], 0.2F);
  EXPECT_EQ(found[0], found[1]);
  EXPECT_EQ(found[0], found[2]);
}

}  // namespace
}  // namespace penchant::models
