#include "penchant/bandits/joiner.h"

#include <cmath>
#include <map>

#include "bandits/loop_fixture.h"
#include "reference/plain_joiner.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"

namespace penchant::bandits {
namespace {

using testing::decided;
using testing::kSecond;
using testing::rewarded;

constexpr Duration kMinute{60 * kSecond};

Joiner joiner_of(JoinOptions join, const JoinLimits& limits = {}) {
  join.deadline = kMinute;
  return Joiner({{"p", join}}, limits);
}

// A joiner and what it taught so far: decision and slot to reward.
struct Class {
  Joiner joiner;
  std::map<std::pair<std::uint64_t, std::uint32_t>, double> taught{};
  std::size_t lessons = 0;

  Outcome fold(const Record& record) {
    std::vector<Taught> out;
    const Outcome outcome = joiner.fold(record, out);
    for (const Taught& lesson : out) {
      const auto key = std::make_pair(lesson.decision->id, lesson.slot);
      if (lesson.back) {
        EXPECT_EQ(taught.at(key), lesson.reward);
        taught.erase(key);
      } else {
        EXPECT_TRUE(taught.emplace(key, lesson.reward).second) << "taught twice";
      }
    }
    lessons += out.size();
    return outcome;
  }
  double of(std::uint64_t id, std::uint32_t slot = 0) const { return taught.at({id, slot}); }
};

TEST(JoinerTest, LearnsAtTheDeadlineEachEventOnce) {
  Class c{joiner_of({.default_reward = -1})};
  c.fold(decided(1, 0));
  c.fold(decided(2, 1));
  EXPECT_EQ(c.fold(rewarded(1, 0.25, "a")), Outcome::kAccepted);
  EXPECT_EQ(c.fold(rewarded(1, 0.5)), Outcome::kAccepted);
  EXPECT_EQ(c.lessons, 0U);
  c.fold(Passed{{59 * kSecond}});
  EXPECT_EQ(c.lessons, 0U);
  c.fold(Passed{{60 * kSecond}});
  EXPECT_EQ(c.of(1), 0.75);
  EXPECT_EQ(c.lessons, 1U);
  EXPECT_EQ(c.fold(rewarded(1, 1)), Outcome::kLate);
  c.fold(decided(3, 61));
  EXPECT_EQ(c.of(2), -1);
  EXPECT_EQ(c.joiner.counts().unrewarded, 1U);
  EXPECT_EQ(c.joiner.waiting(), 1U);
}

TEST(JoinerTest, ImmediatelyTakesBackAnEarlierTotal) {
  Class c{joiner_of({.learn = LearnWhen::kImmediately})};
  c.fold(decided(1, 0));
  c.fold(rewarded(1, 1));
  EXPECT_EQ(c.of(1), 1);
  c.fold(rewarded(1, -3));
  EXPECT_EQ(c.of(1), -2);
  EXPECT_EQ(c.lessons, 3U);  // learnt, taken back, learnt
  c.fold(rewarded(1, 0));    // the same total
  EXPECT_EQ(c.lessons, 3U);
  c.fold(decided(2, 0));
  c.fold(Passed{{60 * kSecond}});
  EXPECT_EQ(c.lessons, 4U);
  EXPECT_EQ(c.of(2), 0);  // no reward by the deadline
}

TEST(JoinerTest, AggregatesAsDeclaredAndClips) {
  const auto total = [](Aggregation how, double most) {
    Class c{joiner_of({.aggregation = how, .default_reward = 0, .least = -5, .most = most})};
    c.fold(decided(1, 0));
    for (const double value : {2.0, 5.0, -1.0}) c.fold(rewarded(1, value));
    c.fold(Passed{{60 * kSecond}});
    EXPECT_EQ(c.joiner.counts().clipped, most < 6 && how == Aggregation::kSum ? 1U : 0U);
    return c.of(1);
  };
  EXPECT_EQ(total(Aggregation::kSum, 100), 6);
  EXPECT_EQ(total(Aggregation::kMax, 100), 5);
  EXPECT_EQ(total(Aggregation::kFirst, 100), 2);
  EXPECT_EQ(total(Aggregation::kSum, 5.5), 5.5);
}

TEST(JoinerTest, AnswersWithTheReason) {
  Class c{joiner_of({}, {.max_rewards = 3})};
  c.fold(decided(1, 0, "s", {"\"a\"", "\"b\""}));
  EXPECT_EQ(c.fold(rewarded(1, 1)), Outcome::kUnknownSlot);  // which of the two?
  Rewarded by_arm = rewarded(1, 1, "x");
  by_arm.arm = "\"b\"";
  EXPECT_EQ(c.fold(by_arm), Outcome::kAccepted);
  EXPECT_EQ(c.fold(by_arm), Outcome::kDuplicate);
  Rewarded by_slot = rewarded(1, 2);
  by_slot.slot = 0;
  EXPECT_EQ(c.fold(by_slot), Outcome::kAccepted);
  by_slot.slot = 2;
  EXPECT_EQ(c.fold(by_slot), Outcome::kUnknownSlot);
  by_slot.slot = 0;
  by_slot.arm = "\"b\"";  // they contradict each other
  EXPECT_EQ(c.fold(by_slot), Outcome::kUnknownSlot);
  by_slot.arm = {};
  by_slot.time = {60 * kSecond};  // by its own time past the deadline
  EXPECT_EQ(c.fold(by_slot), Outcome::kLate);
  by_slot.time = {59 * kSecond};
  EXPECT_EQ(c.fold(by_slot), Outcome::kAccepted);
  EXPECT_EQ(c.fold(by_slot), Outcome::kTooMany);
  EXPECT_EQ(c.fold(rewarded(9, 1)), Outcome::kUnknownDecision);
  EXPECT_EQ(c.fold(decided(1, 0)), Outcome::kDuplicate);
  c.fold(Passed{{60 * kSecond}});
  EXPECT_EQ(c.fold(by_arm), Outcome::kDuplicate);  // sent again after the deadline
  EXPECT_EQ(c.fold(by_slot), Outcome::kLate);
  EXPECT_EQ(c.of(1, 0), 4);
  EXPECT_EQ(c.of(1, 1), 1);
  const auto& counts = c.joiner.counts();
  const auto count = [&](Outcome o) { return counts.rewards[static_cast<std::size_t>(o)]; };
  EXPECT_EQ(count(Outcome::kAccepted), 3U);
  EXPECT_EQ(count(Outcome::kDuplicate), 2U);
  EXPECT_EQ(count(Outcome::kLate), 2U);
  EXPECT_EQ(count(Outcome::kUnknownSlot), 3U);
  EXPECT_EQ(count(Outcome::kUnknownDecision), 1U);
  EXPECT_EQ(count(Outcome::kTooMany), 1U);
  EXPECT_EQ(counts.repeated_decisions, 1U);
}

// Whoever sends rewards has no say about what time it is.
TEST(JoinerTest, RewardsDoNotMoveTime) {
  Class c{joiner_of({})};
  c.fold(decided(1, 0));
  c.fold(decided(2, 0));
  Rewarded far = rewarded(1, 1);
  far.time = {std::numeric_limits<std::int64_t>::max()};
  EXPECT_EQ(c.fold(far), Outcome::kLate);
  EXPECT_EQ(c.joiner.waiting(), 2U);
  EXPECT_EQ(c.fold(rewarded(2, 1)), Outcome::kAccepted);
}

TEST(JoinerTest, KeepsNoMoreThanItMay) {
  Class c{joiner_of({}, {.max_waiting = 3, .max_closed = 2})};
  for (std::uint64_t id = 1; id <= 6; ++id) c.fold(decided(id, 0));
  EXPECT_EQ(c.joiner.waiting(), 3U);
  EXPECT_EQ(c.joiner.counts().closed_early, 3U);
  EXPECT_EQ(c.fold(rewarded(3, 1)), Outcome::kLate);
  EXPECT_EQ(c.fold(rewarded(1, 1)), Outcome::kUnknownDecision);  // no longer remembered
  EXPECT_EQ(c.fold(rewarded(4, 1)), Outcome::kAccepted);
}

TEST(JoinerTest, HoldsRewardsForDecisionsToCome) {
  Class c{joiner_of({}, {.early = Duration{10 * kSecond}, .max_held = 2})};
  c.fold(decided(1, 100));
  EXPECT_EQ(c.fold(rewarded(2, 1, "a")), Outcome::kHeld);
  EXPECT_EQ(c.fold(rewarded(2, 1, "a")), Outcome::kDuplicate);
  EXPECT_EQ(c.fold(rewarded(3, 1)), Outcome::kHeld);
  c.fold(decided(2, 105));
  EXPECT_EQ(c.joiner.held(), 1U);
  c.fold(decided(4, 111));  // too long for the reward of 3
  EXPECT_EQ(c.joiner.held(), 0U);
  c.fold(decided(3, 112));
  for (std::uint64_t id = 20; id < 23; ++id) c.fold(rewarded(id, 1));
  EXPECT_EQ(c.joiner.held(), 2U);  // the oldest was dropped
  c.fold(Passed{{300 * kSecond}});
  EXPECT_EQ(c.of(2), 1);
  EXPECT_EQ(c.of(3), 0);
  const auto unknown = static_cast<std::size_t>(Outcome::kUnknownDecision);
  EXPECT_EQ(c.joiner.counts().rewards[unknown], 4U);
}

TEST(JoinerTest, ADecisionAfterItsOwnDeadlineClosesAtOnce) {
  Class c{joiner_of({}, {.early = kMinute})};
  c.fold(decided(1, 1000));
  c.fold(rewarded(2, 5));
  c.fold(decided(2, 10));
  EXPECT_EQ(c.of(2), 5);
  EXPECT_EQ(c.fold(rewarded(2, 5)), Outcome::kLate);
}

TEST(JoinerTest, NothingIsTaughtWithoutARewardWhereNoDefaultIsGiven) {
  Class c{joiner_of({.default_reward = std::nan("")})};
  c.fold(decided(1, 0));
  c.fold(decided(2, 0));
  c.fold(rewarded(2, 1));
  c.fold(Passed{{60 * kSecond}});
  EXPECT_EQ(c.taught.size(), 1U);
}

TEST(JoinerTest, WhoIsForgottenTeachesNothingMore) {
  Class c{joiner_of({})};
  c.fold(decided(1, 0, "one"));
  c.fold(decided(2, 0, "two"));
  c.fold(rewarded(1, 1, "a"));
  c.fold(Forgotten{"one"});
  EXPECT_EQ(c.fold(rewarded(1, 1, "b")), Outcome::kUnknownDecision);
  EXPECT_EQ(c.joiner.waiting(), 2U);  // it keeps its place
  c.fold(Passed{{60 * kSecond}});
  EXPECT_EQ(c.taught.size(), 1U);
  c.fold(Forgotten{"two"});
  EXPECT_EQ(c.fold(rewarded(2, 1)), Outcome::kUnknownDecision);
}

// Against the plain twin, over random histories.
TEST(JoinerTest, JoinsAsThePlainTwin) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const auto history = testing::random_history(seed, {.records = 300, .most_slots = 3});
    for (const Aggregation how : {Aggregation::kSum, Aggregation::kMax, Aggregation::kFirst}) {
      for (const LearnWhen when : {LearnWhen::kJoined, LearnWhen::kImmediately}) {
        const JoinOptions join{
            .deadline = kMinute, .aggregation = how, .learn = when, .default_reward = -7};
        Class c{Joiner({{"p", join}}, {})};
        for (const Record& record : history) c.fold(record);
        c.fold(Passed{{10'000'000 * kSecond}});
        const auto plain = reference::plain_join(history, join);
        ASSERT_EQ(c.taught.size(), plain.size());
        for (const auto& [key, total] : plain) {
          ASSERT_EQ(c.taught.at(key), total.value_or(-7)) << seed << " " << key.first;
        }
      }
    }
  }
}

// Saved and restored anywhere, it goes on as if nothing had happened.
TEST(JoinerTest, RestoredGoesOnAsBefore) {
  const JoinLimits limits{.max_waiting = 20,
                          .max_closed = 30,
                          .max_rewards = 4,
                          .early = Duration{20 * kSecond},
                          .max_held = 5};
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const auto history = testing::random_history(
        seed, {.records = 200, .most_slots = 3, .out_of_order = true, .forgets = "person-2"});
    const LearnWhen when = seed % 2 == 0 ? LearnWhen::kJoined : LearnWhen::kImmediately;
    const std::map<std::string, JoinOptions> options{{"p", {.deadline = kMinute, .learn = when}}};
    Joiner whole(options, limits);
    Joiner parts(options, limits);
    std::vector<Taught> of_whole;
    std::vector<Taught> of_parts;
    for (std::size_t i = 0; i < history.size(); ++i) {
      const auto* reward = std::get_if<Rewarded>(&history[i]);
      const std::string before = whole.save();
      const Outcome outcome = whole.fold(history[i], of_whole);
      if (reward != nullptr) {  // offered, only what counts leaves a trace
        Joiner asked = Joiner::restore(options, limits, before);
        std::vector<Taught> of_asked;
        ASSERT_EQ(asked.offer(*reward, of_asked), outcome);
        const bool kept = outcome == Outcome::kAccepted || outcome == Outcome::kHeld;
        ASSERT_EQ(asked.save(), kept ? whole.save() : before);
      }
      ASSERT_EQ(parts.fold(history[i], of_parts), outcome);
      if (i % 7 == 0) parts = Joiner::restore(options, limits, parts.save());
      ASSERT_EQ(parts.save(), whole.save()) << seed << " " << i;
    }
    ASSERT_EQ(of_whole.size(), of_parts.size());
    for (std::size_t i = 0; i < of_whole.size(); ++i) {
      EXPECT_EQ(of_whole[i].event, of_parts[i].event);
      EXPECT_EQ(of_whole[i].reward, of_parts[i].reward);
      EXPECT_EQ(of_whole[i].back, of_parts[i].back);
      EXPECT_EQ(*of_whole[i].decision, *of_parts[i].decision);
    }
  }
}

TEST(JoinerTest, RestoreTakesNothingForGranted) {
  const std::map<std::string, JoinOptions> options{{"p", {.deadline = kMinute}}};
  Joiner joiner(options, {.early = kMinute});
  std::vector<Taught> lessons;
  for (const Record& record : testing::random_history(3, {.records = 40, .most_slots = 2})) {
    joiner.fold(record, lessons);
  }
  const std::string bytes = joiner.save();
  std::size_t refused = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string other = bytes;
    other[at] = static_cast<char>(other[at] ^ 0x80);
    for (const std::string& broken : {other, bytes.substr(0, at)}) {
      try {
        (void)Joiner::restore(options, {}, broken);
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::kBadData);
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, bytes.size());
  EXPECT_THROW((void)Joiner::restore({}, {}, bytes), Error);  // its policy is not there
}

TEST(JoinerTest, OptionsThatMakeNoSenseAreRefused) {
  const auto refused = [](const JoinOptions& join, const JoinLimits& limits = {}) {
    EXPECT_THROW(Joiner({{"p", join}}, limits), Error);
  };
  refused({.deadline = {0}});
  refused({.default_reward = 2, .least = 0, .most = 1});
  refused({.least = 2, .most = 1});
  refused({.most = 1e7});
  refused({.least = std::nan("")});
  refused({}, {.max_waiting = 0});
  refused({}, {.max_rewards = 0});
  refused({}, {.early = {-1}});
  EXPECT_THROW((void)find_aggregation("mean"), Error);
  EXPECT_THROW((void)find_learn_when("later"), Error);
  EXPECT_EQ(find_aggregation("max"), Aggregation::kMax);
  EXPECT_EQ(find_learn_when("immediately"), LearnWhen::kImmediately);
  for (const auto one : {Aggregation::kSum, Aggregation::kMax, Aggregation::kFirst}) {
    EXPECT_EQ(find_aggregation(aggregation_name(one)), one);
  }
  for (const auto one : {LearnWhen::kJoined, LearnWhen::kImmediately}) {
    EXPECT_EQ(find_learn_when(learn_when_name(one)), one);
  }
}

}  // namespace
}  // namespace penchant::bandits
