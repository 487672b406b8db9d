#include "penchant/features/net_reader.h"

#include <algorithm>
#include <limits>

namespace penchant::features {
namespace {

using Kind = Feature::Kind;
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

// What is left of a value to which the pieces of a row are a factor.
std::int64_t of_what_is_left(std::int64_t value, const NetWalk::Row& row) {
  if (value == kNoNumber || row.left == row.quantity) return value;
  const __int128 exact = static_cast<__int128>(value) * row.left;
  const __int128 half = exact < 0 ? -row.quantity / 2 : row.quantity / 2;
  return static_cast<std::int64_t>((exact + half) / row.quantity);
}

}  // namespace

NetReader::NetReader(const State& state, std::size_t most, std::size_t shift)
    : state_(state), walk_(state), keys_(most), totals_(most) {
  const std::vector<Feature>& features = state.plan().features();
  for (std::size_t f = 0; f < features.size(); ++f) {
    if (!features[f].netted() || features[f].shift != shift) continue;
    auto at = std::ranges::find(asked_, features[f].netting, &Asked::netting);
    if (at == asked_.end()) {
      at = asked_.insert(at, {.netting = features[f].netting, .features = {}});
    }
    at->features.push_back(f);
  }
}

void NetReader::read(const Points& points, std::span<const std::int64_t> times, std::size_t first,
                     std::span<double* const> columns) {
  each_run(points.subjects, times, first, [&](const PointRun& run) {
    for (const Asked& asked : asked_) {
      walk_.walk(asked.netting, run.subject, run.time, rows_);
      const Plan::NettingAccess& access = state_.plan().netting_access()[asked.netting];
      const Series& series = state_.series(access.series);
      list_ = series.list(run.subject < 0 ? series.keys() : static_cast<std::size_t>(run.subject));
      for (const std::size_t f : asked.features) read_feature(f, points, run, columns);
    }
  });
}

void NetReader::read_feature(std::size_t f, const Points& points, const PointRun& run,
                             std::span<double* const> columns) {
  const Feature& feature = state_.plan().features()[f];
  double* const out = columns[f];
  if (!feature.by.pair()) {
    std::fill(out + run.first, out + run.end, of_subject(f, run));
    return;
  }
  const auto key = [&](std::size_t point) {
    return key_of(feature, points.items.empty() ? kNoCode : points.items[point]);
  };
  keys_.clear();
  for (std::size_t point = run.first; point < run.end; ++point) {
    if (key(point) >= 0) keys_.put(key(point));
  }
  total_up(f, run);
  for (std::size_t point = run.first; point < run.end; ++point) {
    const bool known = key(point) >= 0;
    out[point] = value_of(feature, known ? totals_[keys_.find(key(point))] : Total{}, run.time);
  }
}

// The key of an item: what a pair counts by.
std::int32_t NetReader::key_of(const Feature& feature, std::int32_t item) const {
  if (feature.by.item == By::Item::kAny) return 0;
  if (item < 0 || feature.by.item == By::Item::kSame) return item;
  return state_.items().codes[feature.by.attribute].of_item[static_cast<std::size_t>(item)];
}

double NetReader::of_subject(std::size_t f, const PointRun& run) {
  const Feature& feature = state_.plan().features()[f];
  switch (feature.kind) {
    case Kind::kDistinct:
      return distinct(f, run);
    case Kind::kLastCode:
      return last_code(f, run);
    case Kind::kTopCode:
      return top_code(f, run);
    default:
      keys_.clear();
      keys_.put(0);
      total_up(f, run);
      return value_of(feature, totals_[0], run.time);
  }
}

template <class Use>
void NetReader::each_row(std::size_t f, const PointRun& run, const Use& use) const {
  const Feature& feature = state_.plan().features()[f];
  const Plan::Access& access = state_.plan().access()[f];
  const std::size_t pieces = state_.plan().pieces_in(feature);
  const Series::List& list = *list_;
  for (const NetWalk::Row& row : rows_) {
    if ((list.filters(row.row) >> feature.filter & 1U) == 0) continue;
    if (feature.window > 0 && list.time(row.row) < run.time - feature.window) continue;
    std::int64_t value = list.value(access.value, row.row);
    for (std::size_t k = 0; k < pieces; ++k) value = of_what_is_left(value, row);
    use(row.row, value);
  }
}

void NetReader::total_up(std::size_t f, const PointRun& run) {
  const Feature& feature = state_.plan().features()[f];
  const std::size_t items = state_.plan().netting_access()[feature.netting].items;
  const Series::List& list = *list_;
  std::fill_n(totals_.begin(), keys_.size(), Total{});
  each_row(f, run, [&](std::size_t row, std::int64_t value) {
    const std::int32_t key = key_of(feature, list.code(items, row));
    const std::uint32_t place = key < 0 ? CodePlaces::kNone : keys_.find(key);
    if (place != CodePlaces::kNone) add(feature, list.time(row), value, totals_[place]);
  });
}

void NetReader::add(const Feature& feature, std::int64_t time, std::int64_t value,
                    Total& total) const {
  const std::int64_t sofar = total.value == kNoNumber ? 0 : total.value;
  switch (feature.kind) {
    case Kind::kKnown:
      total.value = sofar + (value == kNoNumber ? 0 : 1);
      break;
    case Kind::kSum:
      if (value != kNoNumber) total.value = added(sofar, value);
      break;
    case Kind::kLowest:
    case Kind::kHighest: {
      if (value == kNoNumber) return;
      const bool lower = feature.kind == Kind::kLowest;
      if (total.value == kNoNumber || (lower ? value < total.value : value > total.value)) {
        total.value = value;
      }
      break;
    }
    case Kind::kDecayed: {
      if (value == kNoNumber) return;
      const DecayedSum decayed{feature.half_life};
      const std::int64_t faded =
          total.last == kNoNumber ? 0 : decayed.advance(sofar, total.last, time);
      total.value = added(faded, decayed.term(value, time));
      break;
    }
    default:
      total.value = sofar + 1;
  }
  if (total.first == kNoNumber) total.first = time;
  total.last = time;
}

double NetReader::value_of(const Feature& feature, const Total& total, std::int64_t time) const {
  const auto unit = static_cast<double>(feature.unit);
  const bool none = total.value == kNoNumber;
  switch (feature.kind) {
    case Kind::kCount:
    case Kind::kKnown:
      return none ? 0 : static_cast<double>(total.value);
    case Kind::kSum:
      return none ? 0 : static_cast<double>(total.value) / kUnit;
    case Kind::kLowest:
    case Kind::kHighest:
      return none ? kUnknown : static_cast<double>(total.value) / kUnit;
    case Kind::kRecency:
      return none ? kUnknown : static_cast<double>(time - total.last) / unit;
    case Kind::kFirstSeen:
      return none ? kUnknown : static_cast<double>(time - total.first) / unit;
    case Kind::kSpan:
      return none ? kUnknown : static_cast<double>(total.last - total.first) / unit;
    case Kind::kDecayed:
      return none ? 0 : DecayedSum{feature.half_life}.at(total.value, total.last, time);
    default:
      return kUnknown;
  }
}

double NetReader::distinct(std::size_t f, const PointRun& run) {
  const std::size_t code = state_.plan().access()[f].code;
  codes_.clear();
  each_row(f, run, [&](std::size_t row, std::int64_t) {
    const std::int32_t own = list_->code(code, row);
    if (own >= 0) codes_.push_back(own);
  });
  std::ranges::sort(codes_);
  return static_cast<double>(std::ranges::unique(codes_).begin() - codes_.begin());
}

double NetReader::last_code(std::size_t f, const PointRun& run) {
  const Feature& feature = state_.plan().features()[f];
  const std::size_t code = state_.plan().access()[f].code;
  codes_.clear();
  each_row(f, run, [&](std::size_t row, std::int64_t) {
    const std::int32_t own = list_->code(code, row);
    if (own >= 0) codes_.push_back(own);
  });
  // The first place of each code, from the end.
  std::size_t rank = 0;
  for (std::size_t i = codes_.size(); i-- > 0;) {
    const auto later = codes_.begin() + static_cast<std::ptrdiff_t>(i) + 1;
    if (std::find(later, codes_.end(), codes_[i]) != codes_.end()) continue;
    if (rank++ == feature.rank) return static_cast<double>(codes_[i]);
  }
  return kUnknown;
}

double NetReader::top_code(std::size_t f, const PointRun& run) {
  const Feature& feature = state_.plan().features()[f];
  const auto& of_item = state_.items().codes[feature.attribute].of_item;
  const std::size_t items = state_.plan().access()[f].code;
  sums_.clear();
  each_row(f, run, [&](std::size_t row, std::int64_t value) {
    const std::int32_t item = list_->code(items, row);
    const std::int32_t code = item < 0 ? item : of_item[static_cast<std::size_t>(item)];
    if (code < 0 || value == kNoNumber) return;
    auto at = std::ranges::find(sums_, code, [](const auto& one) { return one.second; });
    if (at == sums_.end()) at = sums_.insert(at, {0, code});
    at->first = added(at->first, value);
  });
  if (sums_.size() <= feature.rank) return kUnknown;
  const auto nth = sums_.begin() + static_cast<std::ptrdiff_t>(feature.rank);
  std::ranges::nth_element(sums_, nth, [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  return static_cast<double>(nth->second);
}

}  // namespace penchant::features
