#include "engine/fixture.h"
#include <gtest/gtest.h>

#include "penchant/engine/blend_learner.h"

namespace penchant::engine {
namespace {

using testing::random_dataset;
using testing::small_engine;

struct Window {
  std::vector<ExternalId> subjects;
  std::vector<std::vector<ItemIndex>> truth;
};

// What everyone had most: a truth that the repeat source knows best.
Window own_favourites(const Engine& engine) {
  Window out;
  const models::Context& context = *engine.assets().context;
  for (std::size_t u = 0; u < context.subjects.size(); ++u) {
    const auto h = context.history.history(UserIndex(static_cast<std::int32_t>(u)));
    std::vector<ItemIndex> items;
    for (std::size_t k = 0; k < h.size(); ++k) {
      if (h.counts[k] >= 2) items.push_back(h.items[k]);
    }
    out.subjects.emplace_back(context.subjects.text(u));
    out.truth.push_back(items);
  }
  return out;
}

TEST(Blend, LearnsWhichSourceIsRight) {
  const auto engine = small_engine(random_dataset(80, 40, 1500, 41));
  const Window window = own_favourites(*engine);
  BlendProblem problem(4);
  problem.add(*engine, window.subjects, window.truth, false, 2);
  ASSERT_GT(problem.rows(), 20U);
  const std::vector<float> prior = {1, 1, 1, 0.25F};
  const auto learned = learn_blend(problem, prior, {.prior_strength = 0.01});
  EXPECT_GT(problem.objective(learned, 1), problem.objective(prior, 1) + 0.01);
  EXPECT_GT(learned[3], learned[0]);
  EXPECT_EQ(*std::max_element(learned.begin(), learned.end()), 1.0F);
}

TEST(Blend, KeepsThePriorWithoutEvidence) {
  const std::vector<float> prior = {0.5F, 0.25F, 0, 1};
  EXPECT_EQ(learn_blend(BlendProblem(4), prior, {}), prior);
  const auto engine = small_engine(random_dataset(80, 40, 1500, 42));
  const Window window = own_favourites(*engine);
  BlendProblem problem(4);
  problem.add(*engine, window.subjects, window.truth, false, 2);
  EXPECT_EQ(learn_blend(problem, prior, {.prior_strength = 1e9}), prior);
}

TEST(Blend, DoesNotDependOnThreads) {
  const auto engine = small_engine(random_dataset(80, 40, 1500, 43));
  const Window window = own_favourites(*engine);
  std::vector<std::vector<float>> learned;
  for (const int threads : {1, 2, 8}) {
    BlendProblem problem(4);
    problem.add(*engine, window.subjects, window.truth, false, threads);
    learned.push_back(learn_blend(problem, std::vector<float>(4, 1.0F),
                                  {.prior_strength = 0.25, .threads = threads}));
    EXPECT_EQ(learned.back(), learned.front());
  }
}

TEST(Blend, DropsWhatWasSeenWhenRepeatsAreOut) {
  const auto engine = small_engine(random_dataset(80, 40, 1500, 44));
  const Window window = own_favourites(*engine);
  BlendProblem problem(4);
  problem.add(*engine, window.subjects, window.truth, true, 2);
  EXPECT_EQ(problem.rows(), 0U);
}

}  // namespace
}  // namespace penchant::engine
