#include "penchant/ranking/trainer.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "ranking/same_forest.h"
#include "ranking/sample_rows.h"
#include "reference/plain_forest.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"

namespace penchant::ranking {
namespace {

struct Trained {
  ForestData forest;
  std::vector<double> scores;
  std::vector<double> losses;
};

struct Recipe {
  std::string objective = "logistic";
  TrainParams train{};
  ObjectiveParams params{};
  std::vector<std::int32_t> categorical{};
  bool watch = false;
};

Trained train(const Matrix<double>& rows, const Labels& labels, Recipe recipe, int threads,
              const Start* start = nullptr) {
  recipe.train.tree.threads = threads;
  const BinMapper mapper = BinMapper::fit(rows.view(), labels.weight,
                                          {.categorical = recipe.categorical, .threads = threads});
  const auto bins = BinnedMatrix::of(rows.view(), mapper, {.tiles = true, .threads = threads});
  const auto objective = make_objective(recipe.objective, labels, recipe.params);
  Trainer trainer(mapper, bins, *objective, recipe.train);
  if (start != nullptr) trainer.start_from(*start);
  if (recipe.watch) {
    trainer.hold_out({.bins = &bins,
                      .objective = objective.get(),
                      .scores = start != nullptr ? start->scores : std::span<const double>()});
  }
  trainer.run({});
  Trained out;
  out.scores.assign(trainer.scores().begin(), trainer.scores().end());
  out.losses = trainer.losses();
  out.forest = std::move(trainer).finish();
  return out;
}

// Training's scores are the plain forest's, and the same at 1, 2 and 8 threads.
void expect_same_bits(const Matrix<double>& rows, const Labels& labels, const Recipe& recipe) {
  const Trained one = train(rows, labels, recipe, 1);
  check_forest(one.forest);
  EXPECT_GT(one.forest.nodes.size(), one.forest.trees());
  for (const int threads : {2, 8}) {
    const Trained many = train(rows, labels, recipe, threads);
    EXPECT_EQ(one.scores, many.scores) << recipe.objective << ", " << threads << " threads";
    EXPECT_EQ(one.forest.leaves, many.forest.leaves);
  }
  const std::size_t outputs = one.forest.outputs();
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const auto row = rows.row(i);
    const auto plain = reference::plain_scores(one.forest, {row.begin(), row.end()});
    for (std::size_t o = 0; o < outputs; ++o) {
      ASSERT_EQ(plain[o], one.scores[o * rows.rows() + i]) << recipe.objective << ", row " << i;
    }
  }
}

Labels labels_for(const std::string& objective, const Matrix<double>& rows) {
  Labels labels{.target = testing::sample_labels(rows, 3)};
  const Philox random(5, 5);
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    float& y = labels.target[i];
    if (objective == "softmax") y += random.uniform(i, 0) < 0.2 ? 1.0F : 0.0F;
    if (objective == "poisson") y *= static_cast<float>(random.below(5, i, 0));
    if (objective == "l2" || objective == "l1" || objective == "huber" || objective == "quantile") {
      y += static_cast<float>(random.normal(i, 0) + rows.row(i)[0]);
    }
  }
  if (objective == "lambdamart" || objective == "xendcg" || objective == "pairwise") {
    for (std::size_t i = 0; i <= rows.rows(); i += 20) {
      labels.group_begin.push_back(static_cast<std::int64_t>(i));
    }
  }
  return labels;
}

const std::vector<std::string> kObjectives = {"logistic", "l2",      "l1",      "huber",
                                              "quantile", "poisson", "softmax", "lambdamart",
                                              "xendcg",   "pairwise"};

TEST(Trainer, ScoresAsItsForestAtAnyNumberOfThreads) {
  const Matrix<double> rows = testing::sample_rows(40'000, 10, 6);
  for (const std::string& objective : kObjectives) {
    Recipe recipe{.objective = objective};
    recipe.train.trees = 4;
    recipe.train.tree.leaves = 15;
    recipe.params.classes = 3;
    expect_same_bits(rows, labels_for(objective, rows), recipe);
  }
}

// Leaves that all threads divide among themselves, and later ones that each has to itself.
TEST(Trainer, ScoresAsItsForestOnLargeLeaves) {
  const Matrix<double> rows = testing::sample_rows(260'000, 3, 8);
  Recipe recipe{.objective = "logistic"};
  recipe.train.trees = 3;
  recipe.train.tree.leaves = 40;
  expect_same_bits(rows, labels_for("logistic", rows), recipe);
}

TEST(Trainer, ScoresAsItsForestWithDrawsWeightsAndCategories) {
  Matrix<double> rows = testing::sample_rows(40'000, 10, 7);
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    rows.row(i)[1] = std::isnan(rows.row(i)[2]) ? rows.row(i)[2] : std::abs(rows.row(i)[1]);
  }
  Labels labels = labels_for("logistic", rows);
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    labels.weight.push_back(static_cast<float>(1 + i % 3));
  }
  Recipe recipe{.objective = "logistic"};
  recipe.categorical = {1};
  recipe.train = {.trees = 6, .row_fraction = 0.6, .feature_fraction = 0.5, .seed = 4};
  recipe.train.tree.leaves = 15;
  expect_same_bits(rows, labels, recipe);
}

TEST(Trainer, SamplesByGradientsAfterSomeSteps) {
  const Matrix<double> rows = testing::sample_rows(40'000, 10, 7);
  for (const std::string objective : {"logistic", "softmax", "lambdamart"}) {
    Recipe recipe{.objective = objective};
    recipe.params.classes = 3;
    recipe.train = {.trees = 5, .learning_rate = 0.4, .top_rate = 0.2, .other_rate = 0.1};
    recipe.train.tree.leaves = 15;
    const Labels labels = labels_for(objective, rows);
    expect_same_bits(rows, labels, recipe);
    const ForestData some = train(rows, labels, recipe, 2).forest;
    const std::size_t outputs = some.outputs();
    for (std::size_t t = 0; t < some.trees(); ++t) {
      const double cover = some.nodes[static_cast<std::size_t>(some.node_begin[t])].cover;
      EXPECT_NEAR(cover, t / outputs < 3 ? 40'000 : 12'000, t / outputs < 3 ? 0 : 400) << t;
    }
  }
  Recipe wrong{.objective = "l1"};
  wrong.train.other_rate = 0.1;
  EXPECT_THROW((void)train(rows, labels_for("l1", rows), wrong, 1), Error);
  wrong.objective = "logistic";
  wrong.train.row_fraction = 0.5;
  EXPECT_THROW((void)train(rows, labels_for("logistic", rows), wrong, 1), Error);
}

TEST(Trainer, LowersEveryLoss) {
  const Matrix<double> rows = testing::sample_rows(4000, 10, 6);
  for (const std::string& objective : kObjectives) {
    Recipe recipe{.objective = objective, .watch = true};
    recipe.train.trees = 30;
    recipe.train.tree.leaves = 15;
    recipe.params.classes = 3;
    const Trained trained = train(rows, labels_for(objective, rows), recipe, 2);
    ASSERT_EQ(trained.losses.size(), 30U);
    EXPECT_LT(trained.losses.back(), trained.losses.front() - 0.01) << objective;
  }
}

// Scores that are no numbers would have no order: queries and areas under curves need one.
TEST(Trainer, EndsWhereScoresLeaveAllBounds) {
  const Matrix<double> rows = testing::sample_rows(2000, 5, 6);
  for (const std::string& objective : kObjectives) {
    Labels labels = labels_for(objective, rows);
    if (!labels.group_begin.empty()) labels.group_begin = {0, 700, 2000};  // long ones are sorted
    Recipe recipe{.objective = objective, .watch = true};
    recipe.params.classes = 3;
    recipe.train = {.trees = 8, .learning_rate = 1.5e308};
    try {
      const Trained trained = train(rows, labels, recipe, 2);
      ADD_FAILURE() << objective;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInvalidArgument);
      EXPECT_NE(std::string(error.what()).find("learning_rate"), std::string::npos) << error.what();
    }
  }
}

TEST(Trainer, KeepsTheBestStepWhenItStopsEarly) {
  const Matrix<double> rows = testing::sample_rows(2000, 10, 6);
  const Matrix<double> held = testing::sample_rows(2000, 10, 7);
  const BinMapper mapper = BinMapper::fit(rows.view(), {}, {});
  const auto bins = BinnedMatrix::of(rows.view(), mapper, {});
  const auto held_bins = BinnedMatrix::of(held.view(), mapper, {.tiles = false});
  const auto objective =
      make_objective("logistic", {.target = testing::sample_labels(rows, 3)}, {});
  const auto watched = make_objective("logistic", {.target = testing::sample_labels(held, 4)}, {});
  TrainParams params{.trees = 400, .learning_rate = 0.3, .early_stopping = 5};
  Trainer trainer(mapper, bins, *objective, params);
  trainer.hold_out({.bins = &held_bins, .objective = watched.get()});
  trainer.run({});
  const std::vector<double> losses = trainer.losses();
  const auto best = std::min_element(losses.begin(), losses.end()) - losses.begin() + 1;
  EXPECT_LT(losses.size(), 400U);
  EXPECT_EQ(losses.size(), static_cast<std::size_t>(best) + 5);
  EXPECT_EQ(trainer.best_step(), best);
  const ForestData forest = std::move(trainer).finish();
  check_forest(forest);
  EXPECT_EQ(forest.trees(), static_cast<std::size_t>(best));
  // The forest has the loss that was watched.
  std::vector<double> scores;
  for (std::size_t i = 0; i < held.rows(); ++i) {
    scores.push_back(reference::plain_scores(forest, {held.row(i).begin(), held.row(i).end()})[0]);
  }
  EXPECT_EQ(watched->loss(scores, 1), losses[static_cast<std::size_t>(best) - 1]);
}

TEST(Trainer, HoldsMonotoneConstraints) {
  const Matrix<double> rows = testing::sample_rows(5000, 5, 6);
  Labels labels{.target = {}};
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const double x = rows.row(i)[0];
    const double y = rows.row(i)[3];
    labels.target.push_back(static_cast<float>(std::sin(3 * x) + x - std::cos(4 * y) * y));
  }
  Recipe recipe{.objective = "l2"};
  recipe.train.trees = 60;
  const auto falls = [&](const std::vector<std::int8_t>& monotone) {
    recipe.train.tree.split.monotone = monotone;
    const Trained trained = train(rows, labels, recipe, 2);
    int worst = 0;
    for (std::size_t i = 0; i < 60; ++i) {
      std::vector<double> row(rows.row(i).begin(), rows.row(i).end());
      double last = -1e300;
      double last_falling = 1e300;
      for (double x = -3; x <= 3; x += 0.05) {
        row = {rows.row(i).begin(), rows.row(i).end()};
        row[0] = x;
        const double rising = reference::plain_scores(trained.forest, row)[0];
        row = {rows.row(i).begin(), rows.row(i).end()};
        row[3] = x;
        const double falling = reference::plain_scores(trained.forest, row)[0];
        worst += rising < last - 1e-12 ? 1 : 0;
        worst += falling > last_falling + 1e-12 ? 1 : 0;
        last = rising;
        last_falling = falling;
      }
    }
    return worst;
  };
  EXPECT_GT(falls({}), 0);
  EXPECT_EQ(falls({1, 0, 0, -1, 0}), 0);
}

TEST(Trainer, GoesOnAsIfItHadNotStopped) {
  Matrix<double> rows = testing::sample_rows(9000, 10, 7);
  for (std::size_t i = 0; i < rows.rows(); ++i) rows.row(i)[1] = std::abs(rows.row(i)[1]);
  for (const std::string& objective : kObjectives) {
    const Labels labels = labels_for(objective, rows);
    Recipe recipe{.objective = objective, .watch = true};
    recipe.categorical = {1};
    recipe.train = {.trees = 12, .row_fraction = 0.8, .feature_fraction = 0.7, .seed = 4};
    recipe.train.tree.leaves = 15;
    recipe.params.classes = 3;
    const Trained whole = train(rows, labels, recipe, 2);
    recipe.train.trees = 5;
    const Trained first = train(rows, labels, recipe, 1);
    recipe.train.trees = 7;
    const Start start{.forest = &first.forest, .scores = first.scores};
    const Trained both = train(rows, labels, recipe, 8, &start);
    testing::expect_same_forest(whole.forest, both.forest);
    EXPECT_EQ(whole.scores, both.scores) << objective;
    EXPECT_EQ(both.losses, std::vector(whole.losses.begin() + 5, whole.losses.end())) << objective;
  }
}

TEST(Trainer, KeepsEarlierTreesWhenItStopsEarly) {
  const Matrix<double> rows = testing::sample_rows(900, 5, 7);
  const Labels labels = labels_for("l2", rows);
  Recipe recipe{.objective = "l2", .watch = true};
  recipe.train.trees = 3;
  const Trained first = train(rows, labels, recipe, 1);
  // Steps of this size only harm.
  recipe.train = {.trees = 20, .learning_rate = 3, .early_stopping = 4};
  const Start start{.forest = &first.forest, .scores = first.scores};
  const Trained both = train(rows, labels, recipe, 1, &start);
  EXPECT_EQ(both.losses.size(), 5U);
  EXPECT_EQ(both.forest.trees(), 4U);
  check_forest(both.forest);
}

TEST(Trainer, StartsFromAnyScores) {
  const Matrix<double> rows = testing::sample_rows(3000, 5, 7);
  const Labels labels = labels_for("l2", rows);
  Recipe recipe{.objective = "l2"};
  recipe.train.trees = 6;
  const Trained free = train(rows, labels, recipe, 1);
  // From the score that it would start from by itself: the same trees, over a base of 0.
  const std::vector<double> scores(rows.rows(), free.forest.base[0]);
  const Start start{.scores = scores};
  const Trained same = train(rows, labels, recipe, 2, &start);
  EXPECT_EQ(same.forest.base, std::vector<double>{0});
  EXPECT_EQ(same.forest.leaves, free.forest.leaves);
  EXPECT_EQ(same.scores, free.scores);
}

TEST(Trainer, RefusesForestsThatTreesCannotFollow) {
  const Matrix<double> rows = testing::sample_rows(500, 5, 7);
  const Labels labels = labels_for("l2", rows);
  Recipe recipe{.objective = "l2"};
  recipe.train.trees = 2;
  const Trained first = train(rows, labels, recipe, 1);
  const auto refused = [&](const auto& change, std::size_t scores) {
    ForestData forest = first.forest;
    change(forest);
    const std::vector<double> zeros(scores, 0.0);
    const Start start{.forest = &forest, .scores = zeros};
    EXPECT_THROW((void)train(rows, labels, recipe, 1, &start), Error);
  };
  refused([](ForestData& f) { f.link = Link::kExp; }, 500);
  refused([](ForestData& f) { f.num_features = 6; }, 500);
  refused([](ForestData& f) { f.float32_inputs = true; }, 500);
  refused([](ForestData& f) { f.base = {0, 0}; }, 500);
  refused([](ForestData&) {}, 499);
}

// The features asked for on the way to each leaf.
std::vector<std::set<std::int32_t>> paths_of(const ForestData& forest) {
  std::vector<std::set<std::int32_t>> paths;
  for (std::size_t t = 0; t < forest.trees(); ++t) {
    const auto first = static_cast<std::size_t>(forest.node_begin[t]);
    std::vector<std::pair<std::int32_t, std::set<std::int32_t>>> open{{0, {}}};
    while (!open.empty() && forest.node_begin[t + 1] > forest.node_begin[t]) {
      auto [at, path] = open.back();
      open.pop_back();
      if (at < 0) {
        paths.push_back(path);
        continue;
      }
      const SplitNode& node = forest.nodes[first + static_cast<std::size_t>(at)];
      path.insert(node.feature);
      open.emplace_back(node.left, path);
      open.emplace_back(node.right, path);
    }
  }
  return paths;
}

TEST(Trainer, AsksOnAPathForFeaturesOfOneGroup) {
  const Matrix<double> rows = testing::sample_rows(6000, 10, 7);
  Recipe recipe{.objective = "logistic"};
  recipe.train.trees = 20;
  std::vector<std::vector<std::int32_t>> groups = {{1, 2, 4}, {5}};
  for (std::int32_t g = 0; g < 70; ++g) groups.push_back({g % 2 == 0 ? 8 : 9});
  groups.push_back({0, 1});
  recipe.train.tree.interaction = groups;
  const Trained one = train(rows, labels_for("logistic", rows), recipe, 1);
  const Trained eight = train(rows, labels_for("logistic", rows), recipe, 8);
  EXPECT_EQ(one.scores, eight.scores);
  std::set<std::set<std::int32_t>> seen;
  for (const auto& path : paths_of(one.forest)) {
    seen.insert(path);
    EXPECT_TRUE(std::any_of(groups.begin(), groups.end(), [&](const auto& group) {
      return std::all_of(path.begin(), path.end(), [&](std::int32_t f) {
        return std::find(group.begin(), group.end(), f) != group.end();
      });
    }));
  }
  // The last group is beyond the first word of bits.
  EXPECT_TRUE(seen.contains({0, 1}));
  EXPECT_TRUE(seen.contains({1, 2, 4}));
  recipe.train.tree.interaction = {};
  const Trained free = train(rows, labels_for("logistic", rows), recipe, 1);
  const auto paths = paths_of(free.forest);
  EXPECT_TRUE(std::any_of(paths.begin(), paths.end(), [](const auto& p) { return p.size() > 3; }));
  recipe.train.tree.interaction = {{10}};
  EXPECT_THROW((void)train(rows, labels_for("logistic", rows), recipe, 1), Error);
}

TEST(Trainer, EndsWhereProgressThrows) {
  const Matrix<double> rows = testing::sample_rows(500, 5, 6);
  const BinMapper mapper = BinMapper::fit(rows.view(), {}, {});
  const auto bins = BinnedMatrix::of(rows.view(), mapper, {});
  const auto objective =
      make_objective("logistic", {.target = testing::sample_labels(rows, 3)}, {});
  Trainer trainer(mapper, bins, *objective, {.trees = 50});
  EXPECT_THROW(trainer.run([](int done, int, std::optional<double>) {
    if (done == 3) throw std::runtime_error("enough");
  }),
               std::runtime_error);
}

TEST(Objective, DerivativesAreThoseOfTheLoss) {
  const Matrix<double> rows = testing::sample_rows(400, 5, 6);
  for (const std::string objective : {"logistic", "l2", "huber", "poisson", "softmax"}) {
    const auto made = make_objective(objective, labels_for(objective, rows), {.classes = 3});
    const std::size_t size = rows.rows() * made->outputs();
    std::vector<double> scores(size);
    const Philox random(8, 8);
    for (std::size_t i = 0; i < size; ++i) scores[i] = random.normal(i, 0);
    std::vector<float> g(size);
    std::vector<float> h(size);
    made->derivatives(scores, g, h, {});
    for (std::size_t i = 0; i < size; i += 17) {
      const double kept = scores[i];
      constexpr double kStep = 1e-4;
      scores[i] = kept + kStep;
      const double up = made->loss(scores, 1);
      scores[i] = kept - kStep;
      const double down = made->loss(scores, 1);
      scores[i] = kept;
      // The squared error is watched without its half.
      const double factor = objective == "l2" ? 0.5 : 1.0;
      EXPECT_NEAR(factor * (up - down) / (2 * kStep) * static_cast<double>(rows.rows()),
                  static_cast<double>(g[i]), 2e-3)
          << objective;
      EXPECT_GE(h[i], 0.0F);
    }
  }
}

TEST(Objective, LambdasPullRowsTheRightWay) {
  Labels labels{.target = {0, 2, 1, 0}, .group_begin = {0, 4}};
  const std::vector<double> scores = {3, 0, 1, 2};
  for (const std::string objective : {"lambdamart", "pairwise", "xendcg"}) {
    const auto made = make_objective(objective, labels, {});
    std::vector<float> g(4);
    std::vector<float> h(4);
    made->derivatives(scores, g, h, {});
    EXPECT_LT(g[1], 0) << objective;
    EXPECT_GT(g[0], 0) << objective;
    EXPECT_NEAR(std::accumulate(g.begin(), g.end(), 0.0F), 0, 1e-5) << objective;
  }
  // DCG of the order 0, 3, 2, 1 over that of 1, 2, 0, 3.
  const auto made = make_objective("lambdamart", labels, {.ndcg_at = 4});
  const double dcg = 1 / std::log2(4.0) + 3 / std::log2(5.0);
  const double ideal = 3 + 1 / std::log2(3.0);
  EXPECT_NEAR(made->loss(scores, 1), -dcg / ideal, 1e-12);
}

// Rows are shown in the order of a poor guess; those that stand high are clicked more.
Labels clicks(const Matrix<double>& rows, std::size_t shown) {
  Labels labels;
  const Philox random(12, 1);
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const std::size_t place = i % shown;
    const double liked = rows.row(i)[0] > 0.5 ? 0.9 : 0.2;
    const double seen = 1 / (1.0 + static_cast<double>(place));
    labels.target.push_back(random.uniform(i, 0) < liked * seen ? 1.0F : 0.0F);
    labels.position.push_back(static_cast<std::int32_t>(place));
    if (place == 0) labels.group_begin.push_back(static_cast<std::int64_t>(i));
  }
  labels.group_begin.push_back(static_cast<std::int64_t>(rows.rows()));
  return labels;
}

TEST(Objective, LearnsWhatAPositionAdds) {
  const Matrix<double> rows = testing::sample_rows(60'000, 3, 6);
  const Labels labels = clicks(rows, 6);
  for (const std::string objective : {"lambdamart", "pairwise", "xendcg"}) {
    std::vector<double> biases;
    for (const int threads : {1, 2, 8}) {
      const auto made = make_objective(objective, labels, {.position_rate = 0.3});
      TrainParams params{.trees = 30};
      params.tree.threads = threads;
      const BinMapper mapper = BinMapper::fit(rows.view(), {}, {});
      const auto bins = BinnedMatrix::of(rows.view(), mapper, {});
      Trainer trainer(mapper, bins, *made, params);
      trainer.run({});
      const auto bias = made->position_bias();
      ASSERT_EQ(bias.size(), 6U);
      if (biases.empty()) biases.assign(bias.begin(), bias.end());
      EXPECT_TRUE(std::equal(bias.begin(), bias.end(), biases.begin())) << objective;
    }
    for (std::size_t p = 1; p < biases.size(); ++p) {
      EXPECT_LT(biases[p], biases[p - 1]) << objective << ", position " << p;
    }
  }
}

TEST(Objective, TakesAStepOfTheBiasesByTheirFormula) {
  Labels labels{.target = {1, 0, 0, 1}, .group_begin = {0, 2, 4}, .position = {0, 1, 0, 1}};
  const ObjectiveParams params{
      .position_rate = 0.5, .position_l2 = 0.25, .position_bias = {0.5, -0.5}};
  const auto made = make_objective("pairwise", labels, params);
  const std::vector<double> scores = {0, 0, 0, 0};
  std::vector<float> g(4);
  std::vector<float> h(4);
  made->derivatives(scores, g, h, {});
  // The first query's pair stands 1 apart the right way round, the second's the wrong way.
  EXPECT_NEAR(g[0], -1 / (1 + std::exp(1.0)), 1e-6);
  EXPECT_NEAR(g[3], -1 / (1 + std::exp(-1.0)), 1e-6);
  made->learn(g, h, {});
  const auto expected = [&](double bias, std::size_t a, std::size_t b) {
    const double sum = static_cast<double>(g[a]) + static_cast<double>(g[b]) + 0.25 * 2 * bias;
    const double curve = static_cast<double>(h[a]) + static_cast<double>(h[b]) + 0.25 * 2 + 0.001;
    return bias - 0.5 * sum / curve;
  };
  EXPECT_NEAR(made->position_bias()[0], expected(0.5, 0, 2), 1e-12);
  EXPECT_NEAR(made->position_bias()[1], expected(-0.5, 1, 3), 1e-12);
  labels.position = {0, -1, 0, 1};
  EXPECT_THROW((void)make_objective("pairwise", labels, {}), Error);
  labels.position = {0, 1};
  EXPECT_THROW((void)make_objective("pairwise", labels, {}), Error);
}

TEST(Objective, RefusesLabelsItCannotTake) {
  EXPECT_THROW((void)make_objective("logistic", {.target = {0, 2}}, {}), Error);
  EXPECT_THROW((void)make_objective("poisson", {.target = {1, -1}}, {}), Error);
  EXPECT_THROW((void)make_objective("softmax", {.target = {0, 3}}, {.classes = 3}), Error);
  EXPECT_THROW((void)make_objective("lambdamart", {.target = {0, 1}}, {}), Error);
  EXPECT_THROW((void)make_objective("lambdamart", {.target = {0, 1.5F}, .group_begin = {0, 2}}, {}),
               Error);
  EXPECT_THROW((void)make_objective("l2", {.target = {}}, {}), Error);
  EXPECT_THROW((void)make_objective("l2", {.target = {1, 2}, .weight = {0, 0}}, {}), Error);
  EXPECT_THROW((void)make_objective("l2", {.target = {1, 2}, .weight = {1, -1}}, {}), Error);
  EXPECT_THROW((void)make_objective("nothing", {.target = {1}}, {}), Error);
}

}  // namespace
}  // namespace penchant::ranking
