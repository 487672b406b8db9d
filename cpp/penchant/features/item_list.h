#pragma once

// What a subject has at hand, and what others had who had it: the declarations of a plan that
// features of candidates refer to.

#include <cstddef>
#include <cstdint>

#include "penchant/features/series.h"

namespace penchant::features {

// An ordered list that a subject has as of a time, the latest or largest first.
struct ItemList {
  enum class Kind : std::uint8_t {
    kLatest,     // distinct items of the last events that count
    kCart,       // items that were added and not removed since the last purchase
    kFavorites,  // values of an attribute of items, by how much of them the events came to
  };
  Kind kind = Kind::kLatest;
  std::size_t filter = 0;   // of Plan::filters; of a cart, what `adds` to `ends` accept
  std::size_t adds = 0;     // of Plan::filters, of a cart
  std::size_t removes = 0;  // takes pieces out
  std::size_t ends = 0;     // empties it
  std::size_t quantity = Measure::kOne;  // of Plan::values; kOne, or missing: 1 each
  std::size_t price = Measure::kOne;     // of Plan::values, of one piece; kOne: not known
  std::size_t value = Measure::kOne;     // of Plan::values, of favorites; kOne: events
  std::size_t attribute = 0;             // of ItemTable::codes, of favorites
  // Microseconds, 0: no limit. Events from so long before the time; a cart is gone when nothing
  // was done to it for longer.
  std::int64_t within = 0;
  std::size_t most = 1;  // so many at most, 1 to kMostListed

  friend bool operator==(const ItemList&, const ItemList&) = default;
};

inline constexpr std::size_t kMostListed = 64;
// A cart is what its last so many events left.
inline constexpr std::size_t kMostCartRows = 1024;

// Others who lately had an item of a list, and what else they had: for each item, its last
// `sample` events and of the people behind them the last `depth` events each (those within
// `within` microseconds of theirs, 0: any).
struct Companions {
  std::size_t list = 0;    // of Plan::lists
  std::size_t filter = 0;  // of Plan::filters: what having is
  std::int64_t within = 0;
  std::size_t sample = 1;  // 1 to kMostSample
  std::size_t depth = 1;   // 1 to kMostSample

  friend bool operator==(const Companions&, const Companions&) = default;
};

inline constexpr std::size_t kMostSample = 1024;

}  // namespace penchant::features
