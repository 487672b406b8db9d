#include "penchant/models/hybrid.h"

#include <cmath>
#include <functional>

#include "models/sample.h"
#include <gtest/gtest.h>

#include "penchant/models/small_linalg.h"

namespace penchant::models {
namespace {

constexpr std::size_t kItems = 30;
constexpr std::size_t kFeatures = 7;
constexpr std::size_t kFactors = 6;

struct Rows {
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int32_t> features;
  std::vector<float> values;
  [[nodiscard]] FeatureRows view() const { return {offsets, features, values, kFeatures}; }
};

// Two features an item, none for item 4.
Rows random_rows(std::uint64_t seed) {
  const Philox random(seed, 3);
  Rows out;
  for (std::uint32_t i = 0; i < kItems; ++i) {
    if (i != 4) {
      const auto first = static_cast<std::int32_t>(random.below(3, i, 0));
      const auto second = static_cast<std::int32_t>(3 + random.below(4, i, 1));
      out.features.insert(out.features.end(), {first, second});
      out.values.insert(out.values.end(), {0.6F, static_cast<float>(random.uniform(i, 2))});
    }
    out.offsets.push_back(static_cast<std::int64_t>(out.features.size()));
  }
  return out;
}

std::shared_ptr<const AlsModel> trained(const data::Dataset& data, int threads = 0) {
  AlsTrainer trainer(*data.interactions(), data.last_time(),
                     {.factors = kFactors, .regularization = 2, .alpha = 3, .threads = threads});
  for (int i = 0; i < 6; ++i) trainer.iterate();
  return std::move(trainer).finish();
}

std::vector<double> counts(const data::Interactions& pairs) {
  std::vector<double> out(pairs.num_items(), 0.0);
  for (const ItemIndex item : pairs.items()) out[static_cast<std::size_t>(item.value)] += 1;
  return out;
}

// The formulas of hybrid.h with dense matrices and an exact solution. [items][factors]
std::vector<std::vector<double>> plain(const AlsModel& als, const std::vector<double>& n,
                                       const Rows& rows, const LeanOptions& options) {
  const std::size_t width = kFeatures + 1;
  std::vector<std::vector<double>> dense(kItems, std::vector<double>(width, 0.0));
  for (std::size_t i = 0; i < kItems; ++i) {
    for (auto k = static_cast<std::size_t>(rows.offsets[i]);
         k < static_cast<std::size_t>(rows.offsets[i + 1]); ++k) {
      dense[i][static_cast<std::size_t>(rows.features[k])] = static_cast<double>(rows.values[k]);
    }
    dense[i][kFeatures] = 1;
  }
  std::vector<std::vector<double>> out(kItems, std::vector<double>(kFactors));
  for (std::size_t j = 0; j < kFactors; ++j) {
    std::vector<double> a(width * width, 0.0);
    std::vector<double> b(width, 0.0);
    for (std::size_t i = 0; i < kItems; ++i) {
      const double w = n[i] / (n[i] + options.strength);
      for (std::size_t p = 0; p < width; ++p) {
        b[p] += w * dense[i][p] * static_cast<double>(als.item_vectors().row(i)[j]);
        for (std::size_t q = 0; q < width; ++q) a[p * width + q] += w * dense[i][p] * dense[i][q];
      }
    }
    for (std::size_t p = 0; p < width; ++p) a[p * width + p] += options.ridge;
    EXPECT_TRUE(cholesky_in_place(a, width));
    cholesky_solve(a, width, b);
    for (std::size_t i = 0; i < kItems; ++i) {
      const auto own = static_cast<double>(als.item_vectors().row(i)[j]);
      double expected = 0;
      for (std::size_t p = 0; p < width; ++p) expected += dense[i][p] * b[p];
      const double w = n[i] / (n[i] + options.strength);
      out[i][j] = rows.offsets[i] == rows.offsets[i + 1] ? own : w * own + (1 - w) * expected;
    }
  }
  return out;
}

TEST(Hybrid, LeansAsTheFormulasSay) {
  const auto data = testing::random_dataset(60, kItems, 400, 12);
  const auto pairs = data.interactions();
  const auto als = trained(data);
  for (const LeanOptions options : {LeanOptions{}, LeanOptions{40, 0.05, 1}}) {
    const Rows rows = random_rows(2);
    const auto leaned = lean_on_attributes(*als, *pairs, data.last_time(), rows.view(), options);
    const auto expected = plain(*als, counts(*pairs), rows, options);
    for (std::size_t i = 0; i < kItems; ++i) {
      for (std::size_t j = 0; j < kFactors; ++j) {
        ASSERT_NEAR(static_cast<double>(leaned->item_vectors().row(i)[j]), expected[i][j], 2e-5);
      }
    }
    // Users are the exact solution for the items as they are now.
    std::vector<float> vector(kFactors);
    for (int u = 0; u < 60; ++u) {
      leaned->fold_in(pairs->history(UserIndex(u)), data.last_time(), vector);
      for (std::size_t j = 0; j < kFactors; ++j) {
        ASSERT_EQ(leaned->user_vectors().row(static_cast<std::size_t>(u))[j], vector[j]);
      }
    }
  }
}

TEST(Hybrid, IsTheSameAtAnyNumberOfThreads) {
  const auto data = testing::random_dataset(90, kItems, 500, 13);
  const Rows rows = random_rows(4);
  std::vector<std::vector<std::byte>> files;
  for (const int threads : {1, 2, 8}) {
    const auto als = trained(data, threads);
    const HybridModel model(lean_on_attributes(*als, *data.interactions(), data.last_time(),
                                               rows.view(), {.threads = threads}));
    bundle::Writer writer;
    model.save(writer, "m");
    const auto bytes = writer.to_bytes("{}");
    files.emplace_back(bytes.begin(), bytes.end());
  }
  EXPECT_EQ(files[0], files[1]);
  EXPECT_EQ(files[0], files[2]);
}

TEST(Hybrid, WhatDoesNotFitIsRefused) {
  const auto data = testing::random_dataset(40, kItems, 300, 14);
  const auto als = trained(data);
  const auto lean = [&](const Rows& rows, const LeanOptions& options) {
    (void)lean_on_attributes(*als, *data.interactions(), data.last_time(), rows.view(), options);
  };
  const Rows good = random_rows(5);
  EXPECT_NO_THROW(lean(good, {}));
  const std::vector<std::function<void(Rows&)>> faults = {
      [](Rows& r) { r.offsets.pop_back(); },      [](Rows& r) { r.offsets[2] = 1000; },
      [](Rows& r) { r.features[3] = kFeatures; }, [](Rows& r) { r.features[3] = -1; },
      [](Rows& r) { r.values.pop_back(); },
  };
  for (const auto& fault : faults) {
    Rows bad = good;
    fault(bad);
    EXPECT_THROW(lean(bad, {}), Error);
  }
  EXPECT_THROW(lean(good, {.strength = 0}), Error);
  EXPECT_THROW(lean(good, {.ridge = -1}), Error);
}

TEST(Hybrid, ABundleInsideABundleIsRefused) {
  bundle::Writer writer;
  writer.add_text("m/meta", R"({"kind":"hybrid"})");
  writer.add_text("m/als/meta", R"({"kind":"hybrid"})");
  const auto reader = bundle::Reader::from_bytes(writer.to_bytes("{}"));
  EXPECT_THROW((void)load_model(reader, "m", 1, 1), Error);
}

}  // namespace
}  // namespace penchant::models
