#pragma once

// Derivatives of the pairs of a query, a document against many at once.

#include <cstddef>
#include <cstdint>
#include <span>

namespace penchant::ranking {

// The query's documents by rank, the highest score first, as two lists one after the other: those
// worth more than its least gain, and those of the least gain, which need no pairs among
// themselves. Each list has room for kLambdaRoom more numbers behind it.
inline constexpr std::size_t kLambdaRoom = 16;

// So far apart exp(score) is still a normal float, and a pair's probability is a quotient of two.
inline constexpr double kLambdaNear = 80;

struct LambdaQuery {
  std::size_t better = 0;  // documents above the least gain, from slot 0
  std::size_t least = 0;   // documents of the least gain, from slot better + kLambdaRoom
  std::span<const std::uint32_t> slots{};  // [top] of the ranks that are paired with all below
  const float* score = nullptr;            // [slots], less the query's highest
  const float* rest = nullptr;             // [slots], what rounding the score to float left over
  const float* gain = nullptr;
  const float* discount = nullptr;
  float* power = nullptr;     // room for exp(score)
  bool near = false;          // no score is more than kLambdaNear below the highest
  float* gradient = nullptr;  // added to
  float* hessian = nullptr;
};

struct LambdaScale {
  float change = 1;  // of |gain difference x discount difference|
  float fixed = 1;   // a pair is divided by fixed + rise * its distance
  float rise = 0;
};

// A pair of ranks i < j with gains a and b, d = score_i - score_j, pushes its documents apart by
//   t = w p,  w = |a - b| |discount_i - discount_j| change / (fixed + rise d)
//   p = 1 / (1 + exp(d)) if a > b, else 1 / (1 + exp(-d));  second derivative t (1 - p);
// equal gains don't. Returns the sum of 2 t. Training only: float and fused multiply-add, the same
// bits for each instruction set.
[[nodiscard]] double push_pairs(const LambdaQuery& query, const LambdaScale& scale);

// The same with w = 1 for all pairs of different gains.
void push_pairs_alike(const LambdaQuery& query);

}  // namespace penchant::ranking
