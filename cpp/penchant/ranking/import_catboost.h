#pragma once

// Models that CatBoost wrote as JSON (`save_model(path, format="json")`):
//
//   const Forest forest(import_catboost(text));   // raw scores equal RawFormulaVal
//
// Read: symmetric trees and those of depth-wise and loss-guided growth, numeric splits with each
// nan_value_treatment, one-hot splits of categories that are whole numbers, several outputs (each
// leaf's vector becomes a tree an output), scale and bias. Values are compared as float32. Columns
// are CatBoost's own, a categorical one holding its whole numbers. Covers are the leaves' weights.
// Refused: splits on target statistics (CTR), whose tables no tree of ours holds; text and
// embedding features; categories that are no whole numbers.

#include <string_view>

#include "penchant/ranking/forest_data.h"

namespace penchant::ranking {

// Throws kBadData, naming the member, on text that is no such model. Linear in what the model
// holds, plus a search for the numbers of its categories if it has any (some 10 ms).
[[nodiscard]] ForestData import_catboost(std::string_view json);

}  // namespace penchant::ranking
