#include <algorithm>
#include <random>

#include "reference/plain_events.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/events/deduplicator.h"
#include "penchant/events/lateness.h"

namespace penchant::events {
namespace {

using reference::Arrival;

std::vector<Arrival> arrivals(std::mt19937& random, std::size_t count) {
  std::vector<Arrival> out;
  for (std::size_t i = 0; i < count; ++i) {
    const auto time = static_cast<std::int64_t>(random() % 1000);
    // One id has one time; long ids have memory of their own.
    out.push_back(
        {"an-event-id-of-some-length-" + std::to_string(time) + "/" + std::to_string(random() % 3),
         time});
  }
  return out;
}

TEST(DeduplicatorTest, TellsNewFromSeenExactly) {
  Deduplicator seen({.horizon = Duration{100}});
  EXPECT_EQ(seen.fold("a", {10}), Seen::kNew);
  EXPECT_EQ(seen.fold("a", {10}), Seen::kDuplicate);
  EXPECT_EQ(seen.fold("", {10}), Seen::kNew);
  EXPECT_EQ(seen.fold("", {10}), Seen::kNew);
  EXPECT_EQ(seen.fold("b", {110}), Seen::kNew);
  EXPECT_EQ(seen.fold("a", {10}), Seen::kDuplicate);  // on the edge of the horizon
  EXPECT_EQ(seen.fold("c", {111}), Seen::kNew);
  EXPECT_EQ(seen.fold("a", {10}), Seen::kUnknown);
  EXPECT_EQ(seen.size(), 2U);
  EXPECT_THROW(Deduplicator({.horizon = Duration{-1}}), Error);
  EXPECT_THROW(Deduplicator({.max_ids = 0}), Error);
  EXPECT_THROW(seen.fold("x", {}), Error);
}

TEST(DeduplicatorTest, HoldsWhatTheTwinHoldsInAnyOrder) {
  std::mt19937 random(5);
  for (int round = 0; round < 60; ++round) {
    const DeduplicatorOptions options{
        .horizon = Duration{static_cast<std::int64_t>(random() % 400)},
        .max_ids = 1 + random() % 300,
        .seed = random()};
    std::vector<Arrival> all = arrivals(random, 500);
    const auto expected = reference::kept_ids(all, options.horizon.micros, options.max_ids);
    std::string state;
    for (int order = 0; order < 3; ++order) {
      std::shuffle(all.begin(), all.end(), random);
      Deduplicator seen(options);
      for (const Arrival& one : all) {
        const Seen told = seen.classify(one.id, {one.time});
        ASSERT_EQ(seen.fold(one.id, {one.time}), told);
      }
      ASSERT_EQ(seen.size(), expected.size());
      for (const auto& [time, id] : expected) {
        ASSERT_EQ(seen.classify(id, {time}), Seen::kDuplicate);
      }
      ASSERT_TRUE(order == 0 || seen.save() == state);
      state = seen.save();
      ASSERT_LE(seen.bytes(), 4096 + 400 * options.max_ids);
    }
    Deduplicator back = Deduplicator::restore(options, state);
    ASSERT_EQ(back.save(), state);
  }
}

// Every id is new at most once while it can be told.
TEST(DeduplicatorTest, NeverTakesTwiceNorDropsOnce) {
  std::mt19937 random(6);
  Deduplicator seen({.horizon = Duration{200}, .max_ids = 50});
  std::set<std::string> taken;
  for (const Arrival& one : arrivals(random, 5000)) {
    const Seen told = seen.fold(one.id, {one.time});
    ASSERT_TRUE(told != Seen::kNew || taken.insert(one.id).second) << one.id;
    ASSERT_TRUE(told != Seen::kDuplicate || taken.contains(one.id)) << one.id;
  }
}

TEST(DeduplicatorTest, TakesNoStateForGranted) {
  Deduplicator seen({.horizon = Duration{100}, .max_ids = 3});
  for (const char* id : {"a", "b", "c", "d", "e"}) seen.fold(id, {id[0] - 'a' + 10});
  const std::string state = seen.save();
  const DeduplicatorOptions options{.horizon = Duration{100}, .max_ids = 3};
  EXPECT_EQ(Deduplicator::restore(options, state).save(), state);
  EXPECT_EQ(Deduplicator::restore(options, state).classify("a", {10}), Seen::kUnknown);
  std::mt19937 random(8);
  for (int round = 0; round < 5000; ++round) {
    std::string changed = state;
    changed[random() % changed.size()] ^= static_cast<char>(1 << random() % 8);
    changed.resize(random() % 4 == 0 ? random() % (changed.size() + 1) : changed.size());
    try {
      Deduplicator other = Deduplicator::restore(options, changed);
      ASSERT_EQ(other.save(), changed);
      other.fold("z", {1000});
    } catch (const Error& error) {
      ASSERT_EQ(error.kind(), ErrorKind::kBadData);
    }
  }
}

TEST(LatePolicyTest, ClassifiesAgainstTheWatermark) {
  LatePolicy policy(Duration{60});
  EXPECT_FALSE(policy.watermark().known());
  EXPECT_EQ(policy.fold({100}, {}), Timeliness::kOnTime);
  EXPECT_EQ(policy.fold({100}, {}), Timeliness::kOnTime);
  EXPECT_EQ(policy.fold({99}, {}), Timeliness::kLate);
  EXPECT_EQ(policy.fold({40}, {}), Timeliness::kLate);
  EXPECT_EQ(policy.fold({39}, {}), Timeliness::kTooLate);
  EXPECT_EQ(policy.watermark(), Timestamp{40});
  // A clock that is fast moves nobody's watermark.
  EXPECT_EQ(policy.fold({5000}, {120}), Timeliness::kOnTime);
  EXPECT_EQ(policy.latest(), Timestamp{120});
  EXPECT_THROW(LatePolicy(Duration{-1}), Error);
}

}  // namespace
}  // namespace penchant::events
