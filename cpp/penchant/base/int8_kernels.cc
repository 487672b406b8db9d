#include "penchant/base/int8_kernels.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/base/int8_kernels.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include "penchant/base/byte_products-inl.h"

HWY_BEFORE_NAMESPACE();
namespace penchant::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// One strip against kQueries queries: sixteen rows' sums stay in the lanes of registers.
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
// Bytes as sixteen-bit numbers, columns 0 and 2 of four and then 1 and 3.
using StripSums = hn::CappedTag<std::int32_t, kByteStripRows>;
using StripPairs = hn::Repartition<std::int16_t, StripSums>;
constexpr std::size_t kStripWidth = hn::MaxLanes(StripSums());
constexpr std::size_t kStripParts = kByteStripRows / kStripWidth;
constexpr std::size_t kQueriesAtOnce = kStripParts == 1 ? 8 : kStripParts == 2 ? 4 : 2;

template <std::size_t kQueries>
HWY_INLINE void multiply_strip(const std::uint8_t* HWY_RESTRICT strip, std::size_t columns,
                               const std::int16_t* const* queries, const std::int32_t* offsets,
                               std::int32_t* const* outs, std::size_t at) {
  const StripSums d;
  const StripPairs pairs;
  const hn::RebindToUnsigned<StripPairs> words;
  hn::Vec<StripSums> sum[kQueries][kStripParts];
  const std::int16_t* query[kQueries];
#pragma GCC unroll 8
  for (std::size_t q = 0; q < kQueries; ++q) {
    query[q] = queries[q];
#pragma GCC unroll 4
    for (std::size_t p = 0; p < kStripParts; ++p) sum[q][p] = hn::Zero(d);
  }
  auto unused = hn::Zero(d);
  for (std::size_t j = 0; j < columns; j += kByteStripColumns) {
#pragma GCC unroll 4
    for (std::size_t p = 0; p < kStripParts; ++p) {
      const auto* const at_part = strip + j * kByteStripRows + p * 4 * kStripWidth;
      const auto both =
          hn::BitCast(words, hn::LoadU(hn::Repartition<std::uint8_t, StripSums>(), at_part));
      const auto even = hn::BitCast(pairs, hn::And(both, hn::Set(words, std::uint16_t{0xff})));
      const auto odd = hn::BitCast(pairs, hn::ShiftRight<8>(both));
#pragma GCC unroll 8
      for (std::size_t q = 0; q < kQueries; ++q) {
        std::int32_t two = 0;
        std::memcpy(&two, query[q] + j / 2, sizeof(two));
        sum[q][p] = hn::ReorderWidenMulAccumulate(d, even, hn::BitCast(pairs, hn::Set(d, two)),
                                                  sum[q][p], unused);
        std::memcpy(&two, query[q] + columns / 2 + j / 2, sizeof(two));
        sum[q][p] = hn::ReorderWidenMulAccumulate(d, odd, hn::BitCast(pairs, hn::Set(d, two)),
                                                  sum[q][p], unused);
      }
    }
  }
#pragma GCC unroll 8
  for (std::size_t q = 0; q < kQueries; ++q) {
#pragma GCC unroll 4
    for (std::size_t p = 0; p < kStripParts; ++p) {
      hn::StoreU(hn::Sub(sum[q][p], hn::Set(d, offsets[q])), d, outs[q] + at + p * kStripWidth);
    }
  }
}
#else
constexpr std::size_t kQueriesAtOnce = 1;

template <std::size_t kQueries>
HWY_INLINE void multiply_strip(const std::uint8_t* strip, std::size_t columns,
                               const std::int16_t* const* queries, const std::int32_t* offsets,
                               std::int32_t* const* outs, std::size_t at) {
  std::int32_t sum[kByteStripRows] = {};
  const std::int16_t* const even = queries[0];
  const std::int16_t* const odd = even + columns / 2;
  for (std::size_t j = 0; j < columns; j += kByteStripColumns) {
    for (std::size_t i = 0; i < kByteStripRows; ++i) {
      const std::uint8_t* four = strip + j * kByteStripRows + i * kByteStripColumns;
      sum[i] += four[0] * even[j / 2] + four[1] * odd[j / 2] + four[2] * even[j / 2 + 1] +
                four[3] * odd[j / 2 + 1];
    }
  }
  for (std::size_t i = 0; i < kByteStripRows; ++i) outs[0][at + i] = sum[i] - offsets[0];
}
#endif

void byte_strip_products_kernel(const std::uint8_t* strips, std::size_t count, std::size_t columns,
                                const std::int16_t* const* queries, const std::int32_t* offsets,
                                std::size_t num_queries, std::int32_t* const* outs) {
  for (std::size_t s = 0; s < count; ++s) {
    const std::uint8_t* strip = strips + s * columns * kByteStripRows;
    std::size_t q = 0;
    for (; q + kQueriesAtOnce <= num_queries; q += kQueriesAtOnce) {
      multiply_strip<kQueriesAtOnce>(strip, columns, queries + q, offsets + q, outs + q,
                                     s * kByteStripRows);
    }
    for (; q < num_queries; ++q) {
      multiply_strip<1>(strip, columns, queries + q, offsets + q, outs + q, s * kByteStripRows);
    }
  }
}

std::size_t select_products_kernel(const std::int32_t* products, std::size_t count,
                                   const float* scales, float slack, const float* spreads,
                                   float gain, const float* biases, float floor, std::int32_t first,
                                   std::int32_t* out) {
  const hn::CappedTag<float, 16> d;
  const hn::Rebind<std::int32_t, decltype(d)> integers;
  const std::size_t width = hn::Lanes(d);
  const auto least = hn::Set(d, floor);
  const auto spread = hn::Set(d, slack);
  const auto factor = hn::Set(d, gain);
  std::size_t written = 0;
  std::size_t i = 0;
  const auto value = [&](std::size_t at) HWY_ATTR {
    auto v =
        hn::Mul(hn::ConvertTo(d, hn::LoadU(integers, products + at)), hn::LoadU(d, scales + at));
    v = hn::Add(v, hn::Mul(spread, hn::LoadU(d, spreads + at)));
    if (biases != nullptr) v = hn::Add(v, hn::Mul(factor, hn::LoadU(d, biases + at)));
    return v;
  };
  for (; i + width <= count; i += width) {
    const auto chosen = hn::Ge(value(i), least);
    if (HWY_LIKELY(hn::AllFalse(d, chosen))) continue;
    std::uint8_t bytes[8] = {};
    (void)hn::StoreMaskBits(d, chosen, bytes);
    std::uint32_t bits = 0;
    std::memcpy(&bits, bytes, sizeof(bits));
    for (; bits != 0; bits &= bits - 1) {
      out[written++] = first + static_cast<std::int32_t>(i) + std::countr_zero(bits);
    }
  }
  for (; i < count; ++i) {
    float v = static_cast<float>(products[i]) * scales[i];
    const float more = slack * spreads[i];
    v = v + more;
    if (biases != nullptr) {
      const float bias = gain * biases[i];
      v = v + bias;
    }
    if (v >= floor) out[written++] = first + static_cast<std::int32_t>(i);
  }
  return written;
}

}  // namespace penchant::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "penchant/base/error.h"

namespace penchant {

HWY_EXPORT(byte_strip_products_kernel);
HWY_EXPORT(select_products_kernel);

namespace {

void check_columns(std::size_t columns, std::string_view what) {
  check_argument(columns % kBytePad == 0 && columns >= kBytePad && columns <= 65536, what, ": ",
                 columns, " columns; they must be a multiple of ", kBytePad, ", at most 65536");
}

float largest_magnitude(std::span<const float> row) {
  std::array<float, 4> most{};  // one would wait for itself
  std::size_t j = 0;
  for (; j + 4 <= row.size(); j += 4) {
    for (std::size_t lane = 0; lane < 4; ++lane) {
      const float size = std::fabs(row[j + lane]);
      most[lane] = size > most[lane] ? size : most[lane];
    }
  }
  for (; j < row.size(); ++j) most[0] = std::max(most[0], std::fabs(row[j]));
  return std::max(std::max(most[0], most[1]), std::max(most[2], most[3]));
}

// Below this nothing is worth telling from 0, and 1 / scale is still finite.
constexpr float kLeastScale = 1e-30F;

// The nearest integers to x / scale, halves away from zero. Single operations on floats: the same
// on every CPU, and a loop that compilers turn into vectors.
void round_all(std::span<const float> from, float scale, int most, std::int32_t* to) {
  const float inverse = scale > 0 ? 1.0F / scale : 0.0F;
  for (std::size_t j = 0; j < from.size(); ++j) {
    const float scaled = from[j] * inverse;
    const auto value = static_cast<std::int32_t>(scaled + (scaled < 0 ? -0.5F : 0.5F));
    to[j] = std::min(std::max(value, -most), most);
  }
}

// Asked for once a row, as every touch of a thread's own variable is a call in a shared library.
std::span<std::int32_t> scratch_of(std::size_t columns) {
  thread_local std::vector<std::int32_t> values;
  if (values.size() < columns) values.resize(columns);
  return {values.data(), columns};
}

// |x - scale * value|, rounded up; in four sums, as one would wait for itself.
float distance_up(std::span<const float> x, float scale, const std::int32_t* values);

float scale_of(std::span<const float> row, int most) {
  const float scale = largest_magnitude(row) / static_cast<float>(most);
  return scale < kLeastScale ? 0.0F : scale;
}

// One part in 2^20 covers the rounding of the sum, the root and the conversion to float.
float rounded_up(double squared) {
  return static_cast<float>(std::sqrt(squared) * (1.0 + 0x1p-20));
}

float distance_up(std::span<const float> x, float scale, const std::int32_t* values) {
  const auto squared = [&](std::size_t j) {
    const double off = static_cast<double>(x[j]) - static_cast<double>(scale) * values[j];
    return off * off;
  };
  std::array<double, 4> sums{};
  std::size_t j = 0;
  for (; j + 4 <= x.size(); j += 4) {
    for (std::size_t lane = 0; lane < 4; ++lane) sums[lane] += squared(j + lane);
  }
  for (; j < x.size(); ++j) sums[0] += squared(j);
  return rounded_up((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

// Twelve bits, or as many as leave the sum of all products within 32 bits.
int most_of_query(std::size_t columns) {
  return static_cast<int>(
      std::min<std::size_t>(4095, std::numeric_limits<std::int32_t>::max() / (255 * columns)));
}

}  // namespace

float quantize_row(std::span<const float> row, std::span<std::uint8_t> bytes, float* error) {
  check_argument(bytes.size() >= row.size(), "quantize_row: ", bytes.size(), " bytes for ",
                 row.size(), " columns");
  const float scale = scale_of(row, kMostRowByte);
  const std::span<std::int32_t> values = scratch_of(row.size());
  round_all(row, scale, kMostRowByte, values.data());
  for (std::size_t j = 0; j < row.size(); ++j) {
    bytes[j] = static_cast<std::uint8_t>(values[j] + 128);
  }
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(row.size()), bytes.end(),
            std::uint8_t{128});
  if (error != nullptr) *error = distance_up(row, scale, values.data());
  return scale;
}

void put_in_strips(std::span<const std::uint8_t> bytes, std::size_t row, std::size_t columns,
                   std::span<std::uint8_t> strips) {
  check_columns(columns, "put_in_strips");
  check_argument(bytes.size() == columns && strips.size() >= strip_rows(row + 1) * columns,
                 "put_in_strips: ", bytes.size(), " bytes of row ", row, " with ", columns,
                 " columns into strips of ", strips.size());
  for (std::size_t j = 0; j < columns; j += kByteStripColumns) {
    std::memcpy(strips.data() + strip_offset(row, j, columns), bytes.data() + j, kByteStripColumns);
  }
}

ByteQuery quantize_query(std::span<const float> query, std::span<std::int16_t> integers) {
  const std::size_t columns = integers.size();
  check_columns(columns, "quantize_query");
  check_argument(columns >= query.size(), "quantize_query: ", integers.size(), " integers for ",
                 query.size(), " columns");
  const std::size_t half = columns / 2;
  const int most = most_of_query(columns);
  ByteQuery out;
  out.scale = scale_of(query, most);
  const std::span<std::int32_t> values = scratch_of(columns);
  round_all(query, out.scale, most, values.data());
  std::fill(values.begin() + static_cast<std::ptrdiff_t>(query.size()), values.end(), 0);
  std::int32_t sum = 0;
  std::int64_t squares = 0;
  for (std::size_t j = 0; j < half; ++j) {
    const std::int32_t even = values[2 * j];
    const std::int32_t odd = values[2 * j + 1];
    integers[j] = static_cast<std::int16_t>(even);
    integers[half + j] = static_cast<std::int16_t>(odd);
    sum += even + odd;
    squares += even * even + odd * odd;
  }
  out.error = distance_up(query, out.scale, values.data());
  out.offset = 128 * sum;
  const double scale = static_cast<double>(out.scale);
  out.squared_norm = scale * scale * static_cast<double>(squares);
  return out;
}

void byte_strip_products(std::span<const std::uint8_t> strips, std::size_t columns,
                         std::span<const std::int16_t* const> queries,
                         std::span<const std::int32_t> offsets,
                         std::span<std::int32_t* const> outs) {
  check_columns(columns, "byte_strip_products");
  check_argument(strips.size() % (columns * kByteStripRows) == 0,
                 "byte_strip_products: ", strips.size(), " bytes are no strips of ", columns,
                 " columns");
  check_argument(queries.size() == offsets.size() && queries.size() == outs.size(),
                 "byte_strip_products: ", queries.size(), " queries, ", offsets.size(),
                 " offsets and ", outs.size(), " outputs");
  HWY_DYNAMIC_DISPATCH(byte_strip_products_kernel)
  (strips.data(), strips.size() / (columns * kByteStripRows), columns, queries.data(),
   offsets.data(), queries.size(), outs.data());
}

std::size_t select_products(std::span<const std::int32_t> products, const ProductBand& band,
                            float floor, std::int32_t first, std::span<std::int32_t> out) {
  const std::size_t count = products.size();
  check_argument(band.scales.size() == count && band.spreads.size() == count &&
                     (band.biases.empty() || band.biases.size() == count) && out.size() >= count,
                 "select_products: sizes differ");
  return HWY_DYNAMIC_DISPATCH(select_products_kernel)(
      products.data(), count, band.scales.data(), band.slack, band.spreads.data(), band.gain,
      band.biases.empty() ? nullptr : band.biases.data(), floor, first, out.data());
}

}  // namespace penchant
#endif  // HWY_ONCE
