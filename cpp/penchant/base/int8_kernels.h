#pragma once

// Products of short integers: a cheap first look at many vectors, before the few that matter are
// scored by the kernels of base/kernels.h.
//
// A row is kept as unsigned bytes u = v + 128, v in [-127, 127]; a query as integers of twelve bits
// and the sign, so that the sum of all products fits 32. Sums of integers are exact, so their order
// doesn't matter and every CPU gives the same numbers.
//
//   AlignedVector<std::uint8_t> bytes(n * columns);           // columns = padded_bytes(row.size())
//   scales[i] = quantize_row(row, {bytes.data() + i * columns, columns});
//   AlignedVector<std::int16_t> query(columns);
//   const ByteQuery seen = quantize_query(vector, query);     // vector ~ seen.scale * query
//   byte_dot_rows({bytes.data(), n, columns}, query, seen.offset, products);   // exact integers
//   // vector . row i  ~  seen.scale * scales[i] * products[i]
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
inline constexpr int kMostRowByte = 127;

[[nodiscard]] constexpr std::size_t padded_bytes(std::size_t columns) {
  return (columns + kBytePad - 1) / kBytePad * kBytePad;
}

// One row into `bytes`, at least as many as it has columns; further ones become 128, which is zero.
// Returns its scale, 0 for zeros. `error`, if asked for: |x - x'|.
float quantize_row(std::span<const float> row, std::span<std::uint8_t> bytes,
                   float* error = nullptr);

struct ByteQuery {
  float scale = 0;
  float error = 0;          // |q - q'|
  std::int32_t offset = 0;  // 128 * the sum of the integers: what u holds more than v
  double squared_norm = 0;  // of q'
};

// A query into `integers`, columns.size() of them (a multiple of kBytePad, at most 65536, at least
// the query's): those of the even columns first, as the kernels want them.
ByteQuery quantize_query(std::span<const float> query, std::span<std::int16_t> integers);

// products[i] = sum_j (rows.row(i)[j] - 128) * query[j]. offset: the query's.
void byte_dot_rows(MatrixView<const std::uint8_t> rows, std::span<const std::int16_t> query,
                   std::int32_t offset, std::span<std::int32_t> products);

// Appends first + i for every i with products[i] * scales[i] + slack * slacks[i] >= floor,
// ascending. Each is one rounded multiplication and addition after the other, the same on every
// CPU. `slacks` may be empty: nothing is added. Returns how many were written; `out` must have room
// for all.
std::size_t select_products(std::span<const std::int32_t> products, std::span<const float> scales,
                            float slack, std::span<const float> slacks, float floor,
                            std::int32_t first, std::span<std::int32_t> out);

}  // namespace penchant
