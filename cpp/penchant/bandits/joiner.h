#pragma once

// Joins rewards to decisions and says what is to be learnt: a fold over records, without a clock.
//
//   Joiner joiner({{"home", {.deadline = parse_duration("1d")}}}, JoinLimits{});
//   joiner.fold(Decided{.id = 17, ...}, lessons);
//   Outcome outcome = joiner.fold(Rewarded{.decision = 17, .value = 1, .id = "order-4"}, lessons);
//   for (const Taught& taught : lessons) ...
//
// Time is that of the records: the latest of decisions and of Passed. Rewards do not move it, so
// that whoever sends them can't close what waits. A decision is closed once its deadline is
// reached; the lessons that follow are a pure function of the sequence of records.
//
// A forgotten decision keeps its place among those that wait, and its event numbers, so that the
// lessons of all others are what they would have been; a log in which it was blanked (Blanked)
// gives the same.

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/bandits/record.h"
#include "penchant/base/time.h"

namespace penchant::bandits {

// How several rewards of a slot make one.
enum class Aggregation : std::uint8_t { kSum, kMax, kFirst };

// When a slot's reward is learnt.
//   kJoined       at the deadline: each event once, with its final value. What is learnt lags by
//   the
//                 deadline, but is not distorted: rewarded and unrewarded decisions come together.
//   kImmediately  with each reward (an earlier total is taken back first), and without one at the
//                 deadline. Quicker, but until deadlines pass the policy has seen the successes and
//                 not the failures of the same hours, so it believes too much of what is shown
//                 often (Chapelle, "Modeling delayed feedback in display advertising", KDD 2014).
enum class LearnWhen : std::uint8_t { kJoined, kImmediately };

// Throw kInvalidArgument on a name that is not there: "sum", "max", "first"; "joined",
// "immediately".
[[nodiscard]] Aggregation find_aggregation(std::string_view name);
[[nodiscard]] LearnWhen find_learn_when(std::string_view name);
[[nodiscard]] std::string_view aggregation_name(Aggregation aggregation);
[[nodiscard]] std::string_view learn_when_name(LearnWhen learn);

// Of one policy.
struct JoinOptions {
  Duration deadline{86'400'000'000};  // from the decision's time; rewards at it are late
  Aggregation aggregation = Aggregation::kSum;
  LearnWhen learn = LearnWhen::kJoined;
  double default_reward = 0;  // of a slot without any; NaN: it is not learnt
  double least = -1e6;        // totals are clipped into this range, and counted
  double most = 1e6;
};

struct JoinLimits {
  std::size_t max_waiting = std::size_t{1} << 20;  // decisions; beyond, the oldest close early
  std::size_t max_closed = std::size_t{1} << 20;   // remembered to tell late from unknown
  std::size_t max_rewards = 256;                   // of a decision
  Duration early{0};             // how long a reward is held for a decision yet to come; 0: not
  std::size_t max_held = 65536;  // such rewards; beyond, the oldest are dropped
};

enum class Outcome : std::uint8_t {
  kAccepted,
  kHeld,             // the decision is not known yet, and may come
  kDuplicate,        // this reward id was there before
  kLate,             // the decision is closed, or the reward's own time is past the deadline
  kUnknownDecision,  // never seen, too long ago to be remembered, or of someone forgotten
  kUnknownSlot,      // the decision has no such slot or arm, or several and none was named
  kTooMany,          // more than max_rewards
};
[[nodiscard]] std::string_view outcome_name(Outcome outcome);  // "accepted", "unknown_decision"

// One event to learn, or to take back.
struct Taught {
  std::shared_ptr<const Decided> decision;
  std::uint32_t slot = 0;
  double reward = 0;
  std::uint64_t event = 0;  // the same for a slot whenever it is learnt or taken back
  bool back = false;
  bool rewarded = false;     // not the default
  std::uint64_t record = 0;  // for the caller, who knows what led to it
};

struct JoinCounts {
  std::uint64_t decisions = 0;
  std::uint64_t repeated_decisions = 0;  // of an id that is remembered: ignored
  std::uint64_t unknown_policies = 0;    // decisions of a policy that is not in the options
  std::uint64_t closed = 0;
  std::uint64_t closed_early = 0;          // of those, for want of room
  std::uint64_t unrewarded = 0;            // slots that closed with the default
  std::uint64_t clipped = 0;               // lessons whose total was out of range
  std::uint64_t forgotten = 0;             // decisions
  std::array<std::uint64_t, 7> rewards{};  // by Outcome, of rewards that were folded

  friend bool operator==(const JoinCounts&, const JoinCounts&) = default;
};

class Joiner {
 public:
  // By policy. Throws kInvalidArgument on options that make no sense.
  Joiner(std::map<std::string, JoinOptions> options, const JoinLimits& limits);
  ~Joiner();
  Joiner(Joiner&&) noexcept;
  Joiner& operator=(Joiner&&) noexcept;

  // Appends to `lessons`. O(log waiting), and what closes. For a reward the outcome; for all else
  // kAccepted, but kDuplicate for a decision whose id is remembered.
  Outcome fold(const Record& record, std::vector<Taught>& lessons);
  // The same of a decision that is kept as it is.
  Outcome fold(std::shared_ptr<const Decided> decision, std::vector<Taught>& lessons);

  // What fold does and answers of a reward that is accepted or held; any other changes nothing, and
  // is not counted. For who keeps what counts and nothing else.
  Outcome offer(const Rewarded& reward, std::vector<Taught>& lessons);
  [[nodiscard]] bool remembers(std::uint64_t decision) const;
  [[nodiscard]] bool waits(std::uint64_t decision) const;

  [[nodiscard]] Timestamp now() const;        // unknown before the first
  [[nodiscard]] std::size_t waiting() const;  // decisions
  [[nodiscard]] std::size_t held() const;     // rewards
  [[nodiscard]] std::uint64_t next_event() const;
  [[nodiscard]] const JoinCounts& counts() const;

  // What was taught so far of the person's decisions that wait. O(waiting).
  [[nodiscard]] std::vector<Taught> standing(std::string_view subject) const;

  // The state as bytes, a function of the records folded; restore takes nothing for granted and
  // throws kBadData. The options are the caller's to keep.
  [[nodiscard]] std::string save() const;
  [[nodiscard]] static Joiner restore(std::map<std::string, JoinOptions> options,
                                      const JoinLimits& limits, std::string_view bytes);

 private:
  struct Impl;
  explicit Joiner(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace penchant::bandits
