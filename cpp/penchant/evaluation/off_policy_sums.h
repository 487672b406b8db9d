#pragma once

// Means, variances and extremes of a block's columns, and how blocks are put together.
//
// Inside a block two passes (mean, then squares about it) over eight lanes; blocks merge by the
// formula of Chan, Golub & LeVeque ("Updating formulae and a pairwise algorithm for computing
// sample variances", 1979), so that nothing is lost to cancellation whatever the scale.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>

namespace penchant::evaluation {

template <class Term>
[[nodiscard]] double lane_sum(std::size_t count, const Term& term) {
  constexpr std::size_t kLanes = 8;
  double lane[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t j = 0; j < kLanes; ++j) lane[j] += term(i + j);
  }
  for (std::size_t j = 0; i < count; ++i, ++j) lane[j] += term(i);
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

template <class Term>
[[nodiscard]] double lane_max(std::size_t count, const Term& term) {
  constexpr std::size_t kLanes = 8;
  double lane[kLanes];
  std::fill(lane, lane + kLanes, term(0));
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t j = 0; j < kLanes; ++j) {
      const double value = term(i + j);
      lane[j] = value > lane[j] ? value : lane[j];
    }
  }
  for (std::size_t j = 0; i < count; ++i, ++j) lane[j] = std::max(lane[j], term(i));
  return *std::max_element(lane, lane + kLanes);
}

// Count, mean and sum of squares about it.
struct Moment {
  double count = 0;
  double mean = 0;
  double squares = 0;

  [[nodiscard]] static Moment of(std::span<const double> x) {
    Moment out;
    out.count = static_cast<double>(x.size());
    out.mean = lane_sum(x.size(), [&](std::size_t i) { return x[i]; }) / out.count;
    out.squares = lane_sum(x.size(), [&](std::size_t i) {
      const double d = x[i] - out.mean;
      return d * d;
    });
    return out;
  }

  void merge(const Moment& other) {
    const double total = count + other.count;
    if (total == 0) return;
    const double apart = other.mean - mean;
    squares += other.squares + apart * apart * (count * other.count / total);
    mean += apart * (other.count / total);
    count = total;
  }

  [[nodiscard]] double variance() const { return count < 2 ? 0 : squares / (count - 1); }
};

// Sum of (x - mean x)(y - mean y).
[[nodiscard]] inline double product_about(std::span<const double> x, double mean_x,
                                          std::span<const double> y, double mean_y) {
  return lane_sum(x.size(), [&](std::size_t i) { return (x[i] - mean_x) * (y[i] - mean_y); });
}

struct Extremes {
  double least = 0;
  double most = 0;

  [[nodiscard]] static Extremes of(std::span<const double> x) {
    return {-lane_max(x.size(), [&](std::size_t i) { return -x[i]; }),
            lane_max(x.size(), [&](std::size_t i) { return x[i]; })};
  }
  void merge(const Extremes& other) {
    least = std::min(least, other.least);
    most = std::max(most, other.most);
  }
};

// The largest |x|, the first row that has it, and the sum of all |x|.
struct Largest {
  double most = 0;
  std::size_t row = static_cast<std::size_t>(-1);
  double total = 0;

  [[nodiscard]] static Largest of(std::span<const double> x, std::size_t first_row) {
    const auto size = [&](std::size_t i) { return std::abs(x[i]); };
    Largest out;
    out.most = lane_max(x.size(), size);
    out.total = lane_sum(x.size(), size);
    const auto found =
        std::find_if(x.begin(), x.end(), [&](double value) { return std::abs(value) == out.most; });
    out.row = first_row + static_cast<std::size_t>(found - x.begin());
    return out;
  }
  void merge(const Largest& other) {
    total += other.total;
    if (other.most > most) {
      most = other.most;
      row = other.row;
    }
  }
};

}  // namespace penchant::evaluation
