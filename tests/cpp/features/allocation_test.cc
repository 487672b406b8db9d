// Memory: reading for a request asks for none once a thread has its room.

#include <algorithm>
#include <cstddef>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "penchant/features/state.h"

namespace {

// Of this thread. Every `new` of features_test counts.
thread_local std::size_t allocations = 0;

void watch_allocation(std::size_t /*size*/) { ++allocations; }

}  // namespace

#include "reference/watched_new.h"

namespace penchant::features {
namespace {

TEST(ReadingMemory, ARequestAllocatesNothing) {
  // All that walks, adds up, looks back or calculates.
  const auto plan = std::make_shared<const Plan>(Plan::from_json(R"({
    "types": ["view", "buy", "return"], "numbers": ["price"], "codes": ["\u0000subject"],
    "item_codes": ["category"], "embeddings": ["look"], "subject_codes": ["country"],
    "segments": ["keen"],
    "contexts": [{"name": "distance"}],
    "filters": [{"types": [0]}, {"types": [1]}, {"types": [0, 1, 2]}, {"types": [2]}],
    "values": [{"factors": [0]}],
    "lists": [
      {"kind": "cart", "filter": 2, "adds": 0, "removes": 3, "ends": 1, "quantity": 0, "price": 0,
       "within": 900, "most": 9},
      {"kind": "latest", "filter": 0, "within": 1500, "most": 20},
      {"kind": "favorites", "filter": 2, "attribute": 0, "most": 2}],
    "nettings": [{"bought": 1, "returned": 3, "quantity": 0}],
    "features": [
      {"name": "views", "kind": "count", "filter": 0, "by": ["item"], "window": 500},
      {"name": "hidden", "kind": "sum", "filter": 1, "value": 0, "by": ["subject"], "hidden": true},
      {"name": "met", "kind": "count", "filter": 0, "by": ["subject", "item"]},
      {"name": "same", "kind": "decayed", "filter": 0, "by": ["subject", "attribute"], "by_attribute": 0, "half_life": 99},
      {"name": "high", "kind": "highest", "filter": 1, "value": 0, "by": ["attribute"], "by_attribute": 0, "window": 300},
      {"name": "things", "kind": "distinct", "filter": 0, "code": 0, "by": ["subject"], "window": 700},
      {"name": "last", "kind": "last_code", "filter": 0, "code": 0, "by": ["subject"], "rank": 2},
      {"name": "top", "kind": "top_code", "filter": 0, "attribute": 0, "by": ["subject"], "rank": 1},
      {"name": "people", "kind": "distinct", "filter": 0, "code": 0, "by": [], "window": 1500},
      {"name": "since", "kind": "recency", "filter": 1, "by": [], "unit": 1},
      {"name": "items", "kind": "list_items", "list": 0},
      {"name": "value", "kind": "cart_value", "list": 0},
      {"name": "has", "kind": "list_has", "list": 0},
      {"name": "like_these", "kind": "list_same", "list": 1, "attribute": 0},
      {"name": "categories", "kind": "list_values", "list": 1, "attribute": 0},
      {"name": "fond", "kind": "list_rank", "list": 2},
      {"name": "share", "kind": "together_share", "list": 1, "filter": 0, "sample": 9, "depth": 9},
      {"name": "lift", "kind": "together_lift", "list": 1, "filter": 2, "within": 90, "sample": 6,
       "depth": 5, "pool": "max", "strength": 1.5},
      {"name": "look", "kind": "similarity", "list": 1, "embedding": 0},
      {"name": "kept", "kind": "count", "filter": 1, "by": ["subject", "item"], "netting": 0},
      {"name": "near", "kind": "context", "context": 0},
      {"name": "home", "kind": "sum", "filter": 0, "value": 0, "by": ["group", "item"], "by_group": 0, "window": 900},
      {"name": "keen_item", "kind": "count", "filter": 0, "by": ["group", "item"], "by_group": 1},
      {"name": "at_home", "kind": "count", "filter": 0, "by": ["group"], "by_group": 0},
      {"name": "ratio", "kind": "formula", "formula": [{"feature": 0}, {"feature": 1}, 1.0, "+", "/"]}
    ]})"));
  constexpr std::int32_t kItems = 300;
  ItemTable table;
  table.items = kItems;
  table.codes.resize(1);
  table.codes[0].values = 7;
  std::vector<float> vectors;
  for (std::int32_t i = 0; i < kItems; ++i) {
    table.codes[0].of_item.push_back(i % 7);
    for (std::int32_t d = 0; d < 4; ++d)
      vectors.push_back(static_cast<float>((i * 7 + d) % 11) - 5);
  }
  table.vectors = {ItemVectors::of({vectors.data(), kItems, 4})};
  std::mt19937 random(1);
  std::vector<std::int64_t> times;
  std::vector<std::uint16_t> types;
  std::vector<std::int32_t> subjects;
  std::vector<std::int32_t> items;
  std::vector<std::int64_t> prices;
  for (std::int64_t i = 0; i < 3'000; ++i) {
    times.push_back(i);
    types.push_back(static_cast<std::uint16_t>(random() % 7 / 3));
    subjects.push_back(static_cast<std::int32_t>(random() % 20));
    items.push_back(static_cast<std::int32_t>(random() % kItems));
    prices.push_back(static_cast<std::int64_t>(random() % 90) * kUnit);
  }
  SubjectTable people;
  people.codes.push_back(SubjectTable::Codes::of({0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1}));
  const auto rules = std::make_shared<const SegmentRules>(SegmentRules::from_json(
      R"({"columns": [{"feature": 2, "item": 3}, {"feature": 1}],
          "segments": [{"name": "keen", "rule": [{"column": 0, "compare": ">", "bound": 1},
                        {"column": 1, "compare": ">", "bound": 900}, "or"]}]})",
      *plan));
  State base(plan, table, people, rules);
  base.replay({times,
               types,
               subjects,
               items,
               {std::span(std::as_const(prices))},
               {std::span(std::as_const(subjects))}},
              1);
  State live = State::over(base);
  const std::size_t features = plan->features().size();
  std::vector<std::vector<double>> columns(features, std::vector<double>(kItems));
  std::vector<double*> out;
  for (std::size_t f = 0; f < features; ++f) {
    out.push_back(plan->features()[f].hidden ? nullptr : columns[f].data());
  }
  std::vector<std::int32_t> asked(kItems);
  for (std::int32_t i = 0; i < kItems; ++i) asked[static_cast<std::size_t>(i)] = i;
  ReadScratch scratch;
  // What each request asks for first sets how much room there is; the next ask the same.
  for (const bool first : {true, false}) {
    for (std::int32_t subject = 0; subject < 20; ++subject) {
      const std::vector<std::int64_t> now(kItems, 3'000);
      const std::vector<std::int32_t> who(kItems, subject);
      const std::vector<double> distance(kItems, subject);
      const std::vector<std::span<const double>> said{distance};
      const std::size_t before = allocations;
      live.read({now, who, asked, said}, out, scratch);
      if (!first) {
        EXPECT_EQ(allocations, before) << subject;
      }
    }
    // Events in between change nothing about it.
    const auto last = [](const auto& column) { return std::span(column).last(1); };
    live.replay(
        {last(times), last(types), last(subjects), last(items), {last(prices)}, {last(subjects)}},
        1);
  }
}

}  // namespace
}  // namespace penchant::features
