#pragma once

// Models that XGBoost wrote (`Booster.save_model`, `save_raw`), as JSON or UBJSON, from
// version 1.0:
//
//   const Forest forest(import_xgboost(bytes));   // raw scores equal output_margin=True
//
// Read: numeric and categorical splits, missing values, several outputs (one tree each), parallel
// trees, DART's weights, base_score as one number or a list. Values are compared as float32. The
// link comes from the objective; multi:softmax is taken for multi:softprob. Covers are sums of
// hessians. Refused: gblinear, trees with vectors as leaves (multi_strategy="multi_output_tree").

#include <string_view>

#include "penchant/ranking/forest_data.h"

namespace penchant::ranking {

// Throws kBadData, naming the member, on bytes that are no such model. Linear in their size.
[[nodiscard]] ForestData import_xgboost(std::string_view bytes);

}  // namespace penchant::ranking
