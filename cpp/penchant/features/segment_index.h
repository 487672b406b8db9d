#pragma once

// Who is in which segment, kept up with events and with time.
//
//   SegmentIndex index(state, rules, {.time = now});
//   state.replay(events, threads);
//   index.touch(subjects, times);                        // whose events came
//   for (const SegmentChange& change : index.advance(later, threads)) ...
//
// The index has a clock. Membership is what the rules say of the state as of the clock (strictly
// before it, as features are read), and `advance` moves it on: past events in the state, whose
// subjects are looked at a microsecond later, and past the moments at which a rule's outcome
// changes with nothing happening. Of each subject the next such moment is kept. A look compares
// where values lie among the bounds of rules (SegmentRules::rank) with where they lay, and
// evaluates only the segments whose bounds were passed.
//
// Subjects don't depend on each other: result and changes are the same at any number of threads.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "penchant/features/segment_reader.h"
#include "penchant/features/segment_rules.h"
#include "penchant/features/state.h"

namespace penchant::features {

struct SegmentChange {
  std::int64_t time = 0;  // first moment at which it holds
  std::int32_t subject = 0;
  std::uint32_t segment = 0;
  bool entered = false;

  friend auto operator<=>(const SegmentChange&, const SegmentChange&) = default;
};

class SegmentIndex {
 public:
  struct Options {
    std::int64_t time = 0;               // where the clock begins
    std::int64_t every = 3'600'000'000;  // microseconds; see NextChange
    std::size_t subjects = 0;            // codes are below; grows with `touch`
    int threads = 0;
    SegmentScores scores = {};
  };

  // Keeps a reference to the state, which must not move. O(subjects) looks.
  SegmentIndex(const State& state, std::shared_ptr<const SegmentRules> rules,
               const Options& options);
  ~SegmentIndex();
  SegmentIndex(SegmentIndex&&) noexcept;
  SegmentIndex& operator=(SegmentIndex&&) noexcept;

  // Says that the state has got events of these subjects at these times, in any order; events
  // before the clock are late and show at the clock. Throws kInvalidArgument where lengths differ.
  void touch(std::span<const std::int32_t> subjects, std::span<const std::int64_t> times);

  // Gives subjects other scores; who has another one than before is looked at when the clock moves,
  // by nothing too. Throws kInvalidArgument where the rules want another number of columns.
  void set_scores(SegmentScores scores);

  // Moves the clock; gives the changes by (time, subject, segment). Nobody may replay meanwhile.
  // Throws kInvalidArgument where `time` is before the clock.
  // O(looks * (features + rules whose bounds were passed)).
  std::vector<SegmentChange> advance(std::int64_t time, int threads);

  [[nodiscard]] std::int64_t time() const;
  [[nodiscard]] std::size_t subjects() const;
  [[nodiscard]] const SegmentRules& rules() const;
  [[nodiscard]] bool contains(std::int32_t subject, std::size_t segment) const;
  // Ascending.
  [[nodiscard]] std::vector<std::uint32_t> segments_of(std::int32_t subject) const;
  [[nodiscard]] std::vector<std::int32_t> members(std::size_t segment) const;
  // [segments]: how many are in each.
  [[nodiscard]] std::vector<std::int64_t> sizes() const;
  // [segments * segments]: how many are in both.
  [[nodiscard]] std::vector<std::int64_t> overlap() const;
  // Looks at a subject so far.
  [[nodiscard]] std::size_t looks() const;
  [[nodiscard]] std::size_t bytes() const;

 private:
  class Shard;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penchant::features
