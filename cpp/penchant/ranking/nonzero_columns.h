#pragma once

// Dense rows that are mostly zeros, as what they are: read once in the order of memory, instead of
// once a feature.

#include <optional>

#include "penchant/base/matrix.h"
#include "penchant/ranking/row_source.h"

namespace penchant::ranking {

// The cells that are not 0 (missing ones count as such), column by column; nothing where more than
// about one cell in eight is. Deterministic. O(rows columns), one pass; takes, for a while, 16
// bytes a cell that is not 0 (20 for double).
template <class T>
[[nodiscard]] std::optional<SparseColumns<T>> nonzero_columns(MatrixView<const T> dense,
                                                              int threads);

}  // namespace penchant::ranking
