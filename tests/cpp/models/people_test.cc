// What models make of attributes of people: the people's half of Hybrid, and popularity by segment.

#include "models/people.h"

#include <cmath>
#include <functional>
#include <set>

#include "models/sample.h"
#include <gtest/gtest.h>

#include "penchant/models/context.h"
#include "penchant/models/hybrid.h"
#include "penchant/models/segment_popular.h"
#include "penchant/models/small_linalg.h"

namespace penchant::models {
namespace {

using testing::attributes_of;
using testing::random_dataset;
using testing::random_people;

constexpr std::size_t kPeople = 70;
constexpr std::size_t kItems = 30;
constexpr std::size_t kFactors = 6;
const std::vector<FeatureRecipe::Column> kColumns = {{"region", FeatureKind::kCategory, 1},
                                                     {"tags", FeatureKind::kCategory, 1},
                                                     {"age", FeatureKind::kNumber, 1}};

std::shared_ptr<const AlsModel> trained(const data::Dataset& data, int threads = 0) {
  AlsTrainer trainer(*data.interactions(), data.last_time(),
                     {.factors = kFactors, .regularization = 2, .alpha = 3, .threads = threads});
  for (int i = 0; i < 6; ++i) trainer.iterate();
  return std::move(trainer).finish();
}

// The vectors by the formulas of person_expectation.h, with dense matrices and an exact solution.
std::vector<std::vector<double>> plain(const AlsModel& als, const data::Interactions& pairs,
                                       const data::AttributeTable& table,
                                       const FeatureRecipe& recipe, const LeanOptions& options) {
  const std::size_t width = recipe.num_features() + 1;
  std::vector<std::vector<double>> dense(kPeople, std::vector<double>(width, 0.0));
  std::vector<double> weight(kPeople);
  std::vector<bool> known(kPeople);
  FeatureRow row;
  for (std::size_t u = 0; u < kPeople; ++u) {
    recipe.encode(attributes_of(table, u), row);
    known[u] = !row.features.empty();
    for (std::size_t k = 0; k < row.features.size(); ++k) {
      dense[u][static_cast<std::size_t>(row.features[k])] = static_cast<double>(row.values[k]);
    }
    dense[u].back() = 1;
    const auto n = static_cast<double>(pairs.history(UserIndex(static_cast<int>(u))).size());
    weight[u] = n / (n + options.strength);
  }
  std::vector<std::vector<double>> out(kPeople, std::vector<double>(kFactors));
  for (std::size_t j = 0; j < kFactors; ++j) {
    std::vector<double> a(width * width, 0.0);
    std::vector<double> b(width, 0.0);
    for (std::size_t u = 0; u < kPeople; ++u) {
      for (std::size_t p = 0; p < width; ++p) {
        b[p] += weight[u] * dense[u][p] * static_cast<double>(als.user_vectors().row(u)[j]);
        for (std::size_t q = 0; q < width; ++q) {
          a[p * width + q] += weight[u] * dense[u][p] * dense[u][q];
        }
      }
    }
    for (std::size_t p = 0; p < width; ++p) a[p * width + p] += options.ridge;
    EXPECT_TRUE(cholesky_in_place(a, width));
    cholesky_solve(a, width, b);
    for (std::size_t u = 0; u < kPeople; ++u) {
      const auto own = static_cast<double>(als.user_vectors().row(u)[j]);
      double expected = 0;
      for (std::size_t p = 0; p < width; ++p) expected += dense[u][p] * b[p];
      out[u][j] = known[u] ? weight[u] * own + (1 - weight[u]) * expected : own;
    }
  }
  return out;
}

TEST(HybridOfPeople, LeansAsTheFormulasSay) {
  const auto data = random_dataset(kPeople, kItems, 400, 12);
  const auto table = random_people(kPeople, 9);
  const auto als = trained(data);
  const auto recipe = FeatureRecipe::learn(table, kColumns, {});
  for (const LeanOptions options : {LeanOptions{}, LeanOptions{40, 0.05, 1}}) {
    const auto model = lean_people(*als, *data.interactions(), table, recipe, options);
    const auto expected = plain(*als, *data.interactions(), table, recipe, options);
    for (std::size_t u = 0; u < kPeople; ++u) {
      for (std::size_t j = 0; j < kFactors; ++j) {
        ASSERT_NEAR(static_cast<double>(model->factors().user_vectors().row(u)[j]), expected[u][j],
                    5e-5);
      }
    }
  }
}

TEST(HybridOfPeople, AnswersByAttributesWhereThereIsNoHistory) {
  const auto data = random_dataset(kPeople, kItems, 400, 12);
  const auto table = random_people(kPeople, 9);
  const auto als = trained(data);
  const auto model =
      lean_people(*als, *data.interactions(), table, FeatureRecipe::learn(table, kColumns, {}), {});
  const data::Attributes north = {{"region", std::vector<std::string>{"north"}}};
  const data::Attributes nowhere = {{"region", std::vector<std::string>{"atlantis"}}};
  EXPECT_EQ(model->evidence({}), Evidence::kNothing);
  EXPECT_EQ(model->evidence({.attributes = &nowhere}), Evidence::kNothing);
  EXPECT_FALSE(model->can_score({.attributes = &nowhere}));
  EXPECT_EQ(model->evidence({.attributes = &north}), Evidence::kAttributes);
  const auto pairs = data.interactions();
  const data::History history = pairs->history(UserIndex(3));
  EXPECT_EQ(model->evidence({.history = history, .attributes = &north}), Evidence::kHistory);
  // Plain Hybrid, of items alone, has nothing to go on.
  EXPECT_EQ(HybridModel(als).evidence({.attributes = &north}), Evidence::kNothing);

  // A newcomer with somebody's history and attributes has the vector that one is given afresh, and
  // who is known by history alone has that of plain ALS.
  std::vector<float> newcomer(kFactors);
  std::vector<float> known(kFactors);
  std::vector<float> bare(kFactors);
  for (std::size_t u = 0; u < kPeople; ++u) {
    const data::Attributes attributes = attributes_of(table, u);
    const UserIndex user(static_cast<int>(u));
    const data::History theirs = pairs->history(user);
    model->query_vector({.history = theirs, .as_of = data.last_time(), .attributes = &attributes},
                        newcomer);
    model->query_vector({.user = user,
                         .history = theirs,
                         .as_of = data.last_time(),
                         .attributes = &attributes,
                         .attributes_are_fresh = true},
                        known);
    EXPECT_EQ(newcomer, known);
    model->query_vector({.history = theirs, .as_of = data.last_time()}, newcomer);
    als->fold_in(theirs, data.last_time(), bare);
    EXPECT_EQ(newcomer, bare);
    model->query_vector({.user = user, .history = theirs, .attributes = &attributes}, known);
    EXPECT_TRUE(std::ranges::equal(known, model->factors().user_vectors().row(u)));
  }
}

TEST(HybridOfPeople, IsTheSameAtAnyNumberOfThreadsAndFromABundle) {
  const auto data = random_dataset(kPeople, kItems, 500, 13);
  const auto table = random_people(kPeople, 10);
  std::vector<std::vector<std::byte>> files;
  for (const int threads : {1, 2, 8}) {
    const auto model = lean_people(*trained(data, threads), *data.interactions(), table,
                                   FeatureRecipe::learn(table, kColumns, {}), {.threads = threads});
    bundle::Writer writer;
    model->save(writer, "m");
    const auto bytes = writer.to_bytes("{}");
    files.emplace_back(bytes.begin(), bytes.end());
    const auto loaded = load_model(bundle::Reader::from_bytes(bytes), "m", kPeople, kItems);
    std::vector<float> before(kItems);
    std::vector<float> after(kItems);
    for (std::size_t u = 0; u < kPeople; ++u) {
      const data::Attributes attributes = attributes_of(table, u);
      const Query query{.attributes = &attributes};
      ASSERT_EQ(model->evidence(query), loaded->evidence(query));
      if (!model->can_score(query)) continue;
      model->score_all(query, before);
      loaded->score_all(query, after);
      EXPECT_EQ(before, after);
    }
  }
  EXPECT_EQ(files[0], files[1]);
  EXPECT_EQ(files[0], files[2]);
}

SegmentParameters strong(double strength) { return {.strength = strength, .bins = 3}; }

TEST(SegmentPopular, IsWhatItsFormulaSays) {
  const auto data = random_dataset(kPeople, kItems, 400, 14);
  const auto table = random_people(kPeople, 11);
  for (const double strength : {0.5, 20.0}) {
    const auto model = fit_segment_popular(
        data, table, {{"region", FeatureKind::kCategory, 1}, {"age", FeatureKind::kNumber, 1}},
        strong(strength));
    const auto region = TokenColumn::learn(table, "region", FeatureKind::kCategory, 3);
    const auto age = TokenColumn::learn(table, "age", FeatureKind::kNumber, 3);
    std::vector<std::set<std::int32_t>> had(kPeople);
    for (std::size_t e = 0; e < data.size(); ++e) {
      had[static_cast<std::size_t>(data.events().subjects[e].value)].insert(
          data.events().items[e].value);
    }
    std::vector<float> scores(kItems);
    std::size_t answered = 0;
    for (std::size_t u = 0; u < kPeople; ++u) {
      const data::Attributes me = attributes_of(table, u);
      const Query query{.attributes = &me};
      const auto home = region.tokens(me);
      ASSERT_EQ(model->evidence(query), home.empty() ? Evidence::kNothing : Evidence::kSegment);
      if (home.empty()) continue;
      ++answered;
      model->score_all(query, scores);
      for (std::int32_t i = 0; i < static_cast<std::int32_t>(kItems); ++i) {
        double p = 0;
        for (const auto& items : had) p += items.contains(i) ? 1 : 0;
        p /= static_cast<double>(kPeople);
        const auto narrowed = [&](const std::function<bool(const data::Attributes&)>& in) {
          double people = 0;
          double count = 0;
          for (std::size_t v = 0; v < kPeople; ++v) {
            if (!in(attributes_of(table, v))) continue;
            people += 1;
            count += had[v].contains(i) ? 1 : 0;
          }
          p = (count + strength * p) / (people + strength);
        };
        narrowed([&](const auto& other) { return region.tokens(other) == home; });
        if (!age.tokens(me).empty()) {
          narrowed([&](const auto& other) {
            return region.tokens(other) == home && age.tokens(other) == age.tokens(me);
          });
        }
        ASSERT_NEAR(static_cast<double>(scores[static_cast<std::size_t>(i)]), p, 1e-5);
      }
    }
    EXPECT_GT(answered, kPeople / 2);
    const data::Attributes stranger = {{"region", std::vector<std::string>{"atlantis"}}};
    EXPECT_EQ(model->evidence({.attributes = &stranger}), Evidence::kNothing);
    EXPECT_EQ(model->evidence({}), Evidence::kNothing);
  }
}

TEST(SegmentPopular, WhatMakesNoSenseIsRefused) {
  const auto data = random_dataset(kPeople, kItems, 400, 15);
  const auto table = random_people(kPeople, 12);
  const FeatureRecipe::Column region{"region", FeatureKind::kCategory, 1};
  EXPECT_THROW((void)fit_segment_popular(data, table, {}, {}), Error);
  EXPECT_THROW((void)fit_segment_popular(data, table, {region}, strong(0)), Error);
  EXPECT_THROW((void)fit_segment_popular(data, table, {region}, {.bins = 0}), Error);
  EXPECT_THROW((void)fit_segment_popular(data, random_people(3, 1), {region}, {}), Error);
  EXPECT_THROW((void)fit_segment_popular(data, table, {{"none", FeatureKind::kCategory, 1}}, {}),
               Error);
}

// Replaces one section of a saved model and expects the loader to notice.
void expect_refused(const Model& model, const std::string& name,
                    const std::function<void(bundle::Writer&)>& replacement) {
  bundle::Writer writer;
  model.save(writer, "m");
  const auto reader = bundle::Reader::from_bytes(writer.to_bytes("{}"));
  ASSERT_TRUE(reader->has(name)) << name;
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
    (void)load_model(bundle::Reader::from_bytes(forged.to_bytes("{}")), "m", kPeople, kItems);
    ADD_FAILURE() << name << " was believed";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kCorruptBundle) << error.what();
  }
}

template <class T>
std::function<void(bundle::Writer&)> array(const std::string& name, std::vector<T> values) {
  return [name, values](bundle::Writer& w) { w.add(name, values); };
}

TEST(PeopleBundle, ASectionThatLiesIsRefused) {
  const auto data = random_dataset(kPeople, kItems, 400, 16);
  const auto table = random_people(kPeople, 13);
  const auto hybrid = lean_people(*trained(data), *data.interactions(), table,
                                  FeatureRecipe::learn(table, kColumns, {}), {});
  for (const char* strength : {"0", "-1", "null", "1e999"}) {
    expect_refused(*hybrid, "m/people/meta", [&](bundle::Writer& w) {
      w.add_text("m/people/meta", concat("{\"strength\":", strength, "}"));
    });
  }
  for (const std::size_t columns : {5U, 7U}) {
    expect_refused(*hybrid, "m/people/coefficients", [&](bundle::Writer& w) {
      w.add("m/people/coefficients", Matrix<float>(13, columns).view());
    });
  }
  const auto segments =
      fit_segment_popular(data, table, {{"region", FeatureKind::kCategory, 1}}, {});
  const std::string rest =
      R"("kind":"segment_popular","window_us":null,"half_life_us":null,"people":70})";
  for (const char* start : {R"({"by":0,"strength":1,)", R"({"by":17,"strength":1,)",
                            R"({"by":1,"strength":0,)", R"({"strength":1,)"}) {
    expect_refused(*segments, "m/meta",
                   [&](bundle::Writer& w) { w.add_text("m/meta", start + rest); });
  }
  expect_refused(*segments, "m/people", array<double>("m/people", {1, 2, 3, -4}));
  expect_refused(*segments, "m/people", array<double>("m/people", {1, 2, 3}));
  expect_refused(*segments, "m/offsets", array<std::int64_t>("m/offsets", {0, 1, 2, 3, 1LL << 60}));
  expect_refused(*segments, "m/offsets", array<std::int64_t>("m/offsets", {0, 9, 2, 3, 4}));
  expect_refused(*segments, "m/counts", array<float>("m/counts", std::vector<float>(29, 1)));
  expect_refused(*segments, "m/counts", array<float>("m/counts", std::vector<float>(30, -1)));
  bundle::Writer writer;
  segments->save(writer, "m");
  const auto reader = bundle::Reader::from_bytes(writer.to_bytes("{}"));
  const std::size_t entries = reader->section("m/items").shape[0];
  for (const int wild : {30, -1}) {
    expect_refused(*segments, "m/items",
                   array<ItemIndex>("m/items", std::vector(entries, ItemIndex(wild))));
  }
  expect_refused(*segments, "m/segment_counts",
                 array<float>("m/segment_counts",
                              std::vector(entries, std::numeric_limits<float>::infinity())));
}

TEST(ContextBundle, KeepsAttributesOfPeople) {
  const auto data = random_dataset(kPeople, kItems, 400, 17);
  const auto table = random_people(kPeople, 14);
  const auto context = Context::of(data, table);
  bundle::Writer writer;
  context->save(writer, "context");
  const auto loaded = Context::load(bundle::Reader::from_bytes(writer.to_bytes("{}")), "context");
  for (std::size_t u = 0; u < kPeople; ++u) {
    EXPECT_EQ(attributes_of(loaded->attributes, u), attributes_of(table, u));
  }
  EXPECT_THROW((void)Context::of(data, random_people(3, 1)), Error);
  bundle::Writer plain;
  Context::of(data)->save(plain, "context");
  const auto reader = bundle::Reader::from_bytes(plain.to_bytes("{}"));
  EXPECT_FALSE(reader->has("context/attributes/numeric"));
}

}  // namespace
}  // namespace penchant::models
