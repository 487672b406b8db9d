#pragma once

// The plain twin of ALS's inner loop: a vector's numbers out of its words one by one, and conjugate
// gradients on the dense matrix of a row's system in double precision.

#include <bit>
#include <cstdint>
#include <vector>

#include "penchant/models/als_kernels.h"

namespace penchant::reference {

// Number j of a vector of `stride` numbers, as round_to_words packs them.
inline float number_of(const std::uint32_t* words, std::size_t stride, std::size_t j) {
  const std::size_t group = j / 32;
  const bool paired = 32 * group + 16 < stride;
  const std::uint32_t word = words[16 * group + j % 16];
  return std::bit_cast<float>(paired && j % 32 >= 16 ? word << 16 : word);
}

inline std::vector<double> conjugate_gradients(const models::RowSystem& row,
                                               const std::vector<double>& vectors, int steps,
                                               std::vector<double> z) {
  const std::size_t f = row.stride;
  std::vector<double> a(f * f, 0.0);
  std::vector<double> scale(f, 1.0);
  std::vector<double> residual(f, 0.0);
  for (std::size_t i = 0; i < f; ++i) {
    if (row.diagonal != nullptr) scale[i] = row.diagonal[i];
    if (row.shared != nullptr) residual[i] = row.shared[i];
    a[i * f + i] = scale[i];
  }
  for (std::size_t k = 0; k < row.padded; ++k) {
    const double* v = vectors.data() + static_cast<std::size_t>(row.columns[k]) * f;
    for (std::size_t i = 0; i < f; ++i) {
      residual[i] += static_cast<double>(row.target[k]) * v[i];
      for (std::size_t j = 0; j < f; ++j) {
        a[i * f + j] += static_cast<double>(row.excess[k]) * v[i] * v[j];
      }
    }
  }
  const auto image_of = [&](const std::vector<double>& x) {
    std::vector<double> out(f, 0.0);
    for (std::size_t i = 0; i < f; ++i) {
      for (std::size_t j = 0; j < f; ++j) out[i] += a[i * f + j] * x[j];
    }
    return out;
  };
  const auto dot = [&](const std::vector<double>& x, const std::vector<double>& y) {
    double sum = 0;
    for (std::size_t i = 0; i < f; ++i) sum += x[i] * y[i];
    return sum;
  };
  const std::vector<double> start = image_of(z);
  std::vector<double> scaled(f);
  for (std::size_t i = 0; i < f; ++i) residual[i] -= start[i];
  for (std::size_t i = 0; i < f; ++i) scaled[i] = residual[i] / scale[i];
  std::vector<double> direction = scaled;
  double square = dot(residual, scaled);
  for (int step = 0; step < steps && square > 1e-20; ++step) {
    const std::vector<double> image = image_of(direction);
    const double length = square / dot(direction, image);
    for (std::size_t i = 0; i < f; ++i) {
      z[i] += length * direction[i];
      residual[i] -= length * image[i];
      scaled[i] = residual[i] / scale[i];
    }
    const double next = dot(residual, scaled);
    for (std::size_t i = 0; i < f; ++i) direction[i] = scaled[i] + next / square * direction[i];
    square = next;
  }
  return z;
}

}  // namespace penchant::reference
