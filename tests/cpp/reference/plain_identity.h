#pragma once

// What graph.h says, in the plainest way: keep everything that was said, and at every question
// compute the subjects from scratch, over names and sets, with a union that relabels.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "penchant/identity/graph.h"

namespace penchant::reference {

class PlainIdentity {
 public:
  using Id = std::pair<std::size_t, std::string>;  // namespace, value
  using Pair = std::pair<Id, Id>;                  // ascending
  using Moment = std::pair<std::int64_t, std::string>;

  struct Subjects {
    std::map<Id, Id> of;  // identifiers that are not blocked
    std::map<Pair, identity::Standing> standings;
  };

  // `hash` of an identifier, as ties fall by it.
  PlainIdentity(identity::Options options,
                std::uint64_t (*hash)(std::string_view, std::string_view))
      : options_(std::move(options)), hash_(hash) {}

  void see(const Id& id, std::int64_t time) {
    const auto at = firsts_.emplace(id, time).first;
    at->second = std::min(at->second, time);
  }
  void link(const Id& a, const Id& b, std::int64_t time, const std::string& event) {
    const Moment moment(time, event);
    const auto at = seen_.emplace(pair(a, b), moment).first;
    at->second = std::min(at->second, moment);
  }
  void cut(const Id& a, const Id& b, bool away) {
    if (away) {
      cuts_.insert(pair(a, b));
    } else {
      cuts_.erase(pair(a, b));
    }
  }
  void block(const Id& id, bool nobody) {
    if (nobody) {
      blocked_.insert(id);
    } else {
      blocked_.erase(id);
    }
  }

  // By what had been seen until `time`.
  [[nodiscard]] Subjects subjects(
      std::int64_t time = std::numeric_limits<std::int64_t>::max()) const {
    Subjects out;
    std::vector<std::tuple<Moment, std::uint64_t, Pair>> order;
    for (const auto& [link, moment] : seen_) {
      if (moment.first > time) continue;
      const identity::Standing why = hindrance(link, time);
      out.standings[link] = why;
      if (why == identity::Standing::kPending) order.emplace_back(moment, tie(link), link);
    }
    std::sort(order.begin(), order.end());
    std::map<Id, int> groups;
    int next = 0;
    for (const auto& [id, first] : firsts_) {
      if (first <= time) groups[id] = next++;
    }
    for (const auto& [moment, tie, link] : order) {
      out.standings[link] = offer(groups, link);
    }
    std::map<int, Id> leaders;
    for (const auto& [id, group] : groups) {
      const auto at = leaders.emplace(group, id).first;
      if (leads(id, at->second)) at->second = id;
    }
    for (const auto& [id, group] : groups) {
      if (!blocked_.contains(id)) out.of[id] = leaders[group];
    }
    return out;
  }

 private:
  static Pair pair(const Id& a, const Id& b) { return a < b ? Pair(a, b) : Pair(b, a); }
  [[nodiscard]] const identity::Namespace& space(const Id& id) const {
    return options_.namespaces[id.first];
  }

  [[nodiscard]] bool shared(const Id& id, std::int64_t time) const {
    if (space(id).shared_after == 0) return false;
    std::map<std::size_t, int> logins;  // by unique namespace
    for (const auto& [link, moment] : seen_) {
      if (moment.first > time || cuts_.contains(link)) continue;
      if (link.first != id && link.second != id) continue;
      const Id& other = link.first == id ? link.second : link.first;
      if (space(other).limit == 1 && !blocked_.contains(other)) ++logins[other.first];
    }
    return std::any_of(logins.begin(), logins.end(),
                       [&](const auto& one) { return one.second > space(id).shared_after; });
  }

  [[nodiscard]] identity::Standing hindrance(const Pair& link, std::int64_t time) const {
    using identity::Standing;
    if (cuts_.contains(link)) return Standing::kCut;
    if (blocked_.contains(link.first) || blocked_.contains(link.second)) return Standing::kBlocked;
    if (shared(link.first, time) || shared(link.second, time)) return Standing::kShared;
    return Standing::kPending;
  }

  [[nodiscard]] std::uint64_t tie(const Pair& link) const {
    const std::uint64_t x = hash_(space(link.first).name, link.first.second);
    const std::uint64_t y = hash_(space(link.second).name, link.second.second);
    std::uint64_t out = (x ^ y) * 0x9e3779b97f4a7c15ULL + (x + y);
    out ^= out >> 32;
    return out * 0xd6e8feb86659fd93ULL;
  }

  // Unites the two groups of a link, or says why not.
  identity::Standing offer(std::map<Id, int>& groups, const Pair& link) const {
    using identity::Standing;
    const int x = groups[link.first];
    const int y = groups[link.second];
    if (x == y) return Standing::kSpare;
    std::map<std::size_t, int> counts;
    bool personal_x = false;
    bool personal_y = false;
    int size = 0;
    for (const auto& [id, group] : groups) {
      if (group != x && group != y) continue;
      ++size;
      ++counts[id.first];
      (group == x ? personal_x : personal_y) |= space(id).bridge;
    }
    const bool weak = !space(link.first).bridge || !space(link.second).bridge;
    if (weak && personal_x && personal_y) return Standing::kBridge;
    for (const auto& [at, count] : counts) {
      const int limit = options_.namespaces[at].limit;
      if (limit > 0 && count > limit) return limit == 1 ? Standing::kUnique : Standing::kLimit;
    }
    if (options_.most > 0 && size > options_.most) return Standing::kMost;
    for (auto& [id, group] : groups) {
      if (group == y) group = x;
    }
    return Standing::kUnited;
  }

  [[nodiscard]] bool leads(const Id& a, const Id& b) const {
    const auto key = [this](const Id& id) {
      return std::tuple(space(id).priority, firsts_.at(id), id);
    };
    return key(a) < key(b);
  }

  identity::Options options_;
  std::uint64_t (*hash_)(std::string_view, std::string_view);
  std::map<Id, std::int64_t> firsts_;
  std::map<Pair, Moment> seen_;
  std::set<Pair> cuts_;
  std::set<Id> blocked_;
};

}  // namespace penchant::reference
