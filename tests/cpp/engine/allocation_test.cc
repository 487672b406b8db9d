// Memory: the planned columns of a request ask for none once a thread has its room.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "penchant/engine/candidate_features.h"
#include "penchant/engine/request.h"
#include "penchant/engine/stage.h"
#include "penchant/features/live_profiles.h"
#include "penchant/features/segment_reader.h"

namespace {

// Of this thread. Every `new` of engine_test counts.
thread_local std::size_t allocations = 0;

void watch_allocation(std::size_t /*size*/) { ++allocations; }

}  // namespace

#include "reference/watched_new.h"

namespace penchant::engine {
namespace {

// Of the subject, items, their category and pairs; of what the subject has at hand; of others.
const char* const kPlan = R"({
  "types": ["view", "buy"], "numbers": ["price"], "codes": ["\u0000subject"],
  "item_codes": ["category"], "item_numbers": ["list_price"], "embeddings": ["look"],
  "subject_codes": ["country"],
  "contexts": [{"name": "distance"}, {"name": "device", "is": "phone"}, {"name": "page", "is": "home"}],
  "filters": [{"types": [0]}, {"types": [1]}, {}], "values": [{"factors": [0]}],
  "lists": [{"kind": "latest", "filter": 0, "most": 20},
            {"kind": "favorites", "filter": 2, "attribute": 0, "most": 2}],
  "features": [
    {"name": "views", "kind": "count", "filter": 0, "by": ["item"], "window": 500},
    {"name": "spent", "kind": "sum", "filter": 1, "value": 0, "by": ["subject"], "window": 900},
    {"name": "met", "kind": "count", "filter": 0, "by": ["subject", "item"]},
    {"name": "same", "kind": "decayed", "filter": 0, "by": ["subject", "attribute"],
     "by_attribute": 0, "half_life": 99},
    {"name": "people", "kind": "distinct", "filter": 2, "code": 0, "by": [], "window": 1500},
    {"name": "since", "kind": "recency", "filter": 1, "by": ["attribute"], "by_attribute": 0,
     "unit": 1},
    {"name": "list_price", "kind": "item_number", "attribute": 0},
    {"name": "ratio", "kind": "formula", "formula": [{"feature": 0}, {"feature": 1}, 1.0, "+", "/"]},
    {"name": "share", "kind": "together_share", "list": 0, "filter": 2, "sample": 9, "depth": 9},
    {"name": "lift", "kind": "together_lift", "list": 0, "filter": 1, "within": 90, "sample": 6,
     "depth": 5, "strength": 1.5},
    {"name": "like", "kind": "similarity", "list": 0, "embedding": 0},
    {"name": "rank", "kind": "list_rank", "list": 0},
    {"name": "fond", "kind": "list_rank", "list": 1},
    {"name": "near", "kind": "context", "context": 0},
    {"name": "phone", "kind": "context", "context": 1},
    {"name": "home", "kind": "context", "context": 2},
    {"name": "country", "kind": "count", "filter": 0, "by": ["group", "item"], "by_group": 0}
  ]})";
constexpr std::int32_t kItems = 300;
constexpr std::int32_t kSubjects = 20;
constexpr std::int64_t kEvents = 3'000;

std::shared_ptr<const features::Profiles> profiles() {
  std::mt19937 random(1);
  const auto below = [&](std::int32_t end) {
    return static_cast<std::int32_t>(random() % static_cast<std::uint32_t>(end));
  };
  features::ProfileParts parts;
  parts.plan = std::make_shared<const features::Plan>(features::Plan::from_json(kPlan));
  std::vector<std::string> subjects;
  std::vector<std::string> items;
  for (std::int32_t s = 0; s < kSubjects; ++s) subjects.push_back("s" + std::to_string(100 + s));
  for (std::int32_t i = 0; i < kItems; ++i) items.push_back("i" + std::to_string(1'000 + i));
  parts.subjects = data::IdMap::from_strings(subjects);
  parts.items = data::IdMap::from_strings(items);
  std::vector<std::int32_t> countries;
  for (std::int32_t s = 0; s < kSubjects; ++s) countries.push_back(s % 3);
  parts.people.codes.push_back(features::SubjectTable::Codes::of(std::move(countries)));
  parts.table.items = kItems;
  parts.table.codes.resize(1);
  parts.table.codes[0].values = 7;
  parts.table.numbers.resize(1);
  std::vector<float> vectors;
  for (std::int32_t i = 0; i < kItems; ++i) {
    parts.table.codes[0].of_item.push_back(i % 7);
    parts.table.numbers[0].push_back(i % 9);
    for (int d = 0; d < 4; ++d) vectors.push_back(static_cast<float>(below(100)) - 50);
  }
  parts.table.vectors = {features::ItemVectors::of({vectors.data(), kItems, 4})};
  parts.item_texts = {data::IdMap::from_strings({"a", "b", "c", "d", "e", "f", "g"})};
  parts.code_texts.resize(1);
  std::vector<std::int64_t> times;
  std::vector<std::int32_t> types;
  std::vector<std::int32_t> who;
  std::vector<std::int32_t> what;
  std::vector<std::int64_t> prices;
  for (std::int64_t i = 0; i < kEvents; ++i) {
    times.push_back(i);
    types.push_back(below(2));
    who.push_back(below(kSubjects));
    what.push_back(below(kItems));
    prices.push_back(below(90) * features::kUnit);
  }
  parts.events = {SharedArray<std::int64_t>::own(std::move(times)),
                  SharedArray<std::int32_t>::own(std::move(types)),
                  SharedArray<std::int32_t>::own(std::vector<std::int32_t>(who)),
                  SharedArray<std::int32_t>::own(std::move(what)),
                  {SharedArray<std::int64_t>::own(std::move(prices))},
                  {SharedArray<std::int32_t>::own(std::move(who))}};
  return features::Profiles::of(std::move(parts), 1);
}

TEST(PlannedColumns, OfARequestAllocateNothing) {
  const auto base = profiles();
  features::LiveProfiles live(base);
  FeatureBasis basis;
  basis.items = base->items();
  basis.profiles = base;
  std::vector<std::string> names = CandidateFeatures::all_names(basis);
  std::erase_if(names, [](const std::string& name) { return !name.starts_with("plan."); });
  ASSERT_EQ(names.size(), 17U);
  const CandidateFeatures columns(basis, names);
  std::vector<Candidate> candidates(200);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    candidates[i].item = ItemIndex{static_cast<std::int32_t>(i)};
  }
  std::vector<float> rows(candidates.size() * names.size());
  std::vector<Request> requests(kSubjects);
  for (std::int32_t s = 0; s < kSubjects; ++s) {
    requests[static_cast<std::size_t>(s)].subject = "s" + std::to_string(100 + s);
    requests[static_cast<std::size_t>(s)].context.attributes = {{"distance", 1.5 * s}};
    requests[static_cast<std::size_t>(s)].context.device =
        s % 2 == 0 ? "phone" : "a tablet of any kind";
    requests[static_cast<std::size_t>(s)].context.page = "home";
  }
  Workspace work;
  work.query.as_of = Timestamp{kEvents + 50};
  for (const bool of_bundle : {true, false}) {
    work.live = of_bundle ? nullptr : &live;
    // What each asks for first sets how much room there is; the next ask the same.
    for (const bool first : {true, false}) {
      for (const Request& request : requests) {
        work.request = &request;
        const std::size_t before = allocations;
        columns.fill(work, candidates, rows);
        if (!first) {
          EXPECT_EQ(allocations, before) << std::get<std::string>(*request.subject);
        }
      }
    }
  }
  // An event in between changes nothing about it.
  live.add({.time = kEvents,
            .type = "view",
            .subject = "s107",
            .item = "i1007",
            .numbers = {1},
            .codes = {""}});
  for (const Request& request : requests) {
    work.request = &request;
    const std::size_t before = allocations;
    columns.fill(work, candidates, rows);
    EXPECT_EQ(allocations, before) << std::get<std::string>(*request.subject);
  }
  // It is read: someone met the item, and its row says so.
  const auto met = static_cast<std::size_t>(std::ranges::find(names, "plan.met") - names.begin());
  work.request = &requests[7];
  const float now = [&] {
    columns.fill(work, candidates, rows);
    return rows[7 * names.size() + met];
  }();
  work.live = nullptr;
  columns.fill(work, candidates, rows);
  EXPECT_EQ(rows[7 * names.size() + met] + 1, now);
}

TEST(MembersOfSegments, AreReadWithWhatWasMadeBefore) {
  const auto base = profiles();
  features::LiveProfiles live(base);
  const auto rules = features::SegmentRules::from_json(
      R"({"columns": [{"feature": 1}, {"feature": 2, "item": 3}], "segments": [
          {"name": "spends", "rule": [{"column": 0, "compare": ">", "bound": 2000}]},
          {"name": "shown", "rule": [{"column": 1, "compare": ">=", "bound": 4}]}]})",
      base->plan());
  const std::vector<std::int64_t> times(kSubjects, kEvents + 50);
  std::vector<std::int32_t> subjects;
  for (std::int32_t s = 0; s < kSubjects; ++s) subjects.push_back(s);
  std::vector<std::uint8_t> out(2 * subjects.size());
  std::vector<std::uint8_t> expected(out.size());
  std::size_t changes = 0;
  for (int turn = 0; turn < 12; ++turn) {
    const features::Points points{times, subjects, {}};
    const std::vector<std::uint8_t> last = out;
    const std::size_t before = allocations;
    live.read_segments(rules, points, out);
    if (turn > 0) {
      EXPECT_EQ(allocations, before);
      changes += last == out ? 0 : 1;
    }
    features::read_segments(live.state(), rules, {}, points, 1, expected);
    EXPECT_EQ(out, expected) << turn;
    live.add({.time = kEvents + turn,
              .type = turn % 2 == 0 ? "view" : "buy",
              .subject = "s107",
              .item = "i1003",
              .numbers = {900 * features::kUnit},
              .codes = {""}});
  }
  EXPECT_GT(changes, 1U);
}

}  // namespace
}  // namespace penchant::engine
