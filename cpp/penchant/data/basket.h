#pragma once

// What someone has in the cart now, told to models as the latest part of their history.

#include <span>

#include "penchant/data/interactions.h"

namespace penchant::data {

// Replaces `out` by the stored history with each basket item counted once more, at `as_of`: value
// and count grow by one. The basket is ascending and distinct.
void merge_basket(const History& stored, std::span<const ItemIndex> basket, Timestamp as_of,
                  OwnedHistory& out);

// One row for each of `rows` (users of `pairs`; -1: nobody known) with the same basket merged into
// it. Throws kInvalidArgument when the basket is not ascending, distinct and within the catalogue.
[[nodiscard]] Interactions with_basket(const Interactions& pairs, std::span<const UserIndex> rows,
                                       std::span<const ItemIndex> basket, Timestamp as_of);

}  // namespace penchant::data
