#include "penchant/features/block_reader.h"

#include <algorithm>
#include <limits>

#include "penchant/features/floor_div.h"
#include "penchant/features/place_of.h"
#include "penchant/features/point_runs.h"

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

BlockReader::BlockReader(const State& state) : state_(state), plan_(state.plan()) {
  for (std::size_t s = 0; s < plan_.series().size(); ++s) seen_.emplace_back(state, s);
  for (std::size_t shift = 0; shift < plan_.shifts().size(); ++shift) {
    shifted_.push_back({.pairs = PairWalk(state, shift),
                        .lists = std::nullopt,
                        .net = std::nullopt,
                        .series = {},
                        .features = {}});
  }
  for (std::size_t f = 0; f < plan_.features().size(); ++f) add_feature(f);
}

void BlockReader::add_feature(std::size_t f) {
  const Feature& feature = plan_.features()[f];
  Shifted& shifted = shifted_[feature.shift];
  if (feature.of_list()) {
    if (!shifted.lists) shifted.lists.emplace(state_, kPoints, feature.shift);
  } else if (feature.netted()) {
    if (!shifted.net) shifted.net.emplace(state_, kPoints, feature.shift);
  } else if (feature.kind != Kind::kFormula && !(feature.of_events() && feature.by.pair())) {
    shifted.features.push_back(f);
    if (feature.of_events()) (void)place_of(shifted.series, plan_.access()[f].series);
  }
}

void BlockReader::read(const Points& points, std::size_t first, std::size_t count,
                       std::span<double* const> columns) {
  points_ = points;
  first_ = first;
  count_ = count;
  for (std::size_t shift = 0; shift < plan_.shifts().size(); ++shift) read_shifted(shift, columns);
  for (std::size_t f = 0; f < plan_.features().size(); ++f) {
    const Feature& feature = plan_.features()[f];
    if (feature.kind != Kind::kFormula) continue;
    feature.formula.values(columns, first, count, formula_room_, columns[f] + first);
  }
}

// All but formulas, of what is read with one shift.
void BlockReader::read_shifted(std::size_t shift, std::span<double* const> columns) {
  for (std::size_t i = 0; i < count_; ++i) {
    times_[i] = plan_.shifts()[shift].moment(points_.times[first_ + i]);
  }
  Shifted& shifted = shifted_[shift];
  const auto times = std::span<const std::int64_t>(times_).first(count_);
  const Points block{times, points_.subjects.subspan(first_, count_),
                     points_.items.empty() ? points_.items : points_.items.subspan(first_, count_)};
  for (const std::size_t s : shifted.series) seen_[s].look(block, 0, count_);
  if (shifted.pairs.any()) read_pairs(shifted.pairs, columns);
  if (shifted.lists) shifted.lists->read(points_, times, first_, columns);
  if (shifted.net) shifted.net->read(points_, times, first_, columns);
  for (const std::size_t f : shifted.features) read_feature(f, columns);
}

void BlockReader::read_pairs(PairWalk& pairs, std::span<double* const> columns) {
  const auto times = std::span<const std::int64_t>(times_).first(count_);
  each_run(points_.subjects, times, first_, [&](const PointRun& run) {
    const std::size_t count = run.end - run.first;
    pairs.walk(run.subject, run.time);
    pairs.write(points_.items.empty() ? points_.items : points_.items.subspan(run.first, count),
                columns, run.first, count);
  });
}

void BlockReader::read_feature(std::size_t f, std::span<double* const> columns) {
  const Feature& feature = plan_.features()[f];
  double* const out = columns[f] + first_;
  const auto each = [&](const auto& value) {
    for (std::size_t i = 0; i < count_; ++i) out[i] = value(i);
  };
  const auto once = [&](auto&& value) { seen_[plan_.access()[f].series].each(out, value); };
  switch (feature.kind) {
    case Kind::kCount:
    case Kind::kKnown: {
      const Plan::Access& access = plan_.access()[f];
      return seen_[access.series].each_counted(access.measure, access.window, out);
    }
    case Kind::kSum:
      return once([&](std::size_t i) { return sum_of(f, i); });
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
      return once([&, fading = Fading(feature.half_life)](std::size_t i) mutable {
        return decayed_of(f, i, fading);
      });
    case Kind::kLastCode:
      return once([&](std::size_t i) { return last_code_of(f, i); });
    case Kind::kTopCode:
      return once([&](std::size_t i) { return top_code_of(f, i); });
    case Kind::kItemNumber:
    case Kind::kItemCode:
      return each([&](std::size_t i) { return of_item(feature, i); });
    case Kind::kContext:
      return each([&](std::size_t i) {
        return points_.contexts.empty() ? kUnknown
                                        : points_.contexts[feature.attribute][first_ + i];
      });
    case Kind::kHour:
    case Kind::kWeekday:
      return each([&](std::size_t i) {
        return i > 0 && times_[i] == times_[i - 1] ? out[i - 1] : of_time(feature, i);
      });
    default:
      return;
  }
}

std::size_t BlockReader::begin_of(std::size_t f, std::size_t i) const {
  const Plan::Access& access = plan_.access()[f];
  return seen_[access.series].begin(access.window, i);
}

double BlockReader::sum_of(std::size_t f, std::size_t i) const {
  const Plan::Access& access = plan_.access()[f];
  const SeriesView& view = seen_[access.series];
  return units(view.list(i).sum(access.measure, view.begin(access.window, i), view.end(i)));
}

double BlockReader::bound_of(std::size_t f, std::size_t i) const {
  const Feature& feature = plan_.features()[f];
  const Plan::Access& access = plan_.access()[f];
  const Series::List& list = seen_[access.series].list(i);
  const std::size_t end = seen_[access.series].end(i);
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
  const Plan::Access& access = plan_.access()[f];
  const SeriesView& view = seen_[access.series];
  const std::size_t begin = view.begin(access.window, i);
  return static_cast<double>(view.list(i).distinct(access.measure, begin, view.end(i)));
}

double BlockReader::age_of(std::size_t f, std::size_t i) const {
  const Feature& feature = plan_.features()[f];
  const Plan::Access& access = plan_.access()[f];
  const Series::List& list = seen_[access.series].list(i);
  const std::size_t end = seen_[access.series].end(i);
  const auto begin = static_cast<std::int64_t>(begin_of(f, i));
  const std::int64_t time = times_[i];
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

double BlockReader::decayed_of(std::size_t f, std::size_t i, Fading& fading) const {
  const Plan::Access& access = plan_.access()[f];
  const Series::List& list = seen_[access.series].list(i);
  const std::size_t end = seen_[access.series].end(i);
  if (end == 0) return 0;
  return fading.at(list.total(access.measure, end), list.time(end - 1), times_[i]);
}

double BlockReader::last_code_of(std::size_t f, std::size_t i) {
  const Feature& feature = plan_.features()[f];
  const Plan::Access& access = plan_.access()[f];
  const Series::List& list = seen_[access.series].list(i);
  const auto begin = static_cast<std::int64_t>(begin_of(f, i));
  distinct_.clear();
  std::int64_t row = list.total(access.measure, seen_[access.series].end(i));
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
  const Series::List& list = seen_[access.series].list(i);
  const std::size_t end = seen_[access.series].end(i);
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
  const std::int64_t local = times_[i] + feature.offset;
  const std::int64_t day = floor_div(local, 24 * kHourMicros);
  if (feature.kind == Kind::kHour) {
    const std::int64_t hour = (local - day * 24 * kHourMicros) / kHourMicros;
    return static_cast<double>(hour);
  }
  return static_cast<double>(day + 3 - floor_div(day + 3, 7) * 7);  // 1970-01-01 was a Thursday
}

}  // namespace penchant::features
