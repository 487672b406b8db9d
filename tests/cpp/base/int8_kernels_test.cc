// Products of bytes against plain sums, on every instruction set, and the bound that makes a first
// look at them safe.

#include "penchant/base/int8_kernels.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/base/random.h"
#include "penchant/base/simd.h"

namespace penchant {
namespace {

constexpr std::size_t kRows = 71;

// Often the extremes, where sixteen bits would overflow first.
AlignedVector<std::uint8_t> row_bytes(std::size_t columns) {
  const Philox random(1, 1);
  AlignedVector<std::uint8_t> out(kRows * columns);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::uint32_t draw = random.below(512, i, 0);
    out[i] = static_cast<std::uint8_t>(draw < 128 ? 255 : draw < 256 ? 1 : 1 + draw % 255);
  }
  return out;
}

AlignedVector<std::int16_t> query_integers(std::size_t columns) {
  const Philox random(2, 1);
  const int most = std::min(4095, static_cast<int>(0x7fffffff / (255 * columns)));
  AlignedVector<std::int16_t> out(columns);
  for (std::size_t i = 0; i < columns; ++i) {
    const int draw = static_cast<int>(random.below(10'000, i, 0));
    const int value = draw < 3000 ? most : draw < 6000 ? -most : draw % most - most / 2;
    out[i] = static_cast<std::int16_t>(value);
  }
  return out;
}

std::int32_t offset_of(std::span<const std::int16_t> query) {
  return 128 * std::accumulate(query.begin(), query.end(), 0);
}

AlignedVector<std::uint8_t> strips_of(MatrixView<const std::uint8_t> rows) {
  AlignedVector<std::uint8_t> out(strip_rows(rows.rows) * rows.columns, 128);
  for (std::size_t i = 0; i < rows.rows; ++i) put_in_strips(rows.row(i), i, rows.columns, out);
  return out;
}

// One query against rows.
std::vector<std::int32_t> products_of(MatrixView<const std::uint8_t> rows,
                                      std::span<const std::int16_t> query, std::int32_t offset) {
  std::vector<std::int32_t> out(strip_rows(rows.rows));
  const std::int16_t* in = query.data();
  std::int32_t* to = out.data();
  byte_strip_products(strips_of(rows), rows.columns, {&in, 1}, {&offset, 1}, {&to, 1});
  return out;
}

// query: the even columns' integers first.
std::int32_t plain(const std::uint8_t* row, const std::int16_t* query, std::size_t columns) {
  std::int32_t sum = 0;
  for (std::size_t j = 0; j < columns; ++j) {
    sum += (row[j] - 128) * query[(j % 2) * columns / 2 + j / 2];
  }
  return sum;
}

class ForEachTarget : public ::testing::Test {
 protected:
  void TearDown() override { force_simd_target("best"); }
};
using Int8Kernels = ForEachTarget;

TEST_F(Int8Kernels, EqualPlainSums) {
  for (const std::string& target : simd_targets()) {
    force_simd_target(target);
    for (const std::size_t columns : {32U, 64U, 96U, 1024U, 65536U}) {
      const auto bytes = row_bytes(columns);
      const auto query = query_integers(columns);
      for (const std::size_t count : {std::size_t{1}, std::size_t{3}, std::size_t{8}, kRows}) {
        const MatrixView<const std::uint8_t> rows{bytes.data(), count, columns};
        const auto products = products_of(rows, query, offset_of(query));
        for (std::size_t i = 0; i < count; ++i) {
          ASSERT_EQ(products[i], plain(rows.row(i).data(), query.data(), columns)) << target;
        }
      }
    }
  }
}

TEST_F(Int8Kernels, ManyQueriesAtOnceAreTheSame) {
  constexpr std::size_t kColumns = 96;
  const auto bytes = row_bytes(kColumns);
  const MatrixView<const std::uint8_t> rows{bytes.data(), kRows, kColumns};
  const auto strips = strips_of(rows);
  for (const std::string& target : simd_targets()) {
    force_simd_target(target);
    for (const std::size_t count : {1U, 2U, 7U, 8U, 13U, 48U}) {
      std::vector<AlignedVector<std::int16_t>> queries(count, query_integers(kColumns));
      std::vector<std::vector<std::int32_t>> outs(count,
                                                  std::vector<std::int32_t>(strip_rows(kRows)));
      std::vector<const std::int16_t*> from;
      std::vector<std::int32_t> offsets;
      std::vector<std::int32_t*> to;
      for (std::size_t q = 0; q < count; ++q) {
        for (std::size_t j = 0; j < kColumns; ++j) {  // each another one
          queries[q][j] = static_cast<std::int16_t>(queries[q][j] / static_cast<int>(q + 1));
        }
        from.push_back(queries[q].data());
        offsets.push_back(offset_of(queries[q]));
        to.push_back(outs[q].data());
      }
      byte_strip_products(strips, kColumns, from, offsets, to);
      for (std::size_t q = 0; q < count; ++q) {
        for (std::size_t i = 0; i < kRows; ++i) {
          ASSERT_EQ(outs[q][i], plain(rows.row(i).data(), queries[q].data(), kColumns)) << target;
        }
      }
    }
  }
}

// The extremes: all bytes and all integers as large as they get, of one sign.
TEST_F(Int8Kernels, SumsFitWhereEverythingIsLargest) {
  for (const std::size_t columns : {std::size_t{32}, std::size_t{2080}, std::size_t{65536}}) {
    const std::vector<float> row(columns, 3.0F);
    AlignedVector<std::uint8_t> bytes(columns);
    AlignedVector<std::int16_t> query(columns);
    const float scale = quantize_row(row, bytes);
    const ByteQuery seen = quantize_query(row, query);
    for (const std::string& target : simd_targets()) {
      force_simd_target(target);
      const auto products = products_of({bytes.data(), 1, columns}, query, seen.offset);
      EXPECT_NEAR(double{seen.scale} * double{scale} * products[0],
                  9.0 * static_cast<double>(columns), 1e-3 * static_cast<double>(columns));
    }
  }
}

TEST_F(Int8Kernels, SelectionEqualsThePlainComparisonOnEveryTarget) {
  const Philox random(3, 1);
  std::vector<std::int32_t> products(203);
  std::vector<float> scales(products.size());
  std::vector<float> spreads(products.size());
  std::vector<float> biases(products.size());
  for (std::size_t i = 0; i < products.size(); ++i) {
    products[i] = static_cast<std::int32_t>(random.below(20000, i, 0)) - 10000;
    scales[i] = static_cast<float>(random.uniform(i, 1));
    spreads[i] = static_cast<float>(random.uniform(i, 2));
    biases[i] = -static_cast<float>(random.uniform(i, 3));
  }
  for (const float gain : {0.0F, 2000.0F}) {
    std::vector<std::int32_t> wanted;
    for (std::size_t i = 0; i < products.size(); ++i) {
      const float product = static_cast<float>(products[i]) * scales[i];
      const float more = 300.0F * spreads[i];
      const float bias = gain * biases[i];
      const float value = product + more;
      if (value + bias >= 1500.0F) wanted.push_back(static_cast<std::int32_t>(i) + 1000);
    }
    ASSERT_GT(wanted.size(), 20U);
    for (const std::string& target : simd_targets()) {
      force_simd_target(target);
      std::vector<std::int32_t> out(products.size());
      const std::span<const float> given =
          gain > 0 ? std::span<const float>(biases) : std::span<const float>();
      out.resize(
          select_products(products, {scales, 300.0F, spreads, gain, given}, 1500.0F, 1000, out));
      EXPECT_EQ(out, wanted) << target;
    }
  }
}

TEST_F(Int8Kernels, TheTrueProductIsWithinTheBound) {
  const Philox random(4, 1);
  constexpr std::size_t kColumns = 50;
  Matrix<float> rows(kRows, kColumns);
  for (std::size_t i = 0; i < kRows; ++i) {
    for (std::size_t j = 0; j < kColumns; ++j) {
      // Some rows of zeros, some of very different magnitudes.
      const double size = i % 9 == 0 ? 0.0 : std::exp(random.normal(i, 1000));
      rows.row(i)[j] = static_cast<float>(size * random.normal(i, static_cast<std::uint32_t>(j)));
    }
  }
  const std::size_t padded = padded_bytes(kColumns);
  ASSERT_EQ(padded, 64U);
  AlignedVector<std::uint8_t> bytes(kRows * padded);
  std::vector<float> scales(kRows);
  std::vector<float> errors(kRows);
  for (std::size_t i = 0; i < kRows; ++i) {
    scales[i] = quantize_row(rows.row(i), {bytes.data() + i * padded, padded}, &errors[i]);
  }
  AlignedVector<std::int16_t> query(padded);
  const auto norm = [](auto&& at, std::size_t n) {
    double sum = 0;
    for (std::size_t j = 0; j < n; ++j) sum += at(j) * at(j);
    return std::sqrt(sum);
  };
  for (std::size_t q = 1; q < 9; ++q) {
    const auto vector = rows.row(q);
    const ByteQuery seen = quantize_query(vector, query);
    const auto products = products_of({bytes.data(), kRows, padded}, query, seen.offset);
    const double length = norm([&](std::size_t j) { return double{vector[j]}; }, kColumns);
    EXPECT_NEAR(std::sqrt(seen.squared_norm), length, 1e-3 * length);
    for (std::size_t i = 0; i < kRows; ++i) {
      double exact = 0;
      for (std::size_t j = 0; j < kColumns; ++j) {
        exact += double{vector[j]} * double{rows.row(i)[j]};
      }
      const double approximate = double{seen.scale} * double{scales[i]} * products[i];
      const double row_length =
          norm([&](std::size_t j) { return double{scales[i]} * (bytes[i * padded + j] - 128); },
               kColumns);
      EXPECT_LE(std::abs(exact - approximate),
                double{seen.error} * row_length + length * double{errors[i]} + 1e-12);
    }
  }
}

TEST_F(Int8Kernels, SizesAreChecked) {
  const auto bytes = row_bytes(32);
  const auto query = query_integers(32);
  std::vector<std::int32_t> products(16);
  const std::int16_t* in = query.data();
  std::int32_t* to = products.data();
  const std::int32_t offset = 0;
  const std::span<const std::uint8_t> strips(bytes);
  const auto multiply = [&](std::size_t size, std::size_t columns, std::size_t offsets) {
    byte_strip_products(strips.first(size), columns, {&in, 1}, {&offset, offsets}, {&to, 1});
  };
  EXPECT_NO_THROW(multiply(16 * 32, 32, 1));
  EXPECT_THROW(multiply(16 * 32, 31, 1), Error);
  EXPECT_THROW(multiply(15 * 32, 32, 1), Error);
  EXPECT_THROW(multiply(16 * 32, 32, 0), Error);
  AlignedVector<std::int16_t> room(32);
  EXPECT_THROW(quantize_query(std::vector<float>(33), room), Error);
  AlignedVector<std::uint8_t> one_strip(16 * 32);
  EXPECT_NO_THROW(put_in_strips(strips.first(32), 15, 32, one_strip));
  EXPECT_THROW(put_in_strips(strips.first(32), 16, 32, one_strip), Error);
}

}  // namespace
}  // namespace penchant
