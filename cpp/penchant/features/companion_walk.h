#pragma once

// How often candidates go together with the items of a list: of the people who lately had one of
// these, how many had a candidate too, and how much more often than everyone.
//
//   walk.walk(c, listed, subject, time, candidates);
//   walk.values(feature, out);                        // [candidates]
//
// All candidates are answered by one walk: O(listed * sample * depth), whatever their number. The
// rows of people lie all over the memory: each step is taken for many of them before the next, so
// that much is asked for at once.

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
  // distinct items, which stay while values are asked for.
  void walk(std::size_t companions, std::span<const std::int32_t> listed, std::int32_t subject,
            std::int64_t time, const CodePlaces& candidates);

  // What a feature says of each candidate, over the items of the list that are not itself and that
  // others had; NaN without any, and of a lift where nobody ever had the candidate.
  void values(const Feature& feature, std::span<double> out);

 private:
  // What one item of the list found, by candidate.
  struct Found {
    std::int32_t item = kNoCode;
    std::int64_t people = 0;             // who had it
    std::int64_t rows = 0;               // of theirs, of other items
    std::vector<std::int32_t> had;       // [candidates], people
    std::vector<std::int32_t> had_rows;  // [candidates], rows
  };
  // Someone who had an item of the list, and when.
  struct Met {
    std::int32_t person = kNoCode;
    std::uint32_t item = 0;  // of found_
    std::int64_t time = 0;
  };
  struct Walk {
    const Companions& rule;
    const Plan::CompanionAccess& access;
    std::int32_t subject;
    std::int64_t time;
  };

  void find_items(const Walk& walk);
  void meet(const Walk& walk, std::size_t item);
  [[nodiscard]] static std::int64_t until_of(const Walk& walk, const Met& met);
  void look_at_met(const Walk& walk);
  void look_at(const Walk& walk, const Met& met, const Series::List& list, std::size_t end);
  void count(Found& found, std::span<const std::int32_t> items);
  void found_again(Found& found, std::int32_t item);
  void find_frequencies(const Walk& walk);
  template <class Value>
  void pool(Feature::Pool pool, std::span<double> out, const Value& value);

  const State& state_;
  const CodePlaces* candidates_ = nullptr;
  // A bit for each candidate, by the last bits of its code: most items are none.
  std::array<std::uint64_t, 64> maybe_{};
  std::vector<Series::List> items_;  // of the items of the list, or candidates
  std::vector<std::size_t> ends_;    // rows of these before the time
  CodePlaces people_;                // of one item
  std::vector<Met> met_;             // of several items, some at a time
  std::vector<Series::List> lists_;  // [met]
  std::vector<std::size_t> upto_;    // [met], rows of theirs that are looked at
  std::vector<Found> found_;  // by item of the list, of which the first used_ are of this walk
  std::size_t used_ = 0;
  std::vector<std::int64_t> last_;  // [candidates], the last person who had it, counted over walks
  std::int64_t persons_ = 0;
  std::vector<double> frequency_;  // [candidates], of all events that of the candidate
  std::vector<double> most_;       // [candidates]
  std::vector<double> pooled_;     // [candidates], how many items said something
};

}  // namespace penchant::features
