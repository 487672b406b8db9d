#pragma once

// Integer inner products of 16-bit vectors, a block of queries against strips of sixteen rows: the
// cheap first pass of factor_scan.h. Integers are exact, so every instruction set agrees.
//
// A strip is sixteen rows interleaved by pairs of columns: [pair][row][2]. Two neighbouring 16-bit
// products are added by one instruction, which makes it twice as fast as fused float arithmetic.

#include <cstddef>
#include <cstdint>
#include <span>

namespace penchant {

inline constexpr std::size_t kStripRows = 16;
inline constexpr std::size_t kStripColumns = 16;  // columns are padded with zeros to a multiple

// outs[q][i] = sum_j queries[q][j] * row i [j] for the rows of `strips`, which hold
// columns * kStripRows numbers each; outs[q] holds kStripRows numbers a strip. Any partial sum must
// fit 32 bits, and no entry may be -32768.
void int16_products(std::span<const std::int16_t> strips, std::size_t columns,
                    std::span<const std::int16_t* const> queries,
                    std::span<std::int32_t* const> outs);

}  // namespace penchant
