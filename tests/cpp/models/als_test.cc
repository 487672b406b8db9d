#include "penchant/models/als.h"

#include <cmath>
#include <cstring>
#include <tuple>

#include "models/sample.h"
#include "reference/dense_als.h"
#include <gtest/gtest.h>

#include "penchant/base/random.h"
#include "penchant/base/simd.h"
#include "penchant/models/als_balance.h"
#include "penchant/models/als_half.h"

namespace penchant::models {
namespace {

using testing::random_dataset;

std::shared_ptr<const AlsModel> fit(const data::Dataset& data, const AlsParameters& p,
                                    int iterations) {
  AlsTrainer trainer(*data.interactions(), data.last_time(), p);
  for (int i = 0; i < iterations; ++i) trainer.iterate();
  return std::move(trainer).finish();
}

std::vector<AlsParameters> variants() {
  std::vector<AlsParameters> out;
  for (const AlsSolver solver : {AlsSolver::kConjugateGradient, AlsSolver::kCholesky}) {
    for (const int factors : {1, 7, 16, 33}) {
      AlsParameters p;
      p.factors = factors;
      p.solver = solver;
      p.alpha = 4;
      p.regularization = 0.5;
      p.cg_steps = 8;
      out.push_back(p);
      p.unobserved_weight = 0.2;
      p.regularization_exponent = 0.7;
      p.weighting = {ValueWeighting::kLog, Duration{20 * testing::kDay}};
      out.push_back(p);
    }
  }
  return out;
}

TEST(Als, ItsLossIsTheObjectiveOverEveryPair) {
  const data::Dataset data = random_dataset(40, 25, 300, 1);
  for (const AlsParameters& p : variants()) {
    AlsTrainer trainer(*data.interactions(), data.last_time(), p);
    trainer.iterate();
    const double loss = trainer.loss();
    const auto model = std::move(trainer).finish();
    const auto c = reference::confidence_matrix(p, *data.interactions(), data.last_time());
    const double plain = reference::objective(p, c, model->user_vectors(), model->item_vectors());
    EXPECT_NEAR(loss, plain, 1e-6 * plain);
    EXPECT_NEAR(als_loss(*model, *data.interactions(), data.last_time(), 2), plain, 1e-6 * plain);
  }
}

TEST(Als, TheLossNeverRises) {
  const data::Dataset data = random_dataset(80, 50, 700, 2);
  for (const AlsParameters& p : variants()) {
    AlsTrainer trainer(*data.interactions(), data.last_time(), p);
    double before = trainer.loss();
    for (int i = 0; i < 6; ++i) {
      trainer.iterate();
      const double now = trainer.loss();
      EXPECT_LE(now, before * (1 + 1e-6)) << "factors " << p.factors << ", iteration " << i;
      before = now;
    }
  }
}

TEST(Als, UsersSolveTheirDenseNormalEquations) {
  const data::Dataset data = random_dataset(40, 25, 300, 3);
  for (AlsParameters p : variants()) {
    p.cg_steps = 60;  // to convergence
    const auto model = fit(data, p, 3);
    const auto c = reference::confidence_matrix(p, *data.interactions(), data.last_time());
    for (std::size_t u = 0; u < data.subjects().size(); ++u) {
      const auto exact = reference::solve_row(p, c[u], model->item_vectors());
      for (std::size_t j = 0; j < exact.size(); ++j) {
        EXPECT_NEAR(static_cast<double>(model->user_vectors().row(u)[j]), exact[j], 2e-5);
      }
    }
  }
}

TEST(Als, FoldingInAKnownHistoryGivesTheStoredVector) {
  const data::Dataset data = random_dataset(60, 40, 500, 4);
  for (AlsParameters p : variants()) {
    p.cg_steps = 60;
    const auto model = fit(data, p, 4);
    const auto pairs = data.interactions();
    std::vector<float> folded(static_cast<std::size_t>(p.factors));
    for (std::size_t u = 0; u < pairs->num_users(); ++u) {
      model->fold_in(pairs->history(UserIndex(static_cast<std::int32_t>(u))), data.last_time(),
                     folded);
      for (std::size_t j = 0; j < folded.size(); ++j) {
        EXPECT_NEAR(folded[j], model->user_vectors().row(u)[j], 1e-5F);
      }
    }
  }
}

TEST(Als, AnyNumberOfThreadsGivesTheSameBits) {
  const data::Dataset data = random_dataset(700, 300, 9000, 5);
  for (const AlsSolver solver :
       {AlsSolver::kConjugateGradient, AlsSolver::kCholesky, AlsSolver::kSubspace}) {
    AlsParameters p;
    p.factors = 24;
    p.block_factors = 16;
    p.item_bias = solver == AlsSolver::kSubspace;
    p.alpha = 10;
    p.regularization_exponent = 0.5;
    p.solver = solver;
    p.threads = 1;
    const auto one = fit(data, p, 3);
    for (const int threads : {2, 8}) {
      p.threads = threads;
      const auto many = fit(data, p, 3);
      EXPECT_EQ(std::memcmp(one->user_vectors().data, many->user_vectors().data,
                            one->user_vectors().flat().size_bytes()),
                0);
      EXPECT_EQ(std::memcmp(one->item_vectors().data, many->item_vectors().data,
                            one->item_vectors().flat().size_bytes()),
                0);
    }
  }
}

TEST(Als, GramMatricesAreSumsOverEveryRowWhateverTheThreads) {
  // More rows than are summed at a time, the last of them few.
  constexpr std::size_t kFactors = 5;
  Matrix<float> factors(16'384 + 520, 16);
  std::vector<double> weights(factors.rows());
  std::vector<double> wanted(kFactors * kFactors, 0.0);
  const Philox random(3, 8);
  for (std::size_t i = 0; i < factors.rows(); ++i) {
    weights[i] = 0.5 + static_cast<double>(i % 3);
    for (std::size_t j = 0; j < kFactors; ++j) {
      factors.row(i)[j] = static_cast<float>(random.normal(i, static_cast<std::uint32_t>(j)));
    }
    for (std::size_t j = 0; j < kFactors * kFactors; ++j) {
      wanted[j] += weights[i] * static_cast<double>(factors.row(i)[j / kFactors]) *
                   static_cast<double>(factors.row(i)[j % kFactors]);
    }
  }
  LargeBuffer buffer;
  const std::vector<double> found = als_gram(factors, kFactors, 1, buffer, weights);
  for (std::size_t j = 0; j < found.size(); ++j) EXPECT_NEAR(found[j], wanted[j], 0.02);
  for (const int threads : {2, 8}) {
    EXPECT_EQ(als_gram(factors, kFactors, threads, buffer, weights), found);
  }
}

TEST(Als, RoundedVectorsCostTheLossNothingThatCounts) {
  const data::Dataset data = random_dataset(400, 150, 6000, 9);
  AlsParameters p;
  p.factors = 48;
  p.alpha = 10;
  p.regularization = 0.5;
  const auto loss = [&](int steps) {
    p.cg_steps = steps;
    const auto model = fit(data, p, 30);
    return als_loss(*model, *data.interactions(), data.last_time(), 1);
  };
  // For 32 iterations four steps take vectors at two bytes a number, five in full.
  const double rounded = loss(4);
  const double full = loss(5);
  EXPECT_NEAR(rounded, full, 1e-3 * full);
}

TEST(Als, ServesTheSameBitsOnEveryInstructionSet) {
  const data::Dataset data = random_dataset(60, 90, 900, 6);
  AlsParameters p;
  p.factors = 37;
  const auto model = fit(data, p, 2);
  Query query;
  query.history = data.interactions()->history(UserIndex(3));
  query.as_of = data.last_time();
  std::vector<std::vector<float>> scores;
  for (const std::string& target : simd_targets()) {
    force_simd_target(target);
    scores.emplace_back(model->num_items());
    model->score_all(query, scores.back());
    EXPECT_EQ(scores.back(), scores.front()) << target;
  }
  force_simd_target("best");
}

TEST(Als, BalancingKeepsTheScoresAndLowersThePenalty) {
  const data::Dataset data = random_dataset(70, 50, 900, 10);
  AlsParameters p;
  p.factors = 20;
  p.regularization = 0.3;
  for (const double exponent : {0.0, 0.6}) {
    p.regularization_exponent = exponent;
    AlsSide users;
    AlsSide items;
    users.matrix =
        csr_of(*data.interactions(), als_confidences(p, *data.interactions(), data.last_time()));
    items.matrix = transpose(users.matrix, data.items().size());
    const Philox random(1, 9);
    for (auto [side, other, scale] :
         {std::tuple{&users, &items, 0.05}, std::tuple{&items, &users, 3.0}}) {
      side->factors = Matrix<float>(side->rows(), 32);
      for (std::size_t i = 0; i < side->rows(); ++i) {
        side->regularization.push_back(
            als_row_regularization(p, side->matrix.row_size(i), other->rows()));
        for (std::size_t j = 0; j < 20; ++j) {
          side->factors.row(i)[j] = static_cast<float>(
              scale * random.normal(i, static_cast<std::uint32_t>(j) + (side == &users ? 0 : 50)));
        }
      }
    }
    const auto score = [&](std::size_t u, std::size_t i) {
      double sum = 0;
      for (std::size_t j = 0; j < 32; ++j) {
        sum += static_cast<double>(users.factors.row(u)[j]) *
               static_cast<double>(items.factors.row(i)[j]);
      }
      return sum;
    };
    const auto penalty = [](const AlsSide& side) {
      double sum = 0;
      for (std::size_t i = 0; i < side.rows(); ++i) {
        for (const float v : side.factors.row(i)) {
          sum += side.regularization[i] * static_cast<double>(v) * static_cast<double>(v);
        }
      }
      return sum;
    };
    std::vector<double> before;
    for (std::size_t u = 0; u < 70; ++u) {
      for (std::size_t i = 0; i < 50; ++i) before.push_back(score(u, i));
    }
    const double was = penalty(users) + penalty(items);
    LargeBuffer buffer;
    als_balance(p, users, items, buffer);
    for (std::size_t u = 0; u < 70; ++u) {
      for (std::size_t i = 0; i < 50; ++i) EXPECT_NEAR(score(u, i), before[u * 50 + i], 1e-4);
    }
    EXPECT_LT(penalty(users) + penalty(items), 0.3 * was);
    EXPECT_NEAR(penalty(users) / penalty(items), 1.0, 1e-3);
    const double least = penalty(users) + penalty(items);
    als_balance(p, users, items, buffer);
    EXPECT_NEAR(penalty(users) + penalty(items), least, 1e-4 * least);
  }
}

TEST(Als, AnswersNobodyWithoutAHistory) {
  const data::Dataset data = random_dataset(20, 20, 100, 7);
  const auto model = fit(data, {.factors = 4}, 1);
  EXPECT_FALSE(model->can_score({}));
  EXPECT_TRUE(model->can_score({.user = UserIndex(0)}));
}

TEST(Als, RefusesParametersByName) {
  const data::Dataset data = random_dataset(5, 5, 20, 8);
  const auto refuses = [&](AlsParameters p, const std::string& name) {
    try {
      AlsTrainer(*data.interactions(), data.last_time(), p);
      ADD_FAILURE() << name << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInvalidArgument);
      EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << error.what();
    }
  };
  refuses({.factors = 0}, "factors");
  refuses({.regularization = 0}, "regularization");
  refuses({.regularization = std::nan("")}, "regularization");
  refuses({.alpha = -1}, "alpha");
  refuses({.unobserved_weight = 0}, "unobserved_weight");
  refuses({.unobserved_weight = 1.5}, "unobserved_weight");
  refuses({.regularization_exponent = 3}, "regularization_exponent");
  refuses({.cg_steps = -1}, "cg_steps");
  refuses({.block_factors = 0}, "block_factors");
}

TEST(Als, NobodyAndNothingIsFine) {
  const data::Dataset data = random_dataset(1, 1, 1, 9);
  const auto model = fit(data, {.factors = 3}, 2);
  EXPECT_EQ(model->num_items(), 1U);
  AlsTrainer empty(data::Interactions(), Timestamp{}, {.factors = 3});
  empty.iterate();
  EXPECT_EQ(std::move(empty).finish()->num_items(), 0U);
}

}  // namespace
}  // namespace penchant::models
