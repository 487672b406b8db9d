#pragma once

// Shares the regularization evenly between the two sides of a factorization.
//
// Scores don't change when X becomes X A and Y becomes Y A^-T, but the penalty tr(A^T S A) +
// tr(A^-1 T A^-T) does, S = sum_u lambda_u x_u x_u^T, T = sum_i lambda_i y_i y_i^T. It depends on P
// = A A^T alone and is least where P S P = T, that is at the geometric mean of S^-1 and T,
// and both sides' matrices can be made the same diagonal one. Alternating least squares by itself
// moves towards this balance only as fast as the regularization is strong; a start on the wrong
// scale is felt for dozens of iterations.

#include "penchant/models/als_half.h"

namespace penchant::models {

// Replaces both sides' factors (not their biases). Nothing happens where the penalty would not fall
// by a thousandth. O(rows factors^2 + factors^3).
void als_balance(const AlsParameters& p, AlsSide& users, AlsSide& items, LargeBuffer& buffer);

}  // namespace penchant::models
