#pragma once

// Scores of rows kept as bytes (retrieval's codes): an exact integer product, then three roundings
// in a fixed order, so the same on every CPU.
//
//   score = ((product - offset) * scale) * gain + bias
//
// A row is `stride` bytes (a multiple of 32): codes, padding, and its scale and bias as the last
// eight bytes. Queries (quantize_query of int8_kernels.h) hold 0 wherever a row holds no code.

#include <cstddef>
#include <cstdint>
#include <span>

namespace penchant {

struct CodeView {
  const std::uint8_t* bytes = nullptr;
  std::size_t stride = 0;
  std::size_t used = 0;  // bytes that hold codes, rounded up to 32
};

struct CodeQueryView {
  const std::int16_t* integers = nullptr;  // [used]
  std::int32_t offset = 0;
  float gain = 0;
};

// scores[i] of row rows[i]. `prefetch`: fetch rows ahead; off where the caller did.
void score_codes_gathered(const CodeView& codes, std::span<const std::int32_t> rows,
                          const CodeQueryView& query, bool prefetch, std::span<float> scores);

// scores[i] of row first + i.
void score_codes_range(const CodeView& codes, std::size_t first, const CodeQueryView& query,
                       std::span<float> scores);

}  // namespace penchant
