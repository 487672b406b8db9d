#pragma once

// Which events come in order, which out of order but in time, and which too late.
//
//   LatePolicy policy(parse_duration("1h"));
//   Timeliness how = policy.fold(event.time, event.received);
//
// The watermark is the latest event time seen minus the lateness. A time counts as seen no later
// than its receipt, so that one clock that is fast can't make everyone else late.

#include <cstdint>
#include <string_view>

#include "penchant/base/time.h"

namespace penchant::events {

enum class Timeliness : std::uint8_t {
  kOnTime,   // not before the latest
  kLate,     // out of order, not before the watermark: state becomes that of the sorted stream
  kTooLate,  // before the watermark: for a rebuild
};
[[nodiscard]] std::string_view timeliness_name(Timeliness how);  // "on_time", "late", "too_late"

class LatePolicy {
 public:
  // Throws kInvalidArgument when the lateness is negative.
  explicit LatePolicy(Duration lateness);

  [[nodiscard]] Timeliness classify(Timestamp time) const;
  // Classifies, then moves the watermark. An unknown `received` is no bound.
  Timeliness fold(Timestamp time, Timestamp received);

  [[nodiscard]] Timestamp latest() const { return latest_; }  // unknown before the first
  [[nodiscard]] Timestamp watermark() const;                  // unknown before the first

 private:
  Duration lateness_;
  Timestamp latest_{};
};

}  // namespace penchant::events
