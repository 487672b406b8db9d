#pragma once

// The parts of scoring that use wide instructions, chosen at run time. Bytes and numbers of leaves
// are exact, so every instruction set gives the same.

#include <cstddef>
#include <cstdint>

#include "penchant/ranking/forest_layout.h"

namespace penchant::ranking {

inline constexpr std::size_t kPlaneRows = 128;  // rows of a step

// Turns the numeric columns of `count` rows, `width` values each, into bytes: that of column c and
// row i goes to bytes[c * stride + i]. With `round` a value is rounded to float32 first.
void bytes_of_rows(const ForestLayout& layout, const float* rows, std::size_t count,
                   std::size_t width, std::size_t stride, std::int8_t* bytes);
void bytes_of_rows(const ForestLayout& layout, const double* rows, std::size_t count,
                   std::size_t width, bool round, std::size_t stride, std::int8_t* bytes);

// For each of the run's trees, which have planes, the leaves that `count` <= kPlaneRows rows reach:
// row i's in leaves[tree * kPlaneRows + i]. bytes: [columns][kBlockRows] from the first row on,
// whose columns can be read kPlaneRows far.
void leaves_by_planes(const ForestLayout& layout, const TreeRun& run, const std::int8_t* bytes,
                      std::size_t count, std::uint8_t* leaves);

}  // namespace penchant::ranking
