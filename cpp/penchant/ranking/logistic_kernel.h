#pragma once

// Derivatives of the logistic loss, many rows at once.

#include <cstddef>

namespace penchant::ranking {

// p = 1 / (1 + exp(-score)); gradients = (p - target) weight, hessians = p (1 - p) weight. weight
// may be null. A row's result depends on nothing but the row. Training only: fused multiply-add.
void logistic_pairs(const double* scores, const float* targets, const float* weights,
                    std::size_t count, float* gradients, float* hessians);

}  // namespace penchant::ranking
