#pragma once

// The plain twin of off_policy.h: every estimator written out by itself, one round after the other,
// variances from the rounds' values, resamples by counting.

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "penchant/base/random.h"
#include "penchant/evaluation/off_policy.h"
#include "penchant/evaluation/off_policy_bootstrap.h"

namespace penchant::reference {

struct PlainRound {
  double weight = 0;  // plain, or the marginal one
  double reward = 0;
  double fitted = 0;  // q at the action taken
  double direct = 0;
};

inline double plain_shaped(const evaluation::OffPolicyEstimator& estimator, double w) {
  using evaluation::WeightShape;
  const double p = estimator.parameter;
  switch (estimator.shape) {
    case WeightShape::kNone:
      return 0;
    case WeightShape::kSwitch:
      return w <= p ? w : 0;
    case WeightShape::kShrink:
      if (std::isinf(p)) return w;
      return w == 0 ? 0 : p * w / (w * w + p);
    case WeightShape::kSubGaussian:
      return w == 0 ? 0 : w / (1 - p + p * w);
    case WeightShape::kMarginal:
      return w;
    default:
      return std::min(w, p);
  }
}

// The rounds' influence: their mean is the value, their variance that of the value times n.
inline std::vector<double> plain_influence(const evaluation::OffPolicyEstimator& estimator,
                                           const std::vector<PlainRound>& rounds) {
  const auto n = static_cast<double>(rounds.size());
  double weights = 0;
  double parts = 0;
  for (const PlainRound& round : rounds) {
    const double w = plain_shaped(estimator, round.weight);
    weights += w;
    parts += w * (round.reward - (estimator.modelled ? round.fitted : 0));
  }
  const double scale = estimator.normalized ? weights / n : 1;
  const double ratio = parts / n / scale;
  std::vector<double> out;
  for (const PlainRound& round : rounds) {
    const double w = plain_shaped(estimator, round.weight);
    const double part = w * (round.reward - (estimator.modelled ? round.fitted : 0));
    const double direct = estimator.modelled ? round.direct : 0;
    out.push_back(estimator.normalized ? direct + (part - ratio * w) / scale + ratio
                                       : direct + part);
  }
  return out;
}

inline double plain_mean(const std::vector<double>& x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

inline double plain_standard_error(const std::vector<double>& x) {
  const double mean = plain_mean(x);
  double squares = 0;
  for (const double value : x) squares += (value - mean) * (value - mean);
  const auto n = static_cast<double>(x.size());
  return std::sqrt(squares / (n - 1) / n);
}

// How often resample `draw` takes row `row`: see off_policy_bootstrap.cc for the order of bytes.
inline int plain_count(std::uint64_t seed, std::size_t row, std::size_t draw) {
  const std::size_t tile = draw / 128;
  const std::size_t place = draw % 128;
  const std::size_t word = place / 32;
  const std::size_t step = tile * 8 + place % 32 / 4;
  const auto bits = Philox(seed, 0x0B008).bits(row, static_cast<std::uint32_t>(step));
  return evaluation::poisson_count(static_cast<std::uint8_t>(bits[word] >> (8 * (place % 4))));
}

}  // namespace penchant::reference
