#pragma once

// Scores rows by a forest's layout: which kernel for which rows.

#include <span>

#include "penchant/base/matrix.h"
#include "penchant/ranking/forest_data.h"
#include "penchant/ranking/forest_layout.h"

namespace penchant::ranking {

// Adds the trees of `data`, laid out, to scores [rows, outputs] of at most kBlockRows rows. Uses
// the calling thread's scratch.
template <class T>
void add_trees(const ForestData& data, const ForestLayout& layout, MatrixView<const T> rows,
               std::span<double> scores);

}  // namespace penchant::ranking
