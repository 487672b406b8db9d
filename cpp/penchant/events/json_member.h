#pragma once

// Members of JSON objects as cells, and the steps from one version of a type to the next. For
// sources only: simdjson is a heavy header.

#include <string>
#include <string_view>
#include <vector>

#include <simdjson.h>

#include "penchant/events/cell.h"
#include "penchant/events/schema.h"

namespace penchant::events {

struct JsonMember {
  std::string_view name;
  Cell cell = {};
  simdjson::dom::element element = {};  // where `cell` is as it came
  bool changed = false;                 // `cell` is the result of a step
};

[[nodiscard]] Cell cell_of(simdjson::dom::element element);

// The value as JSON, without spaces.
void append_json(std::string& out, const JsonMember& member);

// Takes the members of an event of `version` to the newest; of a line where `lines`. The steps must
// live as long as the members.
void migrate(const TypeSpec& type, std::uint32_t version, bool lines,
             std::vector<JsonMember>& members);

}  // namespace penchant::events
