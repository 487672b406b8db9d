#pragma once

// Products of short integers: a cheap first look at many vectors, before the few that matter are
// scored by the kernels of base/kernels.h.
//
// A row is kept as unsigned bytes u = v + 128, v in [-127, 127], a query as signed bytes in
// [-64, 64]: with these, pairs of products fit sixteen bits, for which every CPU has an
// instruction. Sums of integers are exact, so their order doesn't matter and every CPU gives the
// same numbers.
//
//   ByteRows items = quantize_rows(factors);                  // [rows, padded columns] and scales
//   std::vector<std::int8_t> query(items.columns);
//   const float scale = quantize_query(vector, query);        // vector ~ scale * query
//   byte_dot_rows(items.view(), query, products);             // exact integers
//   // vector . factors.row(i)  ~  scale * items.scales[i] * products[i]
//
// How far off that may be, for a proof: with x' and q' what the bytes stand for,
//   |q.x - q'.x'| <= |q - q'| |x'| + |q| |x - x'|   (Cauchy-Schwarz),
// and |x - x'| is kept for each row (rounded up).

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/matrix.h"

namespace penchant {

inline constexpr std::size_t kBytePad = 32;  // columns of bytes are a multiple of this
inline constexpr int kMostRowByte = 127;
inline constexpr int kMostQueryByte = 64;

[[nodiscard]] constexpr std::size_t padded_bytes(std::size_t columns) {
  return (columns + kBytePad - 1) / kBytePad * kBytePad;
}

// x[i] ~ scales[i] * (bytes[i] - 128), each column within half a scale; padding is 128 (zero).
struct ByteRows {
  std::size_t columns = 0;            // padded
  AlignedVector<std::uint8_t> bytes;  // [rows, columns]
  AlignedVector<float> scales;        // [rows], positive; 0 for a row of zeros
  AlignedVector<float> errors;        // [rows], |x - x'|, rounded up

  [[nodiscard]] MatrixView<const std::uint8_t> view() const {
    return {bytes.data(), scales.size(), columns};
  }
};

[[nodiscard]] ByteRows quantize_rows(MatrixView<const float> rows);

// One row into `bytes` (padded_bytes(row.size()) of them); returns its scale. `error`, if asked
// for: |x - x'|, rounded up.
float quantize_row(std::span<const float> row, std::span<std::uint8_t> bytes,
                   float* error = nullptr);

// A query into `bytes`; returns its scale. Columns beyond the query's become 0.
float quantize_query(std::span<const float> query, std::span<std::int8_t> bytes,
                     float* error = nullptr);

// products[i] = sum_j (rows.row(i)[j] - 128) * query[j]. rows.columns == query.size(), a multiple
// of kBytePad and at most 65536.
void byte_dot_rows(MatrixView<const std::uint8_t> rows, std::span<const std::int8_t> query,
                   std::span<std::int32_t> products);

// The same for rows `indices`, prefetching ahead.
void byte_dot_gathered(MatrixView<const std::uint8_t> rows, std::span<const std::int32_t> indices,
                       std::span<const std::int8_t> query, std::span<std::int32_t> products);

// Several queries: products.row(q)[i] for query q and row i; about twice the work a second of one
// query at a time, as each row is loaded for four queries at once. Keep the rows of one call within
// a core's second cache.
void byte_dot_block(MatrixView<const std::uint8_t> rows, MatrixView<const std::int8_t> queries,
                    MatrixView<std::int32_t> products);

// Appends first + i for every i with products[i] * scales[i] + slack * slacks[i] >= floor,
// ascending. Each is one rounded multiplication and addition after the other, the same on every
// CPU. `slacks` may be empty: nothing is added. Returns how many were written; `out` must have room
// for all.
std::size_t select_products(std::span<const std::int32_t> products, std::span<const float> scales,
                            float slack, std::span<const float> slacks, float floor,
                            std::int32_t first, std::span<std::int32_t> out);

}  // namespace penchant
