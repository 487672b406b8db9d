#include "penchant/features/block_reader.h"

#include <algorithm>
#include <limits>

#include "penchant/features/floor_div.h"
#include "penchant/features/point_runs.h"

namespace penchant::features {
namespace {

using Kind = Feature::Kind;
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t kHourMicros = 3'600'000'000;

// Features that are found in the rows of one series, without a walk over them.
bool of_series(const Feature& feature) {
  return feature.of_events() && !feature.by.pair() && !feature.netted();
}

}  // namespace

BlockReader::BlockReader(const State& state, bool remembers) : state_(state), plan_(state.plan()) {
  for (std::size_t shift = 0; shift < plan_.shifts().size(); ++shift) {
    shifted_.push_back({.pairs = PairWalk(state, shift),
                        .lists = std::nullopt,
                        .net = std::nullopt,
                        .series = {},
                        .features = {}});
    add_series(shift, remembers);
  }
  for (std::size_t f = 0; f < plan_.features().size(); ++f) add_feature(f);
}

void BlockReader::add_series(std::size_t shift, bool remembers) {
  std::vector<std::vector<std::size_t>> of(plan_.series().size());
  for (std::size_t f = 0; f < plan_.features().size(); ++f) {
    const Feature& feature = plan_.features()[f];
    if (of_series(feature) && feature.shift == shift) of[plan_.access()[f].series].push_back(f);
  }
  for (std::size_t s = 0; s < of.size(); ++s) {
    if (!of[s].empty()) shifted_[shift].series.emplace_back(state_, s, of[s], remembers);
  }
}

void BlockReader::add_feature(std::size_t f) {
  const Feature& feature = plan_.features()[f];
  Shifted& shifted = shifted_[feature.shift];
  if (feature.of_list()) {
    if (!shifted.lists) shifted.lists.emplace(state_, kPoints, feature.shift);
  } else if (feature.netted()) {
    if (!shifted.net) shifted.net.emplace(state_, kPoints, feature.shift);
  } else if (feature.kind != Kind::kFormula && !feature.of_events()) {
    shifted.features.push_back(f);
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
  for (SeriesFacts& series : shifted.series) {
    series.look(block);
    for (std::size_t n = 0; n < series.features().size(); ++n) {
      series.write(n, columns[series.features()[n]] + first_);
    }
  }
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
  switch (feature.kind) {
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
