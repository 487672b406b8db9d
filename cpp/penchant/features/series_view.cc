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
  std::iota(wider_.begin(), wider_.end(), std::size_t{0});
  std::ranges::sort(wider_, std::greater(), [&](std::size_t w) { return kept_.windows[w]; });
  if (!kept_.by.subject) {
    std::size_t keys = 1;
    if (kept_.by.item == By::Item::kSame) keys = state.items().items;
    if (kept_.by.item == By::Item::kSameAttribute) {
      keys = state.items().codes[kept_.by.attribute].values;
      last_of_.resize(keys);
    }
    hints_.resize(keys * wider_.size());
  }
  const Plan& plan = state.plan();
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
  if (by.item == By::Item::kAny) return 0;
  const std::int32_t item = points.items.empty() ? kNoCode : points.items[point];
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

void SeriesView::find_end() {
  std::uint32_t* const low = places_[0].data();
  left_.clear();
  for (const std::uint32_t i : own_) {
    const auto size = static_cast<std::uint32_t>(lists_[i].size());
    // Most questions are about now.
    const bool all = size == 0 || lists_[i].time(size - 1) < times_[i];
    low[i] = all ? size : 0;
    left_.push_back(all ? 0 : size - 1);
  }
  search(0, 0);
}

// Not before the begin of `least`, the place of a longer window, if it is none of 0.
void SeriesView::find_begin(std::size_t w, std::size_t least) {
  constexpr std::uint32_t kNear = 64;
  std::uint32_t* const low = places_[1 + w].data();
  left_.clear();
  for (std::size_t k = 0; k < own_.size(); ++k) {
    const std::uint32_t i = own_[k];
    const Series::List& list = lists_[i];
    const std::int64_t bound = times_[i] - kept_.windows[w];
    const std::uint32_t end = places_[0][i];
    std::uint32_t from = least == 0 ? 0 : places_[least][i];
    std::uint32_t upto = end;  // the first row that is known to be in, or `end`
    if (from < end && list.time(end - 1) < bound) {
      from = end;
    } else if (from < end) {
      upto = end - 1;
      if (const std::uint32_t* const known = hint(k, w)) {
        const std::uint32_t guess = std::clamp(*known, from, upto);
        if (guess > from && list.time(guess - 1) >= bound) {
          upto = guess - 1;
        } else if (list.time(guess) >= bound) {
          from = upto = guess;
        } else {
          const std::uint32_t near = std::min(upto, guess + kNear);
          const bool beyond = list.time(near) < bound;
          from = beyond ? near + 1 : guess + 1;
          upto = beyond ? upto : near;
        }
      }
    }
    low[i] = from;
    left_.push_back(upto - from);
  }
  search(1 + w, kept_.windows[w]);
  for (std::size_t k = 0; k < own_.size(); ++k) {
    if (std::uint32_t* const known = hint(k, w)) *known = low[own_[k]];
  }
}

void SeriesView::count_rows() {
  if (counts_.empty()) return;
  for (const auto& place : places_) {
    for (const std::uint32_t i : own_) lists_[i].prefetch_counts(place[i]);
  }
  for (Counts& counts : counts_) {
    for (std::size_t p = 0; p < places_.size(); ++p) {
      if (counts.before[p].empty()) continue;
      for (const std::uint32_t i : own_) {
        counts.before[p][i] =
            static_cast<std::uint32_t>(lists_[i].counted(counts.measure, 0, places_[p][i]));
      }
    }
  }
}

void SeriesView::look(const Points& points, std::size_t first, std::size_t count) {
  const Series& series = state_.series(series_);
  find_runs(points, first, count);
  for (std::size_t k = 0; k < own_.size(); ++k) {
    const std::int32_t key = keys_[k];
    lists_[own_[k]] = series.list(key < 0 ? series.keys() : static_cast<std::size_t>(key));
    lists_[own_[k]].prefetch_end();
  }
  for (std::size_t k = 0; k < own_.size(); ++k) {
    for (std::size_t w = 0; w < wider_.size(); ++w) {
      const std::uint32_t* const known = hint(k, w);
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
  count_rows();
}

}  // namespace penchant::features
