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

  // Values are as of `moment`. O(windows * log rows).
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

  [[nodiscard]] Flow flow_of(std::size_t f) const;
  [[nodiscard]] std::int64_t of_feature(std::size_t f, double value, const RankSpan& span) const;
  [[nodiscard]] std::int64_t of_formula(const Formula& formula,
                                        std::span<const double* const> values, std::size_t row,
                                        const RankSpan& span);
  [[nodiscard]] std::int64_t of_total(std::size_t f, double value, const RankSpan& span) const;
  [[nodiscard]] std::int64_t of_distinct(std::size_t f, double value, const RankSpan& span) const;
  [[nodiscard]] std::int64_t of_bound(std::size_t f, double value) const;
  [[nodiscard]] std::int64_t of_age(std::size_t f, const RankSpan& span) const;
  [[nodiscard]] std::int64_t of_faded(std::size_t f, const RankSpan& span) const;
  [[nodiscard]] std::int64_t of_calendar(std::size_t f, double value, const RankSpan& span) const;
  [[nodiscard]] std::int64_t next_look() const;
  // When the row leaves the feature's window.
  [[nodiscard]] std::int64_t leaves(std::size_t f, std::size_t row) const;
  [[nodiscard]] std::int64_t first_leaves(std::size_t f) const;
  [[nodiscard]] std::size_t begin_of(std::size_t f) const;
  [[nodiscard]] bool counts(std::size_t f, std::size_t row) const;
  // The time that an age counts from, or kNever.
  [[nodiscard]] std::int64_t since(std::size_t f) const;
  [[nodiscard]] std::size_t first_row(std::size_t f) const;

  const State& state_;
  const Plan& plan_;
  std::int64_t every_;
  std::vector<Flow> flows_;  // [features]
  std::size_t series_ = 0;   // of subjects
  bool any_series_ = false;
  std::int64_t moment_ = 0;
  std::size_t size_ = 0;              // rows of the subject
  std::size_t end_ = 0;               // of them before the moment
  std::vector<std::size_t> begin_;    // [windows of the series]
  std::optional<Series::List> list_;  // where the subject is known
  std::vector<double> trial_;         // [features]
  std::vector<const double*> trial_columns_;
};

}  // namespace penchant::features
