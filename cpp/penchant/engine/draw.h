#pragma once

// One draw of a placement's policy: who is to be shown what, and the record of it.

#include <span>
#include <string>
#include <vector>

#include "penchant/bandits/loop.h"
#include "penchant/engine/placement.h"
#include "penchant/engine/request.h"

namespace penchant::engine {

struct Workspace;

// JSON text of an id, as the log has arms and subjects: "\"85123A\"", "17".
[[nodiscard]] std::string json_text(const ExternalId& id);

struct Drawing {
  std::vector<std::string> arms = {};      // JSON texts of what could be shown, distinct
  std::vector<double> features = {};       // [arms, arm_dimension]
  std::vector<std::uint8_t> blocked = {};  // [arms], or empty
  std::size_t slots = 1;                   // at most those that are not blocked
};

struct Drawn {
  std::vector<std::uint32_t> places = {};  // [slots] among the arms
  std::vector<double> propensity = {};     // [slots] given those before
  Exploration exploration = {};
};

// Asks the policy and logs the decision; it survives the process once this returns.
[[nodiscard]] Drawn draw(bandits::Loop& loop, const Placement& placement, const Workspace& work,
                         Timestamp at, const Drawing& drawing);

}  // namespace penchant::engine
