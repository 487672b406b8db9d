#pragma once

// What a request knows beside the stored history (a basket, fresh events, the item looked at), told
// to models as the latest part of it.

#include <span>
#include <vector>

#include "penchant/data/interactions.h"

namespace penchant::data {

struct FreshEvent {
  ItemIndex item;
  Timestamp time = {};
  float value = 1.0F;  // finite, > 0

  friend auto operator<=>(const FreshEvent&, const FreshEvent&) = default;
};

// A basket as events: one of each item, at `as_of`.
[[nodiscard]] std::vector<FreshEvent> basket_events(std::span<const ItemIndex> basket,
                                                    Timestamp as_of);

// Replaces `out` by the stored history with these events added, as Dataset::interactions() adds
// them up: values are summed, distinct times counted (every event, where times are unknown), first
// and last moved. In any order; sorted in place.
void merge_events(const History& stored, std::vector<FreshEvent>& events, OwnedHistory& out);

// One row for each of `rows` (users of `pairs`; -1: nobody known) with the same events merged into
// it. Throws kInvalidArgument when an item is not of the catalogue or a value is not finite and
// positive.
[[nodiscard]] Interactions with_events(const Interactions& pairs, std::span<const UserIndex> rows,
                                       std::vector<FreshEvent> events);

}  // namespace penchant::data
