#include "penchant/models/pairwise.h"

#include <cmath>
#include <cstring>

#include "models/sample.h"
#include <gtest/gtest.h>

#include "penchant/base/simd.h"
#include "penchant/models/pairwise_kernels.h"

namespace penchant::models {
namespace {

using testing::random_dataset;

constexpr std::size_t kStride = 32;
constexpr std::size_t kFactors = 20;  // the bias is behind them

struct Sample {
  AlignedVector<float> x;
  AlignedVector<float> items;
};

Sample sample(std::size_t items) {
  const Philox random(4, 2);
  Sample out{AlignedVector<float>(kStride), AlignedVector<float>(items * kStride)};
  for (std::size_t j = 0; j < kFactors; ++j) {
    out.x[j] = static_cast<float>(random.normal(1000, static_cast<std::uint32_t>(j)));
  }
  out.x[kFactors] = 1.0F;
  for (std::size_t i = 0; i < items; ++i) {
    for (std::size_t j = 0; j <= kFactors; ++j) {
      out.items[i * kStride + j] =
          static_cast<float>(0.3 * random.normal(i, static_cast<std::uint32_t>(j)));
    }
  }
  return out;
}

// The plain twin of one step; `weight` is the derivative of the loss by the difference of scores.
void plain_step(Sample& s, std::int32_t positive, std::int32_t negative, double rate, double decay,
                double weight) {
  for (std::size_t j = 0; j <= kFactors; ++j) {
    float& a = s.items[static_cast<std::size_t>(positive) * kStride + j];
    float& b = s.items[static_cast<std::size_t>(negative) * kStride + j];
    const double x = s.x[j];
    const double old_a = a;
    const double old_b = b;
    if (j < kFactors) {
      s.x[j] = static_cast<float>((1 - decay) * x + rate * weight * (old_a - old_b));
    }
    a = static_cast<float>((1 - decay) * old_a + rate * weight * x);
    b = static_cast<float>((1 - decay) * old_b - rate * weight * x);
  }
}

double score(const Sample& s, std::int32_t item) {
  double sum = 0;
  for (std::size_t j = 0; j <= kFactors; ++j) {
    sum += static_cast<double>(s.x[j]) *
           static_cast<double>(s.items[static_cast<std::size_t>(item) * kStride + j]);
  }
  return sum;
}

void expect_near(const Sample& a, const Sample& b) {
  for (std::size_t j = 0; j < kStride; ++j) EXPECT_NEAR(a.x[j], b.x[j], 1e-5F);
  for (std::size_t j = 0; j < a.items.size(); ++j) EXPECT_NEAR(a.items[j], b.items[j], 1e-5F);
}

TEST(Pairwise, BprStepsAreThoseOfThePlainFormula) {
  const std::vector<std::int32_t> positives = {0, 3, 5, 3};
  const std::vector<std::int32_t> negatives = {1, 2, 7, 0};
  for (const std::string& target : simd_targets()) {
    force_simd_target(target);
    Sample fast = sample(9);
    Sample plain = sample(9);
    std::size_t expected = 0;
    for (std::size_t k = 0; k < positives.size(); ++k) {
      const double difference = score(plain, positives[k]) - score(plain, negatives[k]);
      expected += difference > 0 ? 1 : 0;
      plain_step(plain, positives[k], negatives[k], 0.1, 0.002, 1 / (1 + std::exp(difference)));
    }
    const PairwiseStep step{fast.items.data(), kStride, kFactors, 0.1F, 0.002F};
    EXPECT_EQ(bpr_steps(step, fast.x.data(), positives, negatives), expected) << target;
    expect_near(fast, plain);
  }
  force_simd_target("best");
}

TEST(Pairwise, WarpTakesTheFirstThatComesTooNear) {
  const std::vector<std::int32_t> block = {0, 1, 2, 3, 4, 5, 6, 7, 8};
  std::vector<std::uint8_t> marked(9, 0);
  marked[0] = marked[3] = 1;
  const std::vector<float> weights = {0.0F, 1.0F, 0.8F, 0.6F, 0.5F};
  Sample fast = sample(9);
  Sample plain = sample(9);
  SplitMix random{99};
  SplitMix twin{99};
  const PairwiseStep step{fast.items.data(), kStride, kFactors, 0.1F, 0.001F};
  const WarpSampler sampler{block, marked.data(), weights.data(), 4};
  const std::vector<std::int32_t> positives = {0, 3};
  std::size_t expected = 0;
  for (const std::int32_t positive : positives) {
    const double wanted = score(plain, positive);
    std::int32_t next = block[twin.below(9)];
    bool found = false;
    for (std::size_t trial = 1; trial <= 4 && !found; ++trial) {
      const std::int32_t item = next;
      next = block[twin.below(9)];
      if (marked[static_cast<std::size_t>(item)] != 0) continue;
      if (score(plain, item) <= wanted - 1) continue;
      plain_step(plain, positive, item, 0.1, 0.001, static_cast<double>(weights[trial]));
      found = true;
    }
    expected += found ? 0 : 1;
  }
  EXPECT_EQ(warp_steps(step, fast.x.data(), positives, sampler, random), expected);
  expect_near(fast, plain);
}

TEST(Pairwise, AnyNumberOfThreadsGivesTheSameBits) {
  const data::Dataset data = random_dataset(400, 600, 9000, 5);
  for (const PairwiseLoss loss : {PairwiseLoss::kBpr, PairwiseLoss::kWarp}) {
    std::vector<std::shared_ptr<const PairwiseModel>> models;
    std::vector<double> right;
    for (const int threads : {1, 2, 8}) {
      PairwiseParameters p{.loss = loss, .factors = 24};
      p.threads = threads;
      PairwiseTrainer trainer(*data.interactions(), p);
      for (int i = 0; i < 4; ++i) right.push_back(trainer.iterate());
      models.push_back(std::move(trainer).finish());
    }
    for (const auto& model : models) {
      EXPECT_EQ(std::memcmp(models[0]->item_vectors().data, model->item_vectors().data,
                            model->item_vectors().flat().size_bytes()),
                0);
      EXPECT_EQ(std::memcmp(models[0]->user_vectors().data, model->user_vectors().data,
                            model->user_vectors().flat().size_bytes()),
                0);
    }
    for (std::size_t k = 0; k < 4; ++k) EXPECT_EQ(right[k], right[k + 4]);
    EXPECT_GT(right[3], 0);
  }
}

TEST(Pairwise, ServesTheSameBitsOnEveryInstructionSet) {
  const data::Dataset data = random_dataset(60, 90, 900, 6);
  PairwiseTrainer trainer(*data.interactions(), {.factors = 37});
  static_cast<void>(trainer.iterate());
  const auto model = std::move(trainer).finish();
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

TEST(Pairwise, NobodyAndNothingIsFine) {
  PairwiseTrainer empty(data::Interactions(), {.factors = 3});
  EXPECT_EQ(empty.iterate(), 0);
  EXPECT_EQ(std::move(empty).finish()->num_items(), 0U);
  const data::Dataset one = random_dataset(1, 1, 1, 9);
  PairwiseTrainer single(*one.interactions(), {.loss = PairwiseLoss::kWarp, .factors = 3});
  EXPECT_EQ(single.iterate(), 0);  // the one item is had: nothing to rank
}

}  // namespace
}  // namespace penchant::models
