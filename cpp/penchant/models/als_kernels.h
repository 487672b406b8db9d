#pragma once

// One row's system, solved by a few steps of conjugate gradients over gathered vectors: the inner
// loop of ALS. It may use fused multiply-add, so its bits belong to one instruction set (training
// only).
//
// The steps wait for the gathered vectors more than they compute, so where a few of them end far
// from the solution anyway, they take them at two bytes a number, in words that one shift takes
// apart (round_to_words). Every number is off by 2^-8 of itself at most, at random: the loss after
// training moves in its fifth digit. Steps that are to converge take floats.

#include <cstddef>
#include <cstdint>

namespace penchant::models {

// Entries are padded to a multiple of 4 with weights 0 and any columns. A vector has `stride`
// numbers, a multiple of 16, zero padded.
//
// (diag(d) + sum_k excess_k v_k v_k^T) z = sum_k target_k v_k + h, v_k the vector of columns[k].
struct RowSystem {
  const std::int32_t* columns = nullptr;
  const float* target = nullptr;  // t
  const float* excess = nullptr;  // e >= 0
  std::size_t padded = 0;         // entries
  std::size_t stride = 0;
  const float* diagonal = nullptr;     // d > 0 [stride]; null: ones
  const float* shared = nullptr;       // h [stride]; null: zeros
  const std::int32_t* next = nullptr;  // columns that will be asked for after this row
  std::size_t next_count = 0;
};

// Words of a vector of `stride` numbers: two numbers each, where the last sixteen have company.
[[nodiscard]] constexpr std::size_t words_of(std::size_t stride) { return (stride + 31) / 32 * 16; }

// Word j of each sixteen holds number 32 g + 16 + j, rounded to bfloat16, in its lower half, and in
// its upper what makes the whole word, read as a float, nearest to number 32 g + j. So the upper
// number needs no unpacking, the lower one a shift, and no word is subnormal (which is slow). `in`
// is [rows, stride], `out` [rows, words_of(stride)]; numbers must be finite.
void round_to_words(const float* in, std::size_t rows, std::size_t stride, std::uint32_t* out);

// Steps preconditioned by d, from z as it stands when `warm`, else from zero, over vectors as
// round_to_words leaves them, or over floats [vectors, stride]. `work` holds 4 stride floats. Each
// step reads the gathered vectors once.
void conjugate_gradients(const RowSystem& row, const std::uint32_t* words, int steps, bool warm,
                         float* z, float* work);
void conjugate_gradients(const RowSystem& row, const float* vectors, int steps, bool warm, float* z,
                         float* work);

// How many of a row's first vectors are worth asking for before it is its turn.
[[nodiscard]] std::size_t vectors_ahead(std::size_t stride);

// out += sum_k weights_k v_k over the first `width` floats of each vector (a multiple of 16).
void gather_sum(const float* const* rows, const float* weights, std::size_t padded,
                std::size_t width, float* out);
// out[k] += v_k . p over the first `width` floats.
void gather_dots(const float* const* rows, std::size_t padded, std::size_t width, const float* p,
                 float* out);

// sum_j a[j] b[j] in double precision.
[[nodiscard]] double precise_dot(const float* a, const float* b, std::size_t n);

}  // namespace penchant::models
