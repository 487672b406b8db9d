#pragma once

// The plain twin of Dataset::interactions: a map from pairs, filled row by row.

#include <cmath>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "penchant/data/dataset.h"

namespace penchant::reference {

struct Pair {
  double value = 0;
  std::set<std::int64_t> times;  // distinct ones
  std::int32_t events = 0;
};

[[nodiscard]] inline std::map<std::pair<std::int32_t, std::int32_t>, Pair> interactions(
    const data::Dataset& data) {
  std::map<std::pair<std::int32_t, std::int32_t>, Pair> out;
  const data::EventColumns& events = data.events();
  std::int64_t last = events.times.empty() ? 0 : events.times.front().micros;
  for (const Timestamp time : events.times) last = std::max(last, time.micros);
  for (std::size_t row = 0; row < events.size(); ++row) {
    const double weight = static_cast<double>(data.types()[events.types[row]].weight) *
                          static_cast<double>(events.values[row]);
    if (!events.subjects[row].known() || weight <= 0) continue;
    double decay = 1;
    if (data.options().half_life && events.times[row].known()) {
      const auto age = static_cast<double>(last - events.times[row].micros);
      decay = std::pow(2.0, -age / static_cast<double>(data.options().half_life->micros));
    }
    Pair& pair = out[{events.subjects[row].value, events.items[row].value}];
    pair.value += weight * decay;
    pair.times.insert(events.times[row].micros);
    ++pair.events;
  }
  return out;
}

}  // namespace penchant::reference
