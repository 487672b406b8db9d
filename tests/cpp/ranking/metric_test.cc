#include "penchant/ranking/metric.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/base/random.h"

namespace penchant::ranking {
namespace {

struct Sample {
  Labels labels;
  std::vector<double> scores;
};

// Scores with ties; queries of seven rows.
Sample sample(std::size_t rows, double most_label) {
  Sample out;
  const Philox random(3, 1);
  for (std::size_t i = 0; i < rows; ++i) {
    out.labels.target.push_back(
        static_cast<float>(std::floor(random.uniform(i, 0) * (most_label + 1))));
    out.labels.weight.push_back(static_cast<float>(1 + random.below(3, i, 1)));
    out.scores.push_back(std::round(4 * random.normal(i, 2)) / 4);
    if (i % 7 == 0) out.labels.group_begin.push_back(static_cast<std::int64_t>(i));
  }
  out.labels.group_begin.push_back(static_cast<std::int64_t>(rows));
  return out;
}

double value(const char* name, const Sample& of, Link link = Link::kIdentity) {
  const Metric metric = make_metric(name, of.labels, link, 1, {.ndcg_at = 4});
  const double one = metric.value(of.scores, 1);
  EXPECT_EQ(one, metric.value(of.scores, 8)) << name;
  EXPECT_EQ(metric.loss(one), metric.higher_is_better ? -one : one);
  return one;
}

TEST(Metric, AreaUnderTheCurveIsTheShareOfPairsInOrder) {
  const Sample of = sample(300, 1);
  double right = 0;
  double all = 0;
  for (std::size_t i = 0; i < 300; ++i) {
    for (std::size_t j = 0; j < 300; ++j) {
      if (of.labels.target[i] != 1 || of.labels.target[j] != 0) continue;
      const double weight =
          static_cast<double>(of.labels.weight[i]) * static_cast<double>(of.labels.weight[j]);
      all += weight;
      if (of.scores[i] > of.scores[j]) right += weight;
      if (of.scores[i] == of.scores[j]) right += weight / 2;
    }
  }
  EXPECT_NEAR(value("auc", of, Link::kSigmoid), right / all, 1e-12);
}

TEST(Metric, AreaUnderTheCurveOfWhatHasNoOrderIsNoNumber) {
  Sample of = sample(300, 1);
  of.scores[7] = std::nan("");
  const Metric metric = make_metric("auc", of.labels, Link::kSigmoid, 1, {});
  EXPECT_TRUE(std::isnan(metric.value(of.scores, 1)));
}

TEST(Metric, OfNumbersAndClasses) {
  const Sample of = sample(20'000, 1);
  double squares = 0;
  double sizes = 0;
  double powers = 0;
  double right = 0;
  double weights = 0;
  for (std::size_t i = 0; i < of.scores.size(); ++i) {
    const double y = static_cast<double>(of.labels.target[i]);
    const double w = static_cast<double>(of.labels.weight[i]);
    squares += w * (of.scores[i] - y) * (of.scores[i] - y);
    sizes += w * std::abs(of.scores[i] - y);
    powers += w * std::abs(std::exp(of.scores[i]) - y);
    right += w * (of.scores[i] > 0 ? y : 1 - y);
    weights += w;
  }
  EXPECT_NEAR(value("mse", of), squares / weights, 1e-9);
  EXPECT_NEAR(value("rmse", of), std::sqrt(squares / weights), 1e-9);
  EXPECT_NEAR(value("mae", of), sizes / weights, 1e-9);
  EXPECT_NEAR(value("mae", of, Link::kExp), powers / weights, 1e-9);
  EXPECT_NEAR(value("accuracy", of, Link::kSigmoid), right / weights, 1e-9);
  const auto logistic = make_objective("logistic", of.labels, {});
  EXPECT_EQ(value("log_loss", of, Link::kSigmoid), logistic->loss(of.scores, 1));
}

TEST(Metric, WithinQueriesRankEqualScoresInTheOrderOfRows) {
  const Labels labels{.target = {0, 2, 1, 0, 0, 0, 1, 0}, .group_begin = {0, 4, 6, 8}};
  // Orders 2 1 3 0 | no relevant row | 0 1.
  const Sample of{labels, {0, 1, 2, 1, 5, 4, 3, 3}};
  EXPECT_NEAR(value("map@1", of), (1.0 + 1.0) / 2, 1e-12);
  EXPECT_NEAR(value("map", of), (1.0 + 1.0) / 2, 1e-12);
  const Sample other{labels, {3, 1, 2, 1, 5, 4, 2, 3}};
  EXPECT_NEAR(value("map@4", other), ((1.0 / 2 + 2.0 / 3) / 2 + 1.0 / 2) / 2, 1e-12);
  EXPECT_NEAR(value("map@2", other), (1.0 / 2 / 2 + 1.0 / 2) / 2, 1e-12);
  EXPECT_NEAR(value("mrr@4", other), (1.0 / 2 + 1.0 / 2) / 2, 1e-12);
  EXPECT_NEAR(value("mrr@1", other), 0, 1e-12);
  const auto ndcg = make_objective("lambdamart", labels, {.ndcg_at = 3});
  EXPECT_EQ(value("ndcg@3", other), -ndcg->loss(other.scores, 1));
}

TEST(Metric, RefusesWhatItCannotMeasure) {
  const Sample of = sample(70, 1);
  const auto refused = [&](const char* name, Labels labels, Link link, std::size_t outputs = 1) {
    EXPECT_THROW((void)make_metric(name, std::move(labels), link, outputs, {}), Error) << name;
  };
  refused("precision", of.labels, Link::kSigmoid);
  refused("ndcg@0", of.labels, Link::kIdentity);
  refused("ndcg@3x", of.labels, Link::kIdentity);
  refused("map@99999999999", of.labels, Link::kIdentity);
  refused("auc@3", of.labels, Link::kSigmoid);
  refused("auc", of.labels, Link::kSoftmax, 3);
  refused("auc", {.target = {1, 1}}, Link::kSigmoid);
  refused("auc", {.target = {0, 2}}, Link::kSigmoid);
  refused("map@3", {.target = {0, 1}}, Link::kIdentity);
  refused("mrr@3", {.target = {0, 0}, .group_begin = {0, 2}}, Link::kIdentity);
  refused("rmse", of.labels, Link::kSigmoid);
  refused("accuracy", of.labels, Link::kIdentity);
}

}  // namespace
}  // namespace penchant::ranking
