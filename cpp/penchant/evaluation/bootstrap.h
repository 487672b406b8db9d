#pragma once

// Percentile bootstrap of means over subjects (Efron & Tibshirani, "An Introduction to the
// Bootstrap", 1993, chapter 13). For two models on the same people, give it the differences: that
// is the paired bootstrap.
//
//   Interval mean = bootstrap_mean(values, {.confidence = 0.95, .seed = 7});
//
// Draw d takes row below(rows) for each of its rows from a counter keyed by (seed, d), so intervals
// are the same bits at any number of threads. Columns share their draws.

#include <cstdint>
#include <span>
#include <vector>

namespace penchant::evaluation {

struct Interval {
  double value = 0;  // the mean over rows that are not NaN
  double low = 0;
  double high = 0;
};

struct BootstrapOptions {
  double confidence = 0.95;  // between 0 and 1, both excluded
  std::uint64_t seed = 0;
  int resamples = 1000;  // 1 .. 1,000,000
  int threads = 0;
};

// `columns` are equally long, one row a subject. NaN rows are left out of every mean; a column
// without a value gets NaN. Quantiles are interpolated linearly. Throws kInvalidArgument.
[[nodiscard]] std::vector<Interval> bootstrap_means(
    std::span<const std::span<const double>> columns, const BootstrapOptions& options);

[[nodiscard]] Interval bootstrap_mean(std::span<const double> values,
                                      const BootstrapOptions& options);

}  // namespace penchant::evaluation
