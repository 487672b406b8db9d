// What a thread remembers of keys never outlives what it was found in.

#include "penchant/features/key_memory.h"

#include <bit>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "penchant/features/state.h"

namespace penchant::features {
namespace {

using Span = KeyMemory::Span;

void keep(KeyMemory& memory, std::int32_t key, std::uint32_t edition, Span span,
          std::uint64_t first) {
  memory.keep(
      key, edition, span, 2,
      [&](std::size_t p) { return static_cast<std::uint32_t>(10 * first + p); },
      [&](std::size_t w) { return first + w; });
}

TEST(KeyMemory, HoldsBetweenItsTimesForItsEdition) {
  KeyMemory memory(100, 3, 2);
  EXPECT_EQ(memory.find(7, 0, 0), nullptr);
  EXPECT_EQ(memory.place(7, 0), KeyMemory::kNone);
  keep(memory, 7, 4, {10, 20}, 5);
  for (const std::int64_t time : {10, 21}) EXPECT_EQ(memory.find(7, 4, time), nullptr);
  EXPECT_EQ(memory.find(7, 3, 15), nullptr);
  EXPECT_EQ(memory.find(8, 4, 15), nullptr);
  for (const std::int64_t time : {11, 20}) {
    const std::uint64_t* const words = memory.find(7, 4, time);
    ASSERT_NE(words, nullptr);
    EXPECT_EQ(words[0], 5U);
    EXPECT_EQ(words[1], 6U);
  }
  // Places are a guess, whatever has changed.
  for (std::size_t p = 0; p < 3; ++p) EXPECT_EQ(memory.place(7, p), 50 + p);
}

TEST(KeyMemory, AKeyTakesThePlaceOfAnother) {
  KeyMemory memory(std::size_t{1} << 40, 1, 2);
  const auto other = static_cast<std::int32_t>(3 + KeyMemory::kMostKeys);
  keep(memory, 3, 0, {0, 9}, 1);
  keep(memory, other, 0, {0, 9}, 2);
  EXPECT_EQ(memory.find(3, 0, 5), nullptr);
  EXPECT_EQ(memory.place(3, 0), KeyMemory::kNone);
  ASSERT_NE(memory.find(other, 0, 5), nullptr);
  EXPECT_EQ(*memory.find(other, 0, 5), 2U);
}

TEST(KeyMemory, WithoutRoomNothingIsRemembered) {
  KeyMemory memory(0, 2, 2);
  EXPECT_FALSE(memory.remembers());
  memory.prefetch(3);
  keep(memory, 3, 0, {0, 9}, 1);
  EXPECT_EQ(memory.find(3, 0, 5), nullptr);
  EXPECT_EQ(memory.place(3, 1), KeyMemory::kNone);
}

// --- a thread that reads on while a state changes ------------------------------------------------

constexpr std::int32_t kSubjects = 5;
constexpr std::int32_t kItems = 40;

const char* const kPlan = R"({
  "types": ["view", "buy"], "numbers": ["price"], "codes": ["order"], "item_codes": ["category"],
  "filters": [{"types": [0]}, {"types": [1]}, {"types": [0, 1]}], "values": [{"factors": [0]}],
  "features": [
    {"name": "views", "kind": "count", "filter": 0, "by": ["item"]},
    {"name": "lately", "kind": "count", "filter": 0, "by": ["item"], "window": 30},
    {"name": "latest", "kind": "count", "filter": 1, "by": ["item"], "window": 7},
    {"name": "known", "kind": "known", "filter": 2, "value": 0, "by": ["attribute"], "by_attribute": 0, "window": 12},
    {"name": "spent", "kind": "sum", "filter": 1, "value": 0, "by": ["attribute"], "by_attribute": 0, "window": 20},
    {"name": "high", "kind": "highest", "filter": 2, "value": 0, "by": ["item"]},
    {"name": "low", "kind": "lowest", "filter": 2, "value": 0, "by": ["item"], "window": 25},
    {"name": "orders", "kind": "distinct", "filter": 1, "code": 0, "by": [], "window": 40},
    {"name": "since", "kind": "recency", "filter": 1, "by": ["item"], "window": 50, "unit": 3},
    {"name": "age", "kind": "first_seen", "filter": 0, "by": ["item"], "unit": 2},
    {"name": "span", "kind": "span", "filter": 2, "by": ["item"], "unit": 5},
    {"name": "faded", "kind": "decayed", "filter": 0, "by": ["item"], "half_life": 6},
    {"name": "worth", "kind": "decayed", "filter": 1, "value": 0, "by": ["attribute"], "by_attribute": 0, "half_life": 9},
    {"name": "late", "kind": "count", "filter": 2, "by": ["item"], "window": 30, "lag": 5},
    {"name": "day", "kind": "sum", "filter": 2, "value": 0, "by": ["item"], "window": 30, "bucket": 10},
    {"name": "own", "kind": "count", "filter": 2, "by": ["subject"], "window": 60}
  ]})";

struct Row {
  std::int64_t time = 0;
  std::uint16_t type = 0;
  std::int32_t subject = 0;
  std::int32_t item = 0;
  std::int64_t price = 0;
  std::int32_t order = 0;
};

State nothing() {
  static const auto plan = std::make_shared<const Plan>(Plan::from_json(kPlan));
  ItemTable table;
  table.items = kItems;
  table.codes.resize(1);
  table.codes[0].values = 6;
  for (std::int32_t i = 0; i < kItems; ++i) table.codes[0].of_item.push_back(i % 7 - 1);
  return {plan, std::move(table)};
}

void change(State& state, const Row& row, bool in) {
  const EventBatch batch{{&row.time, 1}, {&row.type, 1},    {&row.subject, 1},
                         {&row.item, 1}, {{&row.price, 1}}, {{&row.order, 1}}};
  if (in) {
    state.replay(batch, 1);
  } else {
    state.remove(batch);
  }
}

class Reading : public testing::TestWithParam<unsigned> {
 protected:
  std::int64_t below(std::int64_t end) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(end));
  }
  Row row(std::int64_t now) {
    return {.time = now - below(80),
            .type = static_cast<std::uint16_t>(below(2)),
            .subject = static_cast<std::int32_t>(below(kSubjects)),
            .item = static_cast<std::int32_t>(below(kItems) * below(kItems) / kItems),
            .price = below(4) == 0 ? kNoNumber : below(50) * 10'000,
            .order = static_cast<std::int32_t>(below(12))};
  }
  // All features of a request's candidates, to the bit what who remembers nothing reads.
  void check(const State& state, std::int64_t now, ReadScratch& scratch) {
    const std::vector<std::int64_t> times(90, now);
    const std::vector<std::int32_t> subjects(90, static_cast<std::int32_t>(below(kSubjects)));
    std::vector<std::int32_t> items;
    while (items.size() < 90) items.push_back(static_cast<std::int32_t>(below(kItems + 1)) - 1);
    const std::size_t features = state.plan().features().size();
    std::vector<std::vector<double>> columns(features, std::vector<double>(90));
    std::vector<std::vector<double>> expected = columns;
    std::vector<double*> out;
    std::vector<double*> wanted;
    for (std::size_t f = 0; f < features; ++f) {
      out.push_back(columns[f].data());
      wanted.push_back(expected[f].data());
    }
    state.read({times, subjects, items}, out, scratch);
    state.read({times, subjects, items}, 1, wanted);
    for (std::size_t f = 0; f < features; ++f) {
      for (std::size_t i = 0; i < 90; ++i) {
        ASSERT_EQ(std::bit_cast<std::uint64_t>(columns[f][i]),
                  std::bit_cast<std::uint64_t>(expected[f][i]))
            << state.plan().features()[f].name << " of item " << items[i] << " at " << now;
      }
    }
  }

  std::mt19937 random_{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Seeds, Reading, testing::Range(0U, 8U));

TEST_P(Reading, SeesWhatHappenedSinceItLastLooked) {
  State base = nothing();
  std::int64_t now = 1'000;
  for (int i = 0; i < 300; ++i) change(base, row(now - below(300)), true);
  const bool over = GetParam() % 2 == 1;
  std::optional<State> upper;
  if (over) upper = State::over(base);
  State& state = over ? *upper : base;
  ReadScratch scratch;
  std::vector<Row> added;
  for (int turn = 0; turn < 200; ++turn) {
    check(state, now, scratch);
    switch (below(4)) {
      case 0:
        now += below(3);
        break;
      case 1:
        now -= below(20);
        break;
      case 2:
        if (added.empty()) break;
        change(state, added.back(), false);
        added.pop_back();
        break;
      default:
        added.push_back(row(now));
        change(state, added.back(), true);
    }
    now += static_cast<std::int64_t>(turn % 50 == 49) * 40;
  }
}

// Another state where one was is another, though plan, items and how often it changed are the same.
TEST_P(Reading, AnotherStateInTheSamePlaceIsNotTheOneBefore) {
  std::optional<State> state;
  ReadScratch scratch;
  for (int turn = 0; turn < 6; ++turn) {
    state = nothing();
    check(*state, 1'000, scratch);
    // All at once, into what was seen empty.
    std::vector<std::int64_t> times;
    std::vector<std::uint16_t> types;
    std::vector<std::int32_t> subjects;
    std::vector<std::int32_t> items;
    std::vector<std::int64_t> prices;
    std::vector<std::int32_t> orders;
    for (int i = 0; i < 200; ++i) {
      const Row one = row(1'000);
      times.push_back(one.time);
      types.push_back(one.type);
      subjects.push_back(one.subject);
      items.push_back(one.item);
      prices.push_back(one.price);
      orders.push_back(one.order);
    }
    const EventBatch all{times, types, subjects, items, {prices}, {orders}};
    state->replay(all, 1);
    check(*state, 1'000, scratch);
    State other = nothing();
    other.replay(all, 1);
    change(other, row(1'000), true);
    change(*state, row(1'000), true);
    check(*state, 1'000, scratch);
    *state = std::move(other);
    check(*state, 1'000, scratch);
  }
}

}  // namespace
}  // namespace penchant::features
