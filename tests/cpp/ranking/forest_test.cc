// Every kernel gives the bits of the plain walk.

#include "penchant/ranking/forest.h"

#include <algorithm>
#include <bit>
#include <string>

#include "ranking/random_forest.h"
#include "reference/plain_forest.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/base/simd.h"

namespace penchant::ranking {
namespace {

template <class T>
std::vector<std::uint64_t> bits_of(const std::vector<T>& scores) {
  std::vector<std::uint64_t> bits(scores.size());
  std::transform(scores.begin(), scores.end(), bits.begin(),
                 [](double score) { return std::bit_cast<std::uint64_t>(score); });
  return bits;
}

template <class T>
std::vector<double> plain(const ForestData& data, const std::vector<T>& values) {
  const auto width = static_cast<std::size_t>(data.num_features);
  std::vector<double> scores;
  for (std::size_t i = 0; i < values.size(); i += width) {
    const std::vector<double> row(values.begin() + static_cast<std::ptrdiff_t>(i),
                                  values.begin() + static_cast<std::ptrdiff_t>(i + width));
    const auto one = reference::plain_scores(data, row);
    scores.insert(scores.end(), one.begin(), one.end());
  }
  return scores;
}

template <class T>
std::vector<double> predicted(const Forest& forest, const std::vector<T>& values, int threads = 1) {
  const std::size_t rows = values.size() / forest.num_features();
  std::vector<double> scores(rows * forest.outputs(), 99.0);
  forest.predict_raw(MatrixView<const T>{values.data(), rows, forest.num_features()}, scores,
                     threads);
  return scores;
}

// As float64 and as float32, in requests of several sizes, by every instruction set.
void expect_plain_bits(const ForestData& data, std::uint64_t seed, const std::string& what) {
  const Forest forest(data);
  const std::vector<double> all = random_rows(data, 300, seed);
  const std::vector<float> all_floats(all.begin(), all.end());
  const auto width = static_cast<std::size_t>(data.num_features);
  const auto expected = bits_of(plain(data, all));
  const auto expected_floats = bits_of(plain(data, all_floats));
  for (const std::string& target : simd_targets()) {
    force_simd_target(target);
    for (const std::size_t rows : {1, 3, 4, 15, 33, 65, 128, 129, 200, 300}) {
      const std::vector<double> some(all.begin(),
                                     all.begin() + static_cast<std::ptrdiff_t>(rows * width));
      const std::vector<float> floats(some.begin(), some.end());
      const auto first = [&](const std::vector<std::uint64_t>& bits) {
        return std::vector<std::uint64_t>(
            bits.begin(), bits.begin() + static_cast<std::ptrdiff_t>(rows * data.outputs()));
      };
      ASSERT_EQ(bits_of(predicted(forest, some)), first(expected))
          << what << ", " << rows << " rows, " << target;
      ASSERT_EQ(bits_of(predicted(forest, floats)), first(expected_floats))
          << what << ", " << rows << " rows of float32, " << target;
    }
  }
  force_simd_target("best");
}

TEST(Forest, KernelsGiveThePlainWalksBitsForAllShapesOfTrees) {
  for (const std::size_t leaves : {1, 2, 3, 8, 9, 31, 64, 65, 128, 129, 200, 256, 257, 700}) {
    for (const Growth growth : {Growth::kBushy, Growth::kLeftChain, Growth::kRightChain}) {
      const RandomForest shape{.trees = 19, .leaves = leaves, .growth = growth};
      expect_plain_bits(random_forest(shape, leaves), leaves, std::to_string(leaves) + " leaves");
    }
  }
}

TEST(Forest, FullTreesFillAllPlanes) {
  for (const std::size_t leaves : {16, 64, 256}) {
    ForestData data;
    data.num_features = 3;
    std::mt19937_64 random(5);
    for (int t = 0; t < 9; ++t) {
      const auto inner = static_cast<std::int32_t>(leaves - 1);
      for (std::int32_t n = 0; n < inner; ++n) {
        const auto child = [&](std::int32_t at) { return at < inner ? at : ~(at - inner); };
        data.nodes.push_back({.threshold = drawn_value(random),
                              .feature = static_cast<std::int32_t>(random() % 3),
                              .left = child(2 * n + 1),
                              .right = child(2 * n + 2)});
      }
      for (std::size_t l = 0; l < leaves; ++l) data.leaves.push_back(drawn_value(random) * 1e-300);
      std::replace_if(
          data.leaves.begin(), data.leaves.end(), [](double v) { return !std::isfinite(v); }, 1.0);
      data.end_tree();
    }
    expect_plain_bits(data, leaves, "full trees");
  }
}

TEST(Forest, KernelsAgreeOnCategoriesAndEveryMissingRule) {
  for (const double share : {0.1, 0.5, 1.0}) {
    for (const std::size_t leaves : {20, 300}) {
      const RandomForest shape{.trees = 25, .leaves = leaves, .categorical = share};
      expect_plain_bits(random_forest(shape, leaves), 3, "categories");
    }
  }
}

TEST(Forest, MixedSizesAndOutputsAddInTheTreesOrder) {
  for (const std::size_t outputs : {2, 3, 5}) {
    ForestData data = random_forest({.trees = 30, .leaves = 400, .outputs = outputs}, outputs);
    const ForestData small = random_forest({.trees = 40, .leaves = 6, .outputs = outputs}, 1);
    for (std::size_t t = 0; t < small.trees(); ++t) {
      const auto at = [](std::int64_t i) { return static_cast<std::ptrdiff_t>(i); };
      data.nodes.insert(data.nodes.end(), small.nodes.begin() + at(small.node_begin[t]),
                        small.nodes.begin() + at(small.node_begin[t + 1]));
      data.leaves.insert(data.leaves.end(), small.leaves.begin() + at(small.leaf_begin[t]),
                         small.leaves.begin() + at(small.leaf_begin[t + 1]));
      data.end_tree();
    }
    expect_plain_bits(data, 11, std::to_string(outputs) + " outputs");
  }
}

TEST(Forest, FeaturesWithMoreThresholdsThanAByteTellsApart) {
  for (const std::size_t thresholds : {253, 254, 255, 256, 509, 3000}) {
    const RandomForest shape{.trees = 120,
                             .leaves = 64,
                             .features = 2,
                             .thresholds = thresholds,
                             .all_missing_rules = false};
    expect_plain_bits(random_forest(shape, thresholds), 4, "many thresholds");
  }
}

TEST(Forest, ForestsThatNeedTooManyColumnsAreWalkedAsTheyStand) {
  // 20,000 sets, each of its own: only the first trees' fit into columns of bytes.
  const RandomForest shape{
      .trees = 700, .leaves = 64, .features = 3, .categorical = 0.95, .categories = 12};
  const ForestData data = random_forest(shape, 8);
  ASSERT_GT(data.category_begin.size(), 18'000U);
  expect_plain_bits(data, 2, "many sets");
  // Few trees of many columns: a single row is walked as it stands too.
  expect_plain_bits(random_forest({.trees = 1, .leaves = 200, .features = 150}, 3), 2, "one tree");
}

TEST(Forest, InputsRoundedToFloat32) {
  const RandomForest shape{.trees = 30, .leaves = 40, .categorical = 0.1, .float32_inputs = true};
  expect_plain_bits(random_forest(shape, 1), 9, "float32 inputs");
}

TEST(Forest, ThreadsDoNotChangeBits) {
  const ForestData data = random_forest({.trees = 60, .leaves = 64, .categorical = 0.1}, 6);
  const Forest forest(data);
  const std::vector<double> rows = random_rows(data, 5000, 7);
  const auto expected = bits_of(plain(data, rows));
  for (const int threads : {0, 1, 2, 8}) {
    EXPECT_EQ(bits_of(predicted(forest, rows, threads)), expected) << threads << " threads";
  }
}

TEST(Forest, WithoutTreesOrRows) {
  ForestData data;
  data.num_features = 2;
  data.base = {0.25, -1.5};
  const Forest forest(data);
  EXPECT_EQ(predicted(forest, std::vector<double>{1, 2, 3, 4}),
            (std::vector<double>{0.25, -1.5, 0.25, -1.5}));
  EXPECT_TRUE(predicted(forest, std::vector<float>{}).empty());
}

TEST(Forest, RefusesRowsAndRoomOfAnotherShape) {
  const Forest forest(random_forest({}, 1));
  std::vector<double> scores(2);
  const std::vector<double> rows(16);
  EXPECT_THROW(forest.predict_raw(MatrixView<const double>{rows.data(), 2, 8}, scores, 1), Error);
  EXPECT_THROW(forest.predict_raw(MatrixView<const double>{rows.data(), 1, 7}, scores, 1), Error);
}

TEST(Forest, RefusesDataThatIsNoForest) {
  ForestData data = random_forest({}, 1);
  data.nodes[3].feature = 7;
  try {
    const Forest forest(std::move(data));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kBadData);
  }
}

TEST(Forest, LinksGoFromScoresToPredictions) {
  const auto linked = [](Link link, std::size_t outputs, double slope, std::vector<double> scores) {
    ForestData data;
    data.base.assign(outputs, 0.0);
    data.link = link;
    data.link_slope = slope;
    Forest(std::move(data)).apply_link(scores);
    return scores;
  };
  EXPECT_EQ(linked(Link::kIdentity, 1, 1, {-3.5, 2}), (std::vector<double>{-3.5, 2}));
  const auto sigmoid = linked(Link::kSigmoid, 1, 0.5, {0, 3, -800, 1e308, -1e308});
  EXPECT_EQ(sigmoid[0], 0.5);
  EXPECT_NEAR(sigmoid[1], 1 / (1 + std::exp(-1.5)), 1e-15);
  EXPECT_NEAR(sigmoid[2] / std::exp(-400.0), 1, 1e-12);
  EXPECT_EQ(sigmoid[3], 1);
  EXPECT_EQ(sigmoid[4], 0);
  const auto exp = linked(Link::kExp, 1, 1, {0, 1, -20, 710});
  EXPECT_EQ(exp[0], 1);
  EXPECT_NEAR(exp[1], std::exp(1.0), 1e-14);
  EXPECT_NEAR(exp[2] / std::exp(-20.0), 1, 1e-13);
  EXPECT_TRUE(std::isinf(exp[3]));
  const auto softmax = linked(Link::kSoftmax, 3, 1, {1, 2, 3, 1000, 1000, -1e308});
  EXPECT_NEAR(softmax[0] + softmax[1] + softmax[2], 1, 1e-15);
  EXPECT_NEAR(softmax[2] / softmax[1], std::exp(1.0), 1e-14);
  EXPECT_EQ(softmax[3], 0.5);
  EXPECT_EQ(softmax[5], 0);
}

}  // namespace
}  // namespace penchant::ranking
