#pragma once

// How often candidates go together with the items of a list: of the people who lately had one of
// these, how many had a candidate too, and how much more often than everyone.
//
//   walk.walk(c, listed, subject, time, candidates);
//   walk.share(slot, Feature::Pool::kMean);
//
// All candidates are answered by one walk: O(listed * sample * depth), whatever their number.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/features/code_places.h"
#include "penchant/features/state.h"

namespace penchant::features {

class CompanionWalk {
 public:
  // Of at most so many candidates at once. Keeps a reference.
  CompanionWalk(const State& state, std::size_t most);

  // Over the events strictly before `time`; those of `subject` are not looked at. candidates:
  // distinct items.
  void walk(std::size_t companions, std::span<const std::int32_t> listed, std::int32_t subject,
            std::int64_t time, const CodePlaces& candidates);

  // Of the candidate at `place`, over the items of the list that are not itself and that others
  // had; NaN without any.
  [[nodiscard]] double count(std::size_t place, Feature::Pool pool) const;
  [[nodiscard]] double share(std::size_t place, Feature::Pool pool) const;
  // NaN too where nobody ever had the candidate. strength: see Feature.
  [[nodiscard]] double lift(std::size_t place, Feature::Pool pool, double strength) const;

 private:
  // What one item of the list found, by candidate.
  struct Found {
    std::int32_t item = kNoCode;
    std::int64_t people = 0;             // who had it
    std::int64_t rows = 0;               // of theirs, of other items
    std::vector<std::int32_t> had;       // [candidates], people
    std::vector<std::int32_t> had_rows;  // [candidates], rows
  };

  void look(const Companions& rule, const Plan::CompanionAccess& access, std::int32_t subject,
            std::int64_t time, const CodePlaces& candidates, Found& found);
  void find_rows(const Companions& rule, const Plan::CompanionAccess& access, std::int64_t time);
  void look_at(const Companions& rule, const Plan::CompanionAccess& access, std::size_t p,
               const CodePlaces& candidates, Found& found);
  template <class Value>
  [[nodiscard]] double pooled(std::size_t place, Feature::Pool pool, const Value& value) const;

  const State& state_;
  // Of the item of the list that is looked at: people, when they had it, their rows and the last
  // of these that counts.
  CodePlaces people_;
  std::vector<std::int64_t> met_;
  std::vector<Series::List> lists_;
  std::vector<std::int64_t> rows_;
  const CodePlaces* candidates_ = nullptr;
  std::vector<Found> found_;  // by item of the list, of which the first used_ are of this walk
  std::size_t used_ = 0;
  std::vector<std::int64_t> last_;  // [candidates], the last person who had it, counted over walks
  std::int64_t persons_ = 0;
  std::vector<double> frequency_;  // [candidates], of all events that of the candidate
};

}  // namespace penchant::features
