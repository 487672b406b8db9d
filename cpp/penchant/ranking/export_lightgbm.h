#pragma once

// A forest as LightGBM's text (version 4), which `lightgbm.Booster(model_str=...)` reads:
//
//   const std::string text = export_lightgbm(data);   // LightGBM's raw scores equal ours, to the
//   bit
//
// The start score goes into the first tree's leaves. Where values are compared as float32, the
// thresholds become the largest doubles that are rounded down to them, so that doubles decide
// alike. Two things LightGBM reads otherwise in a row: what lies within 1e-35 of zero is zero to
// it, and a category that is no whole number loses its fraction.

#include <string>

#include "penchant/ranking/forest_data.h"

namespace penchant::ranking {

// Throws kInvalidArgument on what LightGBM can't express: a categorical split that sends missing
// values to the members' side, names with spaces or punctuation, a softmax of one output, an
// exponential of several, a forest without features.
[[nodiscard]] std::string export_lightgbm(const ForestData& data);

}  // namespace penchant::ranking
