#pragma once

// A forest as LightGBM's text (version 4), which `lightgbm.Booster(model_str=...)` reads:
//
//   const std::string text = export_lightgbm(data);   // LightGBM's raw scores equal ours, to the
//   bit
//
// The start score goes into the first tree's leaves. Where values are compared as float32, the
// thresholds become the largest doubles that are rounded down to them, so that doubles decide
// alike.

#include <string>

#include "penchant/ranking/forest_data.h"

namespace penchant::ranking {

// Throws kInvalidArgument on what LightGBM can't express: a categorical split that sends missing
// values to the members' side, feature names with spaces, a sigmoid of several outputs with a link
// it has not.
[[nodiscard]] std::string export_lightgbm(const ForestData& data);

}  // namespace penchant::ranking
