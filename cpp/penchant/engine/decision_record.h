#pragma once

// A logged decision as the JSON that GET /v1/decisions/{id} and Python's decision_json return.

#include <string>

#include "penchant/bandits/joined_log.h"

namespace penchant::engine {

// Replaces `body`. Ids beyond 2^53 and hashes are texts, since JSON readers round them.
void write_decision(const bandits::JoinedDecision& decision, std::string& body);

}  // namespace penchant::engine
