#include "penchant/base/kernels.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "reference/kernels.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/base/random.h"
#include "penchant/base/simd.h"

namespace penchant {
namespace {

constexpr std::size_t kLongest = 100;

std::uint32_t bits(float value) { return std::bit_cast<std::uint32_t>(value); }

// Numbers of very different sizes, so that another order of adding shows in the bits.
std::vector<float> numbers(std::size_t n, std::uint64_t entity) {
  const Philox random(7, 1);
  std::vector<float> out(n);
  for (std::size_t j = 0; j < n; ++j) {
    const auto step = static_cast<std::uint32_t>(2 * j);
    const double scale = std::exp2(random.uniform(entity, step) * 24 - 12);
    out[j] = static_cast<float>(random.normal(entity, step + 1) * scale);
  }
  return out;
}

// Every test runs once an instruction set this machine has.
class Kernels : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { force_simd_target(GetParam()); }
  void TearDown() override { force_simd_target("best"); }
};

TEST_P(Kernels, PairsMatchThePlainTwinBitForBit) {
  const auto a = numbers(kLongest + 3, 0);
  const auto b = numbers(kLongest + 5, 1);
  for (std::size_t shift = 0; shift < 4; ++shift) {  // unaligned in every way
    for (std::size_t n = 0; n + shift <= kLongest; ++n) {
      const auto x = std::span(a).subspan(shift, n);
      const auto y = std::span(b).subspan((shift * 3) % 5, n);
      ASSERT_EQ(bits(dot(x, y)), bits(reference::dot(x, y))) << n << " at " << shift;
      ASSERT_EQ(bits(squared_distance(x, y)), bits(reference::squared_distance(x, y)))
          << n << " at " << shift;
    }
  }
}

TEST_P(Kernels, RowsMatchThePlainTwinBitForBit) {
  const std::vector<std::int32_t> gathered = {3, 0, 6, 6, 1, 9, 2};
  for (std::size_t columns = 0; columns <= kLongest; ++columns) {
    for (const std::size_t rows : {0U, 1U, 3U, 4U, 5U, 10U}) {
      const auto table = numbers(rows * columns + 1, 2);
      const auto query = numbers(columns, 3);
      const MatrixView<const float> view{table.data() + 1, rows, columns};
      std::vector<float> out(rows);
      dot_rows(view, query, out);
      for (std::size_t i = 0; i < rows; ++i) {
        ASSERT_EQ(bits(out[i]), bits(reference::dot(view.row(i), query))) << columns << ", " << i;
      }
      squared_distance_rows(view, query, out);
      for (std::size_t i = 0; i < rows; ++i) {
        ASSERT_EQ(bits(out[i]), bits(reference::squared_distance(view.row(i), query)))
            << columns << ", " << i;
      }
      if (rows < 10) continue;
      std::vector<float> some(gathered.size());
      dot_gathered(view, gathered, query, some);
      for (std::size_t i = 0; i < gathered.size(); ++i) {
        ASSERT_EQ(bits(some[i]),
                  bits(reference::dot(view.row(static_cast<std::size_t>(gathered[i])), query)))
            << columns << ", " << i;
      }
    }
  }
}

TEST_P(Kernels, AxpyMatchesThePlainTwinBitForBit) {
  for (std::size_t shift = 0; shift < 4; ++shift) {
    for (std::size_t n = 0; n <= kLongest; ++n) {
      const auto x = numbers(n + shift, 4);
      auto y = numbers(n + shift, 5);
      auto expected = y;
      axpy(0.3F, std::span(x).subspan(shift), std::span(y).subspan(shift));
      reference::axpy(0.3F, std::span(x).subspan(shift), std::span(expected).subspan(shift));
      for (std::size_t j = 0; j < y.size(); ++j) ASSERT_EQ(bits(y[j]), bits(expected[j])) << n;
    }
  }
}

TEST_P(Kernels, NeitherFuseNorLoseInfinities) {
  // The square of 1 + 2^-12 is no float. Its rounding error would survive a fused add to lane 0.
  std::vector<float> a(17);
  std::vector<float> b(17);
  a[0] = 1.0F;
  b[0] = -(1.0F + 0x1p-11F);
  a[16] = b[16] = 1.0F + 0x1p-12F;
  EXPECT_EQ(dot(a, b), 0.0F);
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(dot(std::vector<float>{infinity, 1}, std::vector<float>{1, 1}), infinity);
  EXPECT_TRUE(std::isnan(dot(std::vector<float>{infinity}, std::vector<float>{0})));
}

INSTANTIATE_TEST_SUITE_P(EveryTarget, Kernels, testing::ValuesIn(simd_targets()),
                         [](const auto& target) { return target.param; });

TEST(KernelChecks, SizesMustAgree) {
  const std::vector<float> three(3);
  const std::vector<float> two(2);
  std::vector<float> out(2);
  EXPECT_THROW((void)dot(three, two), Error);
  EXPECT_THROW((void)squared_distance(three, two), Error);
  EXPECT_THROW(axpy(1, three, out), Error);
  const MatrixView<const float> view{three.data(), 1, 3};
  EXPECT_THROW(dot_rows(view, three, out), Error);
  EXPECT_THROW(dot_rows(view, two, std::span(out).first(1)), Error);
}

TEST(Simd, KnowsItsTargetsAndRefusesOthers) {
  const auto targets = simd_targets();
  ASSERT_FALSE(targets.empty());
  EXPECT_NE(std::find(targets.begin(), targets.end(), "baseline"), targets.end());
  force_simd_target("baseline");
  EXPECT_EQ(simd_target(), "baseline");
  force_simd_target("best");
  EXPECT_THROW(force_simd_target("abacus"), Error);
}

}  // namespace
}  // namespace penchant
