// Whose an event is: the same in every order of arrival, moved and moved back.

#include "penchant/engine/people.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "engine/fixture.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/base/random.h"
#include "penchant/engine/engine.h"

namespace penchant::engine {
namespace {

using events::Event;
using events::Identifier;

std::shared_ptr<const Engine> engine_with(std::string_view key) {
  static const data::Dataset data = testing::random_dataset(40, 20, 300, 7, true);
  EngineParts parts = testing::small_parts(data);
  parts.identity = std::make_shared<identity::Identity>(identity::default_options(), key);
  return Engine::from_bundle(
      bundle::Reader::from_bytes(build_bundle(parts, "{}", testing::small_goldens())));
}

// Events of few people: cookies that several use, logins that are unique.
std::vector<Event> made_events(std::size_t count, std::uint64_t seed) {
  const Philox random(seed, 1);
  std::vector<Event> out;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto draw = [&](std::uint32_t of, std::uint32_t which) {
      return std::to_string(random.below(of, i, which));
    };
    Event event;
    event.id = "e" + std::to_string(i);
    event.time = Timestamp{1'700'000'000'000'000 + static_cast<std::int64_t>(i) * 1'000'000};
    event.identifiers.push_back({"cookie", "c" + draw(25, 0)});
    if (random.uniform(i, 1) < 0.3) event.identifiers.push_back({"email", draw(15, 2) + "@x.com"});
    if (random.uniform(i, 3) < 0.3) event.identifiers.push_back({"login", "s" + draw(12, 4)});
    if (random.uniform(i, 5) < 0.2) event.subject = "s" + draw(12, 6);
    out.push_back(std::move(event));
  }
  return out;
}

std::vector<Event> admitted(const People& people, std::vector<Event> all) {
  std::vector<Event> out;
  for (Event& event : all) {
    events::Rejection rejection;
    if (people.admit(event, rejection)) out.push_back(std::move(event));
  }
  return out;
}

std::vector<std::string> profiles(const People& people, std::size_t count) {
  std::vector<std::string> out;
  for (std::uint64_t n = 1; n <= count; ++n) out.push_back(people.profile_of(n));
  return out;
}

class PeopleTest : public ::testing::TestWithParam<std::string_view> {
 protected:
  std::shared_ptr<const Engine> engine_ = engine_with(GetParam());
  [[nodiscard]] People people() const { return {engine_->assets(), GetParam()}; }
};

INSTANTIATE_TEST_SUITE_P(Keys, PeopleTest, ::testing::Values("", "a secret"));

TEST_P(PeopleTest, NoOrderOfArrivalShows) {
  People at_once = people();
  const std::vector<Event> all = admitted(at_once, made_events(200, 3));
  for (std::size_t i = 0; i < all.size(); ++i) at_once.link(all[i], i + 1);
  at_once.settle();
  const std::vector<std::string> expected = profiles(at_once, all.size());
  EXPECT_GT(std::set<std::string>(expected.begin(), expected.end()).size(), 5U);
  for (std::uint32_t seed = 0; seed < 5; ++seed) {
    std::vector<std::size_t> order(all.size());
    std::iota(order.begin(), order.end(), 0U);
    const Philox random(seed, 2);
    for (std::uint32_t i = 0; i + 1 < order.size(); ++i) {
      const auto left = static_cast<std::uint32_t>(order.size()) - i;
      std::swap(order[i], order[i + random.below(left, i, 0)]);
    }
    People one_by_one = people();
    for (const std::size_t i : order) (void)one_by_one.take(all[i], i + 1);
    EXPECT_EQ(profiles(one_by_one, all.size()), expected) << seed;
  }
}

// Who follows the moves alone is never wrong about whose an event is.
TEST_P(PeopleTest, EveryChangeIsTold) {
  People people = this->people();
  const std::vector<Event> all = admitted(people, made_events(150, 4));
  std::map<std::uint64_t, std::string> known;
  std::size_t moves = 0;
  const auto follow = [&](const std::vector<People::Move>& told) {
    for (const People::Move& move : told) {
      EXPECT_EQ(known.at(move.number), move.from);
      EXPECT_NE(move.from, move.to);
      known[move.number] = move.to;
      ++moves;
    }
    for (const auto& [number, profile] : known) {
      ASSERT_EQ(people.profile_of(number), profile) << number;
    }
  };
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto told = people.take(all[i], i + 1);
    known[i + 1] = people.profile_of(i + 1);
    follow(told);
  }
  EXPECT_GT(moves, 20U);
  const std::map<std::uint64_t, std::string> before = known;
  // Taken back and given again.
  IdentityOrder block{
      .kind = IdentityOrder::Kind::kBlock, .links = {}, .identifier = people.named("login:s1")};
  follow(people.follow(block));
  EXPECT_NE(known, before);
  block.away = false;
  follow(people.follow(block));
  EXPECT_EQ(known, before);
}

TEST_P(PeopleTest, APartingHoldsAndCanBeTakenBack) {
  People people = this->people();
  Event visit;
  visit.time = Timestamp{1'700'000'000'000'000};
  visit.identifiers = {{"cookie", "c1"}};
  Event login = visit;
  login.identifiers = {{"cookie", "c1"}, {"login", "s1005"}};
  std::vector<Event> both = admitted(people, {visit, login});
  ASSERT_EQ(both.size(), 2U);
  EXPECT_TRUE(people.take(both[0], 1).empty());
  const std::vector<People::Move> joined = people.take(both[1], 2);
  ASSERT_EQ(joined.size(), 1U);
  EXPECT_EQ(joined[0].number, 1U);
  EXPECT_EQ(people.profile_of(2), people.profile_of(1));
  EXPECT_EQ(people.profile_of("s1005"), "s1005");

  const IdentityOrder order = people.parting("cookie:c1", "login:s1005");
  // Asking cuts nothing.
  EXPECT_EQ(people.profile_of(1), "s1005");
  // What goes through the log of events comes back the same.
  IdentityOrder read = IdentityOrder::of_json(order.json());
  EXPECT_EQ(read.links, order.links);
  const std::vector<People::Move> parted = people.follow(read);
  ASSERT_EQ(parted.size(), 1U);
  EXPECT_EQ(parted[0].from, "s1005");
  EXPECT_EQ(people.profile_of(1), parted[0].to);
  EXPECT_EQ(people.profile_of(2), "s1005");
  read.away = false;
  const std::vector<People::Move> back = people.follow(read);
  ASSERT_EQ(back.size(), 1U);
  EXPECT_EQ(back[0].to, "s1005");
}

TEST_P(PeopleTest, RawIdentifiersGoNoFurtherThanTheDoor) {
  const People people = this->people();
  Event event;
  event.identifiers = {{"cookie", "c1"}, {"email", " Jane@X.com "}};
  events::Rejection rejection;
  ASSERT_TRUE(people.admit(event, rejection));
  for (const Identifier& one : event.identifiers) {
    EXPECT_EQ(one.value.find("ane@"), std::string::npos) << one.value;
    // Admitted again, as at a restart, it stays what it is.
    Event again = event;
    ASSERT_TRUE(people.admit(again, rejection));
    EXPECT_EQ(again.identifiers, event.identifiers);
  }
  Event nobody;
  nobody.identifiers = {{"no_such_space", "x"}};
  EXPECT_FALSE(people.admit(nobody, rejection));
  EXPECT_EQ(rejection.reason, events::Reason::kNobody);
  Event twice;
  twice.identifiers = {{"email", "a@x.com"}, {"email", "b@x.com"}};
  EXPECT_FALSE(people.admit(twice, rejection));
  EXPECT_EQ(rejection.reason, events::Reason::kTwice);
}

TEST(People, AKeyHasToBeTheOneTheIdentityWasMadeWith) {
  const auto keyed = engine_with("a secret");
  EXPECT_THROW((People{keyed->assets(), "another"}), Error);
  EXPECT_THROW((People{keyed->assets(), ""}), Error);
  const auto plain = testing::small_engine(testing::random_dataset(40, 20, 300, 7, true));
  EXPECT_THROW((People{plain->assets(), "a secret"}), Error);
  const People nobody(plain->assets(), "");
  EXPECT_FALSE(nobody.active());
  EXPECT_EQ(nobody.profile_of("17"), "17");
}

TEST(People, OrdersThatMakeNoSenseAreRefused) {
  for (const char* text :
       {"", "{", R"({"order":{}})", R"({"order":{"away":1}})", R"({"order":{"away":true}})",
        R"({"order":{"away":true,"cut":[["a"]]}})", R"({"order":{"away":true,"block":5}})"}) {
    EXPECT_THROW((void)IdentityOrder::of_json(text), Error) << text;
  }
  const auto engine = engine_with("");
  People people(engine->assets(), "");
  const IdentityOrder order{
      .kind = IdentityOrder::Kind::kBlock, .links = {}, .identifier = "cookie:unseen"};
  EXPECT_THROW((void)people.follow(order), Error);
}

}  // namespace
}  // namespace penchant::engine
