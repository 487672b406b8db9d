#pragma once

// The Poisson bootstrap (Hanley & MacGibbon, "Creating non-parametric bootstrap samples using
// Poisson frequencies", 2006; Chamandy, Muralidharan, Najmi & Naidu, "Estimating uncertainty for
// massive data streams", 2012): every resample takes each row a Poisson(1) number of times, by
// itself, where Efron's takes exactly as many rows as there are. What is averaged is divided by the
// rows taken, so the two agree but for terms of order 1 / rows.
//
//   PoissonSums sums(columns, {.seed = 7, .resamples = 100});
//   sums.add(0, table);                  // rows 0, 1, ...; and later ones
//   sums.sum(resample, column);
//
// How often resample d takes row i is a function of (seed, i, d) alone, and a sum adds its rows in
// their order: the same bits on every CPU.

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
};

// Sums of the columns of a table whose rows come piece by piece.
class PoissonSums {
 public:
  // `columns` is even. Throws kInvalidArgument.
  PoissonSums(std::size_t columns, const PoissonOptions& options);

  // Takes rows first_row (even), first_row + 1, ...; table [rows, columns].
  void add(std::uint64_t first_row, MatrixView<const double> table);

  // Adds the sums of other rows of the same table.
  void merge(const PoissonSums& other);

  [[nodiscard]] double sum(std::size_t resample, std::size_t column) const;
  [[nodiscard]] std::size_t resamples() const { return resamples_; }

 private:
  std::size_t columns_;
  std::uint64_t seed_;
  std::size_t resamples_ = 0;
  AlignedVector<double> sums_;  // [tiles of resamples][columns][resamples of the tile]
};

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
