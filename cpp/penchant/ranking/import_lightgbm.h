#pragma once

// Models that LightGBM wrote as text (`Booster.save_model`, `model_to_string`), versions 2 to 4:
//
//   const Forest forest(import_lightgbm(text));   // raw scores equal LightGBM's
//
// Read: numeric splits with each way of treating missing values, categorical splits, several
// outputs, random forests (leaves are divided by the number of iterations), DART. The link comes
// from the objective. Covers are numbers of training rows, as pred_contrib weighs by. Refused:
// linear trees, objectives whose link is none of ours (`sqrt`, cross_entropy_lambda).

#include <string_view>

#include "penchant/ranking/forest_data.h"

namespace penchant::ranking {

// Throws kBadData, naming the line, on text that is no such model. Linear in its size.
[[nodiscard]] ForestData import_lightgbm(std::string_view text);

}  // namespace penchant::ranking
