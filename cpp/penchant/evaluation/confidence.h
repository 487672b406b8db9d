#pragma once

// Intervals of a mean from what is known of its sample alone.
//
//   Interval both = mean_interval(sample, IntervalKind::kStudentT, 0.95);
//   double low = mean_lower_bound(sample, IntervalKind::kBernstein, 0.95);   // one-sided
//
// Student's t trusts the central limit theorem. Bernstein and Hoeffding hold for any number of
// independent values inside [least, most], and are wide for it; where the two are merely the
// smallest and the largest that were seen, the guarantee is only as good as they are.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "penchant/evaluation/bootstrap.h"

namespace penchant::evaluation {

enum class IntervalKind : std::uint8_t { kStudentT, kBernstein, kHoeffding, kBootstrap };

// "student_t", "bernstein", "hoeffding", "bootstrap". Throws kInvalidArgument on other names.
[[nodiscard]] IntervalKind parse_interval(std::string_view name);

struct SampleOfMean {
  std::size_t rows = 0;
  double mean = 0;
  double variance = 0;  // sum of (x - mean)^2 / (rows - 1)
  double least = 0;     // every value is within [least, most]
  double most = 0;
};

// How far below the mean the bound with that confidence is, one-sided; infinite for fewer than two
// rows. With d = 1 - confidence, n rows, variance v and range R = most - least:
//   student_t  t_{n-1}(1 - d) sqrt(v / n)
//   bernstein  sqrt(2 v log(2/d) / n) + 7 R log(2/d) / (3 (n - 1))   Maurer & Pontil (2009),
//   theorem 4 hoeffding  R sqrt(log(1/d) / (2 n))                                    Hoeffding
//   (1963), theorem 2
// Throws kInvalidArgument for kBootstrap and for a confidence that is not within 0 and 1.
[[nodiscard]] double mean_margin(const SampleOfMean& sample, IntervalKind kind, double confidence);

// Two-sided: half of 1 - confidence to either side.
[[nodiscard]] Interval mean_interval(const SampleOfMean& sample, IntervalKind kind,
                                     double confidence);

// Of Student's t with `freedom` degrees (1 and up, not necessarily whole), 0 < p < 1, to 1e-10 of
// its value.
[[nodiscard]] double student_t_quantile(double p, double freedom);

}  // namespace penchant::evaluation
