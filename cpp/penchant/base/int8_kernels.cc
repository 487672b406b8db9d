#include "penchant/base/int8_kernels.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/base/int8_kernels.cc"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include "penchant/base/byte_products-inl.h"

HWY_BEFORE_NAMESPACE();
namespace penchant::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Four rows times kQueries queries; out[q][0..3], offset still in it.
template <std::size_t kQueries>
HWY_INLINE void four_rows(const std::uint8_t* const* rows, const std::int8_t* const* queries,
                          std::size_t columns, hn::Vec<Quad>* out) {
  hn::Vec<Sums> sum[4][kQueries];
#pragma GCC unroll 4
  for (std::size_t r = 0; r < 4; ++r) {
#pragma GCC unroll 4
    for (std::size_t q = 0; q < kQueries; ++q) sum[r][q] = hn::Zero(Sums());
  }
  for (std::size_t j = 0; j < columns; j += kWidth) {
    hn::Vec<SignedBytes> query[kQueries];
#pragma GCC unroll 4
    for (std::size_t q = 0; q < kQueries; ++q) query[q] = hn::LoadU(SignedBytes(), queries[q] + j);
#pragma GCC unroll 4
    for (std::size_t r = 0; r < 4; ++r) {
      const auto u = hn::LoadU(Bytes(), rows[r] + j);
#pragma GCC unroll 4
      for (std::size_t q = 0; q < kQueries; ++q) sum[r][q] = add_products(sum[r][q], u, query[q]);
    }
  }
#pragma GCC unroll 4
  for (std::size_t q = 0; q < kQueries; ++q) {
    out[q] = add_lanes(fold(sum[0][q]), fold(sum[1][q]), fold(sum[2][q]), fold(sum[3][q]));
  }
}

// All of u * q less 128 * the sum of q: what u - 128 would have given.
HWY_INLINE std::int32_t offset_of(const std::int8_t* query, std::size_t columns) {
  std::int32_t sum = 0;
  for (std::size_t j = 0; j < columns; ++j) sum += query[j];
  return 128 * sum;
}

// Calls row(i) for each row's address; a last group of fewer than four repeats its last row.
template <std::size_t kQueries, class Row>
HWY_INLINE void all_rows(const Row& row, std::size_t count, const std::int8_t* const* queries,
                         std::size_t columns, std::int32_t* const* out) {
  const Quad d;
  hn::Vec<Quad> offset[kQueries];
  for (std::size_t q = 0; q < kQueries; ++q) offset[q] = hn::Set(d, offset_of(queries[q], columns));
  for (std::size_t i = 0; i < count; i += 4) {
    const std::size_t here = std::min<std::size_t>(4, count - i);
    const std::uint8_t* const four[4] = {row(i), row(i + std::min<std::size_t>(1, here - 1)),
                                         row(i + std::min<std::size_t>(2, here - 1)),
                                         row(i + here - 1)};
    hn::Vec<Quad> products[kQueries];
    four_rows<kQueries>(four, queries, columns, products);
    for (std::size_t q = 0; q < kQueries; ++q) {
      const auto right = hn::Sub(products[q], offset[q]);
      if (here == 4) {
        hn::StoreU(right, d, out[q] + i);
      } else {
        alignas(16) std::int32_t lane[4];
        hn::Store(right, d, lane);
        std::copy(lane, lane + here, out[q] + i);
      }
    }
  }
}

void byte_dot_rows_kernel(const std::uint8_t* rows, std::size_t count, std::size_t columns,
                          const std::int8_t* query, std::int32_t* out) {
  all_rows<1>([&](std::size_t i) HWY_ATTR { return rows + i * columns; }, count, &query, columns,
              &out);
}

void byte_dot_gathered_kernel(const std::uint8_t* rows, std::size_t columns,
                              const std::int32_t* indices, std::size_t count,
                              const std::int8_t* query, std::int32_t* out) {
  constexpr std::size_t kAhead = 12;
  const auto at = [&](std::size_t i)
                      HWY_ATTR { return rows + static_cast<std::size_t>(indices[i]) * columns; };
  const auto fetch = [&](std::size_t i) HWY_ATTR {
    if (i >= count) return;
    for (std::size_t j = 0; j < columns; j += 64) hwy::Prefetch(at(i) + j);
  };
  for (std::size_t i = 0; i < kAhead; ++i) fetch(i);
  all_rows<1>(
      [&](std::size_t i) HWY_ATTR {
        fetch(i + kAhead);
        return at(i);
      },
      count, &query, columns, &out);
}

void byte_dot_block_kernel(const std::uint8_t* rows, std::size_t count, std::size_t columns,
                           const std::int8_t* queries, std::size_t num_queries, std::int32_t* out) {
  const auto row = [&](std::size_t i) HWY_ATTR { return rows + i * columns; };
  std::size_t q = 0;
  for (; q + 2 <= num_queries; q += 2) {
    const std::int8_t* const two[2] = {queries + q * columns, queries + (q + 1) * columns};
    std::int32_t* const to[2] = {out + q * count, out + (q + 1) * count};
    all_rows<2>(row, count, two, columns, to);
  }
  if (q < num_queries) {
    const std::int8_t* const one = queries + q * columns;
    std::int32_t* const to = out + q * count;
    all_rows<1>(row, count, &one, columns, &to);
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
#include "penchant/base/parallel.h"

namespace penchant {

HWY_EXPORT(byte_dot_rows_kernel);
HWY_EXPORT(byte_dot_gathered_kernel);
HWY_EXPORT(byte_dot_block_kernel);
HWY_EXPORT(select_products_kernel);

namespace {

void check_columns(std::size_t rows, std::size_t query, std::string_view what) {
  check_argument(rows == query && rows % kBytePad == 0 && rows <= 65536, what, ": columns are ",
                 rows, " and ", query, "; they must agree and be a multiple of ", kBytePad,
                 ", at most 65536");
}

float largest_magnitude(std::span<const float> row) {
  float most = 0;
  for (const float x : row) most = std::max(most, std::fabs(x));
  return most;
}

// Rounds to nearest, ties away from zero: the same on every CPU.
int rounded(float x, double inverse, int most) {
  const double scaled = static_cast<double>(x) * inverse;
  const int value = static_cast<int>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
  return std::clamp(value, -most, most);
}

// One part in 2^20 covers the rounding of the sum, the root and the conversion to float.
float rounded_up(double squared) {
  return static_cast<float>(std::sqrt(squared) * (1.0 + 0x1p-20));
}

template <class Byte>
float quantize(std::span<const float> from, std::span<Byte> to, int most, int zero, float* error) {
  const float scale = largest_magnitude(from) / static_cast<float>(most);
  const double inverse = scale > 0 ? 1.0 / static_cast<double>(scale) : 0.0;
  double squared = 0;
  for (std::size_t j = 0; j < from.size(); ++j) {
    const int value = rounded(from[j], inverse, most);
    to[j] = static_cast<Byte>(value + zero);
    const double off = static_cast<double>(from[j]) - static_cast<double>(scale) * value;
    squared += off * off;
  }
  std::fill(to.begin() + static_cast<std::ptrdiff_t>(from.size()), to.end(),
            static_cast<Byte>(zero));
  if (error != nullptr) *error = rounded_up(squared);
  return scale;
}

}  // namespace

float quantize_row(std::span<const float> row, std::span<std::uint8_t> bytes, float* error) {
  check_argument(bytes.size() >= row.size(), "quantize_row: ", bytes.size(), " bytes for ",
                 row.size(), " columns");
  return quantize(row, bytes, kMostRowByte, 128, error);
}

float quantize_query(std::span<const float> query, std::span<std::int8_t> bytes, float* error) {
  check_argument(bytes.size() >= query.size(), "quantize_query: ", bytes.size(), " bytes for ",
                 query.size(), " columns");
  return quantize(query, bytes, kMostQueryByte, 0, error);
}

ByteRows quantize_rows(MatrixView<const float> rows) {
  ByteRows out;
  out.columns = padded_bytes(rows.columns);
  out.bytes.resize(rows.rows * out.columns);
  out.scales.resize(rows.rows);
  out.errors.resize(rows.rows);
  for (std::size_t i = 0; i < rows.rows; ++i) {
    out.scales[i] = quantize_row(rows.row(i), {out.bytes.data() + i * out.columns, out.columns},
                                 &out.errors[i]);
  }
  return out;
}

void byte_dot_rows(MatrixView<const std::uint8_t> rows, std::span<const std::int8_t> query,
                   std::span<std::int32_t> products) {
  check_columns(rows.columns, query.size(), "byte_dot_rows");
  check_argument(rows.rows == products.size(), "byte_dot_rows: ", rows.rows, " rows, room for ",
                 products.size());
  HWY_DYNAMIC_DISPATCH(byte_dot_rows_kernel)
  (rows.data, rows.rows, rows.columns, query.data(), products.data());
}

void byte_dot_gathered(MatrixView<const std::uint8_t> rows, std::span<const std::int32_t> indices,
                       std::span<const std::int8_t> query, std::span<std::int32_t> products) {
  check_columns(rows.columns, query.size(), "byte_dot_gathered");
  check_argument(indices.size() == products.size(), "byte_dot_gathered: ", indices.size(),
                 " rows, room for ", products.size());
  HWY_DYNAMIC_DISPATCH(byte_dot_gathered_kernel)
  (rows.data, rows.columns, indices.data(), indices.size(), query.data(), products.data());
}

void byte_dot_block(MatrixView<const std::uint8_t> rows, MatrixView<const std::int8_t> queries,
                    MatrixView<std::int32_t> products) {
  check_columns(rows.columns, queries.columns, "byte_dot_block");
  check_argument(products.rows == queries.rows && products.columns == rows.rows,
                 "byte_dot_block: products are ", products.rows, " x ", products.columns,
                 ", expected ", queries.rows, " x ", rows.rows);
  HWY_DYNAMIC_DISPATCH(byte_dot_block_kernel)
  (rows.data, rows.rows, rows.columns, queries.data, queries.rows, products.data);
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
