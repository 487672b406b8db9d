#pragma once

// Carts and companions the slow way: over all events, for one point.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <vector>

namespace penchant::reference {

struct PlainEvent {
  std::int64_t time = 0;
  int type = 0;
  std::int32_t subject = -1;
  std::int32_t item = -1;
  std::int64_t quantity = 0;
};

struct PlainCartRules {
  int adds = 0;
  int removes = 0;
  int ends = 0;
  std::int64_t expires = 0;
};

struct PlainCartItem {
  std::int32_t item = -1;
  std::int64_t pieces = 0;
};

// What is in the cart before `time`, what was added last first. events: by time, ties as they came.
inline std::vector<PlainCartItem> plain_cart(const std::vector<PlainEvent>& events,
                                             const PlainCartRules& rules, std::int32_t subject,
                                             std::int64_t time) {
  std::vector<PlainCartItem> cart;  // what was added last is at the end
  std::int64_t before = std::numeric_limits<std::int64_t>::min() / 2;
  for (const PlainEvent& event : events) {
    const bool add = event.type == rules.adds;
    const bool end = event.type == rules.ends;
    if (event.subject != subject || subject < 0 || event.time >= time) continue;
    if (!add && !end && event.type != rules.removes) continue;
    if (end || event.time - before > rules.expires) cart.clear();
    before = event.time;
    if (end || event.item < 0) continue;
    auto at = std::ranges::find(cart, event.item, &PlainCartItem::item);
    PlainCartItem now = at == cart.end() ? PlainCartItem{event.item, 0} : *at;
    const std::int64_t quantity = std::max<std::int64_t>(event.quantity, 0);
    now.pieces += add ? quantity : -quantity;
    if (at != cart.end() && !add && now.pieces > 0) {
      *at = now;
      continue;
    }
    if (at != cart.end()) cart.erase(at);
    if (now.pieces > 0) cart.push_back(now);
  }
  if (time - before > rules.expires) cart.clear();
  std::ranges::reverse(cart);
  return cart;
}

struct PlainCompanionRules {
  int had = 0;
  std::int64_t within = 0;
  std::size_t sample = 1;
  std::size_t depth = 1;
};

// Of the people behind the last `sample` events of `item`, [0] how many there are, [1] how many had
// `candidate`.
inline std::pair<int, int> plain_companions(const std::vector<PlainEvent>& events,
                                            const PlainCompanionRules& rules, std::int32_t item,
                                            std::int32_t candidate, std::int32_t subject,
                                            std::int64_t time) {
  std::vector<PlainEvent> had;
  for (const PlainEvent& event : events) {
    if (event.type == rules.had && event.time < time) had.push_back(event);
  }
  std::ranges::reverse(had);
  std::set<std::int32_t> people;
  std::size_t looked = 0;
  int with = 0;
  for (const PlainEvent& met : had) {
    if (met.item != item || looked++ >= rules.sample) continue;
    if (met.subject < 0 || met.subject == subject || !people.insert(met.subject).second) continue;
    std::size_t deep = 0;
    bool found = false;
    for (const PlainEvent& other : had) {
      if (other.subject != met.subject || other.time > met.time + rules.within) continue;
      if (deep++ >= rules.depth || other.time < met.time - rules.within) break;
      found = found || other.item == candidate;
    }
    with += found ? 1 : 0;
  }
  return {static_cast<int>(people.size()), with};
}

}  // namespace penchant::reference
