#pragma once

// EASE in blocks: each item regressed on its nearest items only.
//
//   auto model = fit_local_ridge(pairs, as_of, {.neighbors = 200, .regularization = 10});
//
// With G = W^T D W, W [users, items] the pair weights, D_u = (sum of u's weights)^-user_exponent,
// and N the `neighbors` items of largest cosine with j in G,
//
//   b_j = argmin_b  |W_j - W_N b|^2_D + regularization |b|^2  =  (G_NN + regularization I)^-1 G_Nj,
//
// and score(j) = sum over the history's items i of N of weight(i) * b_ji. With every item in N this
// is EASE (ease.h: B_ij = -P_ij / P_jj says the same); with a few hundred it needs no dense matrix
// and no more than neighbors^3 / 3 operations an item, so it serves catalogues of any size.
// (Regressing on selected neighbours: Ning & Karypis, "SLIM", ICDM 2011, section VI.)

#include "penchant/models/item_operator.h"

namespace penchant::models {

struct LocalRidgeParameters {
  int neighbors = 200;           // 1 to 10,000
  double regularization = 10.0;  // positive
  double user_exponent = 0.5;    // 0 to 2
  PairWeighting weighting = {};
  int threads = 0;
};

// Throws kInvalidArgument naming the parameter.
[[nodiscard]] std::shared_ptr<const Model> fit_local_ridge(const data::Interactions& pairs,
                                                           Timestamp as_of,
                                                           const LocalRidgeParameters& parameters,
                                                           const Progress& progress = {});

}  // namespace penchant::models
