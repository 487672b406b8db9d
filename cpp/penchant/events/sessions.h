#pragma once

// Visits and orders, derived from a table of events: pure functions of the set of its events, so
// that an event that comes late changes them as if it had come in time.
//
//   Sessions visits = sessions(table, {.gap = parse_duration("30m")});
//   Baskets orders = baskets(table);

#include <cstdint>
#include <vector>

#include "penchant/base/time.h"
#include "penchant/events/event_table.h"

namespace penchant::events {

struct SessionOptions {
  Duration gap{1'800'000'000};  // a longer pause ends a session; one as long does not
};

struct Sessions {
  // [rows]; rows without a subject, and of types that a person does not do (TypeSpec::in_session),
  // are in none: 0, -1, unknown.
  std::vector<std::uint64_t> id = {};     // XXH3-64 of (subject, start): the same whatever else is
                                          // in the table
  std::vector<std::int32_t> number = {};  // 0, 1, ...: the subject's first, second, ...
  std::vector<Timestamp> start = {};
  std::size_t count = 0;
};

// O(rows log rows). Throws kInvalidArgument when the gap is negative.
[[nodiscard]] Sessions sessions(const EventTable& table, const SessionOptions& options);

struct Baskets {
  std::vector<std::int32_t> basket = {};  // [rows]; -1: without an order
  std::vector<std::int32_t> order = {};   // [baskets], codes of the table's orders
  std::vector<Timestamp> time = {};  // [baskets], of the first row; ascending, ties by order id
};

// Rows of one order id are one basket.
[[nodiscard]] Baskets baskets(const EventTable& table);

}  // namespace penchant::events
