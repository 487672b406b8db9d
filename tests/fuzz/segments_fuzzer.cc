// Any bytes at all as rules of segments: refused with a reason, or rules whose members, kept up
// with time, are those that the state says.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <string_view>
#include <vector>

#include "penchant/base/error.h"
#include "penchant/features/segment_index.h"

namespace {

namespace features = penchant::features;

constexpr std::int64_t kDay = 86'400'000'000;
constexpr std::int32_t kSubjects = 5;
constexpr std::size_t kMostSegments = 64;  // an input is to take milliseconds
constexpr std::size_t kMostColumns = 64;
constexpr std::string_view kPlan = R"({
  "types": ["purchase", "*"], "numbers": ["price"], "item_codes": ["category"],
  "filters": [{"types": [0]}, {"types": []}], "values": [{"factors": [0]}],
  "features": [
    {"name": "recency", "kind": "recency", "filter": 0, "by": ["subject"]},
    {"name": "week", "kind": "count", "filter": 1, "window": 604800000000, "by": ["subject"]},
    {"name": "spent", "kind": "sum", "filter": 0, "value": 0, "window": 864000000000, "by": ["subject"]},
    {"name": "top", "kind": "top_code", "filter": 0, "attribute": 0, "rank": 0, "by": ["subject"]},
    {"name": "faded", "kind": "decayed", "filter": 0, "half_life": 172800000000, "by": ["subject"]},
    {"name": "mean", "kind": "formula", "formula": [{"feature": 2}, {"feature": 1}, "/"]}
  ]})";

void check(bool holds) {
  if (!holds) std::abort();
}

features::State filled(const std::shared_ptr<const features::Plan>& plan) {
  features::ItemTable items;
  items.items = 3;
  items.codes.push_back({{0, 1, -1}, 2});
  features::State state(plan, std::move(items));
  std::vector<std::int64_t> times;
  std::vector<std::uint16_t> types;
  std::vector<std::int32_t> subjects;
  std::vector<std::int32_t> bought;
  std::vector<std::int64_t> prices;
  for (int i = 0; i < 40; ++i) {
    times.push_back(i * 7 % 29 * kDay / 2);
    types.push_back(static_cast<std::uint16_t>(i % 3 == 0));
    subjects.push_back(i * 3 % (kSubjects + 1) - 1);
    bought.push_back(i % 4 - 1);
    prices.push_back((i % 5 - 1) * features::kUnit);
  }
  state.replay({.times = times,
                .types = types,
                .subjects = subjects,
                .items = bought,
                .numbers = {prices},
                .codes = {}},
               1);
  return state;
}

void expect_same(const features::State& state,
                 const std::shared_ptr<const features::SegmentRules>& rules) {
  const features::SegmentScores scores(rules->scores());
  features::SegmentIndex index(
      state, rules,
      {.time = kDay, .every = kDay, .subjects = kSubjects, .threads = 1, .scores = scores});
  std::vector<std::int32_t> subjects(kSubjects);
  std::iota(subjects.begin(), subjects.end(), 0);
  std::vector<std::uint8_t> said(kSubjects * rules->segments());
  for (std::int64_t day = 1; day < 30; ++day) {
    static_cast<void>(index.advance(day * kDay, 1));
    const std::vector<std::int64_t> times(kSubjects, day * kDay);
    read_segments(state, *rules, scores, {.times = times, .subjects = subjects, .items = {}}, 1,
                  said);
    for (std::size_t i = 0; i < said.size(); ++i) {
      const auto subject = static_cast<std::int32_t>(i / rules->segments());
      check(index.contains(subject, i % rules->segments()) == (said[i] != 0));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto plan = std::make_shared<features::Plan>(features::Plan::from_json(kPlan));
  static const features::State state = filled(plan);
  try {
    const auto rules = std::make_shared<const features::SegmentRules>(
        features::SegmentRules::from_json({reinterpret_cast<const char*>(data), size}, *plan));
    if (rules->segments() > kMostSegments || rules->columns().size() > kMostColumns) return 0;
    if (rules->scores() > kMostColumns) return 0;
    expect_same(state, rules);
  } catch (const penchant::Error& error) {
    check(error.kind() == penchant::ErrorKind::kInvalidArgument);
    check(!std::string_view(error.what()).empty());
  }
  return 0;
}
