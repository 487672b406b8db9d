#pragma once

// How returns undo purchases: the declaration of a plan that features refer to.

#include <cstddef>

#include "penchant/features/series.h"

namespace penchant::features {

// From the time of a return on, the pieces that it takes back count as though they had not been
// bought: those of the subject's last purchases of the item.
struct Netting {
  static constexpr std::size_t kNoOrder = static_cast<std::size_t>(-1);
  std::size_t bought = 0;                  // of Plan::filters
  std::size_t returned = 0;                // of Plan::filters
  std::size_t quantity = Measure::kOne;    // of Plan::values; kOne, or missing: 1 each
  std::size_t quantity_number = kNoOrder;  // of Plan::numbers, that value
  std::size_t order = kNoOrder;            // of Plan::codes: returns are of that order alone

  friend bool operator==(const Netting&, const Netting&) = default;
};

}  // namespace penchant::features
