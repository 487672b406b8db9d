#pragma once

// Dense loops of training, dispatched at run time and free to fuse: bit-stable for an instruction
// set, not between them. What is served uses base/kernels.h instead.

#include <cstddef>
#include <cstdint>

namespace penchant::models {

// y[j] += factor * x[j].
void fused_axpy(float factor, const float* x, float* y, std::size_t n);

// y[index[k] * 16 + t] += value[k] * lanes[t] for the n entries of a sparse row, t < 16.
void scatter_lanes(const std::int32_t* index, const float* value, std::size_t n, const float* lanes,
                   float* y);

// lanes[t] = sum_k value[k] * x[index[k] * 16 + t], t < 16.
void gather_lanes(const std::int32_t* index, const float* value, std::size_t n, const float* x,
                  float* lanes);

}  // namespace penchant::models
