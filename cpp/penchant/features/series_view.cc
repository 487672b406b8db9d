#include "penchant/features/series_view.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "penchant/features/place_of.h"

namespace penchant::features {

SeriesView::SeriesView(const State& state, std::size_t series,
                       std::span<const std::size_t> features, std::size_t most)
    : state_(state),
      series_(series),
      windows_(1),
      lists_(most, state.series(series).list(state.series(series).keys())) {
  const Plan::Kept& kept = state.plan().series()[series];
  for (const std::size_t f : features) {
    const auto window = state.plan().access()[f].window;
    if (window) (void)place_of(windows_, kept.windows[*window]);
  }
  std::ranges::sort(windows_.begin() + 1, windows_.end(), std::greater());
  for (const std::int64_t window : kept.windows) {
    const auto at = std::ranges::find(windows_, window);
    place_of_.push_back(static_cast<std::size_t>(at - windows_.begin()));
  }
  places_.assign(windows_.size(), std::vector<std::uint32_t>(most));
  slot_of_.resize(kept.layout.measures.size());
  ask_for_counts(features, most);
  left_.reserve(most);
  asked_.reserve(counts_.size());
  counted_.reserve(counts_.size());
}

void SeriesView::ask_for_counts(std::span<const std::size_t> features, std::size_t most) {
  for (const std::size_t f : features) {
    const Feature& feature = state_.plan().features()[f];
    const Plan::Access& access = state_.plan().access()[f];
    if (feature.kind != Feature::Kind::kCount && feature.kind != Feature::Kind::kKnown) continue;
    auto at = std::ranges::find(counts_, access.measure, &Counts::measure);
    if (at == counts_.end()) {
      at = counts_.insert(at, {access.measure, {}});
      at->before.resize(places_.size());
    }
    slot_of_[access.measure] = static_cast<std::size_t>(at - counts_.begin());
    at->before[0].resize(most);
    if (access.window) at->before[place_of_[*access.window]].resize(most);
  }
}

void SeriesView::find_lists() {
  const Series& series = state_.series(series_);
  for (const std::int32_t key : keys_) {
    if (key >= 0) series.prefetch(static_cast<std::size_t>(key));
  }
  for (std::size_t k = 0; k < keys_.size(); ++k) {
    const std::int32_t key = keys_[k];
    lists_[k] = series.list(key < 0 ? series.keys() : static_cast<std::size_t>(key));
    if (times_[k] <= series.latest()) lists_[k].prefetch_end();
  }
  for (std::size_t k = 0; k < keys_.size(); ++k) {
    for (std::size_t p = 0; p < places_.size(); ++p) {
      const std::uint32_t known = memory_->place(keys_[k], p);
      if (known < lists_[k].size()) lists_[k].prefetch_time(known);
    }
  }
}

// Rows before each time less the window: among low[k] to low[k] + left_[k], a step of every search
// at a time.
void SeriesView::search(std::size_t place) {
  std::uint32_t* const low = places_[place].data();
  for (std::uint32_t longest = left_.empty() ? 0 : std::ranges::max(left_); longest > 0;
       longest /= 2) {
    for (std::size_t k = 0; k < keys_.size(); ++k) {
      if (left_[k] == 0) continue;
      const std::uint32_t half = left_[k] / 2;
      const bool below = lists_[k].time(low[k] + half) < times_[k] - windows_[place];
      low[k] = below ? low[k] + half + 1 : low[k];
      left_[k] = below ? left_[k] - half - 1 : half;
    }
  }
}

// Rows before `from` are below the bound, row `upto` is not: what was found last is near, or else
// it lies beyond, a stride that grows each time.
void SeriesView::narrow(std::size_t k, std::size_t place, std::int64_t bound, std::uint32_t from,
                        std::uint32_t upto) {
  constexpr std::uint32_t kNear = 4;
  constexpr std::uint32_t kGrows = 4;
  const Series::List& list = lists_[k];
  const std::uint32_t known = from < upto ? memory_->place(keys_[k], place) : KeyMemory::kNone;
  if (known != KeyMemory::kNone) {
    const std::uint32_t guess = std::clamp(known, from, upto);
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
  places_[place][k] = from;
  left_.push_back(upto - from);
}

void SeriesView::find_end() {
  const std::int64_t latest = state_.series(series_).latest();
  left_.clear();
  for (std::size_t k = 0; k < keys_.size(); ++k) {
    const auto size = static_cast<std::uint32_t>(lists_[k].size());
    // Most questions are about now.
    const bool all = size == 0 || latest < times_[k] || lists_[k].time(size - 1) < times_[k];
    narrow(k, 0, times_[k], all ? size : 0, all ? size : size - 1);
  }
  search(0);
}

// Not before the begin of `least`, the place of a longer window, if it is none of 0.
void SeriesView::find_begin(std::size_t place, std::size_t least) {
  left_.clear();
  for (std::size_t k = 0; k < keys_.size(); ++k) {
    const std::int64_t bound = times_[k] - windows_[place];
    const std::uint32_t end = places_[0][k];
    const std::uint32_t from = least == 0 ? 0 : places_[least][k];
    const bool none = from == end || lists_[k].time(end - 1) < bound;
    narrow(k, place, bound, none ? end : from, none ? end : end - 1);
  }
  search(place);
}

void SeriesView::count_rows() {
  if (counts_.empty()) return;
  for (const auto& place : places_) {
    for (std::size_t k = 0; k < keys_.size(); ++k) lists_[k].prefetch_counts(place[k]);
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
    for (std::size_t k = 0; k < keys_.size(); ++k) {
      lists_[k].count(asked_, places_[p][k], counted_, k);
    }
  }
}

void SeriesView::look(std::span<const std::int32_t> keys, std::span<const std::int64_t> times,
                      const KeyMemory& memory) {
  keys_ = keys;
  times_ = times;
  memory_ = &memory;
  find_lists();
  find_end();
  for (std::size_t p = 1; p < places_.size(); ++p) {
    find_begin(p, p - 1);  // a shorter window begins where a longer one does, or later
  }
  count_rows();
}

KeyMemory::Span SeriesView::holds(std::size_t k) const {
  KeyMemory::Span out{std::numeric_limits<std::int64_t>::min(),
                      std::numeric_limits<std::int64_t>::max()};
  const Series::List& list = lists_[k];
  for (std::size_t p = 0; p < places_.size(); ++p) {
    const std::size_t row = places_[p][k];
    if (row > 0) out.after = std::max(out.after, list.time(row - 1) + windows_[p]);
    if (row < list.size()) out.until = std::min(out.until, list.time(row) + windows_[p]);
  }
  return out;
}

}  // namespace penchant::features
