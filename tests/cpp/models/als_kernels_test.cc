#include "penchant/models/als_kernels.h"

#include <bit>
#include <cmath>
#include <limits>

#include "reference/row_system.h"
#include <gtest/gtest.h>

#include "penchant/base/matrix.h"
#include "penchant/base/random.h"
#include "penchant/base/simd.h"

namespace penchant::models {
namespace {

// The checks below run on each instruction set.
class AlsKernels : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { force_simd_target(GetParam()); }
  void TearDown() override { force_simd_target("best"); }
};

AlignedVector<float> random_vectors(std::size_t rows, std::size_t f, std::size_t stride) {
  const Philox random(f, 3);
  AlignedVector<float> out(rows * stride);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < f; ++j) {
      const auto column = static_cast<std::uint32_t>(j);
      out[i * stride + j] = static_cast<float>(0.3 * random.normal(i, column));
    }
  }
  return out;
}

TEST_P(AlsKernels, WordsHoldEachNumberToOnePartIn256) {
  for (const std::size_t stride : {16U, 32U, 48U, 64U, 128U, 176U}) {
    constexpr std::size_t kRows = 50;
    auto vectors = random_vectors(kRows, stride - 1, stride);
    const Philox random(9, 9);
    for (std::size_t i = 0; i < vectors.size(); i += 3) {  // of all sizes, and zeros
      vectors[i] *= static_cast<float>(std::exp2(12 * random.normal(i, 0)));
      if (i % 7 == 0) vectors[i] = i % 2 == 0 ? 0.0F : -0.0F;
    }
    std::vector<std::uint32_t> words(kRows * words_of(stride), 0xFFFFFFFFU);
    round_to_words(vectors.data(), kRows, stride, words.data());
    for (std::size_t i = 0; i < kRows; ++i) {
      for (std::size_t j = 0; j < stride; ++j) {
        const auto wanted = static_cast<double>(vectors[i * stride + j]);
        const float found = reference::number_of(words.data() + i * words_of(stride), stride, j);
        EXPECT_NEAR(static_cast<double>(found), wanted, std::abs(wanted) / 255 + 1.2e-38)
            << stride << " " << i << " " << j;
      }
    }
  }
}

TEST_P(AlsKernels, NoWordIsSubnormal) {
  constexpr float kTiny = 1e-41F;
  constexpr float kLeast = std::numeric_limits<float>::min();
  for (const float high : {0.0F, -0.0F, kTiny, -kTiny, kLeast, 1.0F}) {
    for (const float low : {0.0F, kTiny, -kLeast, 0.999F, -3.0F}) {
      AlignedVector<float> vector(32, high);
      std::fill(vector.begin() + 16, vector.end(), low);
      std::vector<std::uint32_t> words(16);
      round_to_words(vector.data(), 1, 32, words.data());
      for (const std::uint32_t word : words) {
        for (const float part : {std::bit_cast<float>(word), std::bit_cast<float>(word << 16)}) {
          EXPECT_TRUE(part == 0 || std::isnormal(part)) << high << " " << low;
        }
        EXPECT_NEAR(std::bit_cast<float>(word), high, std::abs(high) / 255 + 1.2e-38F);
        EXPECT_NEAR(std::bit_cast<float>(word << 16), low, std::abs(low) / 255 + 1.2e-38F);
      }
    }
  }
}

// A row of `padded` entries over 60 vectors, with a diagonal and a shared term or without.
struct Example {
  static constexpr std::size_t kVectors = 60;

  Example(std::size_t f, std::size_t padded)
      : stride((f + 15) / 16 * 16),
        floats(random_vectors(kVectors, f, stride)),
        words(kVectors * words_of(stride)),
        diagonal(stride, 2.5F),
        shared(random_vectors(1, f, stride)),
        columns(padded),
        target(padded),
        excess(padded) {
    round_to_words(floats.data(), kVectors, stride, words.data());
    for (std::size_t k = 0; k < padded; ++k) {
      columns[k] = static_cast<std::int32_t>(k * 7 % kVectors);
      excess[k] = static_cast<float>(k % 5);
      target[k] = 1 + excess[k];
    }
  }

  [[nodiscard]] RowSystem row(bool plain) const {
    RowSystem out{columns.data(), target.data(), excess.data(), columns.size(), stride};
    out.next = columns.data();
    out.next_count = columns.size();
    if (!plain) out.diagonal = diagonal.data();
    if (!plain) out.shared = shared.data();
    return out;
  }

  // The vectors as the words have them, or as they are.
  [[nodiscard]] std::vector<double> numbers(bool rounded) const {
    std::vector<double> out(floats.begin(), floats.end());
    for (std::size_t i = 0; i < out.size() && rounded; ++i) {
      const std::uint32_t* from = words.data() + i / stride * words_of(stride);
      out[i] = reference::number_of(from, stride, i % stride);
    }
    return out;
  }

  std::size_t stride;
  AlignedVector<float> floats;
  std::vector<std::uint32_t> words;
  AlignedVector<float> diagonal;
  AlignedVector<float> shared;
  std::vector<std::int32_t> columns;
  std::vector<float> target;
  std::vector<float> excess;
};

TEST_P(AlsKernels, StepsAreThoseOfThePlainTwin) {
  for (const std::size_t f : {1U, 16U, 40U, 64U, 100U, 128U, 256U}) {
    for (const std::size_t padded : {0U, 4U, 12U, 52U}) {
      const Example example(f, padded);
      for (int variant = 0; variant < 8; ++variant) {
        const bool warm = variant % 2 == 0;
        const bool rounded = variant / 2 % 2 == 0;
        const RowSystem row = example.row(variant < 4);
        for (const int steps : {1, 2, 5}) {
          AlignedVector<float> z(example.shared);
          AlignedVector<float> work(4 * example.stride);
          std::vector<double> start(example.stride, 0.0);
          if (warm) start.assign(z.begin(), z.end());
          if (rounded) {
            conjugate_gradients(row, example.words.data(), steps, warm, z.data(), work.data());
          } else {
            conjugate_gradients(row, example.floats.data(), steps, warm, z.data(), work.data());
          }
          const auto wanted =
              reference::conjugate_gradients(row, example.numbers(rounded), steps, start);
          for (std::size_t j = 0; j < example.stride; ++j) {
            EXPECT_NEAR(static_cast<double>(z[j]), wanted[j], 2e-4)
                << f << " " << padded << " " << steps << " " << variant;
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(EachTarget, AlsKernels, ::testing::ValuesIn(simd_targets()));

}  // namespace
}  // namespace penchant::models
