#pragma once

// Plain twins of what is derived from events: by definition, without a thought for speed.

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "penchant/base/time.h"

namespace penchant::events::reference {

struct Arrival {
  std::string id;
  std::int64_t time = 0;
};

// What a deduplicator must hold after any order of these: the `most` latest (time, id) within the
// horizon of the latest time, each id with its latest time.
inline std::set<std::pair<std::int64_t, std::string>> kept_ids(const std::vector<Arrival>& all,
                                                               std::int64_t horizon,
                                                               std::size_t most) {
  std::map<std::string, std::int64_t> latest;
  std::int64_t last = INT64_MIN;
  for (const Arrival& one : all) {
    last = std::max(last, one.time);
    const auto [at, fresh] = latest.emplace(one.id, one.time);
    if (!fresh) at->second = std::max(at->second, one.time);
  }
  std::set<std::pair<std::int64_t, std::string>> out;
  for (const auto& [id, time] : latest) {
    if (time >= last - horizon) out.emplace(time, id);
  }
  while (out.size() > most) out.erase(out.begin());
  return out;
}

struct Visit {
  std::string subject;
  std::int64_t time = 0;
};

// Number of the session of each visit: how many pauses longer than the gap its subject has before
// it. Quadratic.
inline std::vector<std::int32_t> session_numbers(const std::vector<Visit>& visits,
                                                 std::int64_t gap) {
  std::vector<std::int32_t> out;
  for (const Visit& one : visits) {
    std::vector<std::int64_t> times;
    for (const Visit& other : visits) {
      if (other.subject == one.subject && other.time <= one.time) times.push_back(other.time);
    }
    std::sort(times.begin(), times.end());
    std::int32_t number = 0;
    for (std::size_t i = 1; i < times.size(); ++i) number += times[i] - times[i - 1] > gap ? 1 : 0;
    out.push_back(number);
  }
  return out;
}

}  // namespace penchant::events::reference
