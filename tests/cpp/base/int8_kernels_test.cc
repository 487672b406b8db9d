// Products of bytes against plain sums, on every instruction set, and the bound that makes a first
// look at them safe.

#include "penchant/base/int8_kernels.h"

#include <cmath>

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

AlignedVector<std::int8_t> query_bytes(std::size_t queries, std::size_t columns) {
  const Philox random(2, 1);
  AlignedVector<std::int8_t> out(queries * columns);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int draw = static_cast<int>(random.below(300, i, 0));
    out[i] = static_cast<std::int8_t>(draw < 80 ? 64 : draw < 160 ? -64 : draw % 129 - 64);
  }
  return out;
}

std::int32_t plain(const std::uint8_t* row, const std::int8_t* query, std::size_t columns) {
  std::int32_t sum = 0;
  for (std::size_t j = 0; j < columns; ++j) sum += (row[j] - 128) * query[j];
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
    for (const std::size_t columns : {32U, 64U, 96U, 1024U}) {
      const auto bytes = row_bytes(columns);
      const auto queries = query_bytes(5, columns);
      for (const std::size_t count : {std::size_t{1}, std::size_t{3}, std::size_t{8}, kRows}) {
        const MatrixView<const std::uint8_t> rows{bytes.data(), count, columns};
        std::vector<std::int32_t> block(5 * count);
        byte_dot_block(rows, {queries.data(), 5, columns}, {block.data(), 5, count});
        for (std::size_t q = 0; q < 5; ++q) {
          const std::span query(queries.data() + q * columns, columns);
          std::vector<std::int32_t> products(count);
          byte_dot_rows(rows, query, products);
          std::vector<std::int32_t> indices(count);
          for (std::size_t i = 0; i < count; ++i) {
            indices[i] = static_cast<std::int32_t>((i * 29) % count);
          }
          std::vector<std::int32_t> gathered(count);
          byte_dot_gathered(rows, indices, query, gathered);
          for (std::size_t i = 0; i < count; ++i) {
            ASSERT_EQ(products[i], plain(rows.row(i).data(), query.data(), columns)) << target;
            ASSERT_EQ(block[q * count + i], products[i]) << target;
            ASSERT_EQ(gathered[i], products[static_cast<std::size_t>(indices[i])]) << target;
          }
        }
      }
    }
  }
}

TEST_F(Int8Kernels, SelectionEqualsThePlainComparisonOnEveryTarget) {
  const Philox random(3, 1);
  std::vector<std::int32_t> products(203);
  std::vector<float> scales(products.size());
  std::vector<float> slacks(products.size());
  for (std::size_t i = 0; i < products.size(); ++i) {
    products[i] = static_cast<std::int32_t>(random.below(20000, i, 0)) - 10000;
    scales[i] = static_cast<float>(random.uniform(i, 1));
    slacks[i] = static_cast<float>(random.uniform(i, 2));
  }
  for (const float slack : {0.0F, 300.0F}) {
    std::vector<std::int32_t> wanted;
    for (std::size_t i = 0; i < products.size(); ++i) {
      const float product = static_cast<float>(products[i]) * scales[i];
      const float more = slack * slacks[i];
      if (product + more >= 1500.0F) wanted.push_back(static_cast<std::int32_t>(i) + 1000);
    }
    ASSERT_GT(wanted.size(), 20U);
    for (const std::string& target : simd_targets()) {
      force_simd_target(target);
      std::vector<std::int32_t> out(products.size());
      const std::span<const float> given =
          slack > 0 ? std::span<const float>(slacks) : std::span<const float>();
      out.resize(select_products(products, scales, slack, given, 1500.0F, 1000, out));
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
  const ByteRows bytes = quantize_rows(rows.view());
  ASSERT_EQ(bytes.columns, 64U);
  std::vector<std::int8_t> query(bytes.columns);
  std::vector<std::int32_t> products(kRows);
  const auto norm = [](auto&& at, std::size_t n) {
    double sum = 0;
    for (std::size_t j = 0; j < n; ++j) sum += at(j) * at(j);
    return std::sqrt(sum);
  };
  for (std::size_t q = 1; q < 9; ++q) {
    float error = 0;
    const auto vector = rows.row(q);
    const float scale = quantize_query(vector, query, &error);
    byte_dot_rows(bytes.view(), query, products);
    const double length = norm([&](std::size_t j) { return double{vector[j]}; }, kColumns);
    for (std::size_t i = 0; i < kRows; ++i) {
      double exact = 0;
      for (std::size_t j = 0; j < kColumns; ++j)
        exact += double{vector[j]} * double{rows.row(i)[j]};
      const double seen = double{scale} * double{bytes.scales[i]} * products[i];
      const double row_length = norm(
          [&](std::size_t j) {
            return double{bytes.scales[i]} * (bytes.bytes[i * bytes.columns + j] - 128);
          },
          kColumns);
      EXPECT_LE(std::abs(exact - seen),
                double{error} * row_length + length * double{bytes.errors[i]} + 1e-12);
    }
  }
}

TEST_F(Int8Kernels, SizesAreChecked) {
  const auto bytes = row_bytes(32);
  const auto query = query_bytes(1, 32);
  std::vector<std::int32_t> products(2);
  EXPECT_THROW(byte_dot_rows({bytes.data(), 2, 32}, {query.data(), 31}, products), Error);
  EXPECT_THROW(byte_dot_rows({bytes.data(), 2, 16}, {query.data(), 16}, products), Error);
  EXPECT_THROW(byte_dot_rows({bytes.data(), 3, 32}, {query.data(), 32}, products), Error);
}

}  // namespace
}  // namespace penchant
