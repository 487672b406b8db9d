#include "penchant/features/series_facts.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace penchant::features {
namespace {

using Kind = Feature::Kind;
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

double units(std::int64_t millionths) { return static_cast<double>(millionths) / kUnit; }

bool counts(const Series::List& list, std::size_t row, const Feature& feature) {
  return (list.filters(row) >> feature.filter & 1U) != 0;
}

std::size_t words_of(const Feature& feature) { return feature.kind == Kind::kDecayed ? 2 : 1; }

std::size_t words_of(const Plan& plan, std::span<const std::size_t> features) {
  std::size_t out = 0;
  for (const std::size_t f : features) out += words_of(plan.features()[f]);
  return out;
}

// As many as there may be. Of joint keys it isn't known.
std::size_t keys_of(const State& state, const By& by) {
  if (by.joint()) return KeyMemory::kMostKeys;
  if (by.grouped()) return state.group_codes(by.group);
  if (by.item == By::Item::kSame) return state.items().items;
  return by.item == By::Item::kSameAttribute ? state.items().codes[by.attribute].values : 1;
}

// Keys that are few enough for a block to meet them again and again.
std::size_t few_keys(const State& state, const By& by) {
  if (by.grouped()) return by.joint() ? 0 : state.group_codes(by.group);
  const bool few = !by.subject && by.item == By::Item::kSameAttribute;
  return few ? state.items().codes[by.attribute].values : 0;
}

}  // namespace

// Requests ask again of items, seldom of a subject.
SeriesFacts::SeriesFacts(const State& state, std::size_t series, std::vector<std::size_t> features,
                         bool remembers)
    : state_(state),
      plan_(state.plan()),
      series_(series),
      features_(std::move(features)),
      asked_(few_keys(state, plan_.series()[series].by)),
      view_(state, series, features_, kPoints),
      memory_(remembers && !plan_.series()[series].by.subject
                  ? keys_of(state, plan_.series()[series].by)
                  : 0,
              view_.places(), words_of(plan_, features_)),
      words_(words_of(plan_, features_), std::vector<std::uint64_t>(kPoints)),
      values_(kPoints) {
  if (plan_.by_segment(plan_.series()[series].by)) {
    members_ = std::make_unique<MemberReader>(*state.members());
  }
  std::size_t words = 0;
  for (const std::size_t f : features_) {
    words_of_.push_back(words);
    words += words_of(plan_.features()[f]);
  }
  missed_.reserve(kPoints);
  keys_.reserve(kPoints);
  times_.reserve(kPoints);
}

std::int32_t SeriesFacts::key_of(const Points& points, std::size_t point) const {
  const By& by = plan_.series()[series_].by;
  if (by.subject) return points.subjects[point];
  const std::int32_t item = points.items.empty() ? kNoCode : points.items[point];
  if (by.grouped()) {
    const std::size_t attributes = plan_.subject_codes().size();
    const std::int32_t group = members_ ? members_->code(by.group - attributes, point)
                                        : state_.group_of(by.group, points.subjects[point]);
    return state_.group_key(series_, group, item);
  }
  if (by.item == By::Item::kAny) return 0;
  if (by.item == By::Item::kSame || item < 0) return item;
  return state_.items().codes[by.attribute].of_item[static_cast<std::size_t>(item)];
}

void SeriesFacts::look(const Points& points) {
  if (members_) members_->read(points.subjects, points.times);
  asked_.find(points.times, [&](std::size_t point) { return key_of(points, point); });
  missed_.clear();
  keys_.clear();
  times_.clear();
  for (const std::int32_t key : asked_.keys()) memory_.prefetch(key);
  for (std::size_t k = 0; k < asked_.size(); ++k) {
    const std::int32_t key = asked_.keys()[k];
    const std::int64_t time = asked_.times()[k];
    const std::uint64_t* const known = memory_.find(key, state_.edition(series_, key), time);
    if (known != nullptr) {
      for (std::size_t w = 0; w < words_.size(); ++w) words_[w][k] = known[w];
      continue;
    }
    missed_.push_back(static_cast<std::uint32_t>(k));
    keys_.push_back(key);
    times_.push_back(time);
  }
  if (missed_.empty()) return;
  view_.look(keys_, times_, memory_);
  for (std::size_t n = 0; n < features_.size(); ++n) {
    for (std::size_t k = 0; k < missed_.size(); ++k) find_fact(n, k, missed_[k]);
  }
  if (!memory_.remembers()) return;
  for (std::size_t k = 0; k < missed_.size(); ++k) {
    memory_.keep(
        keys_[k], state_.edition(series_, keys_[k]), view_.holds(k), words_.size(),
        [&](std::size_t p) { return view_.place(p, k); },
        [&](std::size_t w) { return words_[w][missed_[k]]; });
  }
}

void SeriesFacts::find_fact(std::size_t n, std::size_t k, std::size_t asked) {
  const std::size_t f = features_[n];
  const std::size_t word = words_of_[n];
  switch (plan_.features()[f].kind) {
    case Kind::kRecency:
      words_[word][asked] = static_cast<std::uint64_t>(last_of(f, k));
      return;
    case Kind::kFirstSeen:
      words_[word][asked] = static_cast<std::uint64_t>(first_of(f, k));
      return;
    case Kind::kDecayed: {
      const Series::List& list = view_.list(k);
      const std::size_t end = view_.end(k);
      const std::int64_t total = list.total(plan_.access()[f].measure, end);
      words_[word][asked] = static_cast<std::uint64_t>(total);
      words_[word + 1][asked] =
          static_cast<std::uint64_t>(end == 0 ? kNoNumber : list.time(end - 1));
      return;
    }
    default:
      words_[word][asked] = std::bit_cast<std::uint64_t>(value_of(f, k));
  }
}

void SeriesFacts::write(std::size_t n, double* out) {
  const Feature& feature = plan_.features()[features_[n]];
  const std::vector<std::uint64_t>& words = words_[words_of_[n]];
  const std::span<const std::int64_t> times = asked_.times();
  const auto spread = [&](auto&& value) {
    for (std::size_t k = 0; k < times.size(); ++k) values_[k] = value(k);
    asked_.spread(values_.data(), out);
  };
  switch (feature.kind) {
    case Kind::kRecency:
    case Kind::kFirstSeen: {
      const auto unit = static_cast<double>(feature.unit);
      return spread([&](std::size_t k) {
        const auto event = static_cast<std::int64_t>(words[k]);
        return event == kNoNumber ? kUnknown : static_cast<double>(times[k] - event) / unit;
      });
    }
    case Kind::kDecayed: {
      const std::vector<std::uint64_t>& lasts = words_[words_of_[n] + 1];
      return spread([&, fading = Fading(feature.half_life)](std::size_t k) mutable {
        const auto last = static_cast<std::int64_t>(lasts[k]);
        if (last == kNoNumber) return 0.0;
        return fading.at(static_cast<std::int64_t>(words[k]), last, times[k]);
      });
    }
    default:
      return spread([&](std::size_t k) { return std::bit_cast<double>(words[k]); });
  }
}

// --- what stays the same ------------------------------------------------------------------------

double SeriesFacts::value_of(std::size_t f, std::size_t k) {
  const Plan::Access& access = plan_.access()[f];
  switch (plan_.features()[f].kind) {
    case Kind::kCount:
    case Kind::kKnown:
      return static_cast<double>(view_.counted(access.measure, access.window, k));
    case Kind::kSum:
      return sum_of(f, k);
    case Kind::kLowest:
    case Kind::kHighest:
      return bound_of(f, k);
    case Kind::kDistinct:
      return distinct_of(f, k);
    case Kind::kSpan:
      return span_of(f, k);
    case Kind::kLastCode:
      return last_code_of(f, k);
    default:
      return top_code_of(f, k);
  }
}

double SeriesFacts::sum_of(std::size_t f, std::size_t k) const {
  const Plan::Access& access = plan_.access()[f];
  return units(view_.list(k).sum(access.measure, view_.begin(access.window, k), view_.end(k)));
}

double SeriesFacts::bound_of(std::size_t f, std::size_t k) const {
  const Feature& feature = plan_.features()[f];
  const Plan::Access& access = plan_.access()[f];
  const Series::List& list = view_.list(k);
  const std::size_t end = view_.end(k);
  std::int64_t bound = kNoNumber;
  if (feature.window == 0) {
    bound = list.total(access.measure, end);
  } else {
    for (std::size_t row = view_.begin(access.window, k); row < end; ++row) {
      const std::int64_t x = list.value(access.value, row);
      if (x == kNoNumber || !counts(list, row, feature)) continue;
      if (bound == kNoNumber || (feature.kind == Kind::kLowest ? x < bound : x > bound)) bound = x;
    }
  }
  return bound == kNoNumber ? kUnknown : units(bound);
}

double SeriesFacts::distinct_of(std::size_t f, std::size_t k) const {
  const Plan::Access& access = plan_.access()[f];
  const std::size_t begin = view_.begin(access.window, k);
  return static_cast<double>(view_.list(k).distinct(access.measure, begin, view_.end(k)));
}

// The time of the last one, or kNoNumber.
std::int64_t SeriesFacts::last_of(std::size_t f, std::size_t k) const {
  const Plan::Access& access = plan_.access()[f];
  const Series::List& list = view_.list(k);
  const std::int64_t last = list.total(access.measure, view_.end(k));
  const bool known = last >= static_cast<std::int64_t>(view_.begin(access.window, k));
  return known ? list.time(static_cast<std::size_t>(last)) : kNoNumber;
}

// That of the first one.
std::int64_t SeriesFacts::first_of(std::size_t f, std::size_t k) const {
  const Plan::Access& access = plan_.access()[f];
  const bool span = plan_.features()[f].kind == Kind::kSpan;
  const Series::List& list = view_.list(k);
  const std::size_t end = view_.end(k);
  const std::size_t first =
      list.first(span ? access.counted : access.measure, view_.begin(access.window, k), end);
  return first == end ? kNoNumber : list.time(first);
}

double SeriesFacts::span_of(std::size_t f, std::size_t k) const {
  const std::int64_t first = first_of(f, k);
  if (first == kNoNumber) return kUnknown;
  const Series::List& list = view_.list(k);
  const std::int64_t last = list.total(plan_.access()[f].measure, view_.end(k));
  return static_cast<double>(list.time(static_cast<std::size_t>(last)) - first) /
         static_cast<double>(plan_.features()[f].unit);
}

double SeriesFacts::last_code_of(std::size_t f, std::size_t k) {
  const Feature& feature = plan_.features()[f];
  const Plan::Access& access = plan_.access()[f];
  const Series::List& list = view_.list(k);
  const auto begin = static_cast<std::int64_t>(view_.begin(access.window, k));
  distinct_.clear();
  std::int64_t row = list.total(access.measure, view_.end(k));
  for (; row >= begin; row = list.total(access.measure, static_cast<std::size_t>(row))) {
    const std::int32_t code = list.code(access.code, static_cast<std::size_t>(row));
    if (code < 0 || std::ranges::find(distinct_, code) != distinct_.end()) continue;
    distinct_.push_back(code);
    if (distinct_.size() > feature.rank) return static_cast<double>(code);
  }
  return kUnknown;
}

double SeriesFacts::top_code_of(std::size_t f, std::size_t k) {
  const Feature& feature = plan_.features()[f];
  const Plan::Access& access = plan_.access()[f];
  const Series::List& list = view_.list(k);
  const std::size_t end = view_.end(k);
  const auto& of_item = state_.items().codes[feature.attribute].of_item;
  totals_.clear();
  for (std::size_t row = view_.begin(access.window, k); row < end; ++row) {
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

}  // namespace penchant::features
