#pragma once

// Columns of ISO 8601 texts as times, bad ones marked rather than thrown: rows are quarantined one
// by one, and a log of a million rows is read at once.
//
//   std::vector<Timestamp> times = parse_times(offsets, bytes);   // !times[i].known(): not a time

#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/time.h"

namespace penchant::data {

// Text i is bytes[offsets[i], offsets[i + 1]); base's parse_timestamp says what is accepted.
// Throws kInvalidArgument when the offsets do not ascend within the bytes.
[[nodiscard]] std::vector<Timestamp> parse_times(std::span<const std::int64_t> offsets,
                                                 std::span<const char> bytes);

}  // namespace penchant::data
