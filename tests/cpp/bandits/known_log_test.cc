// A policy that learnt from a log is not taught the same again where the log goes on.

#include "bandits/loop_fixture.h"
#include "store/temporary_folder.h"
#include <gtest/gtest.h>

#include "penchant/bandits/loop.h"
#include "penchant/base/error.h"

namespace penchant::bandits {
namespace {

using testing::beliefs;
using testing::Case;
using testing::learning_cases;
using testing::play;
using testing::policies;
using testing::random_history;

class KnownLogTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::filesystem::path place(const std::string& name) const {
    return folder_.path() / name;
  }

 private:
  penchant::testing::TemporaryFolder folder_;
};

// The policies of a loop as they are, for another to be opened with.
std::vector<LoopPolicy> taken_along(const Loop& loop, const JoinOptions& join) {
  std::vector<LoopPolicy> out;
  const auto position = loop.at_rest([&](const std::string& name, const Loop::View& view) {
    out.push_back({.name = name, .policy = view.policy.clone(), .arms = view.arms, .join = join});
  });
  for (LoopPolicy& one : out) one.knows = position;
  return out;
}

std::vector<LoopPolicy> copies(const std::vector<LoopPolicy>& policies) {
  std::vector<LoopPolicy> out;
  for (const LoopPolicy& one : policies) {
    out.push_back({.name = one.name,
                   .policy = one.policy.clone(),
                   .arms = one.arms,
                   .join = one.join,
                   .knows = one.knows});
  }
  return out;
}

std::int64_t learnt(const Loop& loop) {
  std::int64_t out = 0;
  loop.with_policy("p", [&](const Loop::View& view) { out = view.policy.events(); });
  return out;
}

void expect_near(const std::vector<double>& a, const std::vector<double>& b, double most,
                 const std::string& what) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], most) << what << ' ' << i;
}

void play_all(Loop& loop, const std::vector<Record>& history, std::size_t from, std::size_t to) {
  for (std::size_t i = from; i < to; ++i) play(loop, history[i]);
}

TEST_F(KnownLogTest, IsNotTaughtAgain) {
  std::size_t place_number = 0;
  for (const Case& c : learning_cases()) {
    const std::filesystem::path folder = place(std::to_string(place_number++));
    const auto history = random_history(21, testing::history_of(c, 200));
    std::vector<LoopPolicy> along;
    std::vector<double> expected;
    std::int64_t events = 0;
    {
      const auto loop = Loop::open(folder, policies(c.policy, c.join), {});
      play_all(*loop, history, 0, 120);
      along = taken_along(*loop, c.join);  // decisions wait, and later rewards change totals
      play_all(*loop, history, 120, history.size());
      expected = beliefs(*loop);
      events = learnt(*loop);
    }
    std::vector<LoopPolicy> twice = copies(along);
    for (LoopPolicy& one : twice) one.knows = {};  // what happens without a position
    {
      const auto again = Loop::open(folder, std::move(along), {.snapshot_every = 50});
      EXPECT_EQ(beliefs(*again), expected) << c.name;
      EXPECT_EQ(learnt(*again), events) << c.name;
      along = taken_along(*again, c.join);
    }
    {  // of its end, from the snapshot or not
      const auto end = Loop::open(folder, std::move(along), {});
      EXPECT_EQ(beliefs(*end), expected) << c.name;
    }
    if (c.policy.kind == PolicyKind::kLogisticTs) continue;  // which knows its events by their ids
    EXPECT_GT(learnt(*Loop::open(folder, std::move(twice), {})), events) << c.name;
  }
}

// A person, and then another: what a policy knew of the first before does not come back.
TEST_F(KnownLogTest, IsForgotten) {
  for (const Case& c : learning_cases()) {
    const auto history = random_history(22, testing::history_of(c, 200));
    const std::filesystem::path folder = place(c.name);
    (void)testing::blanked_log(place(c.name + ", without"), history, {"person-2", "person-3"});
    const auto without = Loop::open(place(c.name + ", without"), policies(c.policy, c.join), {});
    std::vector<LoopPolicy> along;
    {
      const auto loop = Loop::open(folder, policies(c.policy, c.join), {});
      play_all(*loop, history, 0, 150);
      along = taken_along(*loop, c.join);
    }
    auto again = Loop::open(folder, copies(along), {});
    play_all(*again, history, 150, history.size());
    const std::int64_t all = learnt(*again);
    EXPECT_GT(again->forget("person-2").decisions, 0U) << c.name;
    again.reset();
    again = Loop::open(folder, copies(along), {});
    EXPECT_GT(again->forget("person-3").decisions, 0U) << c.name;
    if (c.policy.discount < 1) continue;  // what has faded can't be told from its sums
    EXPECT_LT(learnt(*again), all) << c.name;
    EXPECT_EQ(learnt(*again), learnt(*without)) << c.name;
    if (c.policy.kind == PolicyKind::kLogisticTs) continue;  // its own term is gone, no more
    expect_near(beliefs(*again), beliefs(*without), c.exact ? 0 : 0.04, c.name);
  }
}

TEST_F(KnownLogTest, OfAnotherFolderSaysNothingOfThisOne) {
  const Case c = learning_cases().front();
  const auto history = random_history(23, testing::history_of(c, 100));
  std::vector<LoopPolicy> along;
  {
    const auto loop = Loop::open(place("one"), policies(c.policy, c.join), {});
    play_all(*loop, history, 0, history.size());
    along = taken_along(*loop, c.join);
  }
  const store::LogPosition position = along.front().knows;
  std::vector<double> known;
  {
    const auto other = Loop::open(place("other"), std::move(along), {});
    known = beliefs(*other);
    play_all(*other, history, 0, history.size());
    EXPECT_NE(beliefs(*other), known);
  }
  // An older copy of the folder ends before what is known of it.
  std::vector<LoopPolicy> beyond = policies(c.policy, c.join);
  beyond.front().knows = {.log = position.log, .through = position.through + 100};
  try {
    (void)Loop::open(place("one"), std::move(beyond), {});
    ADD_FAILURE() << "it was opened";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kBadData);
    EXPECT_NE(std::string(error.what()).find("older copy"), std::string::npos) << error.what();
  }
}

TEST_F(KnownLogTest, StaysKnownWhereTheLogIsKeptShort) {
  for (const Case& c : learning_cases()) {
    const std::filesystem::path folder = place(c.name);
    const LoopOptions short_one{.keep = {.age = Duration{150 * testing::kSecond}},
                                .snapshot_every = 40};
    const auto history = random_history(24, testing::history_of(c, 300));
    std::vector<LoopPolicy> along;
    std::vector<double> expected;
    {
      const auto loop = Loop::open(folder, policies(c.policy, c.join), short_one);
      play_all(*loop, history, 0, history.size());
      EXPECT_GT(loop->dropped().decisions, 0U) << c.name;
      along = taken_along(*loop, c.join);
      expected = beliefs(*loop);
    }
    const auto again = Loop::open(folder, std::move(along), short_one);
    EXPECT_EQ(beliefs(*again), expected) << c.name;
    again->snapshot();
    EXPECT_EQ(beliefs(*again), expected) << c.name;
  }
}

}  // namespace
}  // namespace penchant::bandits
