#include "penchant/features/block_reader.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>

#include "penchant/features/floor_div.h"

namespace penchant::features {
namespace {

using Kind = Feature::Kind;
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t kHourMicros = 3'600'000'000;

double units(std::int64_t millionths) { return static_cast<double>(millionths) / kUnit; }

bool counts(const Series::List& list, std::size_t row, const Feature& feature) {
  return (list.filters(row) >> feature.filter & 1U) != 0;
}

}  // namespace

BlockReader::BlockReader(const State& state)
    : state_(state), plan_(state.plan()), pairs_(state), seen_(plan_.series().size()) {
  for (std::size_t s = 0; s < seen_.size(); ++s) {
    const Plan::Kept& kept = plan_.series()[s];
    Seen& seen = seen_[s];
    seen.begin.resize(kept.windows.size());
    seen.wider.resize(kept.windows.size());
    std::iota(seen.wider.begin(), seen.wider.end(), std::size_t{0});
    std::ranges::sort(seen.wider, std::greater(), [&](std::size_t w) { return kept.windows[w]; });
    if (!kept.by.subject && kept.by.item == By::Item::kSameAttribute) {
      seen.last_of.resize(state.items().codes[kept.by.attribute].values);
    }
  }
}

std::int32_t BlockReader::key_of(const By& by, std::size_t point) const {
  if (by.subject) return points_.subjects[point];
  if (by.item == By::Item::kAny) return 0;
  const std::int32_t item = points_.items.empty() ? kNoCode : points_.items[point];
  if (by.item == By::Item::kSame || item < 0) return item;
  return state_.items().codes[by.attribute].of_item[static_cast<std::size_t>(item)];
}

// A point before it that is of the same key and time, or `i`.
std::size_t BlockReader::point_like(Seen& seen, std::int32_t key, std::size_t i) const {
  if (key < 0 || static_cast<std::size_t>(key) >= seen.last_of.size()) return i;
  auto& [block, point] = seen.last_of[static_cast<std::size_t>(key)];
  const std::size_t like =
      block == block_ && points_.times[first_ + point] == points_.times[first_ + i] ? point : i;
  block = block_;
  point = static_cast<std::uint32_t>(like);
  return like;
}

void BlockReader::look_up(std::size_t s) {
  const Plan::Kept& kept = plan_.series()[s];
  const Series& series = state_.series(s);
  Seen& seen = seen_[s];
  seen.lists.clear();
  seen.end.resize(count_);
  seen.like.resize(count_);
  for (auto& column : seen.begin) column.resize(count_);
  std::int32_t last_key = kNoCode;
  for (std::size_t i = 0; i < count_; ++i) {
    const std::int32_t key = key_of(kept.by, first_ + i);
    const std::int64_t time = points_.times[first_ + i];
    const bool again = i > 0 && key == last_key && time == points_.times[first_ + i - 1];
    const std::size_t like = again ? seen.like[i - 1] : point_like(seen, key, i);
    last_key = key;
    seen.like[i] = static_cast<std::uint32_t>(like);
    seen.lists.push_back(like < i ? seen.lists[like]
                                  : series.list(key < 0 ? series.keys()
                                                        : static_cast<std::size_t>(key)));
  }
  for (std::size_t i = 0; i < count_; ++i) {
    const std::size_t like = seen.like[i];
    const std::int64_t time = points_.times[first_ + i];
    const Series::List& list = seen.lists[i];
    seen.end[i] = like < i ? seen.end[like] : static_cast<std::uint32_t>(list.before(time));
    // A shorter window begins where a longer one does, or later.
    std::size_t begin = 0;
    for (const std::size_t w : seen.wider) {
      if (like == i) begin = list.before(time - kept.windows[w], seen.end[i], begin);
      seen.begin[w][i] = like < i ? seen.begin[w][like] : static_cast<std::uint32_t>(begin);
    }
  }
}

void BlockReader::read(const Points& points, std::size_t first, std::size_t count,
                       std::span<double* const> columns) {
  points_ = points;
  first_ = first;
  count_ = count;
  ++block_;
  for (std::size_t s = 0; s < seen_.size(); ++s) look_up(s);
  if (pairs_.any()) read_pairs(columns);
  for (std::size_t f = 0; f < plan_.features().size(); ++f) read_feature(f, columns);
}

void BlockReader::read_pairs(std::span<double* const> columns) {
  for (std::size_t i = 0; i < count_; ++i) {
    const std::size_t point = first_ + i;
    const bool same = i > 0 && points_.subjects[point] == points_.subjects[point - 1] &&
                      points_.times[point] == points_.times[point - 1];
    if (!same) pairs_.walk(points_.subjects[point], points_.times[point]);
    pairs_.write(points_.items.empty() ? kNoCode : points_.items[point], columns, point);
  }
}

void BlockReader::read_feature(std::size_t f, std::span<double* const> columns) {
  const Feature& feature = plan_.features()[f];
  if (feature.of_events() && feature.by.pair()) return;
  double* const out = columns[f] + first_;
  const auto each = [&](const auto& value) {
    for (std::size_t i = 0; i < count_; ++i) out[i] = value(i);
  };
  // Of events: what many points ask of the same list is found once.
  const auto once = [&](const auto& value) {
    const std::vector<std::uint32_t>& like = seen_[plan_.access()[f].series].like;
    for (std::size_t i = 0; i < count_; ++i) out[i] = like[i] < i ? out[like[i]] : value(i);
  };
  switch (feature.kind) {
    case Kind::kCount:
    case Kind::kKnown:
    case Kind::kSum:
      return read_totals(f, out);
    case Kind::kLowest:
    case Kind::kHighest:
      return once([&](std::size_t i) { return bound_of(f, i); });
    case Kind::kDistinct:
      return once([&](std::size_t i) { return distinct_of(f, i); });
    case Kind::kRecency:
    case Kind::kFirstSeen:
    case Kind::kSpan:
      return once([&](std::size_t i) { return age_of(f, i); });
    case Kind::kDecayed:
      return once([&](std::size_t i) { return decayed_of(f, i); });
    case Kind::kLastCode:
      return once([&](std::size_t i) { return last_code_of(f, i); });
    case Kind::kTopCode:
      return once([&](std::size_t i) { return top_code_of(f, i); });
    case Kind::kItemNumber:
    case Kind::kItemCode:
      return each([&](std::size_t i) { return of_item(feature, i); });
    case Kind::kHour:
    case Kind::kWeekday:
      return each([&](std::size_t i) {
        const bool again = i > 0 && points_.times[first_ + i] == points_.times[first_ + i - 1];
        return again ? out[i - 1] : of_time(feature, i);
      });
    case Kind::kFormula:
      return feature.formula.values(columns, first_, count_, formula_room_, out);
  }
}

std::size_t BlockReader::begin_of(std::size_t f, std::size_t i) const {
  const Plan::Access& access = plan_.access()[f];
  return access.window ? seen_[access.series].begin[*access.window][i] : 0;
}

void BlockReader::read_totals(std::size_t f, double* out) const {
  const Plan::Access& access = plan_.access()[f];
  const Seen& seen = seen_[access.series];
  const std::uint32_t* const begins = access.window ? seen.begin[*access.window].data() : nullptr;
  const bool sum = plan_.features()[f].kind == Kind::kSum;
  for (std::size_t i = 0; i < count_; ++i) {
    if (seen.like[i] < i) {
      out[i] = out[seen.like[i]];
      continue;
    }
    const std::size_t begin = begins == nullptr ? 0 : begins[i];
    const Series::List& list = seen.lists[i];
    out[i] = sum ? units(list.sum(access.measure, begin, seen.end[i]))
                 : static_cast<double>(list.counted(access.measure, begin, seen.end[i]));
  }
}

double BlockReader::bound_of(std::size_t f, std::size_t i) const {
  const Feature& feature = plan_.features()[f];
  const Plan::Access& access = plan_.access()[f];
  const Series::List& list = seen_[access.series].lists[i];
  const std::size_t end = seen_[access.series].end[i];
  std::int64_t bound = kNoNumber;
  if (feature.window == 0) {
    bound = list.total(access.measure, end);
  } else {
    for (std::size_t row = begin_of(f, i); row < end; ++row) {
      const std::int64_t x = list.value(access.value, row);
      if (x == kNoNumber || !counts(list, row, feature)) continue;
      if (bound == kNoNumber || (feature.kind == Kind::kLowest ? x < bound : x > bound)) bound = x;
    }
  }
  return bound == kNoNumber ? kUnknown : units(bound);
}

double BlockReader::distinct_of(std::size_t f, std::size_t i) const {
  const Feature& feature = plan_.features()[f];
  const Plan::Access& access = plan_.access()[f];
  const Series::List& list = seen_[access.series].lists[i];
  const std::size_t end = seen_[access.series].end[i];
  const std::size_t begin = begin_of(f, i);
  if (begin == 0) return static_cast<double>(list.total(access.measure, end));
  std::size_t codes = 0;
  for (std::size_t row = begin; row < end; ++row) {
    const bool first = list.previous(access.measure, row) < static_cast<std::int64_t>(begin);
    codes += first && counts(list, row, feature) ? 1 : 0;
  }
  return static_cast<double>(codes);
}

double BlockReader::age_of(std::size_t f, std::size_t i) const {
  const Feature& feature = plan_.features()[f];
  const Plan::Access& access = plan_.access()[f];
  const Series::List& list = seen_[access.series].lists[i];
  const std::size_t end = seen_[access.series].end[i];
  const auto begin = static_cast<std::int64_t>(begin_of(f, i));
  const std::int64_t time = points_.times[first_ + i];
  const auto unit = static_cast<double>(feature.unit);
  if (feature.kind == Kind::kRecency) {
    const std::int64_t last = list.total(access.measure, end);
    if (last < begin) return kUnknown;
    return static_cast<double>(time - list.time(static_cast<std::size_t>(last))) / unit;
  }
  const std::size_t count = feature.kind == Kind::kSpan ? access.counted : access.measure;
  const std::size_t low = list.first(count, static_cast<std::size_t>(begin), end);
  if (low == end) return kUnknown;
  std::int64_t until = time;
  if (feature.kind == Kind::kSpan) {
    until = list.time(static_cast<std::size_t>(list.total(access.measure, end)));
  }
  return static_cast<double>(until - list.time(low)) / unit;
}

double BlockReader::decayed_of(std::size_t f, std::size_t i) const {
  const Plan::Access& access = plan_.access()[f];
  const Series::List& list = seen_[access.series].lists[i];
  const std::size_t end = seen_[access.series].end[i];
  if (end == 0) return 0;
  return DecayedSum{plan_.features()[f].half_life}.at(
      list.total(access.measure, end), list.time(end - 1), points_.times[first_ + i]);
}

double BlockReader::last_code_of(std::size_t f, std::size_t i) {
  const Feature& feature = plan_.features()[f];
  const Plan::Access& access = plan_.access()[f];
  const Series::List& list = seen_[access.series].lists[i];
  const auto begin = static_cast<std::int64_t>(begin_of(f, i));
  distinct_.clear();
  std::int64_t row = list.total(access.measure, seen_[access.series].end[i]);
  for (; row >= begin; row = list.total(access.measure, static_cast<std::size_t>(row))) {
    const std::int32_t code = list.code(access.code, static_cast<std::size_t>(row));
    if (code < 0 || std::ranges::find(distinct_, code) != distinct_.end()) continue;
    distinct_.push_back(code);
    if (distinct_.size() > feature.rank) return static_cast<double>(code);
  }
  return kUnknown;
}

double BlockReader::top_code_of(std::size_t f, std::size_t i) {
  const Feature& feature = plan_.features()[f];
  const Plan::Access& access = plan_.access()[f];
  const Series::List& list = seen_[access.series].lists[i];
  const std::size_t end = seen_[access.series].end[i];
  const auto& of_item = state_.items().codes[feature.attribute].of_item;
  totals_.clear();
  for (std::size_t row = begin_of(f, i); row < end; ++row) {
    const std::int32_t item = list.code(access.code, row);
    if (item < 0 || !counts(list, row, feature)) continue;
    const std::int32_t code = of_item[static_cast<std::size_t>(item)];
    const std::int64_t x = list.value(access.value, row);
    if (code < 0 || x == kNoNumber) continue;
    auto at = std::ranges::find(totals_, code, [](const auto& one) { return one.second; });
    if (at == totals_.end()) at = totals_.insert(at, {0, code});
    at->first = added(at->first, x);
  }
  if (totals_.size() <= feature.rank) return kUnknown;
  const auto nth = totals_.begin() + static_cast<std::ptrdiff_t>(feature.rank);
  std::ranges::nth_element(totals_, nth, [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  return static_cast<double>(nth->second);
}

double BlockReader::of_item(const Feature& feature, std::size_t i) const {
  const std::int32_t item = points_.items.empty() ? kNoCode : points_.items[first_ + i];
  if (item < 0) return kUnknown;
  const auto at = static_cast<std::size_t>(item);
  if (feature.kind == Kind::kItemNumber) return state_.items().numbers[feature.attribute][at];
  const std::int32_t code = state_.items().codes[feature.attribute].of_item[at];
  return code < 0 ? kUnknown : static_cast<double>(code);
}

double BlockReader::of_time(const Feature& feature, std::size_t i) const {
  const std::int64_t local = points_.times[first_ + i] + feature.offset;
  const std::int64_t day = floor_div(local, 24 * kHourMicros);
  if (feature.kind == Kind::kHour) {
    return static_cast<double>((local - day * 24 * kHourMicros) / kHourMicros);
  }
  return static_cast<double>(day + 3 - floor_div(day + 3, 7) * 7);  // 1970-01-01 was a Thursday
}

}  // namespace penchant::features
