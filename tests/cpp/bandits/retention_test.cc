// A log that is kept short must not show in anything that is learnt.

#include <csignal>
#include <fstream>
#include <set>

#include "bandits/loop_fixture.h"
#include "store/temporary_folder.h"
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "penchant/bandits/loop.h"
#include "penchant/base/error.h"
#include "penchant/store/log.h"

namespace penchant::bandits {
namespace {

namespace fs = std::filesystem;

using testing::beliefs;
using testing::Case;
using testing::decided;
using testing::expect_nowhere;
using testing::kMinute;
using testing::kSecond;
using testing::learning_cases;
using testing::play;
using testing::policies;
using testing::random_history;
using testing::rewarded;

constexpr LoopOptions kShort{.keep = {.age = Duration{150 * kSecond}}};

std::unique_ptr<Loop> open(const fs::path& folder, const Case& c, const LoopOptions& options) {
  return Loop::open(folder, policies(c.policy, c.join), options);
}

struct Row {
  Decided decision;
  std::uint32_t slot = 0;
  bool rewarded = false;
  bool closed = false;
  std::string reward{};  // as text, since NaN is not NaN

  friend bool operator==(const Row&, const Row&) = default;
};

Row row_of(const JoinedSlot& one) {
  return {*one.decision, one.slot, one.rewarded, one.closed, std::to_string(one.reward)};
}

std::vector<Row> log_of(const Loop& loop) {
  std::vector<Row> out;
  loop.read_log([&](const JoinedSlot& one) { out.push_back(row_of(one)); });
  return out;
}

std::size_t decisions_of(const std::vector<Row>& rows) {
  std::set<std::uint64_t> ids;
  for (const Row& row : rows) ids.insert(row.decision.id);
  return ids.size();
}

class RetentionTest : public ::testing::Test {
 protected:
  [[nodiscard]] fs::path place(std::string_view name) const { return folder_.path() / name; }

 private:
  penchant::testing::TemporaryFolder folder_;
};

// In memory, as in notebooks.
TEST_F(RetentionTest, WhatIsLearntDoesNotShowWhatWasDropped) {
  for (const Case& c : learning_cases()) {
    const auto short_one = open({}, c, kShort);
    const auto long_one = open({}, c, {});
    const auto history = random_history(11, testing::history_of(c, 250));
    for (std::size_t i = 0; i < history.size(); ++i) {
      play(*short_one, history[i]);
      play(*long_one, history[i]);
      if (i % 25 == 10) short_one->snapshot();
      if (i % 10 == 0) {
        ASSERT_TRUE(short_one->state() == long_one->state()) << c.name;
      }
    }
    const std::vector<Row> all = log_of(*long_one);
    const std::vector<Row> left = log_of(*short_one);
    ASSERT_GT(left.size(), 5U) << c.name;
    ASSERT_LT(left.size(), all.size() / 2) << c.name;
    EXPECT_TRUE(std::equal(left.rbegin(), left.rend(), all.rbegin())) << c.name;
    EXPECT_FALSE(short_one->find(all.front().decision.id));
    EXPECT_TRUE(short_one->find(all.back().decision.id));
  }
}

// People go while records go: whatever the loop is opened from, it is the same.
TEST_F(RetentionTest, ForgettingAndDroppingMix) {
  for (const Case& c : learning_cases()) {
    const fs::path kept = place("kept-" + c.name);
    auto options = testing::history_of(c, 130);
    options.forgets = "person-4";
    const auto history = random_history(19, options);
    auto loop = open(kept, c, kShort);
    for (std::size_t i = 0; i < history.size(); ++i) {
      play(*loop, history[i]);
      if (i % 40 == 20) loop->snapshot();
      if (i % 40 != 30) continue;
      const std::string state = loop->state();
      const std::vector<double> said = beliefs(*loop);
      loop.reset();
      loop = open(kept, c, kShort);
      ASSERT_TRUE(loop->state() == state) << c.name << i;
      loop.reset();
      fs::remove(kept / "loop.snapshot");
      loop = open(kept, c, kShort);
      const std::vector<double> again = beliefs(*loop);
      for (std::size_t b = 0; b < said.size(); ++b) {
        ASSERT_NEAR(again[b], said[b], c.exact ? 0 : 1e-7) << c.name << i;
      }
    }
    EXPECT_GT(loop->dropped().records, 50U) << c.name;
  }
}

TEST_F(RetentionTest, StatesAreEqualToTheBit) {
  for (const Case& c : learning_cases()) {
    const fs::path kept = place("kept-" + c.name);
    const fs::path whole = place("whole-" + c.name);
    auto short_one = open(kept, c, kShort);
    auto long_one = open(whole, c, {});
    const auto history = random_history(12, testing::history_of(c, 180));
    for (std::size_t i = 0; i < history.size(); ++i) {
      play(*short_one, history[i]);
      play(*long_one, history[i]);
      if (i % 25 == 10) short_one->snapshot();
      if (i % 60 == 40) {
        short_one.reset();
        long_one.reset();
        if (i > 120) fs::remove(kept / "loop.snapshot");
        short_one = open(kept, c, kShort);
        long_one = open(whole, c, {});
      }
      if (i % 10 == 0) {
        ASSERT_TRUE(short_one->state() == long_one->state()) << c.name << i;
      }
    }
    ASSERT_TRUE(short_one->state() == long_one->state()) << c.name;
    const Dropped dropped = short_one->dropped();
    EXPECT_GT(dropped.records, 80U) << c.name;
    EXPECT_TRUE(dropped.until.known());
    const std::vector<Row> all = log_of(*long_one);
    const std::vector<Row> left = log_of(*short_one);
    EXPECT_TRUE(std::equal(left.rbegin(), left.rend(), all.rbegin())) << c.name;
    EXPECT_EQ(decisions_of(left) + dropped.decisions, decisions_of(all)) << c.name;
    EXPECT_FALSE(short_one->find(all.front().decision.id));
    EXPECT_TRUE(short_one->find(all.back().decision.id));
    // Read by itself, the folder says the same.
    short_one.reset();
    std::vector<Row> read;
    EXPECT_EQ(
        read_folder(kept, c.join, [&](const JoinedSlot& one) { read.push_back(row_of(one)); }),
        dropped);
    if (c.policy.kind != PolicyKind::kBetaThompson && c.policy.kind != PolicyKind::kLogisticTs) {
      EXPECT_TRUE(read == left) << c.name;  // those clip rewards by themselves
    }
  }
}

// Copies of a folder as the end of the process would have left it at each step of a snapshot.
TEST_F(RetentionTest, ASnapshotThatIsInterruptedAnywhereLosesNothing) {
  for (const Case& c : learning_cases()) {
    const fs::path live = place("live-" + c.name);
    const fs::path before = place("before-" + c.name);
    const fs::path after = place("after-" + c.name);
    const auto copy = [](const fs::path& from, const fs::path& to) {
      fs::remove_all(to);
      fs::copy(from, to, fs::copy_options::recursive);
    };
    const auto history = random_history(13, testing::history_of(c, 130));
    std::string state;
    {
      const auto loop = open(live, c, kShort);
      for (std::size_t i = 0; i < history.size(); ++i) {
        play(*loop, history[i]);
        if (i == 90) loop->snapshot();
      }
      ASSERT_GT(loop->dropped().records, 0U);
      state = loop->state();
      copy(live, before);
      loop->snapshot();
      copy(live, after);
    }
    const fs::path at = place("at-" + c.name);
    for (const int step : {0, 1, 2, 3, 4}) {
      copy(step == 4 ? after : before, at);
      if (step == 1) std::ofstream(at / "loop.snapshot.torn") << "half of it";
      if (step >= 2)
        fs::copy_file(after / "loop.snapshot", at / "loop.snapshot",
                      fs::copy_options::overwrite_existing);
      if (step >= 3)
        fs::copy_file(after / "base.snapshot", at / "base.snapshot",
                      fs::copy_options::overwrite_existing);
      auto loop = open(at, c, kShort);
      ASSERT_TRUE(loop->state() == state) << c.name << " step " << step;
      loop->snapshot();
      loop.reset();
      fs::remove(at / "loop.snapshot");
      loop = open(at, c, kShort);
      ASSERT_TRUE(loop->state() == state) << c.name << " step " << step;
    }
  }
}

// The same for real, at a moment that nobody chose.
TEST_F(RetentionTest, SurvivesSigkill) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "ThreadSanitizer ends a fork that starts threads";
#endif
  const Case c = learning_cases()[1];
  const auto history = random_history(14, {.records = 350});
  for (int round = 0; round < 3; ++round) {
    const fs::path folder = place("killed-" + std::to_string(round));
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(ends[0]);
      LoopOptions options = kShort;
      options.snapshot_every = 3;
      const auto loop = open(folder, c, options);
      for (const Record& record : history) {
        play(*loop, record);
        if (::write(ends[1], "x", 1) != 1) ::_exit(1);
      }
      for (;;) ::pause();
    }
    ::close(ends[1]);
    char one = 0;
    std::size_t played = 0;
    const std::size_t enough = 80 + 90 * static_cast<std::size_t>(round);
    while (played < enough && ::read(ends[0], &one, 1) == 1) ++played;
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    while (::read(ends[0], &one, 1) == 1) ++played;
    ::close(ends[0]);
    const auto loop = open(folder, c, kShort);
    EXPECT_GT(loop->dropped().records, 0U);
    const std::string state = loop->state();
    const auto whole = open(place("whole-" + std::to_string(round)), c, {});
    bool found = false;
    for (std::size_t i = 0; i < history.size() && !found; ++i) {
      play(*whole, history[i]);
      if (i + 1 >= played) found = whole->state() == state;
    }
    EXPECT_TRUE(found) << "after " << played;
  }
}

// The records of a history as they would lie in a log, without loops between.
void write_log(const fs::path& folder, const std::vector<Record>& history) {
  const auto log = store::Log::open(folder);
  std::vector<std::string> records;
  for (const Record& record : history) records.push_back(encode(record));
  const std::vector<std::string_view> views(records.begin(), records.end());
  log->append(views, store::Durability::kPower);
}

TEST_F(RetentionTest, ForgettingTakesBackWhatTheKeptLogTaught) {
  for (const Case& c : learning_cases()) {
    const fs::path kept = place("kept-" + c.name);
    const fs::path other = place("other-" + c.name);
    std::vector<Record> history = random_history(15, testing::history_of(c, 260));
    write_log(kept, history);
    constexpr LoopOptions kLonger{.keep = {.age = Duration{900 * kSecond}}};
    auto loop = open(kept, c, kLonger);
    loop->snapshot();
    const std::uint64_t cut = loop->dropped().records;
    ASSERT_GT(cut, 100U);
    ASSERT_LT(cut, history.size());
    // Another log, in which their decisions that were still open at the cut, or came after it, were
    // blank from the start.
    Joiner joiner({{"p", c.join}}, {});
    std::vector<Taught> lessons;
    for (std::size_t i = 0; i < cut; ++i) joiner.fold(history[i], lessons);
    std::set<std::uint64_t> theirs;
    std::size_t shown = 0;
    for (std::size_t i = 0; i < history.size(); ++i) {
      if (const auto* one = std::get_if<Decided>(&history[i])) {
        if (one->subject != "person-2" || (i < cut && !joiner.waits(one->id))) continue;
        if (i >= cut) ++shown;
        theirs.insert(one->id);
        history[i] = Blanked{.id = one->id,
                             .time = one->time,
                             .policy = one->policy,
                             .slots = static_cast<std::uint32_t>(one->slots.size())};
      } else if (const auto* reward = std::get_if<Rewarded>(&history[i])) {
        if (theirs.contains(reward->decision)) {
          history[i] = Rewarded{.decision = reward->decision};
        }
      }
    }
    ASSERT_GT(shown, 1U) << c.name;
    write_log(other, history);
    const auto without = open(other, c, {});
    EXPECT_EQ(loop->forget("person-2").decisions, shown) << c.name;
    const auto expect_same = [&](const char* when) {
      const std::vector<double> ours = beliefs(*loop);
      const std::vector<double> expected = beliefs(*without);
      const bool follows =  // what was learnt in between leans on what was taken back
          c.policy.kind == PolicyKind::kLogisticTs && c.join.learn == LearnWhen::kImmediately;
      for (std::size_t i = 0; i < ours.size(); ++i) {
        if (c.exact) {
          ASSERT_EQ(ours[i], expected[i]) << c.name << " " << when;
        } else {
          ASSERT_NEAR(ours[i], expected[i], follows ? 0.1 : 1e-7) << c.name << " " << when;
        }
      }
    };
    expect_same("at once");
    loop.reset();
    loop = open(kept, c, kLonger);
    expect_same("from the snapshot");
    loop.reset();
    fs::remove(kept / "loop.snapshot");
    loop = open(kept, c, kLonger);
    expect_same("from the base");
    loop->pass({1'000'000 * kSecond});
    without->pass({1'000'000 * kSecond});
    expect_same("when all is closed");
    loop.reset();
    SCOPED_TRACE(c.name);
    expect_nowhere(kept, "person-2");
  }
}

TEST_F(RetentionTest, KeepsSoManyBytes) {
  const Case c = learning_cases()[0];
  constexpr std::uint64_t kMost = 6'000;
  const auto loop = open(place("kept"), c, {.keep = {.bytes = kMost}});
  const auto whole = open(place("whole"), c, {});
  std::uint64_t last = 0;
  for (const Record& record : random_history(16, {.records = 300})) {
    play(*loop, record);
    play(*whole, record);
    if (++last % 20 != 0) continue;
    loop->snapshot();
    EXPECT_TRUE(loop->state() == whole->state());
  }
  const auto rows = log_of(*loop);
  std::uint64_t bytes = 0;
  for (const Row& row : rows) bytes += encode(row.decision).size();
  EXPECT_LT(bytes, kMost);
  EXPECT_GT(bytes, kMost / 4);
  EXPECT_GT(loop->dropped().bytes, kMost);
  EXPECT_EQ(decisions_of(rows) + loop->dropped().decisions, decisions_of(log_of(*whole)));
}

// A new policy starts from what is kept, and no id is given twice.
TEST_F(RetentionTest, OtherOptionsLearnWhatIsKept) {
  const Case c = learning_cases()[0];
  Case other = c;
  other.policy.l2 = 3;
  const auto history = random_history(17, {.records = 200});
  write_log(place("kept"), history);
  std::uint64_t given = 0;
  std::uint64_t cut = 0;
  {
    const auto loop = open(place("kept"), c, kShort);
    loop->snapshot();
    given = loop->new_id();
    cut = loop->dropped().records;
    ASSERT_GT(cut, 50U);
  }
  write_log(place("tail"), {history.begin() + static_cast<std::ptrdiff_t>(cut), history.end()});
  const auto fresh = open(place("tail"), other, {});
  for (const LoopOptions& options : {LoopOptions{}, kShort, kShort}) {
    const auto loop = open(place("kept"), other, options);
    EXPECT_EQ(beliefs(*loop), beliefs(*fresh));
    EXPECT_GE(loop->dropped().records, cut);
    EXPECT_GT(loop->new_id(), given);
    given = loop->new_id();
    loop->snapshot();
    EXPECT_EQ(beliefs(*loop), beliefs(*fresh));
  }
  // Back again: the old options' snapshot is gone, so they learn what is kept as well.
  const auto loop = open(place("kept"), c, {});
  write_log(place("again"), {history.begin() + static_cast<std::ptrdiff_t>(cut), history.end()});
  EXPECT_EQ(beliefs(*loop), beliefs(*open(place("again"), c, {})));
}

TEST_F(RetentionTest, RefusesWhatDoesNotFitTogether) {
  const Case c = learning_cases()[0];
  EXPECT_THROW((void)open(place("kept"), c, {.keep = {.age = Duration{30 * kSecond}}}), Error);
  write_log(place("kept"), random_history(18, {.records = 200}));
  open(place("kept"), c, kShort)->snapshot();
  const auto refused = [&](const char* name) {
    try {
      (void)open(place("kept"), c, kShort);
      ADD_FAILURE() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kBadData) << error.what();
      EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << error.what();
    }
  };
  const fs::path base = place("kept") / "base.snapshot";
  const fs::path away = place("base");
  fs::rename(base, away);
  refused("base.snapshot");
  std::ofstream(base) << "none of ours";
  refused("base");
  fs::remove(base);
  fs::rename(away, base);
  (void)open(place("kept"), c, kShort);
  // A base of a longer log.
  write_log(place("short"), {decided(1, 1)});
  fs::copy_file(base, place("short") / "base.snapshot");
  EXPECT_THROW((void)open(place("short"), c, kShort), Error);
}

}  // namespace
}  // namespace penchant::bandits
