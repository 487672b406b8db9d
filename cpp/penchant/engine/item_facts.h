#pragma once

// What a funnel's training data says of each item as a whole, for a ranker's features. Made from
// the histories when a bundle is opened; nothing of it is stored.
//
//   const ItemFacts facts = ItemFacts::of(context->history, context->as_of);
//   facts.popularity[item]
//
// Shares and days, never bare counts: a longer log must not shift them. Windows end with training.

#include <array>
#include <vector>

#include "penchant/base/time.h"
#include "penchant/data/interactions.h"

namespace penchant::engine {

struct ItemFacts {
  // Of popularity lately, in days.
  static constexpr std::array<int, 3> kWindowDays{7, 28, 91};
  // A rate of an item that few had leans on the rate of all, as this many more subjects would.
  static constexpr double kPriorSubjects = 5;

  // All are [items]; not a number where there is nothing to tell.
  std::vector<float> popularity;  // subjects who had it / subjects who had anything
  // The same of the subjects active within each window; without times not a number.
  std::array<std::vector<float>, kWindowDays.size()> lately;
  std::vector<float> trend;        // lately within 28 days / within 91
  std::vector<float> repeat_rate;  // share of its subjects who had it at two times or more
  std::vector<float> repeat_days;  // between two times, mean over those subjects
  std::vector<float> depth;        // times a subject had it, mean
  std::vector<Timestamp> first;    // unknown without events or times
  std::vector<Timestamp> last;

  // O(entries of the history).
  [[nodiscard]] static ItemFacts of(const data::Interactions& history, Timestamp as_of);
};

// Days from `from` to `to`, not a number when either is unknown.
[[nodiscard]] float days_between(Timestamp from, Timestamp to);

// Days between two events of a pair, mean; not a number with fewer than two times.
[[nodiscard]] float gap_days(Timestamp first, Timestamp last, std::int32_t count);

}  // namespace penchant::engine
