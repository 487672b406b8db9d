#pragma once

// Why a ranker put an item where it is: its score's SHAP values by feature.

#include "penchant/engine/stage.h"

namespace penchant::engine {

inline constexpr std::size_t kExplainedFeatures = 5;  // of an item; the others are summed

// Gives each reranked item of work.decision its RankerShare, unless the ranker's forest does not
// know its training rows. Contributions are sums in double in one order: the same bits everywhere.
void explain_ranks(Workspace& work);

}  // namespace penchant::engine
