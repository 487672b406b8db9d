#include "penchant/bandits/loop.h"

#include <atomic>
#include <cmath>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "bandits/loop_fixture.h"
#include "store/temporary_folder.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/store/log.h"

namespace penchant::bandits {
namespace {

using testing::beliefs;
using testing::Case;
using testing::decided;
using testing::expect_nowhere;
using testing::history_of;
using testing::kMinute;
using testing::kSecond;
using testing::learning_cases;
using testing::play;
using testing::policies;
using testing::random_history;
using testing::rewarded;

class LoopTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::unique_ptr<Loop> open(const Case& c, const LoopOptions& options = {}) const {
    return Loop::open(folder_.path(), policies(c.policy, c.join), options);
  }
  penchant::testing::TemporaryFolder folder_;
};

TEST_F(LoopTest, DecidesLogsIsRewardedAndLearns) {
  const Case c{"", {.kind = PolicyKind::kLinUcb}, {.deadline = kMinute}};
  const auto loop = open(c);
  const std::vector<double> contexts{1, 0, 0, 1};
  const std::vector<std::string_view> arms{"\"a\"", "7", "\"c\""};
  const std::vector<Timestamp> times{{0}};
  const std::vector<std::string_view> subjects{"ann", "ben"};
  const Made made = loop->decide({.policy = "p",
                                  .contexts = {contexts.data(), 2, 2},
                                  .arms = arms,
                                  .slots = 2,
                                  .times = times,
                                  .subjects = subjects,
                                  .placement = "home"});
  ASSERT_EQ(made.id.size(), 2U);
  ASSERT_EQ(made.position.size(), 4U);
  const std::string first(arms[static_cast<std::size_t>(made.position[0])]);
  const std::vector<Rewarded> rewards{{.decision = made.id[0], .arm = first, .value = 1, .id = "x"},
                                      {.decision = made.id[0], .arm = first, .value = 1, .id = "x"},
                                      {.decision = 12345, .value = 1}};
  const std::vector<Outcome> expected{Outcome::kAccepted, Outcome::kDuplicate,
                                      Outcome::kUnknownDecision};
  EXPECT_EQ(loop->reward(rewards), expected);
  EXPECT_EQ(loop->waiting(), 2U);
  loop->pass({60 * kSecond});
  EXPECT_EQ(loop->waiting(), 0U);
  loop->with_policy("p", [&](const Loop::View& view) {
    EXPECT_EQ(view.policy.events(), 4);
    EXPECT_GE(view.arms.find(first), 0);
  });
  std::vector<JoinedSlot> log;
  loop->read_log([&](const JoinedSlot& slot) { log.push_back(slot); });
  ASSERT_EQ(log.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(log[i].decision->id, made.id[i / 2]);
    EXPECT_EQ(log[i].decision->subject, subjects[i / 2]);
    EXPECT_EQ(log[i].decision->slots[i % 2].propensity, made.propensity[i]);
    EXPECT_EQ(log[i].decision->slots[i % 2].arm, arms[static_cast<std::size_t>(made.position[i])]);
    EXPECT_EQ(log[i].decision->candidates, candidates_hash(arms, {}));
    EXPECT_TRUE(log[i].closed);
    EXPECT_EQ(log[i].rewarded, i == 0);
    EXPECT_EQ(log[i].reward, i == 0 ? 1 : 0);
  }
}

// By itself, a decision is what the whole log says of it.
TEST_F(LoopTest, FindsADecisionWithWhatCameOfIt) {
  for (const Case& c : learning_cases()) {
    penchant::testing::TemporaryFolder folder;
    for (const std::filesystem::path& place : {std::filesystem::path(), folder.path()}) {
      auto loop = Loop::open(place, policies(c.policy, c.join), {});
      std::map<std::uint64_t, std::size_t> taken;
      for (const Record& record : random_history(7, history_of(c, 200))) {
        const auto* reward = std::get_if<Rewarded>(&record);
        if (reward == nullptr) {
          play(*loop, record);
        } else if (loop->reward({reward, 1})[0] == Outcome::kAccepted) {
          ++taken[reward->decision];
        }
      }
      if (!place.empty()) {
        loop->snapshot();
        loop.reset();
        loop = Loop::open(place, policies(c.policy, c.join), {});
      }
      std::map<std::uint64_t, std::vector<JoinedSlot>> log;
      loop->read_log([&](const JoinedSlot& one) { log[one.decision->id].push_back(one); });
      ASSERT_GT(log.size(), 40U);
      ASSERT_GT(taken.size(), 5U);
      for (const auto& [id, slots] : log) {
        const auto found = loop->find(id);
        ASSERT_TRUE(found) << c.name;
        EXPECT_EQ(found->rewards.size(), taken[id]) << c.name;
        ASSERT_EQ(found->slots.size(), slots.size()) << c.name;
        for (std::size_t s = 0; s < slots.size(); ++s) {
          const JoinedSlot& one = found->slots[s];
          EXPECT_EQ(*one.decision, *slots[s].decision);
          EXPECT_EQ(one.slot, slots[s].slot);
          EXPECT_EQ(one.rewarded, slots[s].rewarded) << c.name;
          EXPECT_EQ(one.closed, slots[s].closed) << c.name;
          EXPECT_TRUE(one.reward == slots[s].reward ||
                      (std::isnan(one.reward) && std::isnan(slots[s].reward)))
              << c.name;
        }
      }
      EXPECT_FALSE(loop->find(1 << 30));
    }
  }
}

TEST_F(LoopTest, AFolderIsReadWithoutItsPolicies) {
  for (const Case& c : learning_cases()) {
    penchant::testing::TemporaryFolder folder;
    std::vector<JoinedSlot> expected;
    const auto expect_same = [&](const char* when) {
      std::size_t at = 0;
      read_folder(folder.path(), c.join, [&](const JoinedSlot& one) {
        ASSERT_LT(at, expected.size());
        const JoinedSlot& other = expected[at++];
        EXPECT_EQ(*one.decision, *other.decision);
        EXPECT_EQ(one.closed, other.closed) << c.name;
        EXPECT_EQ(one.rewarded, other.rewarded) << c.name;
        EXPECT_TRUE(one.reward == other.reward ||
                    (std::isnan(one.reward) && std::isnan(other.reward)))
            << c.name;
      });
      EXPECT_EQ(at, expected.size()) << c.name << ' ' << when;
    };
    auto loop = Loop::open(folder.path(), policies(c.policy, c.join), {});
    for (const Record& record : random_history(5, history_of(c, 150))) play(*loop, record);
    loop->read_log([&](const JoinedSlot& one) { expected.push_back(one); });
    expect_same("beside the loop");
    loop->pass({1'000'000 * kSecond});  // which goes on
    loop.reset();
    expected.clear();
    loop = Loop::open(folder.path(), policies(c.policy, c.join), {});
    loop->read_log([&](const JoinedSlot& one) { expected.push_back(one); });
    loop.reset();
    expect_same("alone");
  }
  const std::filesystem::path nowhere = folder_.path() / "nowhere";
  EXPECT_THROW(read_folder(nowhere, {}, [](const JoinedSlot&) {}), Error);
  EXPECT_FALSE(std::filesystem::exists(nowhere));
}

TEST_F(LoopTest, ReplayGivesTheSameBitsFromAnySnapshot) {
  for (const Case& c : learning_cases()) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      penchant::testing::TemporaryFolder folder;
      const auto again = [&] { return Loop::open(folder.path(), policies(c.policy, c.join), {}); };
      auto loop = again();
      const auto history = random_history(seed, history_of(c, 160));
      for (std::size_t i = 0; i < history.size(); ++i) {
        play(*loop, history[i]);
        if (i % 50 == 20) loop->snapshot();
        if (i % 50 == 40) {  // opened again: snapshot and tail
          const std::string before = loop->state();
          loop.reset();
          loop = again();
          ASSERT_TRUE(loop->state() == before) << c.name << " " << i;
        }
      }
      const std::string whole = loop->state();
      loop.reset();
      std::filesystem::remove(folder.path() / "loop.snapshot");
      ASSERT_TRUE(again()->state() == whole) << c.name << " " << seed;  // from the start
    }
  }
}

TEST_F(LoopTest, ThreadsDoNotShow) {
  const Case c = learning_cases()[0];
  std::string expected;
  for (const int threads : {1, 2, 8}) {
    const auto loop = Loop::open({}, policies(c.policy, c.join), {.threads = threads});
    auto options = history_of(c, 300);
    options.forgets = "person-2";
    for (const Record& record : random_history(5, options)) play(*loop, record);
    if (threads == 1) expected = loop->state();
    EXPECT_TRUE(loop->state() == expected);
  }
}

std::int64_t learnt(const Loop& loop) {
  std::int64_t events = 0;
  loop.with_policy("p", [&](const Loop::View& view) { events = view.policy.events(); });
  return events;
}

TEST_F(LoopTest, ForgettingLeavesWhatTheOthersTaught) {
  for (const Case& c : learning_cases()) {
    const auto history = random_history(8, history_of(c, 250));
    const penchant::testing::TemporaryFolder folder;
    const penchant::testing::TemporaryFolder other;
    const auto theirs = testing::blanked_log(other.path(), history, {"person-2"});
    ASSERT_GT(theirs.size(), 5U);
    const auto without = Loop::open(other.path(), policies(c.policy, c.join), {});
    const auto again = [&] { return Loop::open(folder.path(), policies(c.policy, c.join), {}); };
    auto loop = again();
    for (std::size_t i = 0; i < history.size(); ++i) {
      play(*loop, history[i]);
      if (i == 120) loop->snapshot();
    }
    EXPECT_GT(learnt(*loop), learnt(*without)) << c.name;
    const auto expect_same = [&](const char* when) {
      EXPECT_EQ(learnt(*loop), learnt(*without)) << c.name << " " << when;
      EXPECT_EQ(beliefs(*loop), beliefs(*without)) << c.name << " " << when;
    };
    EXPECT_EQ(loop->forget("person-2").decisions, theirs.size()) << c.name;
    for (const std::uint64_t id : theirs) EXPECT_FALSE(loop->find(id)) << c.name;
    expect_same("at once");
    const Forgot nothing = loop->forget("person-2");
    EXPECT_EQ(nothing.decisions + nothing.rewards, 0U);
    expect_same("asked again");
    loop.reset();
    loop = again();
    expect_same("from the snapshot");
    loop.reset();
    std::filesystem::remove(folder.path() / "loop.snapshot");
    loop = again();
    expect_same("from the start");
    loop->read_log([&](const JoinedSlot& slot) {
      EXPECT_FALSE(theirs.contains(slot.decision->id));
      EXPECT_NE(slot.decision->subject, "person-2");
    });
    // Everything that waits then closes the same.
    loop->pass({1'000'000 * kSecond});
    without->pass({1'000'000 * kSecond});
    expect_same("when all is closed");
    loop.reset();
    SCOPED_TRACE(c.name);
    expect_nowhere(folder.path(), "person-2");
  }
}

// The process ends between the steps of forgetting: the next opening finishes them.
TEST_F(LoopTest, ForgettingThatWasInterruptedIsFinished) {
  const Case c = learning_cases()[0];
  {
    const auto loop = open(c);
    for (const Record& record : random_history(2, {.records = 120})) play(*loop, record);
    loop->snapshot();
  }
  const auto asked = Loop::open({}, policies(c.policy, c.join), {});
  for (const Record& record : random_history(2, {.records = 120})) play(*asked, record);
  asked->forget("person-1");
  {
    const auto log = store::Log::open(folder_.path());
    const std::string record = encode(Forgotten{"person-1"});
    const std::vector<std::string_view> one{record};
    log->append(one, store::Durability::kPower);
  }
  const auto loop = open(c);
  EXPECT_EQ(beliefs(*loop), beliefs(*asked));
  loop->read_log([&](const JoinedSlot& slot) { EXPECT_NE(slot.decision->subject, "person-1"); });
}

TEST_F(LoopTest, OtherOptionsLearnTheWholeLogAnew) {
  const Case c = learning_cases()[0];
  const auto history = random_history(4, {.records = 200});
  {
    const auto loop = open(c);
    for (const Record& record : history) play(*loop, record);
    loop->snapshot();
  }
  Case other = c;
  other.policy.l2 = 3;
  const auto fresh = Loop::open({}, policies(other.policy, other.join), {});
  for (const Record& record : history) play(*fresh, record);
  EXPECT_EQ(beliefs(*open(other)), beliefs(*fresh));
}

TEST_F(LoopTest, StartsFromWhatAPolicyKnows) {
  auto given = policies({.kind = PolicyKind::kLinUcb}, {.deadline = kMinute});
  const std::vector<double> context{1, 0};
  const std::vector<std::int32_t> arm{0};
  const std::vector<double> reward{5};
  given[0].policy.ensure_arms(1);
  given[0].arms.add("3");
  given[0].policy.update({.contexts = {context.data(), 1, 2}, .arms = arm, .rewards = reward});
  const auto loop = Loop::open({}, std::move(given), {});
  loop->with_policy("p", [](const Loop::View& view) { EXPECT_EQ(view.policy.events(), 1); });
  auto nameless = policies({.kind = PolicyKind::kLinUcb});
  nameless[0].policy.ensure_arms(2);
  EXPECT_THROW((void)Loop::open({}, std::move(nameless), {}), Error);
}

TEST_F(LoopTest, IdsAreNewInEveryOpening) {
  const Case c = learning_cases()[0];
  std::set<std::uint64_t> ids;
  for (int opening = 0; opening < 4; ++opening) {
    const auto loop = open(c);
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(ids.insert(loop->new_id()).second);
    if (opening == 1) loop->snapshot();
  }
  EXPECT_LT(*ids.rbegin(), std::uint64_t{1} << 53);
}

TEST_F(LoopTest, RefusesWhatMakesNoSenseAndChangesNothing) {
  const Case c = learning_cases()[0];
  const auto loop = open(c);
  loop->log_decisions(std::vector<Decided>{decided(1, 1)});
  const std::string before = loop->state();
  const auto refused = [&](ErrorKind kind, auto&& act) {
    try {
      act();
      ADD_FAILURE() << "nothing was thrown";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), kind) << error.what();
    }
    EXPECT_TRUE(loop->state() == before);
  };
  const auto log = [&](const Decided& one) { loop->log_decisions({&one, 1}); };
  const auto bad = ErrorKind::kInvalidArgument;
  refused(bad, [&] { log(decided(1, 2)); });
  Decided other = decided(2, 2);
  other.context = {1};
  refused(bad, [&] { log(other); });
  other.context = {1, 5000};
  refused(bad, [&] { log(other); });
  other = decided(2, 2);
  other.policy = "q";
  refused(ErrorKind::kNotFound, [&] { log(other); });
  refused(bad, [&] { loop->log_decisions(std::vector<Decided>{decided(3, 2), decided(3, 2)}); });
  refused(bad, [&] {
    (void)loop->reward(std::vector<Rewarded>{rewarded(1, 1), rewarded(1, std::nan(""))});
  });
  refused(bad, [&] { loop->forget(""); });
  refused(bad, [&] { loop->pass({}); });
  const std::vector<double> context{1, 0};
  const std::vector<std::string_view> arms{"1", "2"};
  refused(bad, [&] {
    (void)loop->decide({.policy = "p", .contexts = {context.data(), 1, 2}, .arms = arms});
  });
  EXPECT_THROW((void)Loop::open({}, {}, {}), Error);
  auto twice = policies(c.policy);
  twice.push_back(std::move(policies(c.policy)[0]));
  EXPECT_THROW((void)Loop::open({}, std::move(twice), {}), Error);
  JoinOptions join{.learn = LearnWhen::kImmediately};
  EXPECT_THROW(
      (void)Loop::open({}, policies({.kind = PolicyKind::kGreedy, .discount = 0.5}, join), {}),
      Error);
}

// A lesson that the policy can't take (products of context and attributes beyond its range) is left
// out, the same way whenever the log is replayed.
TEST_F(LoopTest, WhatThePolicyRefusesIsLeftOut) {
  const auto make = [] {
    std::vector<LoopPolicy> out;
    out.push_back({.name = "p",
                   .policy = Policy({.kind = PolicyKind::kGreedy,
                                     .model = ModelKind::kShared,
                                     .dimension = 2,
                                     .arm_dimension = 1}),
                   .join = {.deadline = kMinute}});
    return out;
  };
  std::string state;
  {
    const auto loop = Loop::open(folder_.path(), make(), {});
    for (std::uint64_t id = 1; id <= 3; ++id) {
      Decided one = decided(id, 1);
      one.context = {id == 2 ? 2000.0 : 1.0, 0};
      one.slots[0].features = {id == 2 ? 2000.0 : 1.0};
      loop->log_decisions({&one, 1});
    }
    loop->pass({61 * kSecond});
    loop->with_policy("p", [](const Loop::View& view) { EXPECT_EQ(view.policy.events(), 2); });
    state = loop->state();
  }
  EXPECT_TRUE(Loop::open(folder_.path(), make(), {})->state() == state);
}

TEST_F(LoopTest, SnapshotsByItself) {
  const Case c = learning_cases()[0];
  const auto loop = open(c, {.snapshot_every = 10});
  for (std::uint64_t id = 1; id <= 12; ++id)
    loop->log_decisions(std::vector<Decided>{decided(id, 1)});
  EXPECT_TRUE(std::filesystem::exists(folder_.path() / "loop.snapshot"));
}

// Many who decide, many who reward, one who snapshots and reads: nothing is lost, and the log
// replays to the same bits. Built with ThreadSanitizer, it also finds races.
TEST_F(LoopTest, ManyAtOnce) {
  const Case c = learning_cases()[1];
  std::string state;
  constexpr int kThreads = 3;
  constexpr int kRounds = 60;
  {
    const auto loop = open(c);
    std::atomic<int> accepted{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        const std::vector<double> context{1.0 * t, 0.5};
        const std::vector<std::string_view> arms{"1", "2", "3"};
        for (int i = 0; i < kRounds; ++i) {
          const std::vector<Timestamp> times{{i * kSecond / 10}};
          const Made made = loop->decide(
              {.policy = "p", .contexts = {context.data(), 1, 2}, .arms = arms, .times = times});
          const std::vector<Rewarded> rewards{rewarded(made.id[0], 1, "x")};
          if (loop->reward(rewards)[0] == Outcome::kAccepted) ++accepted;
        }
      });
    }
    for (int i = 0; i < 5; ++i) {
      loop->snapshot();
      (void)beliefs(*loop);
      loop->read_log([](const JoinedSlot&) {});
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(accepted, kThreads * kRounds);
    EXPECT_EQ(loop->counts().decisions, static_cast<std::uint64_t>(kThreads * kRounds));
    state = loop->state();
  }
  EXPECT_TRUE(open(c)->state() == state);
}

}  // namespace
}  // namespace penchant::bandits
