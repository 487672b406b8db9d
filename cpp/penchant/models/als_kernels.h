#pragma once

// One row's system, solved by a few steps of conjugate gradients over gathered vectors: the inner
// loop of ALS. It may use fused multiply-add, so its bits belong to one instruction set (training
// only).

#include <cstddef>
#include <cstdint>

namespace penchant::models {

// (diag(d) + sum_k excess_k v_k v_k^T) z = sum_k target_k v_k + h.
// Entries are padded to a multiple of 4: weights 0, pointers to any vector. A vector has `stride`
// floats, a multiple of 16, zero padded.
struct RowSystem {
  const float* const* rows = nullptr;  // v
  const float* target = nullptr;       // t
  const float* excess = nullptr;       // e >= 0
  std::size_t padded = 0;              // entries
  std::size_t stride = 0;
  const float* diagonal = nullptr;     // d > 0 [stride]; null: ones
  const float* shared = nullptr;       // h [stride]; null: zeros
  const float* const* next = nullptr;  // vectors that will be asked for after this row
  std::size_t next_count = 0;
};

// Steps preconditioned by d, from z as it stands when `warm`, else from zero. `work` holds 4 stride
// floats. Each step reads the gathered vectors once.
void conjugate_gradients(const RowSystem& row, int steps, bool warm, float* z, float* work);

// out += sum_k weights_k v_k over the first `width` floats of each vector (a multiple of 16).
void gather_sum(const float* const* rows, const float* weights, std::size_t padded,
                std::size_t width, float* out);
// out[k] += v_k . p over the first `width` floats.
void gather_dots(const float* const* rows, std::size_t padded, std::size_t width, const float* p,
                 float* out);

// sum_j a[j] b[j] in double precision.
[[nodiscard]] double precise_dot(const float* a, const float* b, std::size_t n);

}  // namespace penchant::models
