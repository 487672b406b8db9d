#pragma once

// What a plan of features is told of a request's context: numbers, as Python reads them of a column
// of points that is called as the member is.

#include <cstddef>

#include "penchant/engine/candidate_features.h"
#include "penchant/engine/request.h"
#include "penchant/features/plan.h"

namespace penchant::engine {

// NaN where the request says nothing that fits: "device", "page" and "location" are members of the
// context, other names those of its attributes. Of a page that names an item the item's id.
// Allocates nothing but for that.
[[nodiscard]] double context_value(const features::ContextValue& asked, const Context& context);

// Of a plan's contexts, the same for all of a request's candidates: scratch.context_views.
void say_contexts(const features::Plan& plan, const Context& context, std::size_t candidates,
                  PlanScratch& scratch);

}  // namespace penchant::engine
