#include "penchant/models/panel_linalg.h"

#include <cmath>

#include <gtest/gtest.h>

#include "penchant/base/random.h"
#include "penchant/base/simd.h"

namespace penchant::models {
namespace {

AlignedVector<float> random_rows(std::size_t rows, std::size_t f, std::size_t stride,
                                 std::uint64_t seed) {
  const Philox random(seed, 5);
  AlignedVector<float> out(rows * stride);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < f; ++j) {
      out[i * stride + j] = static_cast<float>(random.normal(i, static_cast<std::uint32_t>(j)));
    }
  }
  return out;
}

// The checks below run on each instruction set: tiles differ from one to the next.
class PanelLinalg : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { force_simd_target(GetParam()); }
  void TearDown() override { force_simd_target("best"); }
};

TEST_P(PanelLinalg, ProductsAreThoseOfPlainLoops) {
  for (const std::size_t f : {1U, 7U, 16U, 33U, 64U, 100U}) {
    const std::size_t stride = padded_to_panels(f) + kPanel;  // wider than it must be
    for (const MatrixShape shape : {MatrixShape::kFull, MatrixShape::kLower, MatrixShape::kUpper}) {
      std::vector<double> m(f * f, 0.0);
      const Philox random(f, 1);
      for (std::size_t i = 0; i < f; ++i) {
        for (std::size_t j = 0; j < f; ++j) {
          const bool here =
              shape == MatrixShape::kFull || (shape == MatrixShape::kLower ? i >= j : i <= j);
          if (here) m[i * f + j] = random.normal(i, static_cast<std::uint32_t>(j));
        }
      }
      for (const std::size_t rows : {1U, 5U, 6U, 61U}) {
        const auto in = random_rows(rows, f, stride, 3);
        AlignedVector<float> out(rows * stride, -1.0F);
        multiply(in.data(), rows, pack(m, f, stride, shape), out.data());
        for (std::size_t i = 0; i < rows; ++i) {
          for (std::size_t j = 0; j < stride; ++j) {
            double sum = 0;
            for (std::size_t k = 0; k < f && j < f; ++k) {
              sum += static_cast<double>(in[i * stride + k]) * m[k * f + j];
            }
            EXPECT_NEAR(static_cast<double>(out[i * stride + j]), sum, 1e-4) << f << " " << j;
          }
        }
      }
    }
  }
}

TEST_P(PanelLinalg, WeightedGramAndItsSolutionAreThoseOfPlainLoops) {
  for (const std::size_t f : {1U, 16U, 40U, 70U}) {
    for (const std::size_t count : {0U, 3U, 130U, 300U}) {
      const std::size_t stride = padded_to_panels(f);
      const auto vectors = random_rows(count, f, stride, 7);
      std::vector<const float*> rows(count);
      std::vector<float> weights(count);
      for (std::size_t k = 0; k < count; ++k) {
        rows[k] = vectors.data() + k * stride;
        weights[k] = 0.1F + 0.05F * static_cast<float>(k % 9);
      }
      std::vector<float> diagonal(stride, 1.5F);
      PanelSquare a(stride);
      a.set_diagonal(diagonal.data());
      a.add_weighted(rows.data(), weights.data(), count);
      std::vector<double> lower(f * f, 0.0);
      a.add_lower_to(lower, f);
      std::vector<double> full(f * f, 0.0);
      for (std::size_t i = 0; i < f; ++i) {
        for (std::size_t j = 0; j < f; ++j) {
          double sum = i == j ? 1.5 : 0.0;
          for (std::size_t k = 0; k < count; ++k) {
            sum += static_cast<double>(weights[k]) * static_cast<double>(rows[k][i]) *
                   static_cast<double>(rows[k][j]);
          }
          full[i * f + j] = sum;
          if (j <= i) {
            EXPECT_NEAR(lower[i * f + j], sum, 1e-3 + 1e-5 * std::abs(sum));
          }
        }
      }
      std::vector<float> x(stride, 0.0F);
      for (std::size_t j = 0; j < f; ++j) x[j] = static_cast<float>(j % 5) - 2;
      const std::vector<float> b = x;
      ASSERT_TRUE(a.factorize());
      a.solve(x.data());
      for (std::size_t i = 0; i < f; ++i) {
        double sum = 0;
        for (std::size_t j = 0; j < f; ++j) sum += full[i * f + j] * static_cast<double>(x[j]);
        EXPECT_NEAR(sum, static_cast<double>(b[i]), 2e-4) << f << " " << count;
      }
    }
  }
}

TEST_P(PanelLinalg, WhatIsNotPositiveDefiniteIsToldSo) {
  PanelSquare a(32);
  a.clear();
  EXPECT_FALSE(a.factorize());
}

INSTANTIATE_TEST_SUITE_P(EachTarget, PanelLinalg, ::testing::ValuesIn(simd_targets()));

}  // namespace
}  // namespace penchant::models
