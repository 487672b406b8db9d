// Members kept up with events and time are those that a recomputation finds, at any moment.

#include "penchant/features/segment_index.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <string>

#include "reference/plain_segments.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/features/segment_reader.h"
#include "penchant/features/segment_tables.h"

namespace penchant::features {
namespace {

using reference::plain_holds;
using reference::PlainRule;
using reference::PlainStep;

constexpr std::int64_t kHour = 3'600'000'000;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::size_t kItems = 12;
constexpr std::size_t kCategories = 4;

// Every kind of feature that rules may be about.
constexpr std::string_view kPlan = R"({
  "types": ["purchase", "view", "*"], "numbers": ["price"], "codes": ["order"],
  "item_codes": ["category"], "item_numbers": [],
  "filters": [{"types": [0]}, {"types": [1]}, {"types": []},
              {"types": [0], "conditions": [{"number": 0, "compare": ">", "limit": 3000000}]},
              {"types": [2]}],
  "values": [{"factors": [0]}],
  "nettings": [{"bought": 0, "returned": 4}],
  "lists": [{"kind": "cart", "filter": 2, "adds": 1, "removes": 4, "ends": 0, "within": 172800000000,
             "most": 9},
            {"kind": "latest", "filter": 1, "within": 259200000000, "most": 4}],
  "features": [
    {"name": "recency", "kind": "recency", "filter": 0, "by": ["subject"]},
    {"name": "seen", "kind": "recency", "filter": 2, "by": ["subject"], "unit": 3600000000},
    {"name": "recent", "kind": "recency", "filter": 1, "window": 259200000000, "by": ["subject"]},
    {"name": "tenure", "kind": "first_seen", "filter": 0, "by": ["subject"]},
    {"name": "fresh", "kind": "first_seen", "filter": 2, "window": 432000000000, "by": ["subject"]},
    {"name": "views", "kind": "count", "filter": 1, "window": 172800000000, "by": ["subject"]},
    {"name": "all", "kind": "count", "filter": 2, "by": ["subject"]},
    {"name": "spent", "kind": "sum", "filter": 0, "value": 0, "window": 604800000000, "by": ["subject"]},
    {"name": "ever", "kind": "sum", "filter": 3, "value": 0, "by": ["subject"]},
    {"name": "orders", "kind": "distinct", "filter": 0, "code": 0, "window": 864000000000, "by": ["subject"]},
    {"name": "cheapest", "kind": "lowest", "filter": 0, "value": 0, "window": 259200000000, "by": ["subject"]},
    {"name": "dearest", "kind": "highest", "filter": 2, "value": 0, "window": 345600000000, "by": ["subject"]},
    {"name": "span", "kind": "span", "filter": 0, "window": 691200000000, "by": ["subject"]},
    {"name": "faded", "kind": "decayed", "filter": 0, "half_life": 172800000000, "by": ["subject"]},
    {"name": "last", "kind": "last_code", "filter": 0, "code": 1, "rank": 0, "window": 432000000000, "by": ["subject"]},
    {"name": "top", "kind": "top_code", "filter": 0, "attribute": 0, "rank": 0, "window": 432000000000, "by": ["subject"]},
    {"name": "liked", "kind": "count", "filter": 0, "window": 432000000000, "by": ["subject", "attribute"], "by_attribute": 0},
    {"name": "hour", "kind": "hour", "by": [], "offset": 7200000000},
    {"name": "weekday", "kind": "weekday", "by": []},
    {"name": "mean", "kind": "formula", "formula": [{"feature": 7}, {"feature": 9}, "/"]},
    {"name": "overdue", "kind": "formula", "formula": [{"feature": 0}, {"feature": 9}, "/", 1, "+"]},
    {"name": "late", "kind": "count", "filter": 1, "window": 172800000000, "by": ["subject"], "lag": 18000000000},
    {"name": "late_age", "kind": "recency", "filter": 0, "by": ["subject"], "lag": 10800000000},
    {"name": "late_orders", "kind": "distinct", "filter": 0, "code": 0, "window": 432000000000, "by": ["subject"], "lag": 1},
    {"name": "late_faded", "kind": "decayed", "filter": 1, "half_life": 86400000000, "by": ["subject"], "lag": 3600000000},
    {"name": "late_liked", "kind": "count", "filter": 0, "window": 345600000000, "by": ["subject", "attribute"], "by_attribute": 0, "lag": 18000000000},
    {"name": "daily", "kind": "sum", "filter": 0, "value": 0, "window": 259200000000, "by": ["subject"], "bucket": 86400000000},
    {"name": "daily_age", "kind": "recency", "filter": 2, "window": 432000000000, "by": ["subject"], "lag": 7200000000, "bucket": 43200000000},
    {"name": "daily_liked_age", "kind": "recency", "filter": 0, "by": ["subject", "attribute"], "by_attribute": 0, "bucket": 21600000000},
    {"name": "daily_faded", "kind": "decayed", "filter": 0, "half_life": 172800000000, "by": ["subject"], "bucket": 21600000000},
    {"name": "daily_all", "kind": "count", "filter": 2, "by": ["subject"], "lag": 10800000000, "bucket": 86400000000},
    {"name": "kept", "kind": "count", "filter": 0, "by": ["subject"], "netting": 0, "window": 432000000000},
    {"name": "kept_age", "kind": "recency", "filter": 0, "by": ["subject"], "netting": 0},
    {"name": "kept_since", "kind": "first_seen", "filter": 0, "window": 604800000000, "by": ["subject"], "netting": 0, "unit": 3600000000},
    {"name": "kept_value", "kind": "sum", "filter": 0, "value": 0, "by": ["subject"], "netting": 0, "lag": 18000000000},
    {"name": "kept_orders", "kind": "distinct", "filter": 0, "code": 0, "window": 432000000000, "by": ["subject"], "netting": 0, "bucket": 86400000000},
    {"name": "kept_liked", "kind": "count", "filter": 0, "window": 432000000000, "by": ["subject", "attribute"], "by_attribute": 0, "netting": 0},
    {"name": "in_cart", "kind": "list_items", "list": 0},
    {"name": "pieces", "kind": "cart_pieces", "list": 0, "lag": 14400000000},
    {"name": "seen_kinds", "kind": "list_values", "list": 1, "attribute": 0},
    {"name": "late_overdue", "kind": "formula", "formula": [{"feature": 22}, {"feature": 9}, "/", 1, "+"]},
    {"name": "daily_mean", "kind": "formula", "formula": [{"feature": 26}, {"feature": 27}, "-", {"feature": 31}, "+"]},
    {"name": "likely", "kind": "formula", "formula": [{"feature": 21}, {"feature": 31}, "-", "logistic", 6, "*"]},
    {"name": "kept_overdue", "kind": "formula", "formula": [{"feature": 32}, 2, "*", {"feature": 34}, "-"]}
  ]})";
constexpr std::size_t kFeatures = 44;

// Columns of the rules: the features, and arithmetic of the rules' own.
constexpr std::array<std::string_view, 4> kFormulas = {
    R"([{"feature": 7}, {"feature": 8}, "/"])", R"([{"feature": 0}, 2, "*", {"feature": 5}, "-"])",
    R"([10, {"feature": 1}, "-", "sqrt"])", R"([{"feature": 22}, 2, "*", {"feature": 21}, "-"])"};

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed), plan_(plan()), state_(plan_, items()) {}

  static std::shared_ptr<const Plan> plan() {
    return std::make_shared<Plan>(Plan::from_json(kPlan));
  }

  static ItemTable items() {
    ItemTable table;
    table.items = kItems;
    table.codes.push_back({{}, kCategories});
    for (std::size_t i = 0; i < kItems; ++i) {
      table.codes[0].of_item.push_back(static_cast<std::int32_t>(i % (kCategories + 1)) - 1);
    }
    return table;
  }

  std::int64_t below(std::int64_t end) {
    return std::uniform_int_distribution<std::int64_t>(0, end - 1)(random_);
  }

  // Events at whole hours, so that many meet edges and each other; adds them to the state.
  void events(std::size_t rows, std::int64_t from, std::int64_t until, std::int32_t subjects) {
    times_.clear();
    subjects_.clear();
    std::vector<std::uint16_t> types;
    std::vector<std::int32_t> items;
    std::vector<std::int64_t> prices;
    std::vector<std::int32_t> orders;
    for (std::size_t i = 0; i < rows; ++i) {
      times_.push_back(from + below((until - from) / kHour + 1) * kHour);
      types.push_back(static_cast<std::uint16_t>(below(3)));
      subjects_.push_back(static_cast<std::int32_t>(below(subjects + 1)) - 1);
      items.push_back(static_cast<std::int32_t>(below(kItems + 1)) - 1);
      prices.push_back(below(8) == 0 ? kNoNumber : (below(12) - 2) * kUnit);
      orders.push_back(static_cast<std::int32_t>(below(9)) - 1);
    }
    state_.replay({.times = times_,
                   .types = types,
                   .subjects = subjects_,
                   .items = items,
                   .numbers = {prices},
                   .codes = {orders}},
                  1);
  }

  PlainStep comparison() {
    static const std::array<std::string, 6> kCompares = {"<", "<=", "==", "!=", ">=", ">"};
    PlainStep step;
    step.column = static_cast<std::size_t>(below(kFeatures + kFormulas.size()));
    step.compare = kCompares[static_cast<std::size_t>(below(6))];
    // Halves: recency and sums meet them exactly.
    step.bound = static_cast<double>(below(24)) / 2 - 1;
    step.unknown_is_false = below(4) == 0;
    if (below(10) == 0) step.op = PlainStep::Op::kKnown;
    return step;
  }

  PlainRule rule(int depth) {
    if (depth == 0 || below(4) == 0) return {comparison()};
    PlainRule out = rule(depth - 1);
    if (below(5) == 0) {
      out.emplace_back().op = PlainStep::Op::kNot;
      return out;
    }
    const PlainRule right = rule(depth - 1);
    out.insert(out.end(), right.begin(), right.end());
    out.emplace_back().op = below(3) == 0 ? PlainStep::Op::kOr : PlainStep::Op::kAnd;
    return out;
  }

  std::shared_ptr<const SegmentRules> rules(std::size_t count) {
    plain_.clear();
    std::string json = R"({"columns": [)";
    for (std::size_t f = 0; f < kFeatures; ++f) {
      json += concat(R"({"feature": )", f, R"(, "item": 3},)");
    }
    for (const std::string_view formula : kFormulas)
      json += concat(R"({"formula": )", formula, "},");
    json.back() = ']';
    json += R"(, "segments": [)";
    for (std::size_t s = 0; s < count; ++s) {
      plain_.push_back(rule(3));
      json += concat(R"({"name": "s)", s, R"(", "rule": [)");
      for (const PlainStep& step : plain_.back()) json += step.json() + ",";
      json.back() = ']';
      json += "},";
    }
    json.back() = ']';
    return std::make_shared<SegmentRules>(SegmentRules::from_json(json + "}", *plan_));
  }

  // [subjects * segments], from values of the features alone.
  std::vector<std::uint8_t> plain(std::int64_t time, std::int32_t subjects) {
    std::vector<std::int64_t> times(static_cast<std::size_t>(subjects), time);
    std::vector<std::int32_t> all;
    for (std::int32_t s = 0; s < subjects; ++s) all.push_back(s);
    const std::vector<std::int32_t> items(all.size(), 3);
    std::vector<std::vector<double>> values(kFeatures, std::vector<double>(all.size()));
    std::vector<double*> columns;
    for (auto& column : values) columns.push_back(column.data());
    state_.read({.times = times, .subjects = all, .items = items}, 1, columns);
    std::vector<std::uint8_t> out;
    for (std::size_t s = 0; s < all.size(); ++s) {
      std::vector<double> row;
      for (const auto& column : values) row.push_back(column[s]);
      row.push_back(row[8] == 0 ? std::nan("") : row[7] / row[8]);
      row.push_back(row[0] * 2 - row[5]);
      row.push_back(10 - row[1] < 0 ? std::nan("") : std::sqrt(10 - row[1]));
      row.push_back(row[22] * 2 - row[21]);
      for (const PlainRule& rule : plain_) out.push_back(plain_holds(rule, row) ? 1 : 0);
    }
    return out;
  }

  [[nodiscard]] const State& state() const { return state_; }
  [[nodiscard]] std::size_t segments() const { return plain_.size(); }
  void touch(SegmentIndex& index) const { index.touch(subjects_, times_); }

 private:
  std::mt19937_64 random_;
  std::shared_ptr<const Plan> plan_;
  State state_;
  std::vector<PlainRule> plain_;
  std::vector<std::int64_t> times_;
  std::vector<std::int32_t> subjects_;
};

std::vector<std::uint8_t> members_of(const SegmentIndex& index, std::int32_t subjects) {
  std::vector<std::uint8_t> out;
  for (std::int32_t subject = 0; subject < subjects; ++subject) {
    for (std::size_t s = 0; s < index.rules().segments(); ++s) {
      out.push_back(index.contains(subject, s) ? 1 : 0);
    }
  }
  return out;
}

std::vector<std::uint8_t> read_all(const World& world, const SegmentRules& rules, std::int64_t time,
                                   std::int32_t subjects) {
  std::vector<std::int64_t> times(static_cast<std::size_t>(subjects), time);
  std::vector<std::int32_t> all;
  for (std::int32_t s = 0; s < subjects; ++s) all.push_back(s);
  std::vector<std::uint8_t> out(all.size() * rules.segments());
  read_segments(world.state(), rules, {}, {.times = times, .subjects = all, .items = {}}, 2, out);
  return out;
}

class Segments : public ::testing::TestWithParam<int> {};

TEST_P(Segments, FromTheStateEqualTheSlowWay) {
  World world(static_cast<std::uint64_t>(GetParam()));
  world.events(400, 0, 20 * kDay, 9);
  const auto rules = world.rules(60);
  for (int i = 0; i < 20; ++i) {
    const std::int64_t time = world.below(30 * 24) * kHour + world.below(3) - 1;
    ASSERT_EQ(read_all(world, *rules, time, 10), world.plain(time, 10)) << time;
  }
}

// Every feature and formula here is followed to the microsecond; none is looked at by the hour.
TEST_P(Segments, KeptUpEqualTheSlowWayAtAnyMoment) {
  constexpr std::int32_t kSubjects = 9;
  World world(static_cast<std::uint64_t>(GetParam()) + 100);
  world.events(150, 0, 5 * kDay, kSubjects);
  const auto rules = world.rules(80);
  std::int64_t now = 3 * kDay;
  SegmentIndex index(world.state(), rules,
                     {.time = now, .every = kHour, .subjects = kSubjects, .threads = 1});
  ASSERT_EQ(members_of(index, kSubjects), world.plain(now, kSubjects));
  std::vector<std::uint8_t> followed = members_of(index, kSubjects);
  for (int i = 0; i < 60; ++i) {
    // On time, in the future, and late.
    if (world.below(3) != 0) {
      world.events(static_cast<std::size_t>(world.below(12)), now - 2 * kDay, now + 2 * kDay,
                   kSubjects);
      world.touch(index);
    }
    const std::int64_t step = world.below(4) == 0 ? world.below(5) : world.below(30) * kHour;
    now += step + world.below(3);
    for (const SegmentChange& change : index.advance(now, 1)) {
      ASSERT_LE(change.time, now);
      auto& member =
          followed[static_cast<std::size_t>(change.subject) * rules->segments() + change.segment];
      ASSERT_NE(member != 0, change.entered);
      member = change.entered ? 1 : 0;
    }
    const auto mine = members_of(index, kSubjects);
    ASSERT_EQ(mine, world.plain(now, kSubjects)) << "at " << now << ", step " << i;
    ASSERT_EQ(mine, followed);
  }
}

// A change says when it happened: just before it was not so.
TEST_P(Segments, ChangesAreOfTheMomentWhenTheyHappened) {
  constexpr std::int32_t kSubjects = 6;
  World world(static_cast<std::uint64_t>(GetParam()) + 200);
  world.events(120, 0, 10 * kDay, kSubjects);
  const auto rules = world.rules(40);
  SegmentIndex index(world.state(), rules,
                     {.time = 0, .every = kHour, .subjects = kSubjects, .threads = 1});
  const auto changes = index.advance(25 * kDay, 1);
  ASSERT_GT(changes.size(), 50U);
  ASSERT_TRUE(std::ranges::is_sorted(changes));
  std::size_t looked = 0;
  for (std::size_t i = 0; i < changes.size(); i += 7) {
    const SegmentChange& change = changes[i];
    const std::size_t at =
        static_cast<std::size_t>(change.subject) * rules->segments() + change.segment;
    ASSERT_EQ(world.plain(change.time, kSubjects)[at] != 0, change.entered);
    ASSERT_NE(world.plain(change.time - 1, kSubjects)[at] != 0, change.entered);
    ++looked;
  }
  ASSERT_GT(looked, 5U);
}

TEST_P(Segments, AllAtOnceAreWhatEachIs) {
  World world(static_cast<std::uint64_t>(GetParam()) + 400);
  const auto rules = world.rules(130);
  const auto tables = SegmentTables::of(*rules);
  ASSERT_NE(tables, nullptr);
  ASSERT_EQ(tables->words(), 3U);
  std::vector<Rank> ranks(rules->columns().size());
  std::vector<SegmentTables::Word> members(tables->words());
  std::size_t inside = 0;
  for (int i = 0; i < 300; ++i) {
    for (std::size_t c = 0; c < ranks.size(); ++c) {
      const auto most = static_cast<int>(2 * rules->columns()[c].bounds.size() + 2);
      ranks[c] = static_cast<Rank>(world.below(most));
    }
    tables->holding(ranks, members);
    for (std::size_t s = 0; s < rules->segments(); ++s) {
      const bool in = (members[s / 64] >> (s % 64) & 1U) != 0;
      ASSERT_EQ(in, rules->holds(s, ranks)) << s;
      inside += in ? 1 : 0;
    }
    ASSERT_EQ(members[2] >> 2, 0U) << "beyond the last segment";
  }
  EXPECT_GT(inside, 1000U);
}

TEST_P(Segments, ThreadsDoNotShow) {
  constexpr std::int32_t kSubjects = 300;
  World world(static_cast<std::uint64_t>(GetParam()) + 300);
  world.events(3000, 0, 10 * kDay, kSubjects);
  const auto rules = world.rules(70);
  std::vector<std::vector<SegmentChange>> changes;
  std::vector<std::vector<std::int64_t>> sizes;
  for (const int threads : {1, 2, 8}) {
    SegmentIndex index(world.state(), rules,
                       {.time = kDay, .every = kHour, .subjects = kSubjects, .threads = threads});
    changes.push_back(index.advance(12 * kDay, threads));
    sizes.push_back(index.sizes());
    // Counts, lists and the matrix say the same.
    const auto overlap = index.overlap();
    for (std::size_t s = 0; s < rules->segments(); ++s) {
      ASSERT_EQ(overlap[s * rules->segments() + s], sizes.back()[s]);
      ASSERT_EQ(static_cast<std::int64_t>(index.members(s).size()), sizes.back()[s]);
    }
  }
  EXPECT_EQ(changes[0], changes[1]);
  EXPECT_EQ(changes[0], changes[2]);
  EXPECT_EQ(sizes[0], sizes[2]);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Segments, ::testing::Range(0, 12));

TEST(SegmentIndex, KnowsSubjectsThatComeLater) {
  World world(1);
  world.events(10, 0, kDay, 3);
  const auto rules = world.rules(50);
  SegmentIndex index(world.state(), rules, {.time = 2 * kDay, .subjects = 3, .threads = 1});
  EXPECT_EQ(index.subjects(), 3U);
  world.events(200, kDay, 3 * kDay, 40);
  world.touch(index);
  static_cast<void>(index.advance(4 * kDay, 2));
  const auto subjects = static_cast<std::int32_t>(index.subjects());
  EXPECT_GT(subjects, 30);
  EXPECT_EQ(members_of(index, subjects), world.plain(4 * kDay, subjects));
  // Nobody's segments are those of someone of whom nothing is known.
  EXPECT_EQ(index.segments_of(subjects + 5), index.segments_of(-1));
}

TEST(SegmentIndex, LooksOnlyWhereSomethingMayHaveChanged) {
  World world(2);
  world.events(2000, 0, 10 * kDay, 500);
  const auto rules = world.rules(40);
  SegmentIndex index(world.state(), rules, {.time = 30 * kDay, .subjects = 500, .threads = 1});
  const std::size_t before = index.looks();
  const std::vector<std::int32_t> subjects = {7, 7, 9};
  const std::vector<std::int64_t> times = {30 * kDay, 30 * kDay, 29 * kDay};
  index.touch(subjects, times);
  static_cast<void>(index.advance(30 * kDay + 5, 1));
  EXPECT_LE(index.looks() - before, 2U);
}

TEST(SegmentIndex, TakesScoresThatOthersGave) {
  World world(4);
  world.events(20, 0, kDay, 4);
  const auto plan = World::plan();
  const auto rules = std::make_shared<SegmentRules>(SegmentRules::from_json(
      R"({"scores": 1, "columns": [{"score": 0}], "segments": [
          {"name": "risky", "rule": [{"column": 0, "compare": ">", "bound": 0.5}]},
          {"name": "safe", "rule": [{"column": 0, "compare": ">", "bound": 0.5}, "not"]}]})",
      *plan));
  const double unknown = std::nan("");
  EXPECT_THROW(SegmentIndex(world.state(), rules, {.time = 0}), Error);
  SegmentIndex index(world.state(), rules,
                     {.time = 0, .subjects = 4, .threads = 1, .scores = {{0.6, 0.5, unknown}}});
  EXPECT_EQ(index.members(0), std::vector<std::int32_t>{0});
  EXPECT_EQ(index.members(1), std::vector<std::int32_t>{1});
  index.set_scores({{0.6, 0.7, 0.1, 0.9, unknown}});
  const auto changes = index.advance(5, 1);
  EXPECT_EQ(changes.size(), 4U);
  EXPECT_EQ(index.members(0), (std::vector<std::int32_t>{0, 1, 3}));
  EXPECT_EQ(index.members(1), std::vector<std::int32_t>{2});
  EXPECT_THROW(index.set_scores({}), Error);
}

TEST(SegmentIndex, RefusesWhatMakesNoSense) {
  World world(3);
  const auto rules = world.rules(2);
  EXPECT_THROW(SegmentIndex(world.state(), rules, {.time = 0, .every = 0}), Error);
  SegmentIndex index(world.state(), rules, {.time = kDay});
  EXPECT_THROW(static_cast<void>(index.advance(0, 1)), Error);
  EXPECT_THROW(static_cast<void>(index.members(2)), Error);
  const std::vector<std::int32_t> one = {1};
  EXPECT_THROW(index.touch(one, {}), Error);
}

TEST(SegmentRules, RefuseWhatMakesNoSense) {
  const auto plan = World::plan();
  const auto fails = [&](const std::string& json, std::string_view says) {
    try {
      static_cast<void>(SegmentRules::from_json(json, *plan));
    } catch (const Error& error) {
      EXPECT_NE(std::string_view(error.what()).find(says), std::string_view::npos) << error.what();
      return;
    }
    ADD_FAILURE() << json;
  };
  const auto rule = [](const std::string& steps) {
    return R"({"columns": [{"feature": 0}], "segments": [{"name": "a", "rule": [)" + steps + "]}]}";
  };
  fails("{", "no JSON");
  fails("[]", "no 'columns'");
  fails(R"({"columns": [{"feature": 99}], "segments": []})", "below 44");
  fails(R"({"columns": [{"formula": ["+"]}], "segments": []})", "lacks an operand");
  fails(R"({"columns": [{"feature": 0, "item": -2}], "segments": []})", "whole number below");
  fails(rule(""), "0 outcomes");
  fails(rule(R"("and")"), "lacks an operand");
  fails(rule(R"({"known": 0}, {"known": 0})"), "2 outcomes");
  fails(rule(R"({"known": 1})"), "below 1");
  fails(rule(R"("xor")"), "xor");
  fails(rule(R"({"column": 0, "compare": "=~", "bound": 1})"), "no comparison");
  fails(rule(R"({"column": 0, "compare": "<", "bound": 1e999})"), "no JSON");
  fails(rule(R"({"column": 0, "compare": "<"})"), "no 'bound'");
  std::string deep = R"({"known": 0})";
  for (int i = 0; i < 70; ++i) deep += R"(, {"known": 0})";
  for (int i = 0; i < 70; ++i) deep += R"(, "or")";
  fails(rule(deep), "nested deeper");
  const Plan items = Plan::from_json(
      R"({"types": ["*"], "filters": [{}], "features": [
          {"name": "f", "kind": "count", "filter": 0, "by": ["item"]}]})");
  try {
    static_cast<void>(SegmentRules::from_json(rule(R"({"known": 0})"), items));
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_NE(std::string_view(error.what()).find("not about subjects"), std::string_view::npos);
  }
}

TEST(SegmentRules, ConstantsAndBothZerosAreTaken) {
  const auto plan = World::plan();
  const auto rules = SegmentRules::from_json(
      R"({"columns": [{"feature": 7}], "segments": [
          {"name": "all", "rule": [true]}, {"name": "none", "rule": [true, "not"]},
          {"name": "zero", "rule": [{"column": 0, "compare": "==", "bound": -0.0},
                                    {"column": 0, "compare": "<=", "bound": 0}, "and"]}]})",
      *plan);
  EXPECT_EQ(rules.columns()[0].bounds.size(), 1U);
  for (const double zero : {0.0, -0.0}) {
    const std::array<Rank, 1> ranks = {rules.rank(0, zero)};
    EXPECT_TRUE(rules.holds(0, ranks));
    EXPECT_FALSE(rules.holds(1, ranks));
    EXPECT_TRUE(rules.holds(2, ranks));
  }
}

}  // namespace
}  // namespace penchant::features
