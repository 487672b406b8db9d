#include <cstring>
#include <set>

#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/base/kernels.h"
#include "penchant/base/random.h"
#include "penchant/evaluation/ranking_metrics.h"

namespace penchant::evaluation {
namespace {

struct Rows {
  std::vector<std::int64_t> offsets{0};
  std::vector<ItemIndex> items;
  void add(const std::set<std::int32_t>& row) {
    for (const std::int32_t item : row) items.emplace_back(item);
    offsets.push_back(static_cast<std::int64_t>(items.size()));
  }
  [[nodiscard]] ItemLists view() const { return {offsets, items}; }
};

// Factors with ties, people from sparse to crowded, some of them without a vector.
struct World {
  Matrix<float> items;
  Matrix<float> people;
  Rows truth;
  Rows seen;
  std::vector<std::int32_t> unknown;
  std::vector<double> popularity;

  World(std::uint64_t seed, std::size_t rows, std::size_t num_items, std::size_t factors,
        bool disjoint)
      : items(num_items, factors), people(rows, factors), popularity(num_items, 3.0) {
    const Philox random(seed, 1);
    for (std::size_t i = 0; i < num_items; ++i) {
      const double size = 1.0 / (1.0 + static_cast<double>(i % 50));
      for (std::size_t j = 0; j < factors; ++j) {
        items.row(i)[j] =
            static_cast<float>(size * random.normal(i, static_cast<std::uint32_t>(j)));
      }
      if (i % 7 == 3) std::ranges::copy(items.row(i - 1), items.row(i).begin());
    }
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t j = 0; j < factors; ++j) {
        people.row(row)[j] = static_cast<float>(
            row % 11 == 5 ? 0.0 : random.normal(1000 + row, static_cast<std::uint32_t>(j)));
      }
      std::set<std::int32_t> right;
      std::set<std::int32_t> known;
      const double share = random.uniform(row, 900'000) * 0.1;
      for (std::size_t i = 0; i < num_items; ++i) {
        const auto step = static_cast<std::uint32_t>(1'000'000 + 2 * i);
        const auto item = static_cast<std::int32_t>(i);
        if (random.uniform(row, step) < share) known.insert(item);
        if (random.uniform(row, step + 1) < share && !(disjoint && known.contains(item))) {
          right.insert(item);
        }
      }
      if (row % 13 == 2) right.clear();
      truth.add(right);
      seen.add(known);
      unknown.push_back(row % 5 == 1 ? 2 : 0);
    }
  }

  [[nodiscard]] People laid_out() const {
    return {people.rows(), items.rows(), truth.view(), seen.view(), unknown, popularity, 40};
  }
  [[nodiscard]] Scorer scorer() const {
    return [this](std::size_t row, std::span<float> scores) {
      if (row % 17 == 9) {  // a newcomer: popularity instead
        for (std::size_t i = 0; i < scores.size(); ++i) scores[i] = static_cast<float>(i % 10);
      } else {
        dot_rows(items.view(), people.row(row), scores);
      }
    };
  }
};

std::vector<Metric> metrics_named(std::initializer_list<const char*> names) {
  std::vector<Metric> out;
  for (const char* name : names) out.push_back(parse_metric(name));
  return out;
}

void expect_same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(std::memcmp(&a[i], &b[i], sizeof(double)), 0) << i << ": " << a[i] << " " << b[i];
  }
}

TEST(FactorScores, ChangeNoBitOfAnyValue) {
  const std::vector<std::vector<Metric>> sets{
      metrics_named({"map@10", "ndcg@20", "recall@20", "mrr", "mrr@5", "hit_rate@3", "auc",
                     "coverage@10", "novelty@10"}),
      metrics_named({"auc"}), metrics_named({"mrr"}), metrics_named({"recall@20"}),
      metrics_named({"ndcg@500", "auc"})};  // the last is too long a list to scan for
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    for (const bool mask_seen : {true, false}) {
      const World world(seed, 130, 640 + 37 * seed, 24, mask_seen);
      const FactorScan scan(world.items.view());
      int asked = 0;
      const FactorScores factors{&scan, [&](std::size_t row, std::span<float> vector) {
                                   ++asked;
                                   if (row % 17 == 9) return false;
                                   std::ranges::copy(world.people.row(row), vector.begin());
                                   return true;
                                 }};
      for (const auto& metrics : sets) {
        const EvaluationOptions options{
            .mask_seen = mask_seen, .seen_are_negatives = !mask_seen && seed == 1, .threads = 1};
        const Evaluation plain = evaluate(world.laid_out(), metrics, world.scorer(), options);
        asked = 0;
        const Evaluation fast =
            evaluate(world.laid_out(), metrics, world.scorer(), options, factors);
        EXPECT_EQ(asked > 0, metrics.front().k < 500);
        expect_same_bits(plain.values, fast.values);
        for (std::size_t m = 0; m < metrics.size(); ++m) {
          expect_same_bits(plain.per_subject[m], fast.per_subject[m]);
        }
      }
    }
  }
}

TEST(FactorScores, ProgressComesInOrderAndMayStop) {
  const World world(4, 700, 64, 8, true);
  const std::vector<Metric> metrics = metrics_named({"map@3"});
  std::vector<std::size_t> done;
  EvaluationOptions options;
  options.threads = 2;
  options.progress = [&](std::size_t rows, std::size_t total) {
    EXPECT_EQ(total, 700U);
    done.push_back(rows);
  };
  const Evaluation sliced = evaluate(world.laid_out(), metrics, world.scorer(), options);
  EXPECT_EQ(done, (std::vector<std::size_t>{256, 512, 700}));
  expect_same_bits(sliced.per_subject[0],
                   evaluate(world.laid_out(), metrics, world.scorer(), {}).per_subject[0]);
  options.progress = [](std::size_t, std::size_t) { fail(ErrorKind::kUnavailable, "enough"); };
  EXPECT_THROW((void)evaluate(world.laid_out(), metrics, world.scorer(), options), Error);
}

}  // namespace
}  // namespace penchant::evaluation
