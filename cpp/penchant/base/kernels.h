#pragma once

// The arithmetic of the serving path, in one defined order so that every CPU gives the same bits:
// sixteen virtual lanes whatever the vector width (element j goes to lane j mod 16), products
// rounded before they are added (no fused multiply-add), and one fixed tree over the lanes,
//
//   t[i] = (l[i] + l[i+8]) + (l[i+4] + l[i+12])  for i < 4,   sum = (t[0] + t[2]) + (t[1] + t[3]).
//
// They are bound by memory, so the order costs next to nothing. The plain twins are in
// tests/cpp/reference/kernels.h. Training uses kernels of its own, which may fuse.

#include <cstdint>
#include <span>

#include "penchant/base/matrix.h"

namespace penchant {

// sum_j a[j] * b[j]. Sizes must agree.
[[nodiscard]] float dot(std::span<const float> a, std::span<const float> b);

// sum_j (a[j] - b[j])^2.
[[nodiscard]] float squared_distance(std::span<const float> a, std::span<const float> b);

// out[i] = dot(rows.row(i), query). out.size() == rows.rows.
void dot_rows(MatrixView<const float> rows, std::span<const float> query, std::span<float> out);

// out[i] = dot(rows.row(indices[i]), query), prefetching rows ahead.
void dot_gathered(MatrixView<const float> rows, std::span<const std::int32_t> indices,
                  std::span<const float> query, std::span<float> out);

// out[i] = squared_distance(rows.row(i), query).
void squared_distance_rows(MatrixView<const float> rows, std::span<const float> query,
                           std::span<float> out);

// out[i] = squared_distance(rows.row(indices[i]), query), prefetching rows ahead.
void squared_distance_gathered(MatrixView<const float> rows, std::span<const std::int32_t> indices,
                               std::span<const float> query, std::span<float> out);

// y[j] += factor * x[j], each product rounded.
void axpy(float factor, std::span<const float> x, std::span<float> y);

// scores[i] = sqrt(scores[i] / largest) where positive, else 0; all 0 when none is positive.
void scale_to_roots(std::span<float> scores);

}  // namespace penchant
