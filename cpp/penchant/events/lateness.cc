#include "penchant/events/lateness.h"

#include <algorithm>

#include "penchant/base/error.h"

namespace penchant::events {

std::string_view timeliness_name(Timeliness how) {
  switch (how) {
    case Timeliness::kOnTime:
      return "on_time";
    case Timeliness::kLate:
      return "late";
    case Timeliness::kTooLate:
      return "too_late";
  }
  return "";
}

LatePolicy::LatePolicy(Duration lateness) : lateness_(lateness) {
  check_argument(lateness.micros >= 0, "lateness: ", lateness.micros,
                 " microseconds; it can't be negative");
}

Timestamp LatePolicy::watermark() const { return latest_.known() ? latest_ - lateness_ : latest_; }

Timeliness LatePolicy::classify(Timestamp time) const {
  if (!latest_.known() || time >= latest_) return Timeliness::kOnTime;
  return time >= watermark() ? Timeliness::kLate : Timeliness::kTooLate;
}

Timeliness LatePolicy::fold(Timestamp time, Timestamp received) {
  const Timeliness how = classify(time);
  // An unknown time is the smallest there is.
  latest_ = std::max(latest_, received.known() ? std::min(time, received) : time);
  return how;
}

}  // namespace penchant::events
