#pragma once

// EASE: each item regressed on all others, in closed form.
//
//   auto model = fit_ease(pairs, as_of, {.regularization = 200});
//
// With the users x items matrix W of pair weights and G = W^T D W (D_u = (sum of u's weights)^
// -user_exponent, the identity by default), it minimizes
//
//   tr( (W - W B)^T D (W - W B) ) + regularization |B|^2   subject to  diag(B) = 0,
//
// which P = (G + regularization I)^-1 solves: B_ij = -P_ij / P_jj (Steck, "Embarrassingly shallow
// autoencoders for sparse data", WWW 2019, eq. 8). score = w_u B. Of each target's column the
// `keep` entries of largest absolute value are served.
//
// Time: n^3 floating-point operations for n items, on all threads. Memory: n^2 numbers, which is
// checked against `max_memory` before anything is allocated; local_ridge.h needs no such matrix.

#include <cstdint>

#include "penchant/models/item_operator.h"

namespace penchant::models {

struct EaseParameters {
  double regularization = 200.0;  // positive
  double user_exponent = 0.0;     // 0 to 2
  std::size_t keep = 0;           // entries a target; 0: all
  bool double_precision = false;  // of the inverse; single is enough unless regularization is tiny
  double max_memory = 8e9;        // bytes
  PairWeighting weighting = {};
  int threads = 0;
};

// Bytes that fit_ease takes at its peak for this many items.
[[nodiscard]] double ease_memory(std::size_t num_items, const EaseParameters& parameters);

// Throws kInvalidArgument naming the parameter, or saying what memory is needed.
[[nodiscard]] std::shared_ptr<const Model> fit_ease(const data::Interactions& pairs,
                                                    Timestamp as_of,
                                                    const EaseParameters& parameters,
                                                    const Progress& progress = {});

}  // namespace penchant::models
