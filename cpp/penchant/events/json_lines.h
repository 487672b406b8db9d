#pragma once

// Many events as text, one JSON object a line, into a table.
//
//   Quarantined bad = read_json_lines(bytes, {.received = now}, table);

#include <cstdint>
#include <string_view>

#include "penchant/base/time.h"
#include "penchant/events/columns.h"
#include "penchant/events/event_table.h"
#include "penchant/events/mapping.h"

namespace penchant::events {

struct JsonLinesOptions {
  Timestamp received{};              // of all; unknown: the events' own
  const Mapping* mapping = nullptr;  // where they are of another tracker
};

// Appends the good ones, in order. `rows` of what comes back are numbers of lines from 0; blank
// lines are none's. A line of another tracker that makes several events may be there several times.
// `dropped` counts fields that minimal schemas left out.
[[nodiscard]] Quarantined read_json_lines(std::string_view bytes, const JsonLinesOptions& options,
                                          EventTable& table);

}  // namespace penchant::events
