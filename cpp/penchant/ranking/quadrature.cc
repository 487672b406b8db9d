#include "penchant/ranking/quadrature.h"

namespace penchant::ranking {
namespace {

struct Legendre {
  double value = 0;
  double slope = 0;
};

// P_n and its derivative at x within (-1, 1), by the recurrence of three terms.
Legendre legendre(std::size_t n, double x) {
  double before = 1;
  double value = x;
  for (std::size_t k = 2; k <= n; ++k) {
    const auto of = static_cast<double>(k);
    const double next = ((2 * of - 1) * x * value - (of - 1) * before) / of;
    before = value;
    value = next;
  }
  return {value, static_cast<double>(n) * (before - x * value) / (1 - x * x)};
}

// The zero between two points where P_n has opposite signs: halving, then two steps of Newton's.
double zero_between(std::size_t n, double low, double high) {
  const bool rising = legendre(n, high).value > 0;
  for (int step = 0; step < 30; ++step) {
    const double middle = (low + high) / 2;
    ((legendre(n, middle).value > 0) == rising ? high : low) = middle;
  }
  double x = (low + high) / 2;
  for (int step = 0; step < 2; ++step) {
    const Legendre at = legendre(n, x);
    x -= at.value / at.slope;
  }
  return x;
}

}  // namespace

Quadrature::Quadrature(std::size_t most) : points_(most + 1), weights_(most + 1) {
  // The zeros of P_n lie between those of P_(n-1) and the ends.
  std::vector<double> zeros;
  for (std::size_t n = 1; n <= most; ++n) {
    std::vector<double> next;
    for (std::size_t i = 0; i < n; ++i) {
      const double low = i == 0 ? -1 : zeros[i - 1];
      const double high = i + 1 == n ? 1 : zeros[i];
      next.push_back(n == 1 ? 0.0 : zero_between(n, low, high));
    }
    zeros = std::move(next);
    for (const double x : zeros) {
      const double slope = legendre(n, x).slope;
      points_[n].push_back((1 + x) / 2);
      weights_[n].push_back(1 / ((1 - x * x) * slope * slope));  // half of [-1, 1]'s
    }
    const std::size_t padded = (n + kPadding - 1) / kPadding * kPadding;
    points_[n].resize(padded, 0.0);
    weights_[n].resize(padded, 0.0);
  }
}

}  // namespace penchant::ranking
