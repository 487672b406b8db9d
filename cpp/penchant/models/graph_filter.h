#pragma once

// Smoothing a person's items over the graph of users and items: no training beyond sparse products
// and a randomized SVD.
//
//   auto model = fit_graph_filter(pairs, as_of, {.components = 64, .low_pass_weight = 0.3});
//
// With the users x items matrix R of pair weights, D_U and D_I its row and column sums,
//
//   N = D_U^(-user_exponent / 2) R D_I^(-item_exponent) / s1,      s1 so that |N| = 1,
//   F = (N^T N + low_pass_weight D_I^(-item_exponent) V V^T D_I^(item_exponent)) (I - sharpen N^T
//   N), score = r_u F D_I^(item_exponent - target_exponent),
//
// V the leading `components` right singular vectors of N. The first term is one hop to items of
// people with the same items, its degree exponents apart for users (once, between), for the items
// one comes from (item_exponent) and those one arrives at (target_exponent); the second is the
// ideal low pass of GF-CF (Shen et al., "How powerful is graph convolution for recommendation?",
// CIKM 2021, eq. 12); what follows is one Euler step each of blurring and sharpening (Choi et al.,
// "Blurring-sharpening process models for collaborative filtering", SIGIR 2023, eq. 6 and 8).
//
// Each item keeps its `keep` entries of largest absolute value of the sparse part; the part of low
// rank is kept whole. Time: O(sum of squared row counts), with sharpening O(items * pairs) beside.

#include <cstdint>

#include "penchant/models/item_operator.h"

namespace penchant::models {

struct GraphFilterParameters {
  int components = 64;           // of the low pass; 0: none
  double low_pass_weight = 0.0;  // 0 or more
  double user_exponent = 0.5;    // 0 to 2
  double item_exponent = 0.5;    // 0 to 2, of the items that one has
  double target_exponent = 0.3;  // 0 to 2, of the items that are scored
  double sharpen = 0.7;          // 0 to 10
  std::size_t keep = 0;          // entries an item; 0: all
  PairWeighting weighting = {};
  std::uint64_t seed = 0;  // of the randomized SVD
  int threads = 0;
};

// Throws kInvalidArgument naming the parameter.
[[nodiscard]] std::shared_ptr<const Model> fit_graph_filter(const data::Interactions& pairs,
                                                            Timestamp as_of,
                                                            const GraphFilterParameters& parameters,
                                                            const Progress& progress = {});

}  // namespace penchant::models
