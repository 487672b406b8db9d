#pragma once

// When what is known of a subject changes though nothing happens: an event leaves a window, the
// last purchase grows older than a bound, a decayed sum falls below one.
//
//   NextChange next(state, every);
//   next.look_at(subject, moment);
//   next.event();                                  // from when on the subject's next event counts
//   next.of(feature, value, span);                 // first moment at which the value leaves `span`
//
// Moments are the first microsecond at which the outcome may differ: never too late, at times too
// early (a window's next edge where finding the right one would take longer than looking again).
//
// What is read late or in buckets is followed in a time of its own, in which it is what it would be
// without: as of that time's moments, and events come when it passes them. What is found there is
// put back to the time at which it is seen (Shift::seen_at).

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "penchant/features/segment_rules.h"
#include "penchant/features/state.h"

namespace penchant::features {

class NextChange {
 public:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  // every: microseconds; how often arithmetic is looked at through which time flows in a way that
  // can't be followed (a ratio of two ages, decayed sums). Keeps a reference.
  NextChange(const State& state, std::int64_t every);
  NextChange(NextChange&&) = default;

  // Values are as of `moment`. O(shifts * windows * log rows).
  void look_at(std::int32_t subject, std::int64_t moment);

  [[nodiscard]] std::int64_t event() const;
  // values: of all features of the plan as of the moment, columns[f][row].
  [[nodiscard]] std::int64_t of(const SegmentRules::Column& column,
                                std::span<const double* const> values, std::size_t row,
                                const RankSpan& span);

 private:
  // How a feature depends on time alone.
  enum class Flow : std::uint8_t {
    kSteps,   // constant but for windows' edges
    kAge,     // grows with time
    kFades,   // decays
    kTangled  // arithmetic over such
  };

  // The subject as one shift sees it.
  struct View {
    std::int64_t moment = 0;
    std::size_t end = 0;             // rows before the moment
    std::vector<std::size_t> begin;  // [windows of the series]
  };

  [[nodiscard]] Flow flow_of(std::size_t f) const;
  [[nodiscard]] const View& view_of(std::size_t f) const {
    return views_[plan_.features()[f].shift];
  }
  [[nodiscard]] const Shift& shift_of(std::size_t f) const {
    return plan_.shifts()[plan_.features()[f].shift];
  }
  // From when on the next event counts, in the feature's time.
  [[nodiscard]] std::int64_t event_of(std::size_t f) const;
  // A moment of the feature's time as the time at which it is seen.
  [[nodiscard]] std::int64_t seen_at(std::size_t f, std::int64_t moment) const {
    return moment == kNever ? kNever : shift_of(f).seen_at(moment);
  }
  // In the feature's time.
  [[nodiscard]] std::int64_t in_own_time(std::size_t f, double value, const RankSpan& span) const;
  [[nodiscard]] std::int64_t of_netted(std::size_t f, double value, const RankSpan& span) const;
  [[nodiscard]] std::int64_t of_list(std::size_t f) const;
  // When it is to be looked at again for want of something better.
  [[nodiscard]] std::int64_t looked_at_next(std::size_t f) const;
  [[nodiscard]] std::int64_t of_feature(std::size_t f, double value, const RankSpan& span) const;
  [[nodiscard]] std::int64_t of_formula(const Formula& formula,
                                        std::span<const double* const> values, std::size_t row,
                                        const RankSpan& span);
  [[nodiscard]] std::int64_t of_total(std::size_t f, double value, const RankSpan& span) const;
  [[nodiscard]] std::int64_t of_distinct(std::size_t f, double value, const RankSpan& span) const;
  [[nodiscard]] std::int64_t of_bound(std::size_t f, double value) const;
  [[nodiscard]] std::int64_t of_age(std::size_t f, double value, const RankSpan& span) const;
  [[nodiscard]] std::int64_t of_faded(std::size_t f, const RankSpan& span) const;
  [[nodiscard]] std::int64_t of_calendar(std::size_t f, double value, const RankSpan& span) const;
  [[nodiscard]] std::int64_t next_look() const;
  // When the row leaves the feature's window.
  [[nodiscard]] std::int64_t leaves(std::size_t f, std::size_t row) const;
  [[nodiscard]] std::int64_t first_leaves(std::size_t f) const;
  [[nodiscard]] std::size_t begin_of(std::size_t f) const;
  [[nodiscard]] bool counts(std::size_t f, std::size_t row) const;
  // The time that an age of this value counts from, or kNever.
  [[nodiscard]] std::int64_t since(std::size_t f, double value) const;
  [[nodiscard]] std::size_t first_row(std::size_t f) const;

  const State& state_;
  const Plan& plan_;
  std::int64_t every_;
  std::vector<Flow> flows_;  // [features]
  std::size_t series_ = 0;   // of subjects
  bool any_series_ = false;
  std::int64_t moment_ = 0;
  std::size_t size_ = 0;              // rows of the subject
  std::vector<View> views_;           // [plan's shifts]
  std::optional<Series::List> list_;  // where the subject is known
  std::vector<double> trial_;         // [features]
  std::vector<const double*> trial_columns_;
};

}  // namespace penchant::features
