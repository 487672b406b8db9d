#pragma once

// The Poisson bootstrap (Hanley & MacGibbon, "Creating non-parametric bootstrap samples using
// Poisson frequencies", 2006; Chamandy, Muralidharan, Najmi & Naidu, "Estimating uncertainty for
// massive data streams", 2012): every resample takes each row a Poisson(1) number of times, by
// itself, where Efron's takes exactly as many rows as there are. What is averaged is divided by the
// rows taken, so the two agree but for terms of order 1 / rows.
//
//   Matrix<double> sums = poisson_sums(table, {.seed = 7, .resamples = 100});   // [resamples,
//   columns]
//
// How often resample d takes row i is a function of (seed, i, d) alone; sums add rows in the order
// of fixed chunks. So they are the same bits at any number of threads and on every CPU.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/matrix.h"
#include "penchant/evaluation/bootstrap.h"

namespace penchant::evaluation {

struct PoissonOptions {
  std::uint64_t seed = 0;
  int resamples = 1000;  // 1 .. 1,000,000
  int threads = 0;
};

// table [rows, columns]. Throws kInvalidArgument.
[[nodiscard]] Matrix<double> poisson_sums(MatrixView<const double> table,
                                          const PoissonOptions& options);

// What resamples say of `value`: the draws, which are put in order, at the places (B + 1) tail - 1
// and (B + 1)(1 - tail) - 1 of 0 .. B - 1, with straight lines between. One more draw of the same
// kind falls between them with the confidence asked, also where there are few (Hyndman & Fan, 1996,
// definition 6); NumPy's default would be too narrow, by 2 % of coverage with 100 draws. NaN where
// there are no draws.
[[nodiscard]] Interval percentile_interval(double value, std::vector<double>& draws,
                                           double confidence);

// How often a row is taken, for eight random bits: 0 to 5 times in 94, 95, 46, 16, 4 and 1 of 256
// cases. Poisson(1) would in 94.2, 94.2, 47.1, 15.7, 3.9 and 1.0; mean and variance are exactly 1,
// as its are, and the third central moment is .984.
[[nodiscard]] std::uint8_t poisson_count(std::uint8_t bits);

}  // namespace penchant::evaluation
