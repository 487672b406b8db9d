#include "penchant/features/series_view.h"

#include <algorithm>
#include <functional>
#include <numeric>

namespace penchant::features {

SeriesView::SeriesView(const State& state, std::size_t series)
    : state_(state),
      kept_(state.plan().series()[series]),
      series_(series),
      wider_(kept_.windows.size()),
      times_(kPoints),
      lists_(kPoints, state.series(series).list(state.series(series).keys())),
      places_(1 + kept_.windows.size(), std::vector<std::uint32_t>(kPoints)),
      slot_of_(kept_.layout.measures.size()) {
  runs_.reserve(kPoints);
  own_.reserve(kPoints);
  keys_.reserve(kPoints);
  left_.reserve(kPoints);
  asked_.reserve(kept_.layout.measures.size());
  counted_.reserve(kept_.layout.measures.size());
  std::iota(wider_.begin(), wider_.end(), std::size_t{0});
  std::ranges::sort(wider_, std::greater(), [&](std::size_t w) { return kept_.windows[w]; });
  // Of joint keys it isn't known how many there will be.
  if (!kept_.by.subject && !kept_.by.joint()) {
    std::size_t keys = 1;
    if (kept_.by.item == By::Item::kSame) keys = state.items().items;
    if (kept_.by.item == By::Item::kSameAttribute) {
      keys = state.items().codes[kept_.by.attribute].values;
      last_of_.resize(keys);
    }
    if (kept_.by.grouped()) keys = state.group_codes(kept_.by.group);
    hints_.resize(keys * places_.size());
  }
  const Plan& plan = state.plan();
  if (plan.by_segment(kept_.by)) members_ = std::make_unique<MemberReader>(*state.members());
  for (std::size_t f = 0; f < plan.features().size(); ++f) {
    const Feature& feature = plan.features()[f];
    const Plan::Access& access = plan.access()[f];
    const bool counts =
        feature.kind == Feature::Kind::kCount || feature.kind == Feature::Kind::kKnown;
    if (!counts || feature.by.pair() || feature.netted() || access.series != series) continue;
    auto at = std::ranges::find(counts_, access.measure, &Counts::measure);
    if (at == counts_.end()) {
      at = counts_.insert(at, {access.measure, {}});
      at->before.resize(places_.size());
    }
    slot_of_[access.measure] = static_cast<std::size_t>(at - counts_.begin());
    at->before[0].resize(kPoints);
    if (access.window) at->before[1 + *access.window].resize(kPoints);
  }
}

std::int32_t SeriesView::key_of(const Points& points, std::size_t point) const {
  const By& by = kept_.by;
  if (by.subject) return points.subjects[point];
  const std::int32_t item = points.items.empty() ? kNoCode : points.items[point];
  if (by.grouped()) {
    const std::size_t attributes = state_.plan().subject_codes().size();
    const std::int32_t group = members_ ? members_->code(by.group - attributes, point - first_)
                                        : state_.group_of(by.group, points.subjects[point]);
    return state_.group_key(series_, group, item);
  }
  if (by.item == By::Item::kAny) return 0;
  if (by.item == By::Item::kSame || item < 0) return item;
  return state_.items().codes[by.attribute].of_item[static_cast<std::size_t>(item)];
}

void SeriesView::find_runs(const Points& points, std::size_t first, std::size_t count) {
  const Series& series = state_.series(series_);
  ++block_;
  runs_.clear();
  own_.clear();
  keys_.clear();
  std::int32_t last_key = kNoCode;
  for (std::size_t i = 0; i < count; ++i) {
    const std::int32_t key = key_of(points, first + i);
    const auto point = static_cast<std::uint32_t>(i);
    times_[i] = points.times[first + i];
    if (i > 0 && key == last_key && times_[i] == times_[i - 1]) {
      ++runs_.back().end;
      continue;
    }
    last_key = key;
    std::uint32_t like = point;
    if (key >= 0 && static_cast<std::size_t>(key) < last_of_.size()) {
      auto& [block, before] = last_of_[static_cast<std::size_t>(key)];
      if (block == block_ && times_[before] == times_[i]) like = before;
      block = block_;
      before = like;
    }
    runs_.push_back({point, point + 1, like});
    if (like < point) continue;
    own_.push_back(point);
    keys_.push_back(key);
    if (key < 0) continue;
    series.prefetch(static_cast<std::size_t>(key));
    if (const std::uint32_t* const known = hint(keys_.size() - 1, 0)) __builtin_prefetch(known);
  }
}

// Rows before each point's time less `window`: among low[i] to low[i] + left_[k], a step of every
// search at a time.
void SeriesView::search(std::size_t place, std::int64_t window) {
  std::uint32_t* const low = places_[place].data();
  for (std::uint32_t longest = left_.empty() ? 0 : std::ranges::max(left_); longest > 0;
       longest /= 2) {
    for (std::size_t k = 0; k < own_.size(); ++k) {
      if (left_[k] == 0) continue;
      const std::uint32_t i = own_[k];
      const std::uint32_t half = left_[k] / 2;
      const bool below = lists_[i].time(low[i] + half) < times_[i] - window;
      low[i] = below ? low[i] + half + 1 : low[i];
      left_[k] = below ? left_[k] - half - 1 : half;
    }
  }
}

// Rows before `from` are below the bound, row `upto` is not: what was found last is near, or else
// it lies beyond, a stride that grows each time.
void SeriesView::narrow(std::size_t k, std::size_t place, std::int64_t bound, std::uint32_t from,
                        std::uint32_t upto) {
  constexpr std::uint32_t kNear = 64;
  constexpr std::uint32_t kGrows = 8;
  const Series::List& list = lists_[own_[k]];
  const std::uint32_t* const known = hint(k, place);
  if (known != nullptr && from < upto) {
    const std::uint32_t guess = std::clamp(*known, from, upto);
    if (list.time(guess) < bound) {
      std::uint32_t stride = kNear;
      from = guess + 1;
      while (from < upto && upto - from > stride && list.time(from + stride) < bound) {
        from += stride + 1;
        stride *= kGrows;
      }
      if (upto - from > stride) upto = from + stride;
    } else {
      std::uint32_t stride = 1;
      upto = guess;
      while (upto > from && upto - from > stride && list.time(upto - stride) >= bound) {
        upto -= stride;
        stride *= kGrows;
      }
      if (upto - from > stride) from = upto - stride + 1;
    }
  }
  places_[place][own_[k]] = from;
  left_.push_back(upto - from);
}

void SeriesView::find_end() {
  left_.clear();
  for (std::size_t k = 0; k < own_.size(); ++k) {
    const std::uint32_t i = own_[k];
    const auto size = static_cast<std::uint32_t>(lists_[i].size());
    // Most questions are about now.
    const bool all = size == 0 || lists_[i].time(size - 1) < times_[i];
    narrow(k, 0, times_[i], all ? size : 0, all ? size : size - 1);
  }
  search(0, 0);
}

// Not before the begin of `least`, the place of a longer window, if it is none of 0.
void SeriesView::find_begin(std::size_t w, std::size_t least) {
  left_.clear();
  for (std::size_t k = 0; k < own_.size(); ++k) {
    const std::uint32_t i = own_[k];
    const std::int64_t bound = times_[i] - kept_.windows[w];
    const std::uint32_t end = places_[0][i];
    const std::uint32_t from = least == 0 ? 0 : places_[least][i];
    const bool none = from == end || lists_[i].time(end - 1) < bound;
    narrow(k, 1 + w, bound, none ? end : from, none ? end : end - 1);
  }
  search(1 + w, kept_.windows[w]);
}

void SeriesView::keep_hints() {
  if (hints_.empty()) return;
  for (std::size_t place = 0; place < places_.size(); ++place) {
    for (std::size_t k = 0; k < own_.size(); ++k) {
      if (std::uint32_t* const known = hint(k, place)) *known = places_[place][own_[k]];
    }
  }
}

void SeriesView::count_rows() {
  if (counts_.empty()) return;
  for (const auto& place : places_) {
    for (const std::uint32_t i : own_) lists_[i].prefetch_counts(place[i]);
  }
  for (std::size_t p = 0; p < places_.size(); ++p) {
    asked_.clear();
    counted_.clear();
    for (Counts& counts : counts_) {
      if (counts.before[p].empty()) continue;
      asked_.push_back(counts.measure);
      counted_.push_back(counts.before[p].data());
    }
    if (asked_.empty()) continue;
    for (const std::uint32_t i : own_) lists_[i].count(asked_, places_[p][i], counted_, i);
  }
}

void SeriesView::each_counted(std::size_t measure, std::optional<std::size_t> window,
                              double* out) const {
  const Counts& counts = counts_[slot_of_[measure]];
  const std::uint32_t* const all = counts.before[0].data();
  if (!window) return each(out, [&](std::size_t i) { return static_cast<double>(all[i]); });
  const std::uint32_t* const before = counts.before[1 + *window].data();
  each(out, [&](std::size_t i) { return static_cast<double>(all[i] - before[i]); });
}

void SeriesView::look(const Points& points, std::size_t first, std::size_t count) {
  const Series& series = state_.series(series_);
  count_ = count;
  first_ = first;
  if (members_) {
    members_->read(points.subjects.subspan(first, count), points.times.subspan(first, count));
  }
  find_runs(points, first, count);
  for (std::size_t k = 0; k < own_.size(); ++k) {
    const std::int32_t key = keys_[k];
    lists_[own_[k]] = series.list(key < 0 ? series.keys() : static_cast<std::size_t>(key));
    lists_[own_[k]].prefetch_end();
  }
  for (std::size_t k = 0; k < own_.size(); ++k) {
    for (std::size_t place = 0; place < places_.size(); ++place) {
      const std::uint32_t* const known = hint(k, place);
      const Series::List& list = lists_[own_[k]];
      if (known != nullptr && *known < list.size()) list.prefetch_time(*known);
    }
  }
  find_end();
  std::size_t least = 0;
  for (const std::size_t w : wider_) {
    find_begin(w, least);
    least = 1 + w;  // a shorter window begins where a longer one does, or later
  }
  keep_hints();
  count_rows();
}

}  // namespace penchant::features
