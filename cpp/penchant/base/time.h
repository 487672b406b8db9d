#pragma once

// Time as data: microseconds since 1970-01-01 UTC. The core never asks a clock; a time comes from
// an event or from a request.
//
//   Duration window = parse_duration("28d");
//   Timestamp cut = last - window;

#include <compare>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace penchant {

struct Duration {
  std::int64_t micros = 0;
  [[nodiscard]] constexpr double days() const { return static_cast<double>(micros) / 86'400e6; }
  friend constexpr auto operator<=>(Duration, Duration) = default;
};

struct Timestamp {
  std::int64_t micros = std::numeric_limits<std::int64_t>::min();
  [[nodiscard]] constexpr bool known() const {
    return micros != std::numeric_limits<std::int64_t>::min();
  }
  friend constexpr auto operator<=>(Timestamp, Timestamp) = default;
};

// Saturating: hostile times must not overflow.
[[nodiscard]] constexpr Duration operator-(Timestamp later, Timestamp earlier) {
  std::int64_t out = 0;
  if (__builtin_sub_overflow(later.micros, earlier.micros, &out)) {
    out = later.micros > earlier.micros ? std::numeric_limits<std::int64_t>::max()
                                        : std::numeric_limits<std::int64_t>::min();
  }
  return Duration{out};
}
[[nodiscard]] constexpr Timestamp operator-(Timestamp at, Duration by) {
  std::int64_t out = 0;
  if (__builtin_sub_overflow(at.micros, by.micros, &out)) {
    out = by.micros > 0 ? std::numeric_limits<std::int64_t>::min() + 1
                        : std::numeric_limits<std::int64_t>::max();
  }
  return Timestamp{out};
}

// "90s", "15m", "6h", "28d", "2w", "500ms"; a decimal number before the unit. Throws
// kInvalidArgument on anything else, on a negative or on more than 1,000 years.
[[nodiscard]] Duration parse_duration(std::string_view text);

// "2011-11-12T00:00:00Z", "2011-11-12 10:30:00.5", "2011-11-12T10:30:00+01:00", "2011-11-12".
// No zone means UTC. Throws kInvalidArgument.
[[nodiscard]] Timestamp parse_timestamp(std::string_view text);

// ISO 8601 in UTC, microseconds only where they are not zero.
[[nodiscard]] std::string format_timestamp(Timestamp at);

}  // namespace penchant
