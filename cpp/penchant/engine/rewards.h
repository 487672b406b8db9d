#pragma once

// What came of decisions, as JSON (docs/openapi.yaml).

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/bandits/joiner.h"
#include "penchant/bandits/record.h"

namespace penchant::engine {

struct RewardRequest {
  std::vector<bandits::Rewarded> rewards = {};
  bool single = false;  // an object, not a list
};

// Throws kInvalidArgument with the place of the fault; unknown members are refused.
[[nodiscard]] RewardRequest parse_rewards(std::string_view json);

// Replaces `body`: {"outcome": "accepted"}, or {"outcomes": [...]} in the order of the rewards.
void write_outcomes(std::span<const bandits::Outcome> outcomes, bool single, std::string& body);

}  // namespace penchant::engine
