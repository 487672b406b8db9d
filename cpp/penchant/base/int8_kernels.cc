#include "penchant/base/int8_kernels.h"

#include <algorithm>
#include <array>
#include <cmath>
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

// A last group of fewer than four repeats its last row.
void byte_dot_rows_kernel(const std::uint8_t* rows, std::size_t count, std::size_t columns,
                          const std::int16_t* query, std::int32_t offset, std::int32_t* out) {
  const Quad d;
  const auto less = hn::Set(d, offset);
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const std::uint8_t* const at = rows + i * columns;
    const std::uint8_t* const four[4] = {at, at + columns, at + 2 * columns, at + 3 * columns};
    hn::StoreU(hn::Sub(four_products(four, query, columns), less), d, out + i);
  }
  if (i < count) {
    const std::uint8_t* const last = rows + (count - 1) * columns;
    const auto at = [&](std::size_t k) { return std::min(rows + (i + k) * columns, last); };
    const std::uint8_t* const four[4] = {at(0), at(1), at(2), at(3)};
    alignas(16) std::int32_t lane[4];
    hn::Store(hn::Sub(four_products(four, query, columns), less), d, lane);
    std::copy(lane, lane + (count - i), out + i);
  }
}

std::size_t select_products_kernel(const std::int32_t* products, const float* scales,
                                   std::size_t count, float slack, const float* slacks, float floor,
                                   std::int32_t first, std::int32_t* out) {
  const hn::CappedTag<float, 16> d;
  const hn::Rebind<std::int32_t, decltype(d)> integers;
  const std::size_t width = hn::Lanes(d);
  const auto least = hn::Set(d, floor);
  const auto spread = hn::Set(d, slack);
  std::size_t written = 0;
  std::size_t i = 0;
  const auto value = [&](std::size_t at) HWY_ATTR {
    auto v =
        hn::Mul(hn::ConvertTo(d, hn::LoadU(integers, products + at)), hn::LoadU(d, scales + at));
    if (slacks != nullptr) v = hn::Add(v, hn::Mul(spread, hn::LoadU(d, slacks + at)));
    return v;
  };
  for (; i + width <= count; i += width) {
    const auto chosen = hn::Ge(value(i), least);
    if (HWY_LIKELY(hn::AllFalse(d, chosen))) continue;
    std::uint8_t bits[8] = {};
    (void)hn::StoreMaskBits(d, chosen, bits);
    for (std::size_t j = 0; j < width; ++j) {
      if (((bits[j / 8] >> (j % 8)) & 1U) != 0) {
        out[written++] = first + static_cast<std::int32_t>(i + j);
      }
    }
  }
  for (; i < count; ++i) {
    float v = static_cast<float>(products[i]) * scales[i];
    if (slacks != nullptr) {
      const float more = slack * slacks[i];
      v = v + more;
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

HWY_EXPORT(byte_dot_rows_kernel);
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

ByteQuery quantize_query(std::span<const float> query, std::span<std::int16_t> integers) {
  check_columns(integers.size(), "quantize_query");
  check_argument(integers.size() >= query.size(), "quantize_query: ", integers.size(),
                 " integers for ", query.size(), " columns");
  const std::size_t half = integers.size() / 2;
  const int most = most_of_query(integers.size());
  ByteQuery out;
  out.scale = scale_of(query, most);
  const std::span<std::int32_t> values = scratch_of(integers.size());
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

void byte_dot_rows(MatrixView<const std::uint8_t> rows, std::span<const std::int16_t> query,
                   std::int32_t offset, std::span<std::int32_t> products) {
  check_columns(query.size(), "byte_dot_rows");
  check_argument(rows.columns == query.size() && rows.rows == products.size(),
                 "byte_dot_rows: rows are ", rows.rows, " x ", rows.columns, ", the query has ",
                 query.size(), " columns, and there is room for ", products.size());
  HWY_DYNAMIC_DISPATCH(byte_dot_rows_kernel)
  (rows.data, rows.rows, rows.columns, query.data(), offset, products.data());
}

std::size_t select_products(std::span<const std::int32_t> products, std::span<const float> scales,
                            float slack, std::span<const float> slacks, float floor,
                            std::int32_t first, std::span<std::int32_t> out) {
  check_argument(scales.size() == products.size() && out.size() >= products.size() &&
                     (slacks.empty() || slacks.size() == products.size()),
                 "select_products: sizes differ");
  return HWY_DYNAMIC_DISPATCH(select_products_kernel)(
      products.data(), scales.data(), products.size(), slack,
      slacks.empty() ? nullptr : slacks.data(), floor, first, out.data());
}

}  // namespace penchant
#endif  // HWY_ONCE
