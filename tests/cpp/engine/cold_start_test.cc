// The ladder: history, the request's context, attributes, segment, popularity.

#include <cstdlib>
#include <filesystem>
#include <set>

#include "engine/fixture.h"
#include "models/people.h"
#include <gtest/gtest.h>

#include "penchant/models/hybrid.h"
#include "penchant/models/segment_popular.h"

namespace penchant::engine {
namespace {

using testing::forged;
using testing::random_dataset;
using testing::random_people;
using Texts = std::vector<std::string>;

// The small funnel, with an item that nobody has and sources that know people.
EngineParts cold_parts(const data::Dataset& data) {
  const auto table = random_people(data.subjects().size(), 5);
  EngineParts parts = testing::small_parts(data);
  parts.context = models::Context::of(data, table);
  const auto& als = dynamic_cast<const models::AlsModel&>(*parts.sources[0].model);
  const std::vector<models::FeatureRecipe::Column> columns = {
      {"region", models::FeatureKind::kCategory, 1}};
  parts.sources.push_back(
      {.name = "hybrid",
       .model = models::lean_people(
           als, *data.interactions(), table,
           models::FeatureRecipe::learn(table, {{"age", models::FeatureKind::kNumber, 1}}, {}), {}),
       .quota = 10,
       .cold_weight = 1});
  parts.sources.push_back({.name = "popular_2",
                           .model = models::fit_segment_popular(data, table, columns, {}),
                           .quota = 10,
                           .cold_weight = 0.5F});
  parts.sources[2].cold_weight = 0.25F;  // popular
  parts.cold_start = true;
  return parts;
}

std::shared_ptr<const Engine> engine_of(const EngineParts& parts) {
  return Engine::from_bundle(
      bundle::Reader::from_bytes(build_bundle(parts, "{}", testing::small_goldens())));
}

class ColdStartTest : public ::testing::Test {
 protected:
  data::Dataset data_ = random_dataset(60, 40, 900, 41, true);
  std::shared_ptr<const Engine> engine_ = engine_of(cold_parts(data_));
  [[nodiscard]] Decision decide(const std::string& json) const {
    return engine_->recommend(parse_request(json));
  }
};

std::set<std::string> codes(const Decision& decision) {
  std::set<std::string> out;
  for (const DecidedItem& item : decision.items) out.insert(item.reason.code);
  return out;
}

TEST_F(ColdStartTest, EachAnswerSaysWhichRungItIs) {
  struct Rung {
    const char* request;
    const char* level;
    const char* fallback;
  };
  for (const Rung& rung : {
           Rung{R"({"subject":"s1003"})", "history", ""},
           Rung{R"({"subject":"s1003","context":{"basket":["i1003"]}})", "history", ""},
           Rung{R"({"context":{"basket":["i1003"]}})", "context", ""},
           Rung{R"({"context":{"events":[{"item":"i1003"}]}})", "context", ""},
           Rung{R"({"context":{"page":"i1003"}})", "context", ""},
           Rung{R"({"context":{"page":{"item":"i1003"},"attributes":{"age":30}}})", "context", ""},
           Rung{R"({"subject":"new","context":{"attributes":{"age":30,"region":"north"}}})",
                "attributes", ""},
           Rung{R"({"context":{"attributes":{"region":"north"}}})", "segment", ""},
           Rung{R"({"context":{"attributes":{"region":"atlantis"}}})", "popularity", "anonymous"},
           Rung{R"({"subject":"new","context":{"page":"/checkout"}})", "popularity",
                "unknown_subject"},
           Rung{R"({})", "popularity", "anonymous"},
       }) {
    const Decision decision = decide(rung.request);
    EXPECT_EQ(decision.level, rung.level) << rung.request;
    EXPECT_EQ(decision.fallback, rung.fallback) << rung.request;
    EXPECT_EQ(decision.items.size(), 10U);
    std::string body;
    engine_->recommend_json(rung.request, body);
    EXPECT_NE(body.find(concat("\"level\":\"", rung.level, "\",\"as_of\"")), std::string::npos);
  }
}

TEST_F(ColdStartTest, GivesReasonsForWhatAttributesSay) {
  EXPECT_TRUE(codes(decide(R"({"context":{"attributes":{"age":30}}})")).contains("similar_people"));
  EXPECT_TRUE(codes(decide(R"({"context":{"attributes":{"region":"north"}}})"))
                  .contains("popular_in_segment"));
  const Decision looking = decide(R"({"context":{"page":"i1003"},"k":30})");
  EXPECT_TRUE(codes(looking).contains("similar_to_viewed"));
  for (const DecidedItem& item : looking.items) {
    EXPECT_NE(item.index.value, 3);
    if (item.reason.code != "similar_to_viewed") continue;
    EXPECT_EQ(item.reason.text, "Because you are looking at Item \"3");
    EXPECT_EQ(item.reason.item, ExternalId(std::string("i1003")));
  }
}

TEST_F(ColdStartTest, LeavesKnownPeopleAlone) {
  EngineParts without = testing::small_parts(data_);
  const auto plain = engine_of(without);
  for (int u = 0; u < 60; ++u) {
    for (const bool exclude : {false, true}) {
      const Request request{.subject = "s" + std::to_string(1000 + u), .exclude_seen = exclude};
      const Decision with = engine_->recommend(request);
      const Decision before = plain->recommend(request);
      ASSERT_EQ(with.items.size(), before.items.size());
      for (std::size_t i = 0; i < with.items.size(); ++i) {
        EXPECT_EQ(with.items[i].index, before.items[i].index);
        EXPECT_EQ(with.items[i].score, before.items[i].score);
        EXPECT_EQ(with.items[i].source, before.items[i].source);
      }
    }
  }
}

TEST_F(ColdStartTest, ShowsWhatHappenedUnlessSeenThingsAreExcluded) {
  const std::string events =
      R"("context":{"events":[{"item":"i1003"},{"item":"i1004","value":3}],"basket":["i1005"]})";
  const auto shown = [&](const std::string& request) {
    std::set<std::int32_t> out;
    for (const DecidedItem& item : decide(request).items) out.insert(item.index.value);
    return out;
  };
  const auto free = shown("{\"k\":100," + events + "}");
  EXPECT_TRUE(free.contains(3) && free.contains(4));
  EXPECT_FALSE(free.contains(5));
  EXPECT_EQ(free.size(), 39U);
  const auto rest = shown("{\"k\":100,\"exclude_seen\":true," + events + "}");
  EXPECT_EQ(rest.size(), 37U);
  EXPECT_FALSE(rest.contains(3) || rest.contains(4));
}

TEST_F(ColdStartTest, FreshEventsCountAsTheHistoryTheyAre) {
  // Somebody's whole history as events of a stranger: the same lists, but for the stored vector.
  EngineParts parts;
  parts.context = models::Context::of(data_);
  parts.sources.push_back(
      {.name = "item_knn",
       .model = models::fit_item_knn(*data_.interactions(), data_.last_time(), {.neighbors = 5}),
       .quota = 40,
       .repeat_weight = 1,
       .new_weight = 1});
  const auto engine = engine_of(parts);
  for (int u = 0; u < 60; ++u) {
    const data::History history = parts.context->history.history(UserIndex(u));
    Request stranger{.k = 40, .exclude_seen = true};
    for (std::size_t k = 0; k < history.size(); ++k) {
      stranger.context.events.push_back({"i" + std::to_string(1000 + history.items[k].value),
                                         history.last[k], history.values[k]});
    }
    const Request known{.subject = "s" + std::to_string(1000 + u), .k = 40, .exclude_seen = true};
    const Decision a = engine->recommend(stranger);
    const Decision b = engine->recommend(known);
    ASSERT_EQ(a.items.size(), b.items.size());
    for (std::size_t i = 0; i < a.items.size(); ++i) {
      EXPECT_EQ(a.items[i].index, b.items[i].index);
      EXPECT_EQ(a.items[i].score, b.items[i].score);
    }
    EXPECT_EQ(a.level, "context");
    EXPECT_EQ(b.level, "history");
  }
}

TEST_F(ColdStartTest, ComesBackWithItsWeights) {
  const auto& assets = engine_->assets();
  EXPECT_TRUE(assets.cold_start);
  EXPECT_EQ(assets.sources[4].cold_weight, 1.0F);
  EXPECT_EQ(assets.sources[0].cold_weight, 0.0F);
  EXPECT_FALSE(testing::small_engine(data_)->assets().cold_start);
}

TEST_F(ColdStartTest, ABundleThatLiesIsRefused) {
  const auto& reader = *engine_->bundle();
  const auto refused = [&](const std::string& name, const std::string& text) {
    ASSERT_TRUE(reader.has(name));
    EXPECT_THROW((void)Engine::from_bundle(forged(reader, name, text)), Error) << text;
  };
  refused("engine/meta", R"({"exclude_seen":false,"cold_start":1})");
  refused("engine/sources", R"([{"name":"a","quota":1,"repeat_weight":1,"new_weight":1}])");
  refused("engine/sources",
          R"([{"name":"a","quota":1,"repeat_weight":1,"new_weight":1,"cold_weight":"1"}])");
  refused("goldens/form", std::string(1, '\0'));
  refused("goldens/form", "\x03");
  refused("goldens/form", "\x02\x02");
  refused("goldens/form", "\x01");  // the answers are of the second form
}

TEST(OldBundles, StillAnswerTheirGoldens) {
  const char* folder = std::getenv("PENCHANT_GOLDEN");
  if (folder == nullptr) GTEST_SKIP() << "PENCHANT_GOLDEN is not set; ctest sets it";
  const auto engine = Engine::open(std::filesystem::path(folder) / "pipeline_v1.penchant");
  EXPECT_TRUE(engine->bundle()->has("goldens/requests"));
  EXPECT_FALSE(engine->bundle()->has("goldens/form"));
  const auto later = Engine::open(std::filesystem::path(folder) / "cold_start_v1.penchant");
  EXPECT_TRUE(later->bundle()->has("goldens/form"));
  EXPECT_TRUE(later->assets().cold_start);
  EXPECT_FALSE(later->assets().context->attributes.empty());
}

}  // namespace
}  // namespace penchant::engine
