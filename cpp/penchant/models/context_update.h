#pragma once

// What fitted models share, with more events added: the base of a model's partial fit.
//
//   const ContextUpdate update = extended(*model_context, new_events);
//   trainer.continue_from(*model, update.user_rows, update.item_rows);

#include <cstdint>
#include <memory>
#include <vector>

#include "penchant/data/dataset.h"
#include "penchant/models/context.h"

namespace penchant::models {

struct ContextUpdate {
  std::shared_ptr<const Context> context;
  std::vector<std::int32_t> user_rows;  // of the new context's subjects in the old one, -1: new
  std::vector<std::int32_t> item_rows;
};

// Ids of both, histories of both. A pair's values and counts add up, its first and last times are
// the earliest and latest. Where `more` weighs events by recency, both sides' values are brought to
// the later of the two ends, so that the values are those of one dataset of all events. Popularity
// is that of the merged histories. What is known of people beside events is left out: no model that
// trains on looks at it. Throws kInvalidArgument when one side has integer ids and the
// other strings.
[[nodiscard]] ContextUpdate extended(const Context& old, const data::Dataset& more);

}  // namespace penchant::models
