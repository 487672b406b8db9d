#pragma once

#include <cstddef>
#include <optional>

#include "penchant/base/matrix.h"

namespace penchant::ranking {

struct Cell {
  std::size_t row = 0;
  std::size_t column = 0;
};

// The first infinite value in the order of rows, if there is one. O(values).
[[nodiscard]] std::optional<Cell> find_infinite(MatrixView<const float> rows, int threads);
[[nodiscard]] std::optional<Cell> find_infinite(MatrixView<const double> rows, int threads);

}  // namespace penchant::ranking
