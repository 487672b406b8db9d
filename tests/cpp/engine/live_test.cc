// An engine whose policies are at work: what it keeps of decisions and of people, and many threads.

#include "penchant/engine/live.h"

#include <atomic>
#include <thread>
#include <vector>

#include "engine/fixture.h"
#include "store/temporary_folder.h"
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "penchant/base/error.h"
#include "penchant/engine/erasure.h"
#include "penchant/engine/placement.h"

namespace penchant::engine {
namespace {

constexpr Timestamp kNow{1'700'000'000'000'000};

class LiveTest : public ::testing::Test {
 protected:
  LiveTest() {
    EngineParts parts = testing::small_parts(data_);
    Placement banner;
    banner.name = "banner";
    banner.offers = {ExternalId("spring"), ExternalId("garden"), ExternalId(std::int64_t{7})};
    banner.policy = std::make_shared<const bandits::Policy>(
        bandits::Policy({.kind = bandits::PolicyKind::kBetaThompson, .seed = 3}));
    banner.join = {.deadline = parse_duration("1h"), .learn = bandits::LearnWhen::kImmediately};
    Placement home;
    home.name = "home";
    home.depth = 8;
    home.policy = std::make_shared<const bandits::Policy>(
        bandits::Policy({.kind = bandits::PolicyKind::kLinTs,
                         .model = bandits::ModelKind::kShared,
                         .arm_dimension = kItemFeatures,
                         .draws = 16,
                         .seed = 4}));
    home.join = {.deadline = parse_duration("1h")};
    parts.placements = {banner, home};
    engine_ = Engine::from_bundle(
        bundle::Reader::from_bytes(build_bundle(parts, "{}", testing::small_goldens())));
  }

  [[nodiscard]] std::shared_ptr<Live> open() const {
    return Live::open(engine_, {.folder = folder_.path()});
  }

  static nlohmann::json ask(Live& live, const std::string& request) {
    std::string body;
    live.recommend_json(request, kNow, body);
    return nlohmann::json::parse(body);
  }

  data::Dataset data_ = testing::random_dataset(60, 40, 900, 51, true);
  std::shared_ptr<const Engine> engine_;
  penchant::testing::TemporaryFolder folder_;
};

TEST_F(LiveTest, ADecisionIsFoundAgainAlsoByTheNextOpening) {
  std::string id;
  std::string before;
  {
    const auto live = open();
    const auto answer = ask(*live, R"({"subject": 17, "placement": "home", "k": 2})");
    id = answer["decision_id"];
    std::string body;
    live->reward_json(concat(R"({"decision_id": ")", id, R"(", "value": 2, "slot": 1})"), body);
    live->decision_json(id, before);
    const auto found = nlohmann::json::parse(before);
    EXPECT_EQ(found["subject"], 17);
    EXPECT_EQ(found["placement"], "home");
    EXPECT_EQ(found["slots"][0]["item"], answer["items"][0]["item"]);
    EXPECT_EQ(found["slots"][1]["propensity"], answer["items"][1]["propensity"]);
    EXPECT_EQ(found["slots"][1]["reward"], 2);
    EXPECT_TRUE(found["slots"][0]["reward"].is_null());
    EXPECT_EQ(found["rewards"].size(), 1U);
    EXPECT_EQ(found["closed"], false);
  }
  const auto live = open();
  std::string after;
  live->decision_json(id, after);
  EXPECT_EQ(after, before);
  for (const char* other : {"", "x", "1", "-1", "18446744073709551616"}) {
    EXPECT_THROW(live->decision_json(other, after), Error) << other;
  }
}

TEST_F(LiveTest, AReceiptCountsWhatWent) {
  const auto live = open();
  std::vector<std::string> ids;
  for (const char* subject : {"17", "\"17\"", "\"ann\"", "\"ann\""}) {
    const std::string request = concat(R"({"placement": "banner", "subject": )", subject, "}");
    ids.push_back(ask(*live, request)["decision_id"]);
    std::string body;
    live->reward_json(concat(R"({"decision_id": ")", ids.back(), R"(", "value": 1})"), body);
  }
  std::string body;
  erase_json(live.get(), "17", body);
  EXPECT_EQ(body, R"({"subject":"17","erased":{"decisions":2,"rewards":2,"events":0}})");
  erase_json(live.get(), "17", body);
  EXPECT_EQ(body, R"({"subject":"17","erased":{"decisions":0,"rewards":0,"events":0}})");
  EXPECT_THROW(live->decision_json(ids[0], body), Error);
  live->decision_json(ids[2], body);
  erase_json(nullptr, "ann", body);
  EXPECT_EQ(body, R"({"subject":"ann","erased":{}})");
  for (const std::string& bad : {std::string(), std::string(5000, 'a'), std::string("\xff")}) {
    EXPECT_THROW(erase_json(live.get(), bad, body), Error);
    EXPECT_THROW(erase_json(nullptr, bad, body), Error);
  }
}

// Deciding, rewarding, looking, saving and erasing at once.
TEST_F(LiveTest, ManyAtOnce) {
  const auto live = open();
  constexpr int kRounds = 60;
  std::atomic<int> wrong = 0;
  const auto customer = [&](int number) {
    std::string body;
    for (int round = 0; round < kRounds; ++round) {
      const char* place = round % 2 == 0 ? "banner" : "home";
      const auto answer = ask(*live, concat(R"({"subject": "person-)", number,
                                            R"(", "placement": ")", place, R"(", "k": 1})"));
      const std::string id = answer["decision_id"];
      live->reward_json(concat(R"({"decision_id": ")", id, R"(", "value": 1})"), body);
      if (body != R"({"outcome":"accepted"})") ++wrong;
      live->decision_json(id, body);
      if (nlohmann::json::parse(body)["slots"][0]["reward"] != 1) ++wrong;
    }
  };
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 3; ++t) threads.emplace_back(customer, t);
  threads.emplace_back([&] {
    std::string body;
    for (int round = 0; round < 6; ++round) {
      if (live->bundle() == nullptr) ++wrong;
      erase_json(live.get(), "nobody", body);
      live->loop().pass({kNow.micros + round});
    }
  });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  std::string body;
  erase_json(live.get(), "person-1", body);
  EXPECT_EQ(body, concat(R"({"subject":"person-1","erased":{"decisions":)", kRounds,
                         R"(,"rewards":)", kRounds, R"(,"events":0}})"));
}

// All send the same events: each is taken from one of them, and all that was acknowledged is there.
TEST_F(LiveTest, EventsFromManyAtOnceCountOnce) {
  constexpr int kEvents = 40;
  constexpr int kThreads = 4;
  std::atomic<int> accepted = 0;
  std::atomic<int> duplicates = 0;
  {
    const auto live = open();
    const auto sender = [&](int number) {
      std::string body;
      for (int i = 0; i < kEvents; ++i) {
        const int event = (i * 7 + number * 11) % kEvents;
        live->events_json(concat(R"({"type": "click", "event_id": "e-)", event,
                                 R"(", "subject": "s", "item": "i", "time": "2023-11-14T22:1)",
                                 event % 10, R"(:00Z"})"),
                          kNow, body);
        if (body == R"({"outcome":"accepted"})") ++accepted;
        if (body == R"({"outcome":"duplicate"})") ++duplicates;
      }
    };
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) threads.emplace_back(sender, t);
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(live->events().taken(), static_cast<std::size_t>(kEvents));
  }
  EXPECT_EQ(accepted, kEvents);
  EXPECT_EQ(duplicates, kEvents * (kThreads - 1));
  EXPECT_EQ(open()->events().taken(), static_cast<std::size_t>(kEvents));
}

}  // namespace
}  // namespace penchant::engine
