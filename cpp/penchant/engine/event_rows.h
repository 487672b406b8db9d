#pragma once

// An event as the rows that a plan of features counts: one, or one a line of its order.

#include <vector>

#include "penchant/events/event.h"
#include "penchant/events/taxonomy.h"
#include "penchant/features/live_profiles.h"

namespace penchant::engine {

// Views of the event, whose subject is `profile`. Fields are found by their names: "quantity" (or
// "value") and "price" are those of the line, "order" is the order's id.
[[nodiscard]] std::vector<features::LiveRow> rows_of(const events::Event& event,
                                                     std::string_view profile,
                                                     const events::Taxonomy& taxonomy,
                                                     const features::Plan& plan);

}  // namespace penchant::engine
