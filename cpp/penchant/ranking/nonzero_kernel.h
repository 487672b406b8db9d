#pragma once

#include <cstddef>
#include <cstdint>

namespace penchant::ranking {

// Places and values of what is not 0 in row [n], ascending, to index and value, which have room for
// n each; returns how many there are. NaN is not 0, -0 is.
[[nodiscard]] std::size_t nonzero_cells(const float* row, std::size_t n, std::int32_t* index,
                                        float* value);
[[nodiscard]] std::size_t nonzero_cells(const double* row, std::size_t n, std::int32_t* index,
                                        double* value);

}  // namespace penchant::ranking
