#include "penchant/features/plan.h"

#include <algorithm>
#include <bit>

#include "penchant/features/place_of.h"

namespace penchant::features {
namespace {

using Kind = Feature::Kind;

// Read row by row rather than from totals.
bool walked(const Feature& feature) {
  if (feature.by.pair() || feature.kind == Kind::kTopCode || feature.kind == Kind::kLastCode) {
    return true;
  }
  const bool bound = feature.kind == Kind::kLowest || feature.kind == Kind::kHighest;
  return bound && feature.window > 0;
}

Measure::Kind total_of(Kind kind) {
  switch (kind) {
    case Kind::kKnown:
      return Measure::Kind::kKnown;
    case Kind::kSum:
      return Measure::Kind::kSum;
    case Kind::kLowest:
      return Measure::Kind::kLowest;
    case Kind::kHighest:
      return Measure::Kind::kHighest;
    case Kind::kDistinct:
      return Measure::Kind::kDistinct;
    case Kind::kRecency:
    case Kind::kSpan:
    case Kind::kLastCode:
      return Measure::Kind::kLast;
    case Kind::kDecayed:
      return Measure::Kind::kDecayed;
    default:
      return Measure::Kind::kCount;
  }
}

}  // namespace

void Plan::compile() {
  for (const Feature& feature : features_) {
    if (feature.netted()) {
      access_.push_back(keep_netted(feature));
    } else {
      access_.push_back(feature.of_events() ? keep(feature) : Access{});
    }
  }
  keep_lists();
  keep_nettings();
  keep_companions();  // the last: no other's rows come between theirs
}

Plan Plan::of_members(const std::vector<bool>& asked) const {
  Plan out = *this;
  out.subject_codes_.clear();
  out.segments_.clear();
  out.contexts_.clear();
  out.companions_.clear();
  bool lists = false;
  bool nettings = false;
  for (std::size_t f = 0; f < asked.size(); ++f) {
    lists |= asked[f] && features_[f].of_list();
    nettings |= asked[f] && features_[f].netted();
    if (asked[f]) continue;
    Feature unknown;
    unknown.name = features_[f].name;
    unknown.kind = Kind::kContext;
    out.features_[f] = std::move(unknown);
  }
  if (!lists) out.lists_.clear();
  if (!nettings) out.nettings_.clear();
  out.series_.clear();
  out.access_.clear();
  out.list_access_.clear();
  out.companion_access_.clear();
  out.netting_access_.clear();
  out.compile();
  for (const Kept& kept : series_) {
    if (!by_segment(kept.by)) continue;
    for (std::uint32_t left = kept.layout.filters; left != 0; left &= left - 1) {
      (void)out.series_of({.subject = true}, static_cast<std::size_t>(std::countr_zero(left)));
    }
    Kept& rows = *std::ranges::find(out.series_, By{.subject = true}, &Kept::by);
    for (const std::size_t code : kept.layout.codes) (void)place_of(rows.layout.codes, code);
    if (kept.by.joint()) (void)place_of(rows.layout.codes, items_column());
    for (const std::size_t value : kept.layout.values) (void)place_of(rows.layout.values, value);
    for (const Measure& measure : kept.layout.measures) {
      if (measure.value != Measure::kOne) (void)place_of(rows.layout.values, measure.value);
    }
  }
  return out;
}

std::size_t Plan::series_of(const By& by, std::size_t filter) {
  auto at =
      std::ranges::find_if(series_, [&](const Kept& kept) { return kept.by == by && !kept.apart; });
  if (at == series_.end()) at = series_.insert(at, {.by = by, .layout = {}, .windows = {}});
  at->layout.filters |= 1U << filter;
  return static_cast<std::size_t>(at - series_.begin());
}

Plan::Access Plan::keep(const Feature& feature) {
  // Pairs are found in the rows of the subject.
  By by = feature.by;
  if (by.pair()) by = {.subject = true};
  Access access;
  access.series = series_of(by, feature.filter);
  Kept& kept = series_[access.series];
  SeriesLayout& layout = kept.layout;
  if (feature.window > 0) access.window = place_of(kept.windows, feature.window);
  // Sums know what a row adds; others have to see its value again.
  const bool rows = walked(feature) || !Measure{.kind = total_of(feature.kind)}.adds();
  if (feature.value != Measure::kOne && rows) {
    access.value = place_of(layout.values, feature.value);
  }
  const bool items = feature.by.pair() || feature.kind == Kind::kTopCode;
  if (items) access.code = place_of(layout.codes, items_column());
  if (feature.kind == Kind::kLastCode || feature.kind == Kind::kDistinct) {
    access.code = place_of(layout.codes, feature.code);
  }
  if (!walked(feature) || feature.kind == Kind::kLastCode) {
    Measure measure{.kind = total_of(feature.kind), .filter = feature.filter};
    if (!measure.narrow() || measure.kind == Measure::Kind::kKnown) {
      measure.value = feature.value;
      measure.kept = access.value;
    }
    if (measure.kind == Measure::Kind::kDistinct) measure.code = access.code;
    if (measure.kind == Measure::Kind::kDecayed) measure.half_life = feature.half_life;
    access.measure = place_of(layout.measures, measure);
    if (feature.kind == Kind::kDistinct && feature.window > 0) {
      (void)place_of(layout.windowed, access.measure);
    }
    const Measure count{.kind = Measure::Kind::kCount, .filter = feature.filter};
    if (feature.kind == Kind::kFirstSeen || feature.kind == Kind::kSpan) {
      access.counted = place_of(layout.measures, count);
    }
  }
  return access;
}

}  // namespace penchant::features
