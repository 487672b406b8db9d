#pragma once

// Dense algebra of one posterior N(theta, A^-1), A = l2 I + G: with A = L L^T and M = L^-1,
//
//   theta = M^T M b,   x^T A^-1 x = |M x|^2,   M^T z ~ N(0, A^-1) for z ~ N(0, I).
//
// Doubles in one defined order (rows are added to rows, products in eight lanes, no fused
// multiply-add), so the same bits on every CPU. Triangles are packed: (i, j), j <= i, at i (i + 1)
// / 2 + j.

#include <cstddef>
#include <span>
#include <vector>

namespace penchant::bandits {

// Where row i of a packed triangle begins.
[[nodiscard]] constexpr std::size_t packed_begin(std::size_t i) { return i * (i + 1) / 2; }

// Scratch that is kept between calls.
struct FactorScratch {
  std::vector<double> square{};  // [n, n], the upper triangle is L^T
};

// L^T of l2 I + gram, in scratch.square. Pivots are at least l2 in exact arithmetic; rounding is
// kept from taking them below. n^3 / 3 flops.
void factorize(std::span<const double> gram, std::size_t n, double l2, FactorScratch& scratch);

// M from what factorize left. n^3 / 3 flops.
void invert_factor(std::size_t n, const FactorScratch& scratch, std::span<double> inverse);

// theta from what factorize left; `moment` is b. 2 n^2 flops.
void solve_factor(std::size_t n, const FactorScratch& scratch, std::span<const double> moment,
                  std::span<double> theta);

// M of A' = A + sign y y^T from that of A, with p = M y: where s_i = 1 + sign (p_0^2 + ... +
// p_i^2), rows become M'_i = (M_i - sign p_i g_i) sqrt(s_{i-1} / s_i), g_i = sum_{k < i} p_k M'_k /
// sqrt(s_k s_{k-1}), which is the factor of I + sign p p^T written out. All rows' sum, g_n, is
// A'^-1 y: the first n of `work` [3 n]. False, with M spoiled, where an s_i is not above 0: y was
// not in A. 3 n^2 flops.
[[nodiscard]] bool update_inverse(std::span<double> inverse, std::span<const double> p, double sign,
                                  std::span<double> work);

// out = M x. n^2 flops.
void multiply_lower(std::span<const double> inverse, std::span<const double> x,
                    std::span<double> out);

// out = M^T z. n^2 flops.
void multiply_lower_transposed(std::span<const double> inverse, std::span<const double> z,
                               std::span<double> out);

// Lower factor of a matrix that may be singular, packed, in place: where a pivot is not above
// `floor`, its column becomes 0.
void factorize_semidefinite(std::span<double> a, std::size_t n, double floor);

}  // namespace penchant::bandits
