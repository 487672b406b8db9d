#include "penchant/engine/item_facts.h"

#include <algorithm>
#include <limits>

namespace penchant::engine {
namespace {

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
constexpr std::int64_t kDayMicros = 86'400LL * 1'000'000;
constexpr std::size_t kMonth = 1;    // of kWindowDays
constexpr std::size_t kQuarter = 2;  // of kWindowDays

using Windows = std::array<std::int64_t, ItemFacts::kWindowDays.size()>;

// Counts one in each window before `as_of` that reaches back to `last`.
void count_windows(Timestamp last, Timestamp as_of, Windows& windows) {
  for (std::size_t w = 0; w < windows.size(); ++w) {
    windows[w] += last > as_of - Duration{ItemFacts::kWindowDays[w] * kDayMicros} ? 1 : 0;
  }
}

// Of one item, over the people who had it.
struct Tally {
  std::int64_t subjects = 0;
  std::int64_t events = 0;
  std::int64_t repeaters = 0;
  double gaps = 0;  // days, of those repeaters whose gap is known
  std::int64_t gap_count = 0;
  Windows lately{};
  Timestamp first;
  Timestamp last;

  void add(const data::History& history, std::size_t k, Timestamp as_of) {
    ++subjects;
    events += history.counts[k];
    if (history.counts[k] > 1) {
      ++repeaters;
      const float gap = gap_days(history.first[k], history.last[k], history.counts[k]);
      if (gap == gap) {
        gaps += static_cast<double>(gap);
        ++gap_count;
      }
    }
    if (!history.last[k].known()) return;
    last = std::max(last, history.last[k]);
    if (!first.known() || history.first[k] < first) first = history.first[k];
    count_windows(history.last[k], as_of, lately);
  }
};

float ratio(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? static_cast<float>(static_cast<double>(part) / static_cast<double>(whole))
                   : kNone;
}

}  // namespace

float days_between(Timestamp from, Timestamp to) {
  return from.known() && to.known() ? static_cast<float>((to - from).days()) : kNone;
}

float gap_days(Timestamp first, Timestamp last, std::int32_t count) {
  return count < 2 ? kNone : days_between(first, last) / static_cast<float>(count - 1);
}

ItemFacts ItemFacts::of(const data::Interactions& history, Timestamp as_of) {
  std::vector<Tally> tallies(history.num_items());
  std::int64_t people = 0;
  Windows active{};
  for (std::size_t u = 0; u < history.num_users(); ++u) {
    const data::History mine = history.history(UserIndex(static_cast<std::int32_t>(u)));
    people += mine.empty() ? 0 : 1;
    Timestamp latest;
    for (std::size_t k = 0; k < mine.size(); ++k) {
      tallies[static_cast<std::size_t>(mine.items[k].value)].add(mine, k, as_of);
      latest = std::max(latest, mine.last[k]);
    }
    if (latest.known()) count_windows(latest, as_of, active);
  }
  std::int64_t pairs = 0;
  std::int64_t repeated = 0;
  for (const Tally& tally : tallies) {
    pairs += tally.subjects;
    repeated += tally.repeaters;
  }
  const double rate = pairs > 0 ? static_cast<double>(repeated) / static_cast<double>(pairs) : 0;
  ItemFacts out;
  for (const Tally& tally : tallies) {
    out.popularity.push_back(ratio(tally.subjects, people));
    for (std::size_t w = 0; w < kWindowDays.size(); ++w) {
      out.lately[w].push_back(ratio(tally.lately[w], active[w]));
    }
    const float month = out.lately[kMonth].back();
    const float quarter = out.lately[kQuarter].back();
    out.trend.push_back(quarter > 0 ? month / quarter : kNone);
    out.repeat_rate.push_back(
        static_cast<float>((static_cast<double>(tally.repeaters) + kPriorSubjects * rate) /
                           (static_cast<double>(tally.subjects) + kPriorSubjects)));
    out.repeat_days.push_back(
        tally.gap_count > 0 ? static_cast<float>(tally.gaps / static_cast<double>(tally.gap_count))
                            : kNone);
    out.depth.push_back(ratio(tally.events, tally.subjects));
    out.first.push_back(tally.first);
    out.last.push_back(tally.last);
  }
  return out;
}

}  // namespace penchant::engine
