#pragma once

// Fused passes over a row's gathered vectors: the inner loops of the conjugate-gradient solver.
// They may use fused multiply-add, so their bits belong to one instruction set (training only).

#include <cstddef>
#include <cstdint>

namespace penchant::models {

// One CSR row of the system: n entries, padded with zero weights to a multiple of 4; `index` points
// into rows of `vectors` that are `stride` floats apart, stride a multiple of 16, zero padded.
struct GatheredRow {
  const float* vectors = nullptr;
  std::size_t stride = 0;
  const std::int32_t* index = nullptr;
  const float* target = nullptr;  // c: confidence
  const float* excess = nullptr;  // c - w0
  std::size_t padded = 0;         // entries, a multiple of 4
};

// out += sum_k target_k v_k
void gather_sum(const GatheredRow& row, float* out);
// out += sum_k (target_k - excess_k (v_k . p)) v_k: the residual of p without its shared term
void gather_residual(const GatheredRow& row, const float* p, float* out);
// out += sum_k excess_k (v_k . p) v_k
void gather_apply(const GatheredRow& row, const float* p, float* out);
// sum_k excess_k (v_k . p)^2
[[nodiscard]] float gather_quadratic(const GatheredRow& row, const float* p);

[[nodiscard]] float fast_dot(const float* a, const float* b, std::size_t stride);
void fast_axpy(float factor, const float* x, float* y, std::size_t stride);
// y = x + factor * y
void fast_xpby(const float* x, float factor, float* y, std::size_t stride);

}  // namespace penchant::models
