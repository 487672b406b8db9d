#include <algorithm>
#include <cmath>

#include "models/sample.h"
#include <gtest/gtest.h>

#include "penchant/models/item_knn.h"
#include "penchant/models/popular.h"
#include "penchant/models/repeat_purchase.h"

namespace penchant::models {
namespace {

using testing::kDay;
using testing::random_dataset;

// The similarity of the header's formula, entry by entry.
std::vector<std::vector<double>> plain_similarity(const data::Interactions& pairs, Timestamp as_of,
                                                  const ItemKnnParameters& p) {
  const std::size_t n = pairs.num_items();
  std::vector<std::vector<double>> r(pairs.num_users(), std::vector<double>(n, 0.0));
  for (std::size_t u = 0; u < pairs.num_users(); ++u) {
    const auto h = pairs.history(UserIndex(static_cast<std::int32_t>(u)));
    const double idf =
        std::max(0.0, std::log(static_cast<double>(n)) - std::log1p(static_cast<double>(h.size())));
    for (std::size_t k = 0; k < h.size(); ++k) {
      double v = static_cast<double>(pair_weight(p.weighting, h.values[k], h.last[k], as_of));
      if (p.similarity == ItemSimilarity::kTfidf) v *= idf;
      r[u][static_cast<std::size_t>(h.items[k].value)] = v;
    }
  }
  std::vector<double> length(n, 0.0);
  double total = 0;
  for (const auto& row : r) {
    for (std::size_t i = 0; i < n; ++i) {
      length[i] += p.similarity == ItemSimilarity::kBm25 ? row[i] : row[i] * row[i];
      total += row[i];
    }
  }
  for (std::size_t u = 0; u < r.size(); ++u) {
    const auto h = pairs.history(UserIndex(static_cast<std::int32_t>(u)));
    const double idf =
        std::max(0.0, std::log(static_cast<double>(n)) - std::log1p(static_cast<double>(h.size())));
    for (std::size_t i = 0; i < n; ++i) {
      double& v = r[u][i];
      if (v == 0) continue;
      if (p.similarity == ItemSimilarity::kBm25) {
        const double mean = total / static_cast<double>(n);
        v = v * (p.k1 + 1) / (p.k1 * (1 - p.b + p.b * length[i] / mean) + v) * idf;
      } else {
        v /= std::sqrt(length[i]);
      }
    }
  }
  std::vector<std::vector<double>> out(n, std::vector<double>(n, 0.0));
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      double common = 0;
      for (const auto& row : r) {
        out[i][j] += row[i] * row[j];
        common += row[i] != 0 && row[j] != 0 ? 1 : 0;
      }
      if (i == j) out[i][j] = 0;
      if (p.similarity != ItemSimilarity::kBm25 && common > 0) {
        out[i][j] *= common / (common + p.shrinkage);
      }
    }
  }
  return out;
}

TEST(ItemKnn, ScoresAreWeightedSumsOfThePlainSimilarity) {
  const data::Dataset data = random_dataset(50, 30, 400, 11);
  for (const ItemSimilarity similarity :
       {ItemSimilarity::kCosine, ItemSimilarity::kTfidf, ItemSimilarity::kBm25}) {
    for (const double shrinkage : {0.0, 5.0}) {
      ItemKnnParameters p;
      p.similarity = similarity;
      p.shrinkage = shrinkage;
      p.neighbors = 1000;
      p.weighting = {ValueWeighting::kLinear, Duration{30 * kDay}};
      const auto pairs = data.interactions();
      const auto model = fit_item_knn(*pairs, data.last_time(), p);
      const auto expected = plain_similarity(*pairs, data.last_time(), p);
      std::vector<float> scores(model->num_items());
      for (int u = 0; u < 10; ++u) {
        const Query query{UserIndex(u), pairs->history(UserIndex(u)), data.last_time(), false};
        model->score_all(query, scores);
        for (std::size_t j = 0; j < scores.size(); ++j) {
          double sum = 0;
          for (std::size_t h = 0; h < query.history.size(); ++h) {
            sum += static_cast<double>(pair_weight(p.weighting, query.history.values[h],
                                                   query.history.last[h], query.as_of)) *
                   expected[static_cast<std::size_t>(query.history.items[h].value)][j];
          }
          EXPECT_NEAR(static_cast<double>(scores[j]), sum, 1e-4 * (1 + sum));
        }
      }
    }
  }
}

TEST(ItemKnn, KeepsTheMostSimilarOnly) {
  const data::Dataset data = random_dataset(60, 40, 600, 12);
  const auto all = fit_item_knn(*data.interactions(), data.last_time(), {.neighbors = 1000});
  const auto few = fit_item_knn(*data.interactions(), data.last_time(), {.neighbors = 3});
  std::vector<float> full(all->num_items());
  std::vector<float> cut(all->num_items());
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(all->similar(ItemIndex(i), full));
    ASSERT_TRUE(few->similar(ItemIndex(i), cut));
    std::vector<float> sorted = full;
    std::sort(sorted.rbegin(), sorted.rend());
    for (std::size_t j = 0; j < cut.size(); ++j) {
      if (cut[j] > 0) {
        EXPECT_EQ(cut[j], full[j]);
        EXPECT_GE(cut[j], sorted[2]);
      }
    }
    EXPECT_EQ(std::count_if(cut.begin(), cut.end(), [](float v) { return v > 0; }),
              std::min<std::ptrdiff_t>(
                  3, std::count_if(full.begin(), full.end(), [](float v) { return v > 0; })));
  }
}

TEST(ItemKnn, SaysWhichItemSpokeForAnother) {
  const data::Dataset data = random_dataset(60, 40, 600, 13);
  const auto pairs = data.interactions();
  const auto model = fit_item_knn(*pairs, data.last_time(), {.neighbors = 100});
  const Query query{UserIndex(1), pairs->history(UserIndex(1)), data.last_time(), false};
  std::vector<float> row(model->num_items());
  for (int j = 0; j < 40; ++j) {
    const ItemIndex because = model->because(query, ItemIndex(j));
    double best = 0;
    for (std::size_t h = 0; h < query.history.size(); ++h) {
      ASSERT_TRUE(model->similar(query.history.items[h], row));
      best = std::max(best, static_cast<double>(query.history.values[h]) *
                                static_cast<double>(row[static_cast<std::size_t>(j)]));
    }
    EXPECT_EQ(because.known(), best > 0);
  }
}

TEST(Popular, CountsDistinctSubjectsInTheWindow) {
  data::EventColumns columns;
  const auto add = [&](int subject, int item, int day, int type = 0) {
    columns.subjects.emplace_back(subject);
    columns.items.emplace_back(item);
    columns.times.push_back(Timestamp{day * kDay});
    columns.types.push_back(static_cast<std::uint8_t>(type));
    columns.values.push_back(1);
  };
  add(0, 0, 100);
  add(0, 0, 99);  // the same person again
  add(1, 0, 95);
  add(-1, 0, 99);  // nobody known: one each
  add(-1, 0, 98);
  add(0, 1, 90);  // exactly a window old: outside
  add(1, 1, 91);
  add(1, 2, 99, 1);  // a type of no weight
  const data::Dataset data(data::IdMap::from_integers({1, 2}),
                           data::IdMap::from_integers({7, 8, 9}), std::move(columns),
                           {{"purchase", 1.0F}, {"return", 0.0F}}, {}, {});
  std::vector<float> scores(3);
  fit_popular(data, {Duration{10 * kDay}, std::nullopt})->score_all({}, scores);
  EXPECT_EQ(scores, (std::vector<float>{4, 1, 0}));
  fit_popular(data, {std::nullopt, Duration{5 * kDay}})->score_all({}, scores);
  // Each subject by the age of its last event: 0, 5, 1 and 2 days; 10 and 9 days.
  EXPECT_FLOAT_EQ(scores[0], 1.0F + 0.5F + std::exp2(-0.2F) + std::exp2(-0.4F));
  EXPECT_FLOAT_EQ(scores[1], 0.25F + std::exp2(-1.8F));
}

TEST(RepeatPurchase, FollowsItsFormula) {
  const data::Dataset data = random_dataset(30, 10, 400, 14);
  const auto pairs = data.interactions();
  const auto model = fit_repeat_purchase(*pairs, data.last_time());
  double between = 0;
  double gaps = 0;
  for (int u = 0; u < 30; ++u) {
    const auto h = pairs->history(UserIndex(u));
    for (std::size_t k = 0; k < h.size(); ++k) {
      if (h.counts[k] < 2) continue;
      between += static_cast<double>((h.last[k] - h.first[k]).micros);
      gaps += h.counts[k] - 1;
    }
  }
  const double pooled = between / gaps;
  std::vector<float> scores(10);
  for (int u = 0; u < 30; ++u) {
    const auto h = pairs->history(UserIndex(u));
    model->score_all({UserIndex(u), h, data.last_time(), false}, scores);
    for (std::size_t k = 0; k < h.size(); ++k) {
      const double n = h.counts[k];
      const double gap =
          (static_cast<double>((h.last[k] - h.first[k]).micros) + 2 * pooled) / (n + 1);
      const double silence = static_cast<double>((data.last_time() - h.last[k]).micros);
      EXPECT_NEAR(static_cast<double>(scores[static_cast<std::size_t>(h.items[k].value)]),
                  n / std::sqrt(1 + silence / gap), 1e-5);
    }
  }
}

}  // namespace
}  // namespace penchant::models
