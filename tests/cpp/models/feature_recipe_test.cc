#include "penchant/models/feature_recipe.h"

#include <functional>

#include "models/people.h"
#include "reference/feature_recipe.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"

namespace penchant::models {
namespace {

using testing::attributes_of;
using testing::random_people;
using Texts = std::vector<std::string>;

const std::vector<FeatureRecipe::Column> kColumns = {{"region", FeatureKind::kCategory, 1},
                                                     {"tags", FeatureKind::kText, 2},
                                                     {"age", FeatureKind::kNumber, 0.5}};

TEST(FeatureRecipe, IsWhatItsFormulaSays) {
  const auto table = random_people(80, 3);
  for (const int min_count : {1, 12}) {
    const auto recipe = FeatureRecipe::learn(table, kColumns, {.bins = 4, .min_count = min_count});
    std::vector<reference::Tokens> tokens;
    std::vector<double> weights;
    for (const auto& each : kColumns) {
      const auto column = TokenColumn::learn(table, each.name, each.kind, 4);
      tokens.emplace_back();
      weights.push_back(each.weight);
      for (std::size_t u = 0; u < 80; ++u) {
        tokens.back().push_back(column.tokens(attributes_of(table, u)));
      }
    }
    const auto expected = reference::features(tokens, weights, static_cast<std::size_t>(min_count));
    FeatureRow row;
    for (std::size_t u = 0; u < 80; ++u) {
      recipe.encode(attributes_of(table, u), row);
      ASSERT_EQ(row.features.size(), expected[u].size()) << u;
      ASSERT_TRUE(std::is_sorted(row.features.begin(), row.features.end()));
      std::size_t k = 0;  // features and names are both in the order of column and token
      for (const auto& [name, value] : expected[u]) {
        ASSERT_NEAR(static_cast<double>(row.values[k++]), value, 1e-6) << u << name;
      }
    }
  }
}

TEST(TokenColumn, SaysWhatATokenIs) {
  const auto table = random_people(50, 4);
  const TokenColumn category("x", FeatureKind::kCategory, {});
  EXPECT_EQ(category.tokens({{"x", Texts{"Tea Time", ""}}}), (Texts{"Tea Time"}));
  EXPECT_EQ(category.tokens({{"x", 5.0}}), (Texts{"5"}));
  EXPECT_EQ(category.tokens({{"x", -0.0}}), (Texts{"0"}));
  EXPECT_EQ(category.tokens({{"x", 1e21}}), (Texts{"1e+21"}));
  EXPECT_EQ(category.tokens({{"y", 5.0}}), Texts{});
  const TokenColumn text("x", FeatureKind::kText, {});
  EXPECT_EQ(text.tokens({{"x", Texts{"Tea-TIME, caf\xc3\xa9_2!"}}}),
            (Texts{"tea", "time", "caf\xc3\xa9_2"}));
  EXPECT_EQ(text.tokens({{"x", 5.0}}), Texts{});
  const TokenColumn number("x", FeatureKind::kNumber, {1, 2});
  EXPECT_EQ(number.tokens({{"x", 0.5}}), (Texts{"1 of 3"}));
  EXPECT_EQ(number.tokens({{"x", 1.0}}), (Texts{"2 of 3"}));
  EXPECT_EQ(number.tokens({{"x", 7.0}}), (Texts{"3 of 3"}));
  EXPECT_EQ(number.tokens({{"x", Texts{"7"}}}), Texts{});
}

TEST(FeatureRecipe, ComesBackFromABundle) {
  const auto table = random_people(80, 5);
  const auto recipe = FeatureRecipe::learn(table, kColumns, {});
  bundle::Writer writer;
  recipe.save(writer, "r");
  const auto reader = bundle::Reader::from_bytes(writer.to_bytes("{}"));
  const auto loaded = FeatureRecipe::load(reader, "r");
  FeatureRow before;
  FeatureRow after;
  for (std::size_t u = 0; u < 80; ++u) {
    recipe.encode(attributes_of(table, u), before);
    loaded.encode(attributes_of(table, u), after);
    EXPECT_EQ(before.features, after.features);
    EXPECT_EQ(before.values, after.values);
  }
}

TEST(FeatureRecipe, WhatMakesNoSenseIsRefused) {
  const auto table = random_people(30, 6);
  EXPECT_THROW((void)FeatureRecipe::learn(table, {{"none", FeatureKind::kCategory, 1}}, {}), Error);
  EXPECT_THROW((void)FeatureRecipe::learn(table, {{"region", FeatureKind::kNumber, 1}}, {}), Error);
  EXPECT_THROW((void)FeatureRecipe::learn(table, {{"age", FeatureKind::kText, 1}}, {}), Error);
  EXPECT_THROW((void)FeatureRecipe::learn(table, {{"age", FeatureKind::kNumber, -1}}, {}), Error);
  EXPECT_THROW((void)FeatureRecipe::learn(table, kColumns, {.bins = 0}), Error);
  EXPECT_THROW((void)FeatureRecipe::learn(table, kColumns, {.min_count = 0}), Error);
  EXPECT_THROW((void)parse_feature_kind("colours"), Error);
}

TEST(FeatureRecipe, ASectionThatLiesIsRefused) {
  bundle::Writer writer;
  FeatureRecipe::learn(random_people(80, 7), kColumns, {}).save(writer, "r");
  const auto reader = bundle::Reader::from_bytes(writer.to_bytes("{}"));
  const auto refused = [&](const std::string& name,
                           const std::function<void(bundle::Writer&)>& replacement) {
    bundle::Writer forged;
    for (const bundle::Section& section : reader->sections()) {
      if (section.name == name) {
        replacement(forged);
      } else {
        forged.add_bytes(section.name, section.dtype, section.shape,
                         reader->file_bytes().subspan(section.offset, section.bytes));
      }
    }
    try {
      (void)FeatureRecipe::load(bundle::Reader::from_bytes(forged.to_bytes("{}")), "r");
      ADD_FAILURE() << name << " was believed";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kCorruptBundle) << error.what();
    }
  };
  const auto numbers = [](const std::string& name, std::vector<double> values) {
    return [name, values](bundle::Writer& w) { w.add(name, values); };
  };
  const auto text = [](const std::string& name, const std::string& value) {
    return [name, value](bundle::Writer& w) { w.add_text(name, value); };
  };
  for (const char* columns : {"-1", "4", "1e9", "null"}) {
    refused("r/meta", text("r/meta", concat("{\"columns\":", columns, "}")));
  }
  refused("r/0/meta", text("r/0/meta", R"({"name":"region","kind":"colours"})"));
  refused("r/0/idf", numbers("r/0/idf", {1}));
  refused("r/0/idf", numbers("r/0/idf", {1, 1, 1, -1}));
  refused("r/0/idf", numbers("r/0/idf", {1, 1, 1, 1e300}));
  refused("r/0/scale", numbers("r/0/scale", {0}));
  refused("r/0/scale", numbers("r/0/scale", {}));
  refused("r/2/edges", numbers("r/2/edges", {3, 2}));
  refused("r/2/edges", numbers("r/2/edges", {std::numeric_limits<double>::quiet_NaN()}));
  refused("r/0/tokens/offsets", [](bundle::Writer& w) {
    w.add("r/0/tokens/offsets", std::vector<std::int64_t>{0, 1LL << 60, 2, 3, 4});
  });
}

}  // namespace
}  // namespace penchant::models
