#pragma once

// The plain twin of bandits::Joiner, for decisions that wait until their deadline: the whole
// history is looked at once for each decision.

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "penchant/bandits/joiner.h"

namespace penchant::reference {

// Total of each slot of each decision; nothing where it had no reward. Decisions are unique,
// nothing is forgotten or closed early, and rewards come after their decisions.
inline std::map<std::pair<std::uint64_t, std::uint32_t>, std::optional<double>> plain_join(
    const std::vector<bandits::Record>& history, const bandits::JoinOptions& options) {
  using namespace bandits;
  std::map<std::pair<std::uint64_t, std::uint32_t>, std::optional<double>> out;
  for (std::size_t d = 0; d < history.size(); ++d) {
    const auto* decision = std::get_if<Decided>(&history[d]);
    if (decision == nullptr) continue;
    const std::int64_t due = decision->time.micros + options.deadline.micros;
    std::vector<std::vector<double>> values(decision->slots.size());
    std::set<std::string> seen;
    // The time of the log when the decision is in it.
    std::int64_t now = 0;
    for (std::size_t r = 0; r < history.size(); ++r) {
      if (const auto* other = std::get_if<Decided>(&history[r])) {
        now = std::max(now, other->time.micros);
      }
      if (const auto* passed = std::get_if<Passed>(&history[r])) {
        now = std::max(now, passed->time.micros);
      }
      const auto* reward = std::get_if<Rewarded>(&history[r]);
      if (reward == nullptr || reward->decision != decision->id || r < d || now >= due) continue;
      if (!reward->id.empty() && seen.contains(reward->id)) continue;
      if (reward->time.known() && reward->time.micros >= due) continue;
      std::optional<std::size_t> slot;
      if (reward->slot) {
        slot = *reward->slot;
      } else if (decision->slots.size() == 1) {
        slot = 0;
      }
      if (!slot || *slot >= values.size()) continue;
      if (!reward->id.empty()) seen.insert(reward->id);
      values[*slot].push_back(reward->value);
    }
    for (std::uint32_t s = 0; s < values.size(); ++s) {
      std::optional<double> total;
      for (const double value : values[s]) {
        if (!total) {
          total = value;
        } else if (options.aggregation == Aggregation::kSum) {
          *total += value;
        } else if (options.aggregation == Aggregation::kMax) {
          *total = std::max(*total, value);
        }
      }
      out[{decision->id, s}] = total;
    }
  }
  return out;
}

}  // namespace penchant::reference
