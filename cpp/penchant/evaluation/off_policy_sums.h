#pragma once

// How the sums of blocks are put together: the formula of Chan, Golub & LeVeque ("Updating formulae
// and a pairwise algorithm for computing sample variances", 1979), so that nothing is lost to
// cancellation whatever the scale.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

#include "penchant/evaluation/off_policy_kernels.h"

namespace penchant::evaluation {

// A column's count, mean, sum of squares about it, extremes, sum of |x| and whose |x| is largest
// (the first row that has it).
struct Moment {
  double count = 0;
  Description told;
  std::size_t largest_row = kNoRound;

  [[nodiscard]] static Moment of(std::span<const double> x, std::size_t first_row) {
    Moment out{static_cast<double>(x.size()), describe(x), kNoRound};
    const auto found = std::find_if(
        x.begin(), x.end(), [&](double value) { return std::abs(value) == out.told.largest; });
    out.largest_row = first_row + static_cast<std::size_t>(found - x.begin());
    return out;
  }

  void merge(const Moment& other) {
    const double total = count + other.count;
    if (other.count == 0) return;
    if (count == 0) {
      *this = other;
      return;
    }
    const double apart = other.told.mean - told.mean;
    told.squares += other.told.squares + apart * apart * (count * other.count / total);
    told.mean += apart * (other.count / total);
    told.total += other.told.total;
    told.least = std::min(told.least, other.told.least);
    told.most = std::max(told.most, other.told.most);
    if (other.told.largest > told.largest) {
      told.largest = other.told.largest;
      largest_row = other.largest_row;
    }
    count = total;
  }

  [[nodiscard]] double mean() const { return told.mean; }
  [[nodiscard]] double variance() const { return count < 2 ? 0 : told.squares / (count - 1); }
};

// The same of a sum of products about the means; call it before the moments merge.
inline void merge_product(double& sum, double other, const Moment& x, const Moment& other_x,
                          const Moment& y, const Moment& other_y) {
  const double total = x.count + other_x.count;
  if (total == 0) return;
  sum += other + (other_x.mean() - x.mean()) * (other_y.mean() - y.mean()) *
                     (x.count * other_x.count / total);
}

}  // namespace penchant::evaluation
