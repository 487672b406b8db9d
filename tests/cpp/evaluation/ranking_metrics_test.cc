#include "penchant/evaluation/ranking_metrics.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "reference/ranking_metrics.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/base/random.h"

namespace penchant::evaluation {
namespace {

using reference::Person;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// People as the reference wants them, laid out as evaluate() wants them.
struct World {
  std::size_t num_items = 0;
  std::vector<Person> people;
  std::vector<double> popularity;
  double population = 1000;

  [[nodiscard]] Evaluation run(const std::vector<Metric>& metrics, bool mask_seen, int threads = 1,
                               bool seen_are_negatives = false) const {
    Rows truth;
    Rows seen;
    std::vector<std::int32_t> unknown;
    for (const Person& person : people) {
      truth.add(person.truth);
      seen.add(person.seen);
      unknown.push_back(person.unknown_truth);
    }
    const People laid_out{people.size(), num_items,  truth.view(), seen.view(),
                          unknown,       popularity, population};
    const Scorer scorer = [&](std::size_t row, std::span<float> scores) {
      std::ranges::copy(people[row].scores, scores.begin());
    };
    return evaluate(
        laid_out, metrics, scorer,
        {.mask_seen = mask_seen, .seen_are_negatives = seen_are_negatives, .threads = threads});
  }

 private:
  struct Rows {
    std::vector<std::int64_t> offsets{0};
    std::vector<ItemIndex> items;
    void add(const std::set<std::int32_t>& row) {
      for (const std::int32_t item : row) items.emplace_back(item);
      offsets.push_back(static_cast<std::int64_t>(items.size()));
    }
    [[nodiscard]] ItemLists view() const { return {offsets, items}; }
  };
};

std::vector<Metric> all_metrics() {
  std::vector<Metric> out;
  for (const char* name :
       {"precision@1", "precision@10", "recall@5", "recall@20", "hit_rate@3", "map@1", "map@10",
        "ndcg@5", "ndcg@100", "mrr", "mrr@4", "auc", "coverage@1", "coverage@7", "novelty@10"}) {
    out.push_back(parse_metric(name));
  }
  return out;
}

// `levels` scores in all: few levels make many ties.
World random_world(std::uint64_t seed, std::size_t rows, std::size_t num_items,
                   std::uint32_t levels, bool mask_seen) {
  const Philox random(seed, 1);
  World world;
  world.num_items = num_items;
  for (std::size_t i = 0; i < num_items; ++i) {
    world.popularity.push_back(random.below(50, 1'000'000 + i, 0));
  }
  for (std::size_t row = 0; row < rows; ++row) {
    Person person;
    // From sparse to crowded people, so that "nothing left" and "no negatives" come up.
    const double share = random.uniform(row, 0) * random.uniform(row, 1);
    for (std::size_t i = 0; i < num_items; ++i) {
      const auto step = static_cast<std::uint32_t>(10 + 3 * i);
      const auto item = static_cast<std::int32_t>(i);
      float score = static_cast<float>(random.below(levels, row, step));
      if (random.below(40, row, step) == 7) score = kNan;
      if (random.below(40, row, step) == 8) score = -kInf;
      if (random.below(40, row, step) == 9) score = kInf;
      person.scores.push_back(score);
      const bool seen = random.uniform(row, step + 1) < share;
      const bool right = random.uniform(row, step + 2) < share;
      if (seen) person.seen.insert(item);
      if (right && !(seen && mask_seen)) person.truth.insert(item);
    }
    if (random.below(4, row, 2) == 0) person.unknown_truth = 1 + static_cast<int>(row % 3);
    if (random.below(8, row, 3) == 0) person.truth.clear();
    world.people.push_back(std::move(person));
  }
  return world;
}

TEST(Evaluate, AgreesWithThePlainTwinOnRandomPeople) {
  const std::vector<Metric> metrics = all_metrics();
  for (const bool mask_seen : {true, false}) {
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
      const std::size_t num_items = std::vector<std::size_t>{1, 3, 17, 64, 150}[seed % 5];
      const World world = random_world(seed, 40, num_items, seed % 2 == 0 ? 3 : 100'000, mask_seen);
      const Evaluation got = world.run(metrics, mask_seen);
      for (std::size_t m = 0; m < metrics.size(); ++m) {
        const Metric& metric = metrics[m];
        if (metric.kind == MetricKind::kCoverage) {
          EXPECT_DOUBLE_EQ(got.values[m],
                           reference::coverage(world.people, num_items,
                                               static_cast<std::size_t>(metric.k), mask_seen));
          continue;
        }
        double sum = 0;
        double defined = 0;
        for (std::size_t row = 0; row < world.people.size(); ++row) {
          const double want = reference::subject_metric(metric, world.people[row], mask_seen,
                                                        world.popularity, world.population);
          const double value = got.per_subject[m][row];
          ASSERT_EQ(std::isnan(value), std::isnan(want))
              << metric_name(metric) << " seed " << seed << " row " << row;
          if (std::isnan(want)) continue;
          ASSERT_NEAR(value, want, 1e-12)
              << metric_name(metric) << " seed " << seed << " row " << row;
          sum += want;
          defined += 1;
        }
        if (defined > 0) {
          EXPECT_NEAR(got.values[m], sum / defined, 1e-12);
        }
      }
    }
  }
}

TEST(Evaluate, SeenItemsAreNegativesOfTheAucWhenAskedFor) {
  const Metric auc = parse_metric("auc");
  const World world = random_world(21, 60, 70, 6, false);
  const Evaluation got = world.run({auc}, false, 1, true);
  for (std::size_t row = 0; row < world.people.size(); ++row) {
    const double want = reference::subject_metric(auc, world.people[row], false, world.popularity,
                                                  world.population, true);
    ASSERT_EQ(std::isnan(got.per_subject[0][row]), std::isnan(want));
    if (!std::isnan(want)) {
      ASSERT_NEAR(got.per_subject[0][row], want, 1e-12);
    }
  }
  EXPECT_NE(got.values[0], world.run({auc}, false).values[0]);
  const World masked = random_world(21, 60, 70, 6, true);
  EXPECT_THROW((void)masked.run({auc}, true, 1, true), Error);
}

TEST(Evaluate, AucOfManyPositives) {
  // More than a comparison with each of them would be worth, ties and infinities among them.
  const Metric auc = parse_metric("auc");
  for (const std::uint32_t levels : {4U, 700U, 1'000'000U}) {
    World world = random_world(levels, 6, 2000, levels, true);
    for (std::size_t row = 0; row < world.people.size(); ++row) {
      for (std::int32_t item = 0; item < 2000; item += 5) {
        if (!world.people[row].seen.contains(item)) world.people[row].truth.insert(item);
      }
    }
    const Evaluation got = world.run({auc}, true);
    for (std::size_t row = 0; row < world.people.size(); ++row) {
      ASSERT_NEAR(got.per_subject[0][row],
                  reference::subject_metric(auc, world.people[row], true, world.popularity, 1000),
                  1e-12);
    }
  }
}

TEST(Evaluate, GivesTheSameBitsAtAnyThreadCount) {
  const World world = random_world(99, 203, 90, 20, true);
  const Evaluation one = world.run(all_metrics(), true, 1);
  for (const int threads : {2, 8}) {
    const Evaluation many = world.run(all_metrics(), true, threads);
    EXPECT_EQ(
        std::memcmp(one.values.data(), many.values.data(), one.values.size() * sizeof(double)), 0);
    for (std::size_t m = 0; m < one.per_subject.size(); ++m) {
      EXPECT_EQ(std::memcmp(one.per_subject[m].data(), many.per_subject[m].data(),
                            one.per_subject[m].size() * sizeof(double)),
                0);
    }
  }
}

double value_of(const Person& person, std::string_view metric, bool mask_seen) {
  World world{person.scores.size(), {person}, std::vector<double>(person.scores.size(), 10.0), 40};
  return world.run({parse_metric(metric)}, mask_seen).per_subject[0][0];
}

TEST(Evaluate, ByHand) {
  // Ranking 0 1 2 3 4 5; right are 1, 3, 5 and one item nobody can find.
  const Person person{{9, 8, 7, 6, 5, 4}, {1, 3, 5}, {}, 1};
  EXPECT_DOUBLE_EQ(value_of(person, "precision@4", true), 2.0 / 4);
  EXPECT_DOUBLE_EQ(value_of(person, "precision@10", true), 3.0 / 10);  // a short list still / k
  EXPECT_DOUBLE_EQ(value_of(person, "recall@4", true), 2.0 / 4);
  EXPECT_DOUBLE_EQ(value_of(person, "map@4", true), (1.0 / 2 + 2.0 / 4) / 4);
  EXPECT_DOUBLE_EQ(value_of(person, "map@2", true), (1.0 / 2) / 2);
  EXPECT_DOUBLE_EQ(value_of(person, "mrr", true), 1.0 / 2);
  EXPECT_DOUBLE_EQ(value_of(person, "mrr@1", true), 0.0);
  EXPECT_DOUBLE_EQ(value_of(person, "hit_rate@1", true), 0.0);
  EXPECT_DOUBLE_EQ(value_of(person, "hit_rate@2", true), 1.0);
  EXPECT_DOUBLE_EQ(value_of(person, "auc", true), (2.0 + 1.0 + 0.0) / 9);
  EXPECT_DOUBLE_EQ(value_of(person, "novelty@2", true), 2.0);  // a quarter of people have each
  const double ideal = 1 + 1 / std::log2(3.0) + 1 / std::log2(4.0) + 1 / std::log2(5.0);
  EXPECT_DOUBLE_EQ(value_of(person, "ndcg@4", true),
                   (1 / std::log2(3.0) + 1 / std::log2(5.0)) / ideal);
}

TEST(Evaluate, SeenItemsAreMaskedInListsAndNeverNegatives) {
  const Person masked{{9, 8, 7, 6}, {2}, {0, 1}, 0};
  EXPECT_DOUBLE_EQ(value_of(masked, "mrr", true), 1.0);
  EXPECT_DOUBLE_EQ(value_of(masked, "mrr", false), 1.0 / 3);
  EXPECT_DOUBLE_EQ(value_of(masked, "auc", true), 1.0);
  EXPECT_DOUBLE_EQ(value_of(masked, "auc", false), 1.0);
  // A repeat is a positive when repeats are allowed.
  const Person repeat{{6, 8, 7, 9}, {0}, {0, 1}, 0};
  EXPECT_DOUBLE_EQ(value_of(repeat, "auc", false), 0.0);
  EXPECT_DOUBLE_EQ(value_of(repeat, "mrr", false), 1.0 / 4);
}

TEST(Evaluate, TiesGoToTheSmallerIndexInListsAndCountHalfInTheAuc) {
  const Person tied{{1, 1, 1, 1}, {2}, {}, 0};
  EXPECT_DOUBLE_EQ(value_of(tied, "mrr", true), 1.0 / 3);
  EXPECT_DOUBLE_EQ(value_of(tied, "mrr@10", true), 1.0 / 3);
  EXPECT_DOUBLE_EQ(value_of(tied, "auc", true), 0.5);
}

TEST(Evaluate, WhatCannotBeRecommendedIsInNoList) {
  const Person person{{kNan, -kInf, 1, -1}, {0, 1}, {}, 0};
  EXPECT_DOUBLE_EQ(value_of(person, "recall@10", true), 0.0);
  EXPECT_DOUBLE_EQ(value_of(person, "mrr", true), 0.0);
  EXPECT_DOUBLE_EQ(value_of(person, "auc", true), 0.0);
}

TEST(Evaluate, UndefinedValuesAreNanAndLeftOut) {
  EXPECT_TRUE(std::isnan(value_of({{1, 2}, {}, {0}, 0}, "map@10", true)));  // no truth
  EXPECT_TRUE(std::isnan(value_of({{1, 2}, {0}, {1}, 0}, "auc", true)));    // no negatives
  EXPECT_TRUE(std::isnan(value_of({{1, 2}, {}, {}, 3}, "auc", true)));      // no positives
  EXPECT_DOUBLE_EQ(value_of({{1, 2}, {}, {}, 3}, "map@10", true), 0.0);
  EXPECT_TRUE(std::isnan(value_of({{kNan}, {0}, {}, 0}, "novelty@1", true)));  // an empty list
  World world{2, {{{1, 2}, {1}, {}, 0}, {{1, 2}, {}, {}, 0}}, {1, 1}, 2};
  EXPECT_DOUBLE_EQ(world.run({parse_metric("map@1")}, true).values[0], 1.0);
  // Someone without truth is not evaluated, so the list shows nothing.
  EXPECT_DOUBLE_EQ(world.run({parse_metric("coverage@1")}, true).values[0], 0.5);
}

TEST(Evaluate, NobodyAndNoCatalogue) {
  World nobody{5, {}, std::vector<double>(5, 1.0), 10};
  const Evaluation result = nobody.run({parse_metric("map@10"), parse_metric("coverage@3")}, true);
  EXPECT_TRUE(std::isnan(result.values[0]));
  EXPECT_DOUBLE_EQ(result.values[1], 0.0);
  World empty{0, {{{}, {}, {}, 2}}, {}, 10};
  EXPECT_DOUBLE_EQ(empty.run({parse_metric("recall@10")}, true).values[0], 0.0);
}

TEST(Evaluate, RefusesWhatContradictsItself) {
  const std::vector<Metric> metrics{parse_metric("map@10")};
  const Scorer scorer = [](std::size_t, std::span<float> scores) {
    std::ranges::fill(scores, 0.0F);
  };
  const std::vector<ItemIndex> two{ItemIndex{0}, ItemIndex{1}};
  const std::vector<ItemIndex> twice{ItemIndex{1}, ItemIndex{1}};
  const std::vector<ItemIndex> outside{ItemIndex{1}, ItemIndex{9}};
  const std::vector<ItemIndex> negative{ItemIndex{-1}, ItemIndex{1}};
  const std::vector<std::int64_t> good{0, 2};
  const std::vector<std::int64_t> falling{2, 0};
  const std::vector<std::int64_t> overrun{0, 3};
  const std::vector<std::int64_t> inner{0, 3, 2};
  const std::vector<std::int32_t> unknown{-1};
  const auto refuses = [&](const People& people, std::span<const Metric> what) {
    try {
      (void)evaluate(people, what, scorer, {});
      return false;
    } catch (const Error& error) {
      return error.kind() == ErrorKind::kInvalidArgument;
    }
  };
  EXPECT_FALSE(refuses({1, 3, {good, two}, {}, {}, {}, 0}, metrics));
  EXPECT_TRUE(refuses({1, 3, {good, two}, {good, two}, {}, {}, 0}, metrics));  // masked truth
  EXPECT_TRUE(refuses({1, 3, {good, twice}, {}, {}, {}, 0}, metrics));
  EXPECT_TRUE(refuses({1, 3, {good, outside}, {}, {}, {}, 0}, metrics));
  EXPECT_TRUE(refuses({1, 3, {good, negative}, {}, {}, {}, 0}, metrics));
  EXPECT_TRUE(refuses({1, 3, {falling, two}, {}, {}, {}, 0}, metrics));
  EXPECT_TRUE(refuses({1, 3, {overrun, two}, {}, {}, {}, 0}, metrics));
  EXPECT_TRUE(refuses({2, 3, {inner, two}, {}, {}, {}, 0}, metrics));
  EXPECT_TRUE(refuses({2, 3, {good, two}, {}, {}, {}, 0}, metrics));
  EXPECT_TRUE(refuses({1, 3, {{}, two}, {}, {}, {}, 0}, metrics));
  EXPECT_TRUE(refuses({1, 3, {good, two}, {}, unknown, {}, 0}, metrics));
  const std::vector<Metric> novelty{parse_metric("novelty@10")};
  EXPECT_TRUE(refuses({1, 3, {good, two}, {}, {}, {}, 0}, novelty));
}

TEST(Evaluate, PassesOnWhatTheScorerThrows) {
  World world = random_world(3, 50, 10, 5, true);
  const std::vector<std::int64_t> offsets{0, 1, 2};
  const std::vector<ItemIndex> items{ItemIndex{0}, ItemIndex{0}};
  const Scorer scorer = [](std::size_t, std::span<float>) {
    fail(ErrorKind::kUnavailable, "no scores today");
  };
  const std::vector<Metric> metrics{parse_metric("auc")};
  EXPECT_THROW((void)evaluate({2, 10, {offsets, items}, {}, {}, {}, 0}, metrics, scorer, {}),
               Error);
}

}  // namespace
}  // namespace penchant::evaluation
