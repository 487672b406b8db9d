#pragma once

// Vectors for the tests: drawn, so every run has the same.

#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "penchant/base/matrix.h"
#include "penchant/base/random.h"

namespace penchant::retrieval::testing {

inline Matrix<float> random_vectors(std::size_t rows, std::size_t columns, std::uint64_t seed) {
  const Philox random(seed, 1);
  Matrix<float> out(rows, columns);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      out.row(i)[j] = static_cast<float>(random.normal(i, static_cast<std::uint32_t>(j)));
    }
  }
  return out;
}

// Around 40 centres that depend on the dimension alone, so that queries share them.
inline Matrix<float> clustered_vectors(std::size_t rows, std::size_t columns, std::uint64_t seed) {
  const Matrix<float> centres = random_vectors(40, columns, 4711);
  const Philox random(seed, 2);
  Matrix<float> out = random_vectors(rows, columns, seed);
  for (std::size_t i = 0; i < rows; ++i) {
    const auto centre = centres.row(random.below(40, i, 0));
    for (std::size_t j = 0; j < columns; ++j) out.row(i)[j] = centre[j] + 0.4F * out.row(i)[j];
  }
  return out;
}

// Lengths spread over an order of magnitude, as factors of popular and rare items are.
inline Matrix<float> factor_vectors(std::size_t rows, std::size_t columns, std::uint64_t seed) {
  const Philox random(seed, 3);
  Matrix<float> out = clustered_vectors(rows, columns, seed);
  for (std::size_t i = 0; i < rows; ++i) {
    const auto scale = static_cast<float>(std::exp(0.8 * random.normal(i, 0)));
    for (float& x : out.row(i)) x *= scale;
  }
  return out;
}

inline std::vector<std::int32_t> first_rows(std::size_t n) {
  std::vector<std::int32_t> rows(n);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

}  // namespace penchant::retrieval::testing
