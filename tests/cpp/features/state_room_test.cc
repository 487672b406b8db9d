// Sums that leave 64 bits: a state refuses just those events that a fold over all would, and what
// it refused has never been.

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/features/state.h"

namespace penchant::features {
namespace {

constexpr std::int32_t kSubjects = 3;
constexpr std::int32_t kItems = 6;

const char* const kPlan = R"({
  "types": ["buy"], "numbers": ["price"], "item_codes": ["category"],
  "filters": [{"types": [0]}], "values": [{"factors": [0]}],
  "features": [
    {"name": "own", "kind": "sum", "filter": 0, "value": 0, "by": ["subject"]},
    {"name": "lines", "kind": "count", "filter": 0, "by": ["item"]},
    {"name": "last", "kind": "recency", "filter": 0, "by": ["item"], "unit": 1},
    {"name": "of_category", "kind": "sum", "filter": 0, "value": 0, "by": ["attribute"],
     "by_attribute": 0, "window": 20},
    {"name": "faded", "kind": "decayed", "filter": 0, "value": 0, "by": ["item"], "half_life": 4},
    {"name": "high", "kind": "highest", "filter": 0, "value": 0, "by": []},
    {"name": "all", "kind": "sum", "filter": 0, "value": 0, "by": []}
  ]})";

struct Bought {
  std::int64_t time = 0;
  std::int32_t subject = 0;
  std::int32_t item = 0;
  std::int64_t price = 0;
};

State nothing() {
  static const auto plan = std::make_shared<const Plan>(Plan::from_json(kPlan));
  ItemTable table;
  table.items = kItems;
  table.codes = {{{0, 1, 0, 1, 0, -1}, 2}};
  return {plan, std::move(table)};
}

// Whether they were taken.
bool take(State& state, const std::vector<Bought>& all, bool in = true) {
  std::vector<std::int64_t> times;
  std::vector<std::int32_t> subjects;
  std::vector<std::int32_t> items;
  std::vector<std::int64_t> prices;
  for (const Bought& one : all) {
    times.push_back(one.time);
    subjects.push_back(one.subject);
    items.push_back(one.item);
    prices.push_back(one.price);
  }
  const std::vector<std::uint16_t> types(all.size(), 0);
  const EventBatch batch{times, types, subjects, items, {prices}, {}};
  try {
    if (in) {
      state.replay(batch, 1);
    } else {
      state.remove(batch);
    }
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kBadData);
    return false;
  }
  return true;
}

std::vector<std::uint64_t> answers(const State& state) {
  std::vector<std::int64_t> times;
  std::vector<std::int32_t> subjects;
  std::vector<std::int32_t> items;
  for (std::int64_t t = 0; t <= 66; t += 3) {
    for (std::int32_t i = 0; i < kItems; ++i) {
      times.push_back(t);
      subjects.push_back(i % kSubjects);
      items.push_back(i);
    }
  }
  std::vector<std::vector<double>> columns(state.plan().features().size(),
                                           std::vector<double>(times.size()));
  std::vector<double*> out;
  for (auto& column : columns) out.push_back(column.data());
  state.read({times, subjects, items}, 1, out);
  std::vector<std::uint64_t> bits;
  for (const auto& column : columns) {
    for (const double x : column) bits.push_back(std::bit_cast<std::uint64_t>(x));
  }
  return bits;
}

class Room : public testing::TestWithParam<unsigned> {
 protected:
  std::int64_t below(std::int64_t end) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(end));
  }
  Bought bought() {
    constexpr std::array<std::int64_t, 6> kPrices = {1'000'000,
                                                     4'000'000'000'000'000'000,
                                                     9'000'000'000'000'000'000,
                                                     30'000'000'000'000'000,
                                                     20'000'000'000'000'000,
                                                     kNoNumber};
    const std::int64_t price = kPrices[static_cast<std::size_t>(below(kPrices.size()))];
    const bool back = price != kNoNumber && below(5) < 2;
    return {below(60), static_cast<std::int32_t>(below(kSubjects)),
            static_cast<std::int32_t>(below(kItems)), back ? -price : price};
  }
  // What a fold over them all says, in the order of their times.
  static bool fits(const std::vector<Bought>& all) {
    State fresh = nothing();
    return take(fresh, all);
  }

  std::mt19937 random_{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Seeds, Room, testing::Range(0U, 12U));

TEST_P(Room, AnEventGoesIntoAllSumsOrIntoNone) {
  std::vector<Bought> in;
  State base = nothing();
  while (in.size() < 8) {
    const Bought one = bought();
    if (take(base, {one})) in.push_back(one);
  }
  const bool over = GetParam() % 2 == 1;
  std::optional<State> upper;
  if (over) upper = State::over(base);
  State& state = over ? *upper : base;
  int refused = 0;
  for (int turn = 0; turn < 120; ++turn) {
    const auto before = answers(state);
    std::vector<Bought> then = in;
    bool taken = false;
    if (below(4) == 0) {
      const auto at = static_cast<std::ptrdiff_t>(below(static_cast<std::int64_t>(in.size())));
      const Bought one = in[static_cast<std::size_t>(at)];
      // Of equal ones at a time the last that came.
      const auto same = [&](const Bought& other) {
        return other.time == one.time && other.subject == one.subject && other.item == one.item;
      };
      if (std::ranges::count_if(in, same) > 1) continue;
      then.erase(then.begin() + at);
      taken = take(state, {one}, false);
      EXPECT_EQ(taken, fits(then));
    } else {
      std::vector<Bought> some(1 + static_cast<std::size_t>(below(3)));
      for (Bought& one : some) one = bought();
      // A batch is taken in the order of its times.
      std::ranges::stable_sort(some, {}, &Bought::time);
      // Each has to fit when it comes.
      bool each = true;
      for (const Bought& one : some) {
        then.push_back(one);
        each = each && fits(then);
      }
      taken = take(state, some);
      EXPECT_EQ(taken, each);
    }
    if (!taken) {
      ++refused;
      ASSERT_EQ(answers(state), before) << turn;
      EXPECT_EQ(state.rows(), in.size());
      continue;
    }
    in = then;
    State fresh = nothing();
    ASSERT_TRUE(take(fresh, in));
    ASSERT_EQ(answers(state), answers(fresh)) << turn;
    if (in.size() < 4) break;
  }
  EXPECT_GT(refused, 10);
}

TEST(Room, WhatIsRefusedAtOnceLeavesAnEmptyState) {
  State state = nothing();
  const Bought much{3, 0, 0, 9'000'000'000'000'000'000};
  EXPECT_FALSE(take(state, {much, much}));
  EXPECT_EQ(state.rows(), 0U);
  EXPECT_EQ(answers(state), answers(nothing()));
  EXPECT_TRUE(take(state, {{5, 1, 1, 2'000'000}}));
  State other = nothing();
  EXPECT_TRUE(take(other, {{5, 1, 1, 2'000'000}}));
  EXPECT_EQ(answers(state), answers(other));
}

}  // namespace
}  // namespace penchant::features
