#include "penchant/engine/item_facts.h"

#include <algorithm>
#include <limits>

namespace penchant::engine {
namespace {

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
constexpr std::int64_t kDayMicros = 86'400LL * 1'000'000;
constexpr std::size_t kMonth = 1;    // of kWindowDays
constexpr std::size_t kQuarter = 2;  // of kWindowDays

struct Tally {
  std::int64_t subjects = 0;
  std::int64_t events = 0;
  std::int64_t repeaters = 0;
  double gaps = 0;  // days, of those repeaters whose gap is known
  std::int64_t gap_count = 0;
  std::array<std::int64_t, ItemFacts::kWindowDays.size()> lately{};
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
  Tally all;
  ItemFacts out;
  out.first.resize(tallies.size());
  out.last.resize(tallies.size());
  for (std::size_t u = 0; u < history.num_users(); ++u) {
    const data::History mine = history.history(UserIndex(static_cast<std::int32_t>(u)));
    all.subjects += mine.empty() ? 0 : 1;
    Timestamp latest;
    for (std::size_t k = 0; k < mine.size(); ++k) {
      const auto i = static_cast<std::size_t>(mine.items[k].value);
      Tally& tally = tallies[i];
      ++tally.subjects;
      tally.events += mine.counts[k];
      if (mine.counts[k] > 1) {
        ++tally.repeaters;
        const float gap = gap_days(mine.first[k], mine.last[k], mine.counts[k]);
        if (gap == gap) {
          tally.gaps += static_cast<double>(gap);
          ++tally.gap_count;
        }
      }
      if (!mine.last[k].known()) continue;
      latest = std::max(latest, mine.last[k]);
      out.last[i] = std::max(out.last[i], mine.last[k]);
      if (!out.first[i].known() || mine.first[k] < out.first[i]) out.first[i] = mine.first[k];
      for (std::size_t w = 0; w < kWindowDays.size(); ++w) {
        const bool within = mine.last[k] > as_of - Duration{kWindowDays[w] * kDayMicros};
        tally.lately[w] += within ? 1 : 0;
      }
    }
    if (!latest.known()) continue;
    for (std::size_t w = 0; w < kWindowDays.size(); ++w) {
      all.lately[w] += latest > as_of - Duration{kWindowDays[w] * kDayMicros} ? 1 : 0;
    }
  }
  std::int64_t pairs = 0;
  std::int64_t repeated = 0;
  for (const Tally& tally : tallies) {
    pairs += tally.subjects;
    repeated += tally.repeaters;
  }
  const double rate = pairs > 0 ? static_cast<double>(repeated) / static_cast<double>(pairs) : 0;
  for (const Tally& tally : tallies) {
    out.popularity.push_back(ratio(tally.subjects, all.subjects));
    for (std::size_t w = 0; w < kWindowDays.size(); ++w) {
      out.lately[w].push_back(ratio(tally.lately[w], all.lately[w]));
    }
    const float month = out.lately[kMonth].back();
    const float quarter = out.lately[kQuarter].back();
    out.trend.push_back(quarter > 0 ? month / quarter : kNone);
    const auto subjects = static_cast<double>(tally.subjects);
    out.repeat_rate.push_back(
        static_cast<float>((static_cast<double>(tally.repeaters) + kPriorSubjects * rate) /
                           (subjects + kPriorSubjects)));
    out.repeat_days.push_back(
        tally.gap_count > 0 ? static_cast<float>(tally.gaps / static_cast<double>(tally.gap_count))
                            : kNone);
    out.depth.push_back(ratio(tally.events, tally.subjects));
  }
  return out;
}

}  // namespace penchant::engine
