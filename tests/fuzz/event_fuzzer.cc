// Any bytes at all as an event: a rejection with a reason, or an event that is written as JSON that
// reads as the same. An even first byte: the rest is an event of ours. An odd one: of another
// tracker, through a mapping.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/events/event_table.h"
#include "penchant/events/mapping.h"
#include "penchant/events/taxonomy.h"

namespace {

namespace events = penchant::events;

void check(bool holds) {
  if (!holds) std::abort();
}

// With every kind of field, steps between versions, and a minimal type.
const std::shared_ptr<const events::Taxonomy>& shared_taxonomy() {
  static const auto kept = events::Taxonomy::builtin()->extended(R"({"types": {
    "all": {"version": 3, "subject": "optional", "fields": {
      "a": {"kind": "text", "max_length": 4}, "b": {"kind": "integer", "min": -5, "max": 5},
      "c": "decimal", "d": "boolean", "e": "time", "f": {"kind": "text", "allowed": ["x", "y"]},
      "lines": {"kind": "lines", "max_length": 3, "fields": {
        "item": {"kind": "text", "required": true}, "g": "time", "price": "decimal"}}},
      "migrate": {"1": [{"rename": ["old", "a"]}, {"rename": ["lines.sku", "lines.item"]}],
                  "2": [{"scale": ["c", 0.01]}, {"scale": ["lines.price", 100]},
                        {"default": ["lines.g", "2026-01-01"]}, {"default": ["f", "x"]},
                        {"drop": "b"}]}},
    "less": {"minimal": true, "fields": {"a": "text"}}}})");
  return kept;
}
const events::Taxonomy& taxonomy() { return *shared_taxonomy(); }

const events::Mapping& mapping() {
  static const auto kept = events::Mapping::from_json(R"({"common": {"event_id": "$.id",
      "time": ["at", {"in": "$.times", "where": {"kind": "a*"}, "take": "value"}], "subject": "$.u"},
    "rules": [{"when": {"k": "b"}, "each": ["many", "more.0"], "type": "click", "item": "i"},
              {"when": {"k": ["p", "q*"]}, "type": "purchase", "fields": {"order_id": "o",
               "lines": {"each": "l", "item": ["i", "$.i"], "price": {"from": "p", "default": 1}}}}]})");
  return *kept;
}

void check_event(std::string_view json) {
  const penchant::Timestamp received{1'700'000'000'000'000};
  events::Event event;
  events::Rejection rejection;
  if (!taxonomy().read(json, received, event, rejection)) {
    check(!rejection.message.empty());
    return;
  }
  events::Event again;
  const std::string written = taxonomy().write(event);
  check(taxonomy().read(written, {}, again, rejection));
  event.dropped = 0;  // what was dropped is not written
  check(again == event);
  events::EventTable table(shared_taxonomy());
  table.append(event);
  check(table.rows() == (event.lines.empty() ? 1 : event.lines.size()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    check_event(rest);
    return 0;
  }
  std::vector<std::string> out;
  events::Rejection rejection;
  if (mapping().apply(rest, out, rejection)) {
    for (const std::string& one : out) check_event(one);
  }
  return 0;
}
