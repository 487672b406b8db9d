#pragma once

// What the points of a block see of one series: each key's rows before the point's time, where each
// window begins, and how many rows before these places are counted.
//
//   SeriesView view(state, series);
//   view.look(points, first, count);
//   for (const SeriesView::Run& run : view.runs()) ...    // points that see the same
//
// Keys, rows and marks lie all over the memory, so that what many points need is asked for at once,
// a step at a time, rather than point by point.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "penchant/features/segment_members.h"
#include "penchant/features/state.h"

namespace penchant::features {

class SeriesView {
 public:
  static constexpr std::size_t kPoints = 256;

  // Points begin to end - 1, which see the same, as does `like`: an earlier one, or `begin`.
  struct Run {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::uint32_t like = 0;
  };

  // Keeps a reference.
  SeriesView(const State& state, std::size_t series);

  // Of points first to first + count - 1, at most kPoints, which are numbered from 0 below.
  void look(const Points& points, std::size_t first, std::size_t count);

  [[nodiscard]] const std::vector<Run>& runs() const { return runs_; }
  // Of points with which a run begins that is like no earlier one:
  [[nodiscard]] const Series::List& list(std::size_t point) const { return lists_[point]; }
  [[nodiscard]] std::size_t end(std::size_t point) const { return places_[0][point]; }
  [[nodiscard]] std::size_t begin(std::optional<std::size_t> window, std::size_t point) const {
    return window ? places_[1 + *window][point] : 0;
  }
  // out[point] = value(point) for all points; what many see is found once.
  template <class Value>
  void each(double* out, Value&& value) const {
    for (const std::uint32_t point : own_) out[point] = value(point);
    if (own_.size() == count_) return;
    for (const Run& run : runs_) {
      if (run.like < run.begin) out[run.begin] = out[run.like];
      std::fill(out + run.begin + 1, out + run.end, out[run.begin]);
    }
  }
  // As `each` of `counted`.
  void each_counted(std::size_t measure, std::optional<std::size_t> window, double* out) const;
  // Rows that a measure counts (kCount, kKnown) in a window, or from the first on.
  [[nodiscard]] std::uint32_t counted(std::size_t measure, std::optional<std::size_t> window,
                                      std::size_t point) const {
    const Counts& counts = counts_[slot_of_[measure]];
    return counts.before[0][point] - (window ? counts.before[1 + *window][point] : 0);
  }

 private:
  // A measure and how many rows before each place it counts.
  struct Counts {
    std::size_t measure = 0;
    std::vector<std::vector<std::uint32_t>> before;  // [places][points]; empty: nobody asks
  };

  void find_runs(const Points& points, std::size_t first, std::size_t count);
  void narrow(std::size_t own, std::size_t place, std::int64_t bound, std::uint32_t from,
              std::uint32_t upto);
  void find_end();
  void keep_hints();
  void find_begin(std::size_t window, std::size_t least);
  void search(std::size_t place, std::int64_t window);
  void count_rows();
  // Where a place of the own point was when its key was last looked at.
  [[nodiscard]] std::uint32_t* hint(std::size_t own, std::size_t place) {
    if (hints_.empty() || keys_[own] < 0) return nullptr;
    return &hints_[static_cast<std::size_t>(keys_[own]) * places_.size() + place];
  }
  [[nodiscard]] std::int32_t key_of(const Points& points, std::size_t point) const;

  const State& state_;
  const Plan::Kept& kept_;
  std::size_t series_;
  std::vector<std::size_t> wider_;  // the windows, from the longest on
  std::vector<Run> runs_;
  std::vector<std::uint32_t> own_;   // points that are like no earlier one
  std::vector<std::int32_t> keys_;   // [own]
  std::vector<std::int64_t> times_;  // [points]
  std::vector<Series::List> lists_;  // [points]
  // Rows before the time, then before each window's begin. [1 + windows][points]
  std::vector<std::vector<std::uint32_t>> places_;
  std::vector<Counts> counts_;
  std::vector<std::size_t> slot_of_;  // [measures], of counts_
  std::vector<std::uint32_t> left_;   // [own], of a search
  std::size_t first_ = 0;             // points of the block
  std::size_t count_ = 0;
  std::vector<std::size_t> asked_;  // measures that are counted at a place
  std::vector<std::uint32_t*> counted_;
  // Of series that aren't of subjects: requests ask again of the same keys, at nearly the same
  // time.
  std::vector<std::uint32_t> hints_;  // [keys][1 + windows]
  // By key, where there are few: the block's number, and a point of the key in it.
  std::vector<std::pair<std::uint64_t, std::uint32_t>> last_of_;
  std::uint64_t block_ = 0;
  std::unique_ptr<MemberReader> members_;  // where keys are by a segment
};

}  // namespace penchant::features
