#include "penchant/evaluation/confidence.h"

#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "penchant/base/error.h"

namespace penchant::evaluation {
namespace {

constexpr std::array<std::pair<std::string_view, IntervalKind>, 4> kNames{{
    {"student_t", IntervalKind::kStudentT},
    {"bernstein", IntervalKind::kBernstein},
    {"hoeffding", IntervalKind::kHoeffding},
    {"bootstrap", IntervalKind::kBootstrap},
}};

// Above this many degrees four terms of the expansion are exact to rounding.
constexpr double kManyDegrees = 1000;

// Of the standard normal, p >= 1/2: Newton's method on the upper tail, which is convex there, from
// below.
double normal_quantile(double p) {
  const double tail = 1 - p;
  double x = 0;
  for (int step = 0; step < 60; ++step) {
    const double above = 0.5 * std::erfc(x / std::numbers::sqrt2);
    const double density = std::exp(-0.5 * x * x) / std::sqrt(2 * std::numbers::pi);
    const double move = (above - tail) / density;
    x += move;
    if (std::abs(move) <= 1e-15 * (1 + x)) break;
  }
  return x;
}

// The continued fraction of the incomplete beta function (Abramowitz & Stegun 26.5.8) by Lentz's
// method.
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  const auto apart = [](double value) { return std::abs(value) < kTiny ? kTiny : value; };
  double c = 1;
  double d = 1 / apart(1 - (a + b) * x / (a + 1));
  double fraction = d;
  for (int m = 1; m < 10'000; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / apart(1 + even * d);
    c = apart(1 + even / c);
    fraction *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / apart(1 + odd * d);
    c = apart(1 + odd / c);
    fraction *= d * c;
    if (std::abs(d * c - 1) < 1e-15) break;
  }
  return fraction;
}

double incomplete_beta(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) +
                                a * std::log(x) + b * std::log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
  return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

// The chance of more than t > 0 (Abramowitz & Stegun 26.7.1).
double student_t_tail(double t, double freedom) {
  return 0.5 * incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t));
}

// Abramowitz & Stegun 26.7.5.
double expanded_t_quantile(double z, double freedom) {
  const double s = z * z;
  const double g1 = z * (s + 1) / 4;
  const double g2 = z * ((5 * s + 16) * s + 3) / 96;
  const double g3 = z * (((3 * s + 19) * s + 17) * s - 15) / 384;
  const double g4 = z * ((((79 * s + 776) * s + 1482) * s - 1920) * s - 945) / 92160;
  return z + (g1 + (g2 + (g3 + g4 / freedom) / freedom) / freedom) / freedom;
}

double bisected_t_quantile(double tail, double freedom) {
  double low = 0;
  double high = 1;
  while (student_t_tail(high, freedom) > tail && high < 1e300) high *= 2;
  for (int step = 0; step < 200 && high - low > 1e-15 * high; ++step) {
    const double middle = low + (high - low) / 2;
    (student_t_tail(middle, freedom) > tail ? low : high) = middle;
  }
  return low + (high - low) / 2;
}

}  // namespace

IntervalKind parse_interval(std::string_view name) {
  for (const auto& [known, kind] : kNames) {
    if (known == name) return kind;
  }
  fail(ErrorKind::kInvalidArgument,
       concat("unknown interval '", name,
              "'; known are student_t, bernstein, hoeffding and bootstrap"));
}

double student_t_quantile(double p, double freedom) {
  check_argument(p > 0 && p < 1 && freedom >= 1,
                 "student_t_quantile: p must be within 0 and 1 and "
                 "the degrees of freedom 1 and more; they are ",
                 p, " and ", freedom);
  if (p < 0.5) return -student_t_quantile(1 - p, freedom);
  if (p == 0.5) return 0;
  if (freedom > kManyDegrees) return expanded_t_quantile(normal_quantile(p), freedom);
  return bisected_t_quantile(1 - p, freedom);
}

double mean_margin(const SampleOfMean& sample, IntervalKind kind, double confidence) {
  check_argument(confidence > 0 && confidence < 1,
                 "confidence must be between 0 and 1, like 0.95; it is ", confidence);
  check_argument(kind != IntervalKind::kBootstrap,
                 "the bootstrap has no bound by itself; ask for student_t, bernstein or hoeffding");
  if (sample.rows < 2) return std::numeric_limits<double>::infinity();
  const auto rows = static_cast<double>(sample.rows);
  const double rest = 1 - confidence;
  const double range = sample.most - sample.least;
  switch (kind) {
    case IntervalKind::kBernstein: {
      const double wide = std::log(2 / rest);
      return std::sqrt(2 * sample.variance * wide / rows) + 7 * range * wide / (3 * (rows - 1));
    }
    case IntervalKind::kHoeffding:
      return range * std::sqrt(std::log(1 / rest) / (2 * rows));
    default:
      return student_t_quantile(confidence, rows - 1) * std::sqrt(sample.variance / rows);
  }
}

Interval mean_interval(const SampleOfMean& sample, IntervalKind kind, double confidence) {
  check_argument(confidence > 0 && confidence < 1,
                 "confidence must be between 0 and 1, like 0.95; it is ", confidence);
  const double margin = mean_margin(sample, kind, 1 - (1 - confidence) / 2);
  return {sample.mean, sample.mean - margin, sample.mean + margin};
}

}  // namespace penchant::evaluation
