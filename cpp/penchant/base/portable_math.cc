#include "penchant/base/portable_math.h"

#include <bit>
#include <cstdint>
#include <limits>
#include <numbers>

namespace penchant {

double portable_exp2(double x) {
  if (x != x) return x;
  if (x < -1022) return 0;
  if (x >= 1024) return std::numeric_limits<double>::infinity();
  // x = n + r with |r| <= 1/2; 2^r = exp(r ln 2) by its Taylor series.
  const auto n = static_cast<std::int64_t>(x + (x < 0 ? -0.5 : 0.5));
  const double t = (x - static_cast<double>(n)) * std::numbers::ln2;
  double sum = 1;
  for (int k = 16; k >= 1; --k) sum = 1 + t / k * sum;
  // 2^n for a normal n, built from its bits; n = 1024 can only come with r < 0.
  const std::int64_t half = n / 2;
  const auto power = [](std::int64_t e) {
    return std::bit_cast<double>(static_cast<std::uint64_t>(e + 1023) << 52);
  };
  return sum * power(half) * power(n - half);
}

double portable_log2(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x);
  auto exponent = static_cast<std::int64_t>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0x000F'FFFF'FFFF'FFFFULL) | 0x3FF0'0000'0000'0000ULL);
  if (m > std::numbers::sqrt2) {
    m *= 0.5;
    ++exponent;
  }
  // ln m = 2 atanh(s), s = (m - 1) / (m + 1), |s| < 0.172.
  const double s = (m - 1) / (m + 1);
  const double square = s * s;
  double sum = 0;
  for (int k = 21; k >= 1; k -= 2) sum = sum * square + 1.0 / k;
  return static_cast<double>(exponent) + 2 * s * sum * std::numbers::log2e;
}

double portable_log1p(double x) {
  if (x < 1e-4) {  // 1 + x would round away what matters
    return x * (1 - x * (1.0 / 2 - x * (1.0 / 3 - x * (1.0 / 4))));
  }
  return portable_log2(1 + x) * std::numbers::ln2;
}

double portable_sin_turn(double turns) {
  // The nearest half turn flips the sign; what is left is within a quarter, where the series
  // sin(t) = t - t^3/3! + ... needs eleven terms.
  const double doubled = 2 * turns;
  const auto half_turns = static_cast<std::int64_t>(doubled + (doubled < 0 ? -0.5 : 0.5));
  const double t = (doubled - static_cast<double>(half_turns)) * std::numbers::pi;
  const double square = t * t;
  double sum = 1;
  for (int k = 21; k >= 3; k -= 2) sum = 1 - square / (k * (k - 1)) * sum;
  return half_turns % 2 == 0 ? t * sum : -t * sum;
}

double portable_pow(double x, double y) { return portable_exp2(y * portable_log2(x)); }

}  // namespace penchant
