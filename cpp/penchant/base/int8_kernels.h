#pragma once

// Products of short integers: a cheap first look at many vectors, before the few that matter are
// scored by the kernels of base/kernels.h.
//
// A row is kept as unsigned bytes u = v + 128, v in [-127, 127]; a query as integers of twelve bits
// and the sign, so that the sum of all products fits 32. Sums of integers are exact, so their order
// doesn't matter and every CPU gives the same numbers.
//
// Rows that are scanned lie in strips of sixteen, four columns of each side by side: what one
// vector of bytes holds are sixteen rows, each sum stays in its lane, and nothing is left to add up
// across.
//
//   AlignedVector<std::uint8_t> strips(strip_rows(n) * columns, 128);    // columns =
//   padded_bytes(d) scales[i] = quantize_row(row, bytes);  put_in_strips(bytes, i, columns,
//   strips); AlignedVector<std::int16_t> query(columns); const ByteQuery seen =
//   quantize_query(vector, query);     // vector ~ seen.scale * query byte_strip_products(strips,
//   columns, {&in, 1}, {&seen.offset, 1}, {&out, 1});  // exact integers
//   // vector . row i  ~  seen.scale * scales[i] * out[i]
//
// How far off that may be, for a proof: with x' and q' what the integers stand for,
//   |q.x - q'.x'| <= |q - q'| |x'| + |q| |x - x'|   (Cauchy-Schwarz),
// and both functions say |x - x'|, rounded up.

#include <cstddef>
#include <cstdint>
#include <span>

#include "penchant/base/matrix.h"

namespace penchant {

inline constexpr std::size_t kBytePad = 32;  // columns of bytes are a multiple of this
inline constexpr std::size_t kByteStripRows = 16;
inline constexpr std::size_t kByteStripColumns = 4;
inline constexpr int kMostRowByte = 127;

[[nodiscard]] constexpr std::size_t padded_bytes(std::size_t columns) {
  return (columns + kBytePad - 1) / kBytePad * kBytePad;
}
[[nodiscard]] constexpr std::size_t strip_rows(std::size_t rows) {
  return (rows + kByteStripRows - 1) / kByteStripRows * kByteStripRows;
}
// Where a row's bytes of columns j .. j + 3 begin, j a multiple of four.
[[nodiscard]] constexpr std::size_t strip_offset(std::size_t row, std::size_t j,
                                                 std::size_t columns) {
  return row / kByteStripRows * kByteStripRows * columns + j * kByteStripRows +
         row % kByteStripRows * kByteStripColumns;
}

// One row into `bytes`, at least as many as it has columns; further ones become 128, which is zero.
// Returns its scale, 0 for zeros. `error`, if asked for: |x - x'|.
float quantize_row(std::span<const float> row, std::span<std::uint8_t> bytes,
                   float* error = nullptr);

// Copies a row of `columns` bytes to its place among strips, and back.
void put_in_strips(std::span<const std::uint8_t> bytes, std::size_t row, std::size_t columns,
                   std::span<std::uint8_t> strips);

struct ByteQuery {
  float scale = 0;
  float error = 0;          // |q - q'|
  std::int32_t offset = 0;  // 128 * the sum of the integers: what u holds more than v
  double squared_norm = 0;  // of q'
};

// A query into `integers`, as many as the columns of bytes (a multiple of kBytePad, at most 65536,
// at least the query's): those of the even columns first, as the kernels want them.
ByteQuery quantize_query(std::span<const float> query, std::span<std::int16_t> integers);

// outs[q][i] = sum_j (byte of row i, column j - 128) * queries[q][j] for all rows of the strips.
// offsets: the queries'.
void byte_strip_products(std::span<const std::uint8_t> strips, std::size_t columns,
                         std::span<const std::int16_t* const> queries,
                         std::span<const std::int32_t> offsets,
                         std::span<std::int32_t* const> outs);

// Estimates of rows from products, and how far off they may be:
//   value = products[i] * scales[i] + slack * spreads[i] + gain * biases[i].
struct ProductBand {
  std::span<const float> scales;
  float slack = 0;
  std::span<const float> spreads;
  float gain = 0;
  std::span<const float> biases;  // empty: nothing is added
};

// Writes first + i for every i whose value is at least `floor`, ascending. Each is one rounded
// multiplication and addition after the other, the same on every CPU. Returns how many were
// written; `out` must have room for all.
std::size_t select_products(std::span<const std::int32_t> products, const ProductBand& band,
                            float floor, std::int32_t first, std::span<std::int32_t> out);

}  // namespace penchant
