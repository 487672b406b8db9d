// Explanations against Shapley's formula over all subsets, against LightGBM's and XGBoost's, and
// their sum against the score.

#include "penchant/ranking/shap.h"

#include <cmath>
#include <limits>
#include <numeric>

#include "ranking/golden_models.h"
#include "reference/plain_shap.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/base/random.h"
#include "penchant/base/simd.h"

namespace penchant::ranking {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

class Maker {
 public:
  explicit Maker(std::uint32_t number) : number_(number) {}

  std::uint32_t below(std::uint32_t bound) { return random_.below(bound, number_, step_++); }
  double uniform() { return random_.uniform(number_, step_++); }

  // Trees that ask the same features again and again, with every rule for missing values,
  // categories, and now and then a side that no training row went to.
  ForestData forest(std::int32_t features, std::size_t outputs, std::size_t trees,
                    std::size_t splits) {
    ForestData data;
    data.num_features = features;
    data.base.assign(outputs, 0.25);
    data.float32_inputs = below(2) == 0;
    for (std::size_t t = 0; t < trees; ++t) add_tree(data, splits);
    return data;
  }

  std::vector<double> row(std::int32_t features) {
    std::vector<double> out;
    for (std::int32_t f = 0; f < features; ++f) {
      const std::uint32_t kind = below(8);
      out.push_back(kind == 0   ? kNan
                    : kind == 1 ? 0.0
                    : kind < 4  ? static_cast<double>(below(70))
                                : uniform() * 4 - 2);
    }
    return out;
  }

 private:
  // Splits a leaf at random until there are enough.
  void add_tree(ForestData& data, std::size_t splits) {
    std::vector<SplitNode> nodes;
    std::vector<double> covers{100};
    std::vector<std::pair<std::size_t, bool>> parents{{0, false}};
    for (std::size_t i = 0; i < splits; ++i) {
      std::size_t leaf = below(static_cast<std::uint32_t>(covers.size()));
      // Where no row went there is no share to split: the plain twin would divide by it.
      while (covers[leaf] <= 0) leaf = (leaf + 1) % covers.size();
      if (i > 0) {
        SplitNode& parent = nodes[parents[leaf].first];
        (parents[leaf].second ? parent.left : parent.right) = static_cast<std::int32_t>(i);
      }
      SplitNode node = split(data);
      node.cover = covers[leaf];
      const double share = below(9) == 0 ? 0.0 : uniform();
      node.left = ~static_cast<std::int32_t>(leaf);
      node.right = ~static_cast<std::int32_t>(covers.size());
      nodes.push_back(node);
      parents[leaf] = {i, true};
      parents.emplace_back(i, false);
      covers.push_back(covers[leaf] * (1 - share));
      covers[leaf] *= share;
    }
    data.nodes.insert(data.nodes.end(), nodes.begin(), nodes.end());
    data.leaf_cover.insert(data.leaf_cover.end(), covers.begin(), covers.end());
    for (std::size_t l = 0; l < covers.size(); ++l) data.leaves.push_back(uniform() * 2 - 1);
    data.end_tree();
  }

  SplitNode split(ForestData& data) {
    SplitNode node;
    node.feature = static_cast<std::int32_t>(below(static_cast<std::uint32_t>(data.num_features)));
    node.missing_left = below(2) == 0;
    node.missing = static_cast<Missing>(below(3));
    node.threshold = below(4) == 0 ? 0.0 : uniform() * 3 - 1.5;
    if (below(4) == 0) {
      std::vector<std::int32_t> members;
      for (int m = 0; m < 20; ++m) members.push_back(static_cast<std::int32_t>(below(70)));
      node.categories = data.add_categories(members);
    }
    return node;
  }

  Philox random_{11, 0};
  std::uint32_t number_;
  std::uint32_t step_ = 0;
};

Matrix<double> matrix_of(const std::vector<std::vector<double>>& rows) {
  Matrix<double> out(rows.size(), rows.empty() ? 0 : rows[0].size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::copy(rows[i].begin(), rows[i].end(), out.row(i).begin());
  }
  return out;
}

std::vector<double> explained(const ForestData& data, const std::vector<std::vector<double>>& rows,
                              const std::vector<std::vector<double>>& background = {},
                              int threads = 1) {
  const ShapExplainer explainer(std::make_shared<const Forest>(data));
  std::vector<double> values(rows.size() * data.outputs() *
                             static_cast<std::size_t>(data.num_features + 1));
  const Matrix<double> asked = matrix_of(rows);
  if (background.empty()) {
    explainer.values(asked.view(), values, threads);
  } else {
    explainer.values_against(asked.view(), matrix_of(background).view(), values, threads);
  }
  return values;
}

void expect_near(const std::vector<double>& ours, const std::vector<double>& theirs,
                 std::size_t from, double tolerance, const std::string& what) {
  for (std::size_t i = 0; i < theirs.size(); ++i) {
    ASSERT_NEAR(ours[from + i], theirs[i], tolerance * (1 + std::abs(theirs[i])))
        << what << ", value " << i;
  }
}

TEST(Shap, EqualsShapleysFormula) {
  for (std::uint32_t number = 0; number < 60; ++number) {
    Maker make(number);
    const auto features = static_cast<std::int32_t>(1 + make.below(6));
    const std::size_t outputs = 1 + make.below(3);
    const ForestData data = make.forest(features, outputs, 4, 1 + make.below(12));
    check_forest(data);
    std::vector<std::vector<double>> rows;
    for (int i = 0; i < 5; ++i) rows.push_back(make.row(features));
    const std::vector<double> ours = explained(data, rows);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      expect_near(ours, reference::plain_shap(data, rows[i]), i * ours.size() / rows.size(), 1e-12,
                  concat("forest ", number, ", row ", i));
    }
  }
}

TEST(Shap, AgainstABackgroundEqualsShapleysFormula) {
  for (std::uint32_t number = 0; number < 30; ++number) {
    Maker make(1000 + number);
    const auto features = static_cast<std::int32_t>(1 + make.below(6));
    const ForestData data = make.forest(features, 1 + make.below(2), 4, 1 + make.below(12));
    std::vector<std::vector<double>> rows;
    std::vector<std::vector<double>> background;
    for (int i = 0; i < 3; ++i) rows.push_back(make.row(features));
    for (std::uint32_t i = 0; i < 1 + make.below(9); ++i) background.push_back(make.row(features));
    const std::vector<double> ours = explained(data, rows, background);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      expect_near(ours, reference::plain_shap_against(data, rows[i], background),
                  i * ours.size() / rows.size(), 1e-12, concat("forest ", number, ", row ", i));
    }
  }
}

TEST(Shap, AddsUpToTheScoreOfDeepTrees) {
  Maker make(5);
  const std::int32_t features = 90;
  const ForestData data = make.forest(features, 2, 6, 900);
  std::vector<std::vector<double>> rows;
  for (int i = 0; i < 65; ++i)
    rows.push_back(make.row(features));  // the last is alone in its block
  const std::vector<double> ours = explained(data, rows);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::vector<double> scores = reference::plain_scores(data, rows[i]);
    for (std::size_t o = 0; o < scores.size(); ++o) {
      const auto begin = ours.begin() + static_cast<long>((i * 2 + o) * (features + 1));
      EXPECT_NEAR(std::accumulate(begin, begin + features + 1, 0.0), scores[o], 1e-12);
    }
  }
}

TEST(Shap, SameBitsAtAnyNumberOfThreadsOnAnyInstructionSetInAnyCompany) {
  Maker make(6);
  const ForestData data = make.forest(9, 1, 20, 30);
  std::vector<std::vector<double>> rows;
  for (int i = 0; i < 300; ++i) rows.push_back(make.row(9));
  const std::vector<double> one = explained(data, rows);
  EXPECT_EQ(explained(data, rows, {}, 2), one);
  EXPECT_EQ(explained(data, rows, {}, 8), one);
  for (const std::string& target : simd_targets()) {
    force_simd_target(target);
    EXPECT_EQ(explained(data, rows), one) << target;
    for (std::size_t i = 190; i < 200; ++i) {
      const std::vector<double> alone = explained(data, {rows[i]});
      EXPECT_TRUE(std::equal(alone.begin(), alone.end(), one.begin() + static_cast<long>(i) * 10))
          << target << ", row " << i;
    }
  }
  force_simd_target("best");
  const std::vector<std::vector<double>> background(rows.begin(), rows.begin() + 90);
  EXPECT_EQ(explained(data, rows, background, 8), explained(data, rows, background, 1));
}

TEST(Shap, EqualsTheSourceLibrarys) {
  std::size_t compared = 0;
  for (const golden::Model& model : golden::models()) {
    if (!golden::importable(model) || model.shap[0].empty()) continue;
    const ForestData data = golden::import_model(model.name, model.bytes);
    const std::vector<double> ours = explained(data, model.rows);
    const double tolerance = model.name.starts_with("lightgbm") ? 1e-9 : 1e-5;
    for (std::size_t i = 0; i < model.rows.size(); ++i) {
      // LightGBM's explanations, unlike its scores, take what is this small for zero.
      if (std::any_of(model.rows[i].begin(), model.rows[i].end(),
                      [](double x) { return x != 0 && std::abs(x) < 2e-35; })) {
        continue;
      }
      ASSERT_NO_FATAL_FAILURE(expect_near(ours, model.shap[i], i * model.shap[i].size(), tolerance,
                                          concat(model.name, ", row ", i)));
    }
    ++compared;
  }
  EXPECT_GE(compared, 20U);
}

TEST(Shap, AConstantForestMovesNothing) {
  ForestData data;
  data.num_features = 2;
  data.base = {1.5};
  data.leaves = {2.0};
  data.end_tree();
  EXPECT_EQ(explained(data, {{1, 2}}), (std::vector<double>{0, 0, 3.5}));
  EXPECT_EQ(explained(data, {{1, 2}}, {{3, 4}}), (std::vector<double>{0, 0, 3.5}));
}

TEST(Shap, SaysWhatIsMissingOrTooDeep) {
  Maker make(7);
  ForestData data = make.forest(3, 1, 1, 4);
  data.leaf_cover.clear();
  try {
    static_cast<void>(explained(data, {{1, 2, 3}}));
    FAIL() << "explained without covers";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("give a background"), std::string::npos);
  }
  EXPECT_EQ(explained(data, {{1, 2, 3}}, {{0, 0, 0}}).size(), 4U);

  ForestData chain;  // a path that asks 300 features
  chain.num_features = 300;
  for (std::int32_t i = 0; i < 300; ++i) {
    chain.nodes.push_back({.feature = i, .left = i + 1 < 300 ? i + 1 : ~300, .right = ~i});
    chain.nodes.back().cover = 1;
  }
  chain.leaves.assign(301, 1.0);
  chain.end_tree();
  EXPECT_THROW(static_cast<void>(explained(chain, {std::vector<double>(300)})), Error);
}

}  // namespace
}  // namespace penchant::ranking
