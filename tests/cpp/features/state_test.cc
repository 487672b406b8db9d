#include "penchant/features/state.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/features/series.h"

namespace penchant::features {
namespace {

// Every kind of feature over every kind of key.
const char* const kPlan = R"({
  "types": ["view", "buy", "*"], "numbers": ["price"], "codes": ["order"],
  "item_codes": ["category"], "item_numbers": ["list_price"], "subject_codes": ["country"],
  "segments": ["keen", "rich"],
  "filters": [{"types": [0]}, {"types": [1], "conditions": [{"number": 0, "compare": ">", "limit": 0}]}],
  "values": [{"factors": [0]}, {"factors": [0, 0]}],
  "features": [
    {"name": "views", "kind": "count", "filter": 0, "by": ["subject"]},
    {"name": "bought", "kind": "count", "filter": 1, "by": ["subject", "item"], "window": 50},
    {"name": "known", "kind": "known", "filter": 0, "value": 0, "by": ["item"]},
    {"name": "spent", "kind": "sum", "filter": 1, "value": 0, "by": ["subject"], "window": 40},
    {"name": "square", "kind": "sum", "filter": 1, "value": 1, "by": ["attribute"], "by_attribute": 0},
    {"name": "low", "kind": "lowest", "filter": 0, "value": 0, "by": []},
    {"name": "high", "kind": "highest", "filter": 1, "value": 0, "by": ["item"], "window": 70},
    {"name": "orders", "kind": "distinct", "filter": 1, "code": 0, "by": ["subject"], "window": 60},
    {"name": "things", "kind": "distinct", "filter": 0, "code": 1, "by": ["subject"]},
    {"name": "since", "kind": "recency", "filter": 1, "by": ["subject", "attribute"], "by_attribute": 0, "unit": 1},
    {"name": "age", "kind": "first_seen", "filter": 0, "by": ["item"], "unit": 1},
    {"name": "span", "kind": "span", "filter": 0, "by": ["subject"], "unit": 1},
    {"name": "faded", "kind": "decayed", "filter": 0, "by": ["item"], "half_life": 3},
    {"name": "worth", "kind": "decayed", "filter": 1, "value": 0, "by": ["subject"], "half_life": 30},
    {"name": "last", "kind": "last_code", "filter": 0, "code": 1, "by": ["subject"], "rank": 1},
    {"name": "top", "kind": "top_code", "filter": 1, "attribute": 0, "by": ["subject"]},
    {"name": "price", "kind": "item_number", "attribute": 0},
    {"name": "category", "kind": "item_code", "attribute": 0},
    {"name": "hour", "kind": "hour"}, {"name": "weekday", "kind": "weekday"},
    {"name": "at_home", "kind": "count", "filter": 0, "by": ["group"], "by_group": 0, "window": 70},
    {"name": "home_item", "kind": "count", "filter": 1, "by": ["group", "item"], "by_group": 0},
    {"name": "home_spent", "kind": "sum", "filter": 0, "value": 0, "by": ["group", "attribute"],
     "by_group": 0, "by_attribute": 0, "window": 90},
    {"name": "home_faded", "kind": "decayed", "filter": 0, "by": ["group", "item"], "by_group": 0,
     "half_life": 30},
    {"name": "home_things", "kind": "distinct", "filter": 0, "code": 1, "by": ["group", "attribute"],
     "by_group": 0, "by_attribute": 0, "window": 60},
    {"name": "of_keen", "kind": "count", "filter": 0, "by": ["group"], "by_group": 1, "window": 70},
    {"name": "keen_item", "kind": "count", "filter": 1, "by": ["group", "item"], "by_group": 1},
    {"name": "keen_spent", "kind": "sum", "filter": 0, "value": 0, "by": ["group", "attribute"],
     "by_group": 1, "by_attribute": 0, "window": 90},
    {"name": "rich_high", "kind": "highest", "filter": 1, "value": 0, "by": ["group", "item"],
     "by_group": 2, "window": 80},
    {"name": "rich_things", "kind": "distinct", "filter": 0, "code": 0, "by": ["group"],
     "by_group": 2, "window": 60},
    {"name": "rich_late", "kind": "decayed", "filter": 1, "value": 1, "by": ["group", "item"],
     "by_group": 2, "half_life": 30, "lag": 7},
    {"name": "ratio", "kind": "formula", "formula": [{"feature": 0}, {"feature": 7}, 1.0, "+", "/"]}
  ]})";

constexpr std::size_t kItems = 9;

ItemTable items() {
  ItemTable table;
  table.items = kItems;
  table.codes = {{{0, 1, 2, 0, 1, 2, 0, -1, 1}, 3}};
  table.numbers = {{1, 2, 3, 4, 5, 6, 7, 8, 9}};
  return table;
}

// Of all subjects but the last, who came later.
SubjectTable people() { return {{SubjectTable::Codes::of({0, 1, kNoCode, 1})}}; }

// Keen: many views, or one a short while ago; rich: something spent in 40 microseconds.
const char* const kRules = R"({"columns": [{"feature": 0}, {"feature": 3}],
  "segments": [{"name": "other", "rule": [true]},
               {"name": "rich", "rule": [{"column": 1, "compare": ">", "bound": 2.5}]},
               {"name": "keen", "rule": [{"column": 0, "compare": ">=", "bound": 4},
                                         {"column": 1, "compare": ">", "bound": 0}, "or"]}]})";

std::shared_ptr<const Plan> plan() { return std::make_shared<const Plan>(Plan::from_json(kPlan)); }

std::shared_ptr<const SegmentRules> rules() {
  return std::make_shared<const SegmentRules>(SegmentRules::from_json(kRules, *plan()));
}

struct Log {
  std::vector<std::int64_t> times;
  std::vector<std::uint16_t> types;
  std::vector<std::int32_t> subjects;
  std::vector<std::int32_t> items;
  std::vector<std::int64_t> prices;
  std::vector<std::int32_t> orders;

  explicit Log(std::size_t rows, unsigned seed, bool distinct_times) {
    std::mt19937 random(seed);
    const auto below = [&](int end) {
      return static_cast<int>(random() % static_cast<unsigned>(end));
    };
    for (std::size_t i = 0; i < rows; ++i) {
      times.push_back(distinct_times ? static_cast<std::int64_t>(i) : below(120));
      types.push_back(static_cast<std::uint16_t>(below(3)));
      subjects.push_back(below(6) - 1);
      items.push_back(below(kItems + 1) - 1);
      prices.push_back(below(8) == 0 ? kNoNumber : (below(2000) - 500) * 10'000LL);
      orders.push_back(below(20) - 1);
    }
  }

  [[nodiscard]] EventBatch batch(std::size_t first, std::size_t count) const {
    const auto part = [&](const auto& column) { return std::span(column).subspan(first, count); };
    return {part(times), part(types), part(subjects), part(items), {part(prices)}, {part(orders)}};
  }

  void shuffle(unsigned seed) {
    std::vector<std::size_t> order(times.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::shuffle(order.begin(), order.end(), std::mt19937(seed));
    const auto apply = [&](auto& column) {
      auto copy = column;
      for (std::size_t i = 0; i < order.size(); ++i) column[i] = copy[order[i]];
    };
    apply(times);
    apply(types);
    apply(subjects);
    apply(items);
    apply(prices);
    apply(orders);
  }
};

// The bits of all features at many points.
std::vector<std::uint64_t> answers(const State& state, int threads = 1) {
  std::vector<std::int64_t> times;
  std::vector<std::int32_t> subjects;
  std::vector<std::int32_t> asked;
  for (std::int64_t t = 0; t < 300; t += 7) {
    for (std::int32_t s = -1; s < 6; ++s) {
      for (std::int32_t i = -1; i < static_cast<std::int32_t>(kItems); ++i) {
        times.push_back(t);
        subjects.push_back(s);
        asked.push_back(i);
      }
    }
  }
  std::vector<std::vector<double>> columns(state.plan().features().size(),
                                           std::vector<double>(times.size()));
  std::vector<double*> out;
  for (auto& column : columns) out.push_back(column.data());
  state.read({times, subjects, asked}, threads, out);
  std::vector<std::uint64_t> bits;
  for (const auto& column : columns) {
    for (const double x : column) {
      bits.push_back(std::isnan(x) ? 0x7ff8000000000000ULL : std::bit_cast<std::uint64_t>(x));
    }
  }
  return bits;
}

// What stays of many rows is what would be there without those that went.
TEST(State, RowsThatAreTakenOutWereNeverIn) {
  for (unsigned seed = 0; seed < 8; ++seed) {
    const bool ties = seed % 2 == 1;
    const Log log(200, seed, !ties);
    std::vector<std::size_t> gone;
    for (std::size_t i = 0; i < 200; ++i) {
      if ((i * 7 + seed) % 3 != 0) gone.push_back(i);
    }
    // Of rows of one time the last goes first, as what came last is taken back first.
    if (ties) {
      std::ranges::reverse(gone);
    } else {
      std::shuffle(gone.begin(), gone.end(), std::mt19937(seed));
    }
    State state(plan(), items(), people(), rules());
    State other(plan(), items(), people(), rules());
    for (std::size_t i = 0; i < 200; ++i) {
      if (std::ranges::find(gone, i) == gone.end()) other.replay(log.batch(i, 1), 1);
    }
    for (std::size_t i = 0; i < 200; ++i) {
      if (ties && std::ranges::find(gone, i) != gone.end()) continue;
      state.replay(log.batch(i, 1), 1);
    }
    if (ties) {
      for (std::size_t i = gone.size(); i-- > 0;) state.replay(log.batch(gone[i], 1), 1);
    }
    for (const std::size_t i : gone) state.remove(log.batch(i, 1));
    EXPECT_EQ(state.rows(), other.rows());
    EXPECT_EQ(answers(state), answers(other)) << "seed " << seed;
    // And again, so that room that was left is used.
    for (const std::size_t i : gone) {
      state.replay(log.batch(i, 1), 1);
      state.remove(log.batch(i, 1));
    }
    EXPECT_EQ(answers(state), answers(other));
  }
}

TEST(State, OneBatchOrManyInAnyOrderAreTheSame) {
  for (unsigned seed = 0; seed < 8; ++seed) {
    Log log(200, seed, true);
    State once(plan(), items(), people(), rules());
    once.replay(log.batch(0, 200), 1);
    const auto expected = answers(once);
    log.shuffle(seed);
    State slowly(plan(), items(), people(), rules());
    for (std::size_t i = 0; i < 200; ++i) slowly.replay(log.batch(i, 1), 1);
    EXPECT_EQ(answers(slowly), expected) << seed;
    State halves(plan(), items(), people(), rules());
    halves.replay(log.batch(0, 120), 2);
    halves.replay(log.batch(120, 80), 2);
    EXPECT_EQ(answers(halves), expected) << seed;
  }
}

TEST(State, ThreadsDoNotShow) {
  const Log log(20'000, 1, false);
  State one(plan(), items(), people(), rules());
  one.replay(log.batch(0, 20'000), 1);
  const auto expected = answers(one);
  for (const int threads : {2, 8}) {
    State many(plan(), items(), people(), rules());
    many.replay(log.batch(0, 20'000), threads);
    EXPECT_EQ(answers(many, threads), expected);
  }
}

TEST(State, OverAnotherIsWhatOneOfAllEventsIs) {
  Log log(1'600, 7, true);
  State all(plan(), items(), people(), rules());
  all.replay(log.batch(0, 1'600), 1);
  const auto expected = answers(all);
  log.shuffle(7);
  State base(plan(), items(), people(), rules());
  base.replay(log.batch(0, 1'400), 1);
  const auto before = answers(base);
  State over = State::over(base);
  EXPECT_EQ(answers(over), before);
  EXPECT_LT(over.bytes(), base.bytes() / 20);
  for (std::size_t i = 1'400; i < 1'600; ++i) over.replay(log.batch(i, 1), 1);
  EXPECT_EQ(over.rows(), 1600U);
  EXPECT_EQ(answers(over), expected);
  EXPECT_EQ(answers(base), before);
  // And back.
  for (std::size_t i = 1'600; i-- > 1'400;) over.remove(log.batch(i, 1));
  EXPECT_EQ(over.rows(), 1400U);
  EXPECT_EQ(answers(over), before);
}

TEST(State, OneScratchReadsManyStates) {
  Log log(300, 9, true);
  State a(plan(), items(), people(), rules());
  State b(plan(), items(), people(), rules());
  a.replay(log.batch(0, 300), 1);
  b.replay(log.batch(100, 150), 1);
  const std::vector<std::int64_t> times(40, 280);
  std::vector<std::int32_t> subjects;
  std::vector<std::int32_t> asked;
  for (std::int32_t i = 0; i < 40; ++i) {
    subjects.push_back(i % 5);
    asked.push_back(i % static_cast<std::int32_t>(kItems));
  }
  const std::size_t features = a.plan().features().size();
  std::vector<std::vector<double>> columns(features, std::vector<double>(40));
  std::vector<std::vector<double>> expected = columns;
  std::vector<double*> out;
  std::vector<double*> wanted;
  for (std::size_t f = 0; f < features; ++f) {
    out.push_back(f == 2 ? nullptr : columns[f].data());
    wanted.push_back(expected[f].data());
  }
  ReadScratch scratch;
  for (const State* state : {&a, &b, &a}) {
    state->read({times, subjects, asked}, out, scratch);
    state->read({times, subjects, asked}, 1, wanted);
    for (std::size_t f = 0; f < features; ++f) {
      for (std::size_t i = 0; f != 2 && i < 40; ++i) {
        const bool both = std::isnan(columns[f][i]) && std::isnan(expected[f][i]);
        EXPECT_TRUE(both || columns[f][i] == expected[f][i]) << f << ' ' << i;
      }
    }
  }
}

// Lists of candidates are read in the order of their times, several a block or one in several.
TEST(State, ListsInAnyOrderAreWhatEachIsAlone) {
  const Log log(5'000, 4, false);
  State state(plan(), items(), people(), rules());
  state.replay(log.batch(0, 5'000), 1);
  std::mt19937 random(4);
  std::vector<std::int64_t> times;
  std::vector<std::int32_t> subjects;
  std::vector<std::int32_t> asked;
  std::vector<std::size_t> begins{0};
  for (const std::size_t length : {100U, 1U, 256U, 257U, 700U, 40U, 90U, 100U, 3U, 120U}) {
    times.insert(times.end(), length, static_cast<std::int64_t>(random() % 150));
    subjects.insert(subjects.end(), length, static_cast<std::int32_t>(random() % 7) - 1);
    for (std::size_t i = 0; i < length; ++i) {
      asked.push_back(static_cast<std::int32_t>(random() % (kItems + 1)) - 1);
    }
    begins.push_back(times.size());
  }
  const std::size_t features = state.plan().features().size();
  const auto read = [&](std::size_t first, std::size_t end, int threads) {
    std::vector<std::vector<double>> columns(features, std::vector<double>(end - first));
    std::vector<double*> out;
    for (auto& column : columns) out.push_back(column.data());
    out[3] = nullptr;  // not wanted
    const auto part = [&](const auto& all) { return std::span(all).subspan(first, end - first); };
    state.read({part(times), part(subjects), part(asked)}, threads, out);
    return columns;
  };
  for (const int threads : {1, 2, 8}) {
    const auto together = read(0, times.size(), threads);
    for (std::size_t run = 0; run + 1 < begins.size(); ++run) {
      const auto alone = read(begins[run], begins[run + 1], 1);
      for (std::size_t f = 0; f < features; ++f) {
        for (std::size_t i = 0; i < alone[f].size(); ++i) {
          const double x = together[f][begins[run] + i];
          const bool both = std::isnan(x) && std::isnan(alone[f][i]);
          ASSERT_TRUE(both ||
                      std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(alone[f][i]))
              << run << ' ' << f << ' ' << i;
        }
      }
    }
  }
}

// Of events in any order, each is of who its subject was just before it; found out anew for each.
TEST(State, KeysBySegmentsAreOfWhoPeopleWereThen) {
  for (unsigned seed = 0; seed < 6; ++seed) {
    Log log(150, seed, seed % 2 == 0);
    State state(plan(), items(), people(), rules());
    log.shuffle(seed);
    state.replay(log.batch(0, 50), 1);
    for (std::size_t i = 50; i < 150; ++i) state.replay(log.batch(i, 1), 1);
    std::size_t of_keen = 0;
    while (state.plan().features()[of_keen].name != "of_keen") ++of_keen;
    const auto keen_at = [&](std::int32_t subject, std::int64_t time) {
      std::size_t seen = 0;
      double spent = 0;
      for (std::size_t r = 0; r < 150; ++r) {
        if (log.subjects[r] != subject || subject < 0 || log.times[r] >= time) continue;
        if (log.types[r] == 0) ++seen;
        const bool counts = log.types[r] == 1 && log.prices[r] > 0 && log.times[r] >= time - 40;
        if (counts) spent += static_cast<double>(log.prices[r]) / kUnit;
      }
      return seen >= 4 || spent > 0;
    };
    std::size_t members = 0;
    for (std::int64_t time = 3; time < 170; time += 5) {
      for (std::int32_t subject = -1; subject < 6; ++subject) {
        const bool keen = keen_at(subject, time);
        members += keen ? 1 : 0;
        double wanted = 0;
        for (std::size_t r = 0; r < 150; ++r) {
          const bool in = log.times[r] < time && log.times[r] >= time - 70 && log.types[r] == 0;
          if (!in || log.subjects[r] < 0) continue;
          wanted += keen_at(log.subjects[r], log.times[r]) == keen ? 1 : 0;
        }
        const std::int32_t item = 0;
        std::vector<double> values(state.plan().features().size());
        std::vector<double*> out;
        for (double& value : values) out.push_back(&value);
        state.read({{&time, 1}, {&subject, 1}, {&item, 1}}, 1, out);
        ASSERT_EQ(values[of_keen], wanted) << seed << ' ' << time << ' ' << subject;
      }
    }
    EXPECT_GT(members, 50U);
  }
}

// What a request says comes out as it went in, in blocks and lists of any kind.
TEST(State, ContextsAreWhatPointsSay) {
  const auto asked = std::make_shared<const Plan>(Plan::from_json(R"({
    "types": ["view"], "contexts": [{"name": "distance"}, {"name": "device", "is": "phone"}],
    "filters": [{"types": [0]}],
    "features": [
      {"name": "near", "kind": "context", "context": 0},
      {"name": "views", "kind": "count", "filter": 0, "by": ["item"]},
      {"name": "phone", "kind": "context", "context": 1},
      {"name": "sum", "kind": "formula", "formula": [{"feature": 0}, {"feature": 2}, "+"]}
    ]})"));
  ItemTable table;
  table.items = kItems;
  const State state(asked, table);
  constexpr std::size_t kPoints = 3'000;
  std::mt19937 random(5);
  for (const std::size_t list :
       {1U, 100U}) {  // points as they come, and lists that are put in order
    std::vector<std::int64_t> times;
    std::vector<std::int32_t> subjects;
    std::vector<std::int32_t> items;
    std::vector<double> distance;
    std::vector<double> phone;
    for (std::size_t i = 0; i < kPoints; ++i) {
      times.push_back(i % list == 0 ? static_cast<std::int64_t>(random() % 100) : times.back());
      subjects.push_back(static_cast<std::int32_t>(i / list));
      items.push_back(static_cast<std::int32_t>(i % kItems));
      distance.push_back(static_cast<double>(random() % 1000));
      phone.push_back(static_cast<double>(random() % 2));
    }
    const std::vector<std::span<const double>> said{distance, phone};
    std::vector<std::vector<double>> columns(4, std::vector<double>(kPoints));
    const std::vector<double*> out{columns[0].data(), nullptr, columns[2].data(),
                                   columns[3].data()};
    state.read({times, subjects, items, said}, 2, out);
    EXPECT_EQ(columns[0], distance);
    EXPECT_EQ(columns[2], phone);
    for (std::size_t i = 0; i < kPoints; ++i) {
      ASSERT_EQ(columns[3][i], distance[i] + phone[i]);
    }
    state.read({times, subjects, items}, 1, out);
    EXPECT_TRUE(std::ranges::all_of(columns[2], [](double x) { return std::isnan(x); }));
    EXPECT_THROW(state.read({times, subjects, items, std::span(said).first(1)}, 1, out), Error);
    const std::vector<std::span<const double>> shorter{distance, std::span(phone).first(9)};
    EXPECT_THROW(state.read({times, subjects, items, shorter}, 1, out), Error);
  }
}

TEST(State, RefusesColumnsThatDoNotFit) {
  State state(plan(), items(), people(), rules());
  Log log(10, 1, true);
  EventBatch events = log.batch(0, 10);
  events.codes.clear();
  EXPECT_THROW(state.replay(events, 1), Error);
  log.items[3] = kItems;
  EXPECT_THROW(state.replay(log.batch(0, 10), 1), Error);
  log.items[3] = 0;
  log.types[3] = 3;
  EXPECT_THROW(state.replay(log.batch(0, 10), 1), Error);
  log.types[3] = 0;
  log.times[3] = std::numeric_limits<std::int64_t>::max();
  EXPECT_THROW(state.replay(log.batch(0, 10), 1), Error);
  EXPECT_EQ(state.rows(), 0U);
  EXPECT_THROW(State(plan(), ItemTable{}, people()), Error);
  EXPECT_THROW(State(plan(), items()), Error);
  EXPECT_THROW(State(plan(), items(), people()), Error);
  const auto less = std::make_shared<const SegmentRules>(SegmentRules::from_json(
      R"({"columns": [], "segments": [{"name": "keen", "rule": [true]}]})", *plan()));
  EXPECT_THROW(State(plan(), items(), people(), less), Error);
  EXPECT_THROW(State(plan(), items(), {{{{0, 3}, 2}}}), Error);
  EXPECT_THROW(State(plan(), items(), {{{{0, -2}, 1}}}), Error);
  ItemTable table = items();
  table.codes[0].of_item[2] = 3;
  EXPECT_THROW(State(plan(), table, people(), rules()), Error);
}

TEST(State, SumsThatLeave64BitsAreAnError) {
  State state(plan(), items(), people(), rules());
  Log log(4, 1, true);
  std::ranges::fill(log.prices, std::int64_t{9'000'000'000'000'000'000});
  std::ranges::fill(log.types, std::uint16_t{1});
  std::ranges::fill(log.subjects, 0);
  EXPECT_THROW(state.replay(log.batch(0, 4), 1), Error);
}

TEST(DecayedSum, FollowsTheFormula) {
  std::mt19937 random(4);
  for (const std::int64_t half_life : {1LL, 1'000LL, 86'400'000'000LL}) {
    const DecayedSum decayed{half_life};
    std::int64_t sum = 0;
    std::int64_t last = -half_life * 40;
    double plain = 0;
    for (int i = 0; i < 2'000; ++i) {
      const std::int64_t time =
          last + static_cast<std::int64_t>(random() % 1'000) * half_life / 700;
      const std::int64_t value = static_cast<std::int64_t>(random() % 5'000'000) - 1'000'000;
      sum = decayed.advance(sum, last, time) + decayed.term(value, time);
      plain =
          plain * std::exp2(-static_cast<double>(time - last) / static_cast<double>(half_life)) +
          static_cast<double>(value) / kUnit;
      last = time;
      const std::int64_t later = time + half_life / 3;
      const double age = static_cast<double>(later - time) / static_cast<double>(half_life);
      ASSERT_NEAR(decayed.at(sum, last, later), plain * std::exp2(-age), 2e-5);
    }
  }
  // What is long past leaves nothing behind.
  EXPECT_EQ(DecayedSum{1}.advance(1LL << 40, 0, 1'000), 0);
}

TEST(Plan, SharesWhatFeaturesHaveInCommon) {
  const Plan shared = Plan::from_json(kPlan);
  // Of subjects, items, attributes, all; of each of three groups of subjects alone, with items and
  // with attributes, where asked for.
  EXPECT_EQ(shared.series().size(), 12U);
  EXPECT_EQ(shared.features().size(), 32U);
}

TEST(Plan, RefusesWhatMakesNoSense) {
  const auto with = [](const std::string& feature) {
    return R"({"types": ["a"], "numbers": ["n"], "codes": [], "filters": [{}], "values": [{"factors": [0]}],
             "features": [{"name": "f", )" +
           feature + "}]}";
  };
  EXPECT_NO_THROW(
      (void)Plan::from_json(with(R"("kind": "count", "filter": 0, "by": ["subject"])")));
  for (const char* const wrong :
       {R"("kind": "count", "by": ["subject"])", R"("kind": "count", "filter": 1, "by": [])",
        R"("kind": "what")", R"("kind": "sum", "filter": 0, "by": [])",
        R"("kind": "sum", "filter": 0, "value": 7, "by": [])",
        R"("kind": "count", "filter": 0, "by": ["moon"])",
        R"("kind": "count", "filter": 0, "by": ["attribute"], "by_attribute": 0)",
        R"("kind": "count", "filter": 0, "by": [], "window": -3)",
        R"("kind": "count", "filter": 0, "by": [], "window": 1e30)",
        R"("kind": "count", "filter": -1, "by": [])", R"("kind": "decayed", "filter": 0, "by": [])",
        R"("kind": "distinct", "filter": 0, "code": 0, "by": ["subject", "item"])",
        R"("kind": "top_code", "filter": 0, "attribute": 0, "by": ["subject"])",
        R"("kind": "item_number", "attribute": 0)",
        R"("kind": "formula", "formula": [{"feature": 0}])",
        R"("kind": "formula", "formula": ["+"])", R"("kind": "formula", "formula": [1, 2])",
        R"("kind": "formula", "formula": ["what"])"}) {
    EXPECT_THROW((void)Plan::from_json(with(wrong)), Error) << wrong;
  }
  for (const char* const wrong : {"", "[]", "{", R"({"features": 3})", R"({"types": [1]})"}) {
    EXPECT_THROW((void)Plan::from_json(wrong), Error) << wrong;
  }
}

TEST(Formula, KnowsWhatIsNotKnown) {
  const double unknown = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> x{3.0, unknown, 0.0};
  const std::vector<const double*> columns{&x[0], &x[1], &x[2]};
  using Step = Formula::Step;
  const auto feature = [](std::size_t f) {
    return Step{.op = Formula::Op::kFeature, .feature = f};
  };
  const auto op = [](const char* name) { return Step{.op = Formula::op_called(name)}; };
  const auto value = [&](std::vector<Step> steps) {
    return Formula(std::move(steps)).value(columns, 0);
  };
  EXPECT_TRUE(std::isnan(value({feature(0), feature(1), op("+")})));
  EXPECT_TRUE(std::isnan(value({feature(0), feature(2), op("/")})));
  EXPECT_EQ(value({feature(1), feature(0), op("else")}), 3.0);
  EXPECT_EQ(value({feature(1), op("known")}), 0.0);
  EXPECT_EQ(value({feature(2), op("logistic")}), 0.5);
  EXPECT_NEAR(value({feature(0), op("logistic")}), 1 / (1 + std::exp(-3.0)), 1e-15);
  EXPECT_TRUE(std::isnan(value({feature(1), op("logistic")})));
  EXPECT_EQ(value({feature(2), feature(1), feature(0), op("if")}), 3.0);
  EXPECT_TRUE(std::isnan(value({feature(1), feature(0), feature(0), op("if")})));
  EXPECT_TRUE(std::isnan(value({feature(0), op("negate"), op("sqrt")})));
  EXPECT_EQ(value({feature(0), feature(2), op("max"), feature(2), op("<"), op("not")}), 1.0);
}

TEST(Formula, ColumnsAreWhatRowsAre) {
  std::mt19937 random(5);
  const double unknown = std::numeric_limits<double>::quiet_NaN();
  std::vector<std::vector<double>> x(4, std::vector<double>(37));
  for (auto& column : x) {
    for (double& one : column) {
      one = random() % 5 == 0 ? unknown : static_cast<double>(random() % 9) - 4;
    }
  }
  std::vector<const double*> columns;
  for (const auto& column : x) columns.push_back(column.data());
  using Step = Formula::Step;
  const auto op = [](const char* name) { return Step{.op = Formula::op_called(name)}; };
  const Step a{.op = Formula::Op::kFeature, .feature = 0};
  const Step b{.op = Formula::Op::kFeature, .feature = 1};
  const Step c{.op = Formula::Op::kFeature, .feature = 2};
  std::vector<double> room;
  std::vector<double> out(37);
  for (const char* const name :
       {"+",      "-",   "*",     "/",    "<",   "<=",  "==", "!=",    "and",  "or",      "not",
        "negate", "abs", "log1p", "sqrt", "min", "max", "if", "known", "else", "logistic"}) {
    std::vector<Step> steps{a, b, c};
    const std::string_view called(name);
    if (called != "if") {
      const bool one = called == "not" || called == "negate" || called == "abs" ||
                       called == "log1p" || called == "sqrt" || called == "known" ||
                       called == "logistic";
      steps.resize(one ? 1 : 2);
    }
    steps.push_back(op(name));
    steps.push_back({.op = Formula::Op::kConstant, .constant = 0.3});
    steps.push_back(op("+"));
    const Formula formula(steps);
    formula.values(columns, 3, 30, room, out.data());
    for (std::size_t i = 0; i < 30; ++i) {
      const double expected = formula.value(columns, 3 + i);
      EXPECT_TRUE(std::isnan(expected) ? std::isnan(out[i]) : out[i] == expected) << name << i;
    }
  }
}

}  // namespace
}  // namespace penchant::features
