#pragma once

// SLIM: each item regressed on the others with coefficients that are sparse and not negative.
//
//   auto model = fit_slim(pairs, as_of, {.l1 = 5, .l2 = 50});
//
// With G = W^T D W as in ease.h, each target j has its own problem,
//
//   min over b >= 0, b_j = 0 of   1/2 |W_j - W b|^2_D + l1 |b|_1 + l2 / 2 |b|^2,
//
// solved by coordinate descent with covariance updates: the residual's correlations
// c = G_j - G b are kept, b_i = max(0, c_i + G_ii b_i - l1) / (G_ii + l2), and each change of b_i
// moves c by a row of G (Ning & Karypis, "SLIM: sparse linear methods for top-N recommender
// systems", ICDM 2011; Friedman, Hastie & Tibshirani, JSS 2010, section 2.2). As b and G are not
// negative, an item with G_ij <= l1 can never enter, and is never looked at.
//
// With `neighbors` set, each item is regressed on its nearest only (fsSLIM; local_problem.h), and
// no dense matrix is needed; else items^2 floats, checked against `max_memory` first.

#include "penchant/models/item_operator.h"

namespace penchant::models {

struct SlimParameters {
  double l1 = 1.0;             // 0 or more
  double l2 = 100.0;           // positive
  int neighbors = 0;           // 0: all items
  double user_exponent = 0.0;  // 0 to 2
  int iterations = 50;         // passes over an item's coefficients at most
  double tolerance = 1e-4;     // a pass that changes no coefficient by more is the last
  double max_memory = 8e9;     // bytes
  PairWeighting weighting = {};
  int threads = 0;
};

// Throws kInvalidArgument naming the parameter, or saying what memory is needed.
[[nodiscard]] std::shared_ptr<const Model> fit_slim(const data::Interactions& pairs,
                                                    Timestamp as_of,
                                                    const SlimParameters& parameters,
                                                    const Progress& progress = {});

}  // namespace penchant::models
