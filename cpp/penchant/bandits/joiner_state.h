#pragma once

// What a joiner holds; seen by joiner.cc and joiner_io.cc alone.

#include <deque>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

#include "penchant/bandits/joiner.h"

namespace penchant::bandits {

struct SlotState {
  double total = 0;
  std::uint32_t rewards = 0;
  bool taught = false;
  double lesson = 0;  // what was taught
};

struct Waiting {
  std::shared_ptr<const Decided> decision{};  // none: forgotten
  const JoinOptions* options = nullptr;
  std::string policy{};
  std::uint64_t first_event = 0;  // of its slots, one after the other
  Timestamp time{};
  Timestamp due{};
  std::vector<SlotState> slots{};
  std::uint32_t rewards = 0;
  std::vector<std::string> reward_ids{};
};

struct Closed {
  std::uint64_t subject = 0;  // hash; 0: nobody
  std::vector<std::string> reward_ids{};
};

struct Held {
  Rewarded reward;
  Timestamp since;  // unknown: before any decision
};

struct Joiner::Impl {
  std::map<std::string, JoinOptions> options;
  JoinLimits limits;
  JoinCounts counts;
  Timestamp now;
  std::uint64_t next_event = 0;

  std::unordered_map<std::uint64_t, Waiting> waiting;
  std::set<std::tuple<Timestamp, std::uint64_t, std::uint64_t>> due;  // when, first event, id
  std::map<std::uint64_t, std::uint64_t> oldest;                      // first event -> id

  std::unordered_map<std::uint64_t, Closed> closed;
  std::deque<std::uint64_t> closed_order;  // also of those that were forgotten since

  std::map<std::uint64_t, Held> held;  // in the order in which they came
  std::map<std::uint64_t, std::vector<std::uint64_t>> held_for;
  std::uint64_t next_held = 0;

  Outcome count(Outcome outcome) {
    ++counts.rewards[static_cast<std::size_t>(outcome)];
    return outcome;
  }
  Outcome decide(Waiting entry, std::uint64_t id, std::vector<Taught>& lessons);
  Outcome take(const Rewarded& reward, std::vector<Taught>& lessons);
  Outcome offer(const Rewarded& reward, std::vector<Taught>& lessons);
  // `entry`: that of its decision, where it waits.
  [[nodiscard]] Outcome classify(const Rewarded& reward, const Waiting* entry) const;
  void insert(Waiting entry, std::uint64_t id);
  void count_in(Waiting& entry, const Rewarded& reward, std::vector<Taught>& lessons);
  void teach(Waiting& entry, std::uint32_t slot, double value, std::vector<Taught>& lessons);
  void advance(Timestamp time, std::vector<Taught>& lessons);
  void close_due(std::vector<Taught>& lessons);
  void close(std::uint64_t id, std::vector<Taught>& lessons);
  Outcome hold(const Rewarded& reward);
  void drop_held(std::uint64_t number);
  void expire_held();
  void release_held(std::uint64_t id, std::vector<Taught>& lessons);
  void forget(std::string_view subject);
};

[[nodiscard]] Timestamp due_of(Timestamp time, const JoinOptions& options);
[[nodiscard]] std::uint64_t subject_hash(std::string_view subject);

}  // namespace penchant::bandits
