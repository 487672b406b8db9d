#pragma once

// A decision as the JSON that HTTP sends and that Python's recommend_json returns.

#include <string>

#include "penchant/engine/assets.h"
#include "penchant/engine/request.h"

namespace penchant::engine {

// Replaces `body`. Members stand in a fixed order and numbers in their shortest exact form, so that
// equal decisions are equal bytes.
void write_response(const Request& request, const Decision& decision, const Assets& assets,
                    std::string& body);

}  // namespace penchant::engine
