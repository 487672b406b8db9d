#pragma once

#include <cmath>
#include <limits>
#include <vector>

#include "penchant/base/matrix.h"
#include "penchant/base/random.h"

namespace penchant::ranking::testing {

// Random rows with what trees meet: ties, few values, missing ones, a column that is constant.
inline Matrix<double> sample_rows(std::size_t rows, std::size_t columns, std::uint64_t seed) {
  const Philox random(seed, 1);
  Matrix<double> out(rows, columns);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t f = 0; f < columns; ++f) {
      const auto step = static_cast<std::uint32_t>(f);
      double x = random.normal(i, step);
      if (f % 4 == 1) x = std::round(2 * x);
      if (f % 4 == 2 && random.uniform(i, step + 1000) < 0.3) {
        x = std::numeric_limits<double>::quiet_NaN();
      }
      if (f % 7 == 6) x = 1;
      out.row(i)[f] = x;
    }
  }
  return out;
}

// 0 or 1, by the first columns and chance.
inline std::vector<float> sample_labels(const Matrix<double>& rows, std::uint64_t seed) {
  const Philox random(seed, 2);
  std::vector<float> out;
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const auto row = rows.row(i);
    const double missing = std::isnan(row[2]) ? 1.0 : row[2] / 2;
    const double z = row[0] * (1 + 0.5 * row[1]) + missing;
    out.push_back(random.uniform(i, 0) < 1 / (1 + std::exp(-z)) ? 1.0F : 0.0F);
  }
  return out;
}

}  // namespace penchant::ranking::testing
