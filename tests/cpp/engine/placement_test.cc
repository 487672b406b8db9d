// Placements: what a policy is told of a request, and what a bundle may say of them.

#include "penchant/engine/placement.h"

#include <cmath>
#include <functional>
#include <numbers>

#include "engine/fixture.h"
#include <gtest/gtest.h>

#include "penchant/base/portable_math.h"
#include "penchant/engine/stages.h"

namespace penchant::engine {
namespace {

constexpr const char* kTerms = R"([
  {"term": "hour"}, {"term": "weekday"}, {"term": "device", "level": "mobile"},
  {"term": "page", "level": "home"}, {"term": "history"},
  {"term": "number", "of": "age", "centre": 40, "scale": 20},
  {"term": "level", "of": "region", "level": "coast"}])";

class ContextTermsTest : public ::testing::Test {
 protected:
  std::vector<double> row(const std::string& request, const std::string& time) {
    const Request parsed = parse_request(request);
    work_.begin(engine_->assets(), parsed);
    ResolveStage().run(work_);
    std::vector<double> out(terms_.size());
    terms_.write(work_, parse_timestamp(time), out);
    return out;
  }
  data::Dataset data_ = testing::random_dataset(60, 40, 900, 51, true);
  std::shared_ptr<const Engine> engine_ = testing::small_engine(data_);
  Workspace work_;
  ContextTerms terms_ = ContextTerms::parse(kTerms);
};

TEST_F(ContextTermsTest, AreNamedNumberByNumber) {
  const std::vector<std::string> expected{
      "hour (sine)", "hour (cosine)", "monday",   "tuesday",       "wednesday",
      "thursday",    "friday",        "saturday", "sunday",        "device = mobile",
      "page = home", "history",       "age",      "region = coast"};
  EXPECT_EQ(terms_.names(), expected);
  EXPECT_EQ(terms_.size(), expected.size());
  EXPECT_EQ(ContextTerms::parse("[]").size(), 0U);
}

TEST_F(ContextTermsTest, TellTheMoment) {
  struct Case {
    const char* time;
    double hour;
    std::size_t weekday;  // from Monday
  };
  for (const Case& one : {Case{"1970-01-01T00:00:00Z", 0, 3}, Case{"1969-12-31T23:00:00Z", 23, 2},
                          Case{"1969-12-28T06:00:00Z", 6, 6}, Case{"2024-03-04T12:00:00Z", 12, 0},
                          Case{"2024-03-10T23:59:59Z", 23.9997222222, 6}}) {
    const std::vector<double> found = row("{}", one.time);
    const double angle = one.hour / 24 * 2 * std::numbers::pi;
    EXPECT_NEAR(found[0], std::sin(angle), 1e-9) << one.time;
    EXPECT_NEAR(found[1], std::cos(angle), 1e-9) << one.time;
    for (std::size_t day = 0; day < 7; ++day) {
      EXPECT_EQ(found[2 + day], day == one.weekday ? 1 : 0) << one.time << ' ' << day;
    }
  }
}

TEST_F(ContextTermsTest, TellWhatIsKnown) {
  const std::vector<double> nothing = row("{}", "2024-03-04");
  for (std::size_t i = 9; i < nothing.size(); ++i) EXPECT_EQ(nothing[i], 0) << i;
  const std::vector<double> told = row(
      R"({"subject": "s1003", "context": {"device": "mobile", "page": "home",
          "attributes": {"age": 50, "region": ["hills", "coast"]}}})",
      "2024-03-04");
  EXPECT_EQ(told[9], 1);
  EXPECT_EQ(told[10], 1);
  EXPECT_GT(told[11], 0);
  EXPECT_EQ(told[12], 0.5);
  EXPECT_EQ(told[13], 1);
  // A typing error of the sender has bounded weight; another type says nothing.
  EXPECT_EQ(row(R"({"context": {"attributes": {"age": 5e300}}})", "2024-03-04")[12], 10);
  EXPECT_EQ(row(R"({"context": {"attributes": {"age": "old"}}})", "2024-03-04")[12], 0);
  EXPECT_EQ(row(R"({"context": {"attributes": {"region": 3}}})", "2024-03-04")[13], 0);
}

TEST(ContextTerms, AreRefusedWhereTheyMakeNoSense) {
  for (const char* bad :
       {"", "{}", "[1]", "[{}]", R"([{"term": "tide"}])", R"([{"term": "device"}])",
        R"([{"term": "level", "of": "x"}])", R"([{"term": "number"}])",
        R"([{"term": "number", "of": "x", "scale": 0}])",
        R"([{"term": "number", "of": "x", "scale": -1}])",
        R"([{"term": "number", "of": "x", "centre": "a"}])",
        R"([{"term": "number", "of": "x", "centre": 1e999}])"}) {
    EXPECT_THROW((void)ContextTerms::parse(bad), Error) << bad;
  }
}

template <class T>
SharedArray<T> own(std::vector<T> values) {
  return SharedArray<T>::own(std::move(values));
}

TEST(ContextTerms, AreReadFromATable) {
  data::AttributeTable::Column price{
      .name = "price", .numeric = true, .numbers = own<double>({10, -3, std::nan(""), 1e9})};
  data::AttributeTable::Column tags{.name = "tags",
                                    .texts = data::IdMap::from_strings({"garden", "red"}),
                                    .offsets = own<std::int64_t>({0, 1, 3, 3, 4}),
                                    .codes = own<std::int32_t>({1, 0, 1, 0})};
  const data::AttributeTable table(4, {price, tags});
  const auto terms = ContextTerms::parse(R"([{"term": "level", "of": "tags", "level": "garden"},
      {"term": "number", "of": "price", "centre": 4, "scale": 2}])");
  const Matrix<double> rows = terms.of_rows(table);
  const std::vector<double> expected{0, 3, 1, -3.5, 0, 0, 1, 10};  // unknown 0, within +-10
  EXPECT_TRUE(std::ranges::equal(rows.view().flat(), expected));
  for (const char* bad :
       {R"([{"term": "hour"}])", R"([{"term": "level", "of": "colour", "level": "red"}])"}) {
    EXPECT_THROW((void)ContextTerms::parse(bad).of_rows(table), Error) << bad;
  }
}

bandits::Policy policy_of(std::size_t dimension) {
  return bandits::Policy({.kind = bandits::PolicyKind::kLinUcb, .dimension = dimension, .seed = 3});
}

Placement banner() {
  Placement out;
  out.name = "banner";
  out.offers = {ExternalId("spring"), ExternalId("garden"), ExternalId(std::int64_t{7})};
  out.context_json = R"([{"term":"hour"}])";
  out.context = ContextTerms::parse(out.context_json);
  out.policy = std::make_shared<const bandits::Policy>(policy_of(2));
  return out;
}

constexpr std::size_t kItems = 40;  // of the catalogue

// Among items with three attributes of their own.
Placement shelf() {
  Placement out;
  out.name = "shelf";
  out.depth = 5;
  out.item_features = Matrix<double>(kItems, 3);
  for (std::size_t i = 0; i < kItems; ++i) out.item_features.view().row(i)[i % 3] = 1;
  out.policy =
      std::make_shared<const bandits::Policy>(bandits::Policy({.kind = bandits::PolicyKind::kLinUcb,
                                                               .model = bandits::ModelKind::kShared,
                                                               .arm_dimension = kItemFeatures + 3,
                                                               .seed = 3}));
  return out;
}

TEST(Placements, KnowTheirItems) {
  bundle::Writer writer;
  save_placements(writer, {shelf()});
  const auto reader = bundle::Reader::from_bytes(writer.to_bytes("{}"));
  const std::vector<Placement> found = load_placements(reader, kItems);
  const auto expected = shelf();
  EXPECT_TRUE(std::ranges::equal(found.front().item_features.view().flat(),
                                 expected.item_features.view().flat()));
  EXPECT_THROW((void)load_placements(reader, kItems - 1), Error);  // another catalogue's
  const auto refused = [](const std::function<void(Placement&)>& change) {
    Placement one = shelf();
    change(one);
    bundle::Writer other;
    EXPECT_THROW(save_placements(other, {one}), Error);
  };
  refused([](Placement& p) { p.item_features = Matrix<double>(kItems, 2); });
  refused([](Placement& p) { p.item_features.view().row(1)[0] = std::nan(""); });
  refused([](Placement& p) { p.item_features.view().row(1)[0] = 2048; });
  refused([](Placement& p) { p.policy = banner().policy; });  // which reads none
  refused([](Placement& p) { p.offers = {ExternalId("spring")}; });
}

TEST(Placements, ComeBackFromABundle) {
  Placement home;
  home.name = "home";
  home.depth = 12;
  home.policy = std::make_shared<const bandits::Policy>(policy_of(0));
  home.join.deadline = parse_duration("2h");
  home.join.aggregation = bandits::Aggregation::kMax;
  home.join.learn = bandits::LearnWhen::kImmediately;
  home.join.default_reward = std::nan("");
  bundle::Writer writer;
  save_placements(writer, {banner(), home});
  const auto reader = bundle::Reader::from_bytes(writer.to_bytes("{}"));
  const std::vector<Placement> found = load_placements(reader, kItems);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].name, "banner");
  EXPECT_EQ(found[0].offers, banner().offers);
  EXPECT_EQ(found[0].context.names(), banner().context.names());
  EXPECT_EQ(found[0].join.default_reward, 0);
  EXPECT_EQ(found[1].depth, 12U);
  EXPECT_EQ(found[1].join.deadline, parse_duration("2h"));
  EXPECT_EQ(found[1].join.aggregation, bandits::Aggregation::kMax);
  EXPECT_EQ(found[1].join.learn, bandits::LearnWhen::kImmediately);
  EXPECT_TRUE(std::isnan(found[1].join.default_reward));
}

TEST(Placements, TakeThePlaceOfOthers) {
  const data::Dataset data = testing::random_dataset(60, 40, 900, 51, true);
  EngineParts parts = testing::small_parts(data);
  parts.placements.push_back(banner());
  const auto reader =
      bundle::Reader::from_bytes(build_bundle(parts, "{}", testing::small_goldens()));
  EXPECT_EQ(with_placements(*reader, parts.placements, {})->fingerprint(), reader->fingerprint());
  parts.placements.front().name = "strip";
  const auto other = with_placements(*reader, parts.placements, {});
  const auto engine = Engine::from_bundle(other);  // whose goldens are right
  ASSERT_EQ(engine->assets().placements.size(), 1U);
  EXPECT_EQ(engine->assets().placements.front().name, "strip");
  EXPECT_NE(engine->fingerprint(), Engine::from_bundle(reader)->fingerprint());
}

TEST(Placements, AreRefusedWhereTheyDoNotFit) {
  const auto saved = [](const std::function<void(Placement&)>& change) {
    Placement one = banner();
    change(one);
    bundle::Writer writer;
    save_placements(writer, {one});
  };
  EXPECT_NO_THROW(saved([](Placement&) {}));
  EXPECT_THROW(saved([](Placement& p) { p.name = ""; }), Error);
  EXPECT_THROW(saved([](Placement& p) { p.policy = nullptr; }), Error);
  EXPECT_THROW(saved([](Placement& p) { p.context = {}; }), Error);
  EXPECT_THROW(saved([](Placement& p) { p.offers = {}; }), Error);  // and no depth
  EXPECT_THROW(saved([](Placement& p) { p.offer_features = Matrix<double>(3, 1); }), Error);
  EXPECT_THROW(saved([](Placement& p) { p.arms = {ExternalId("spring")}; }), Error);
  bundle::Writer writer;
  EXPECT_THROW(save_placements(writer, {banner(), banner()}), Error);
}

TEST(Placements, OfAForgedBundleAreRefused) {
  bundle::Writer writer;
  save_placements(writer, {banner()});
  const auto reader = bundle::Reader::from_bytes(writer.to_bytes("{}"));
  const std::string list(reader->text("placements/list"));
  const std::vector<std::pair<std::string, std::string>> changes{
      {"\"banner\"", "7"},
      {"\"banner\"", "\"\""},
      {"[\"spring\"", "[1.5"},
      {"\"garden\"", "\"spring\""},
      {"\"arms\":[]", "\"arms\":[\"x\"]"},
      {"\"arms\":[]", "\"arms\":{}"},
      {"\"depth\":0", "\"depth\":-1"},
      {"\"term\"", "\"tern\""},
      {"\"hour\"", "\"history\""},
      {"\"sum\"", "\"mean\""},
      {"\"joined\"", "5"},
      {"\"default_reward\":0.0", "\"default_reward\":1e9"},
      {"\"deadline\":86400000000", "\"deadline\":0"},
      {"\"join\"", "\"joint\""},
      {"[{", "{"},
      {"[{", "[[{"}};
  for (const auto& [what, by] : changes) {
    std::string text = list;
    const auto at = text.find(what);
    ASSERT_NE(at, std::string::npos) << what << " in " << list;
    text.replace(at, what.size(), by);
    try {
      (void)load_placements(testing::forged(*reader, "placements/list", text), kItems);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kCorruptBundle) << error.what();
    }
  }
}

class Backwards final : public Chooser {
 public:
  [[nodiscard]] std::size_t among() const override { return 6; }
  [[nodiscard]] std::vector<std::uint32_t> choose(const Workspace& work) const override {
    EXPECT_GE(work.chosen.size(), 6U);
    return {5, 3, 0};
  }
};

TEST(Choosers, ChooseAmongTheBest) {
  const data::Dataset data = testing::random_dataset(60, 40, 900, 51, true);
  EngineParts parts = testing::small_parts(data);
  parts.placements.push_back(banner());
  const auto engine = Engine::from_bundle(
      bundle::Reader::from_bytes(build_bundle(parts, "{}", testing::small_goldens())));
  Request request = parse_request(R"({"subject": "s1003", "k": 6})");
  const Decision plain = engine->recommend(request);
  request.k = 3;
  const Backwards chooser;
  const Decision chosen = engine->recommend(request, &chooser);
  ASSERT_EQ(chosen.items.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    const DecidedItem& same = plain.items[std::size_t{5} - std::array{0, 2, 5}[i]];
    EXPECT_EQ(chosen.items[i].index, same.index);
    EXPECT_EQ(chosen.items[i].score, same.score);
    EXPECT_EQ(chosen.items[i].reason.text, same.reason.text);
  }
  // The thread's workspace does not remember the chooser.
  EXPECT_EQ(engine->recommend(request).items[0].index, plain.items[0].index);
}

}  // namespace
}  // namespace penchant::engine
