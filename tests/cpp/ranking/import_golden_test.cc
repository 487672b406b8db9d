// Imported models score as the libraries that wrote them: ordinary rows, missing values, zeros,
// values exactly on thresholds and one float beside them, infinities, unseen categories.

#include <cmath>

#include "ranking/golden_models.h"
#include "reference/plain_forest.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"

namespace penchant {
namespace {

// LightGBM and CatBoost add in double; XGBoost adds float32.
double tolerance(const std::string& name) { return name.starts_with("xgboost") ? 1e-6 : 1e-12; }

TEST(ImportGolden, ScoresEqualTheSourceLibrarys) {
  const std::vector<golden::Model> models = golden::models();
  ASSERT_GE(models.size(), 25U);
  for (const golden::Model& model : models) {
    if (!golden::importable(model)) continue;
    const ranking::ForestData data = golden::import_model(model.name, model.bytes);
    ASSERT_GT(data.trees(), 1U) << model.name;
    double largest = 0;
    for (std::size_t i = 0; i < model.rows.size(); ++i) {
      const std::vector<double> ours = reference::plain_scores(data, model.rows[i]);
      ASSERT_EQ(ours.size(), model.raw[i].size()) << model.name;
      for (std::size_t o = 0; o < ours.size(); ++o) {
        const double theirs = model.raw[i][o];
        const double difference = std::abs(ours[o] - theirs) / (1 + std::abs(theirs));
        largest = std::max(largest, difference);
        EXPECT_LE(difference, tolerance(model.name)) << model.name << ", row " << i << ", output "
                                                     << o << ": " << ours[o] << ", not " << theirs;
      }
    }
    RecordProperty(model.name, std::to_string(largest));
    std::printf("  %-28s %3zu trees, largest difference %.2e\n", model.name.c_str(), data.trees(),
                largest);
  }
}

TEST(ImportGolden, JsonAndUbjsonGiveTheSameForest) {
  const std::filesystem::path folder = golden::folder();
  for (const char* name : {"xgboost_binary", "xgboost_categorical", "xgboost2_binary"}) {
    const auto json =
        ranking::import_xgboost(golden::read_file(folder / (std::string(name) + ".json")));
    const auto ubj =
        ranking::import_xgboost(golden::read_file(folder / (std::string(name) + ".ubj")));
    ASSERT_EQ(json.leaves, ubj.leaves) << name;
    ASSERT_EQ(json.base, ubj.base) << name;
    ASSERT_EQ(json.category_words, ubj.category_words) << name;
    ASSERT_EQ(json.feature_names, ubj.feature_names) << name;
    ASSERT_EQ(json.nodes.size(), ubj.nodes.size()) << name;
    for (std::size_t i = 0; i < json.nodes.size(); ++i) {
      EXPECT_EQ(json.nodes[i].threshold, ubj.nodes[i].threshold) << name << " " << i;
      EXPECT_EQ(json.nodes[i].feature, ubj.nodes[i].feature) << name << " " << i;
      EXPECT_EQ(json.nodes[i].left, ubj.nodes[i].left) << name << " " << i;
    }
  }
}

TEST(ImportGolden, LinksAndNamesAreKept) {
  using ranking::Link;
  const auto imported = [](const std::string& name) {
    return golden::import_model(name, golden::read_file(golden::folder() / name));
  };
  const auto lightgbm = imported("lightgbm_binary.txt");
  EXPECT_EQ(lightgbm.link, Link::kSigmoid);
  EXPECT_EQ(lightgbm.link_slope, 1.5);
  EXPECT_EQ(lightgbm.feature_names.at(3), "feature_3");
  EXPECT_EQ(imported("lightgbm_multiclass.txt").link, Link::kSoftmax);
  EXPECT_EQ(imported("lightgbm_poisson.txt").link, Link::kExp);
  EXPECT_EQ(imported("lightgbm_rank.txt").link, Link::kIdentity);
  EXPECT_EQ(imported("xgboost_binary.ubj").link, Link::kSigmoid);
  EXPECT_EQ(imported("xgboost_binary.ubj").feature_names.at(5), "feature_5");
  EXPECT_EQ(imported("xgboost_multiclass.json").link, Link::kSoftmax);
  EXPECT_EQ(imported("xgboost_poisson.json").link, Link::kExp);
  EXPECT_EQ(imported("catboost_binary.json").link, Link::kSigmoid);
  EXPECT_EQ(imported("catboost_multiclass.json").link, Link::kSoftmax);
  EXPECT_EQ(imported("catboost_rank.json").link, Link::kIdentity);
}

TEST(ImportGolden, TargetStatisticsAreRefusedWithWhatToDo) {
  try {
    static_cast<void>(
        ranking::import_catboost(golden::read_file(golden::folder() / "catboost_ctr.json")));
    FAIL() << "a model with CTR splits was imported";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kBadData);
    EXPECT_NE(std::string(error.what()).find("one_hot_max_size"), std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace penchant
