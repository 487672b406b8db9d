#include "penchant/engine/engine.h"

#include <algorithm>
#include <set>
#include <thread>

#include "engine/fixture.h"
#include <gtest/gtest.h>

#include "penchant/base/simd.h"

namespace penchant::engine {
namespace {

using testing::forged;
using testing::random_dataset;
using testing::small_bundle;
using testing::small_engine;

std::string answer(const Engine& engine, const std::string& request) {
  std::string body;
  engine.recommend_json(request, body);
  return body;
}

std::set<std::int32_t> shown(const Decision& decision) {
  std::set<std::int32_t> out;
  for (const DecidedItem& item : decision.items) out.insert(item.index.value);
  return out;
}

class EngineTest : public ::testing::Test {
 protected:
  data::Dataset data_ = random_dataset(60, 40, 900, 31, true);
  std::shared_ptr<const Engine> engine_ = small_engine(data_);
  data::History history(int user) const {
    return engine_->assets().context->history.history(UserIndex(user));
  }
};

TEST_F(EngineTest, StagesRunInTheirOrder) {
  EXPECT_EQ(engine_->stage_names(),
            (std::vector<std::string>{"resolve", "retrieve", "order", "fill", "explain"}));
}

TEST_F(EngineTest, ShowsKDistinctItemsBestFirst) {
  for (const std::size_t k : {1U, 7U, 40U, 1000U}) {
    const Decision d = engine_->recommend({.subject = "s1005", .k = k});
    EXPECT_EQ(d.items.size(), std::min<std::size_t>(k, 40));
    EXPECT_EQ(shown(d).size(), d.items.size());
    EXPECT_TRUE(std::is_sorted(d.items.begin(), d.items.end(),
                               [](const auto& a, const auto& b) { return a.score > b.score; }));
    EXPECT_TRUE(d.fallback.empty());
  }
}

TEST_F(EngineTest, ExcludesSeenDeniedAndBasket) {
  const data::History seen = history(5);
  const Decision d = engine_->recommend({.subject = "s1005", .k = 100, .exclude_seen = true});
  EXPECT_EQ(d.items.size(), 40 - seen.size());
  for (const ItemIndex item : seen.items) EXPECT_FALSE(shown(d).contains(item.value));

  Request request{.subject = "s1005", .k = 100, .deny = {"i1000", "i1001", "unheard of"}};
  request.context.basket = {"i1002"};
  const auto items = shown(engine_->recommend(request));
  EXPECT_EQ(items.size(), 37U);
  for (const int index : {0, 1, 2}) EXPECT_FALSE(items.contains(index));

  request = {.subject = "s1005", .k = 100};
  request.candidates = {{"i1003", "i1007", "i1007", "nothing"}};
  EXPECT_EQ(shown(engine_->recommend(request)), (std::set<std::int32_t>{3, 7}));
  request.candidates->clear();
  EXPECT_TRUE(engine_->recommend(request).items.empty());
}

TEST_F(EngineTest, SaysWhyAnAnswerIsNotPersonal) {
  EXPECT_EQ(engine_->recommend({.subject = "stranger"}).fallback, "unknown_subject");
  EXPECT_EQ(engine_->recommend({}).fallback, "anonymous");
  Request request;
  request.context.basket = {"i1000"};  // a basket is something to go on
  EXPECT_EQ(engine_->recommend(request).fallback, "");
  for (const DecidedItem& item : engine_->recommend({.subject = "stranger"}).items) {
    EXPECT_EQ(item.reason.code, "popular");
  }
}

TEST_F(EngineTest, GivesEveryItemAReason) {
  std::set<std::string> codes;
  for (int u = 0; u < 60; ++u) {
    const Decision d =
        engine_->recommend({.subject = "s" + std::to_string(1000 + u), .k = 40, .explain = true});
    for (const DecidedItem& item : d.items) {
      EXPECT_FALSE(item.reason.text.empty());
      codes.insert(item.reason.code);
      if (item.reason.code == "bought_again") {
        EXPECT_GE(history(u).find(item.index), 0);
      }
      float total = 0;
      for (const SourceShare& share : item.shares) total += share.contribution;
      EXPECT_NEAR(total, item.score, 1e-5F);
    }
  }
  EXPECT_TRUE(codes.contains("bought_again"));
  EXPECT_TRUE(codes.contains("bought_together"));
}

TEST(Reasons, NobodyIsToldThatTheyBoughtWhatTheyLookedAt) {
  const data::Dataset bought = random_dataset(30, 20, 400, 35);
  data::EventColumns columns = bought.events();
  std::fill(columns.types.begin(), columns.types.begin() + 200, std::uint8_t{1});
  const data::Dataset mixed(bought.subjects(), bought.items(), columns,
                            {{"purchase", 1.0F}, {"page_view", 0.1F}}, {}, {});
  for (const data::Dataset* data : {&bought, &mixed}) {
    const std::string body = answer(*small_engine(*data), R"({"subject":"s1003","k":20})");
    EXPECT_EQ(body.find("Bought ") != std::string::npos, data == &bought) << body;
    EXPECT_EQ(body.find("Chosen ") != std::string::npos, data == &mixed) << body;
  }
}

TEST_F(EngineTest, EscapesWhatItWrites) {
  const std::string body = answer(*engine_, R"({"subject":"a\"\\\n\u0001é","k":1})");
  EXPECT_NE(body.find(R"({"subject":"a\"\\\n\u0001é","items":[{"item":"i10)"), std::string::npos)
      << body;
  EXPECT_NE(body.find(R"("name":"Item \")"), std::string::npos) << body;
}

TEST_F(EngineTest, RankAllOrdersAsRecommendDoes) {
  std::vector<float> scores(engine_->num_items());
  for (int u = 0; u < 60; ++u) {
    for (const bool exclude : {false, true}) {
      const Request request{
          .subject = "s" + std::to_string(1000 + u), .k = 20, .exclude_seen = exclude};
      const Decision d = engine_->recommend(request);
      engine_->rank_all(request, scores);
      std::vector<std::int32_t> order;
      for (int i = 0; i < 40; ++i) {
        if (!exclude || history(u).find(ItemIndex(i)) < 0) order.push_back(i);
      }
      std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
        return scores[static_cast<std::size_t>(a)] > scores[static_cast<std::size_t>(b)];
      });
      for (std::size_t r = 0; r < d.items.size(); ++r) {
        if (d.items[r].score > 0) {
          EXPECT_EQ(d.items[r].index.value, order[r]) << u << ' ' << r;
        }
      }
    }
  }
}

TEST_F(EngineTest, SameBytesOnEveryInstructionSetAndThread) {
  std::vector<std::string> requests;
  for (int u = 0; u < 60; ++u) {
    requests.push_back(R"({"subject":"s)" + std::to_string(1000 + u) +
                       R"(","k":15,"explain":true,"context":{"basket":["i1003"]}})");
  }
  std::vector<std::string> expected;
  for (const std::string& request : requests) expected.push_back(answer(*engine_, request));
  for (const std::string& target : simd_targets()) {
    force_simd_target(target);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      EXPECT_EQ(answer(*engine_, requests[i]), expected[i]) << target;
    }
  }
  force_simd_target("best");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (std::size_t i = 0; i < requests.size(); ++i) {
        EXPECT_EQ(answer(*engine_, requests[i]), expected[i]);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(EngineBundle, TheSamePartsGiveTheSameBytes) {
  const data::Dataset data = random_dataset(60, 40, 900, 32);
  EXPECT_EQ(small_bundle(data), small_bundle(data));
}

TEST(EngineBundle, RefusesGoldensItCannotReproduce) {
  const data::Dataset data = random_dataset(60, 40, 900, 33);
  const auto reader = bundle::Reader::from_bytes(small_bundle(data));
  ASSERT_NO_THROW((void)Engine::from_bundle(reader));
  std::string answers(reader->text("goldens/answers"));
  const auto at = answers.find("score");
  answers[answers.find_first_of("123456789", at)] = '0';
  const auto refused = [&](const std::string& name, const std::string& text) {
    testing::expect_refused(*reader, name, text);
  };
  refused("goldens/answers", answers);
  refused("goldens/answers", "[]");
  refused("goldens/answers", "{");
  refused("goldens/requests", "[1,2,3]");
}

TEST(EngineBundle, RefusesAMetaThatLies) {
  const data::Dataset data = random_dataset(60, 40, 900, 34);
  const auto reader = bundle::Reader::from_bytes(small_bundle(data));
  const auto refused = [&](const std::string& name, const std::string& text) {
    EXPECT_THROW((void)Engine::from_bundle(forged(*reader, name, text)), Error) << text;
  };
  refused("engine/meta", "{}");
  refused("engine/meta", R"({"exclude_seen":0})");
  refused("engine/sources", "{}");
  refused("engine/sources", "[1]");
  refused("engine/sources", R"([{"name":"als"}])");
  refused("engine/sources", R"([{"name":"a","quota":-1}])");
  refused("engine/sources", R"([{"name":"a","quota":1,"repeat_weight":1e999,"new_weight":1}])");
  std::string weighty(reader->text("engine/sources"));  // finite, but not once they are added up
  weighty.replace(weighty.find("\"new_weight\":1.0"), 16, "\"new_weight\":3e38");
  EXPECT_THROW((void)Engine::from_bundle(forged(*reader, "engine/sources", weighty), false), Error);
  refused("engine/sources",
          R"([{"name":"a","quota":1,"repeat_weight":1,"new_weight":1},
              {"name":"a","quota":1,"repeat_weight":1,"new_weight":1}])");
}

}  // namespace
}  // namespace penchant::engine
