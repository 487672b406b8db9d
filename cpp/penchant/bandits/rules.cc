#include "penchant/bandits/rules.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "penchant/bandits/best_of.h"
#include "penchant/base/portable_math.h"

namespace penchant::bandits {
namespace {

void uniform(std::span<double> p) {
  std::fill(p.begin(), p.end(), 1.0 / static_cast<double>(p.size()));
}

// p = (1 - epsilon) p + epsilon / arms.
void mix_uniform(double epsilon, std::span<double> p) {
  const double each = epsilon / static_cast<double>(p.size());
  for (double& value : p) value = (1 - epsilon) * value + each;
}

void softmax(std::span<const double> mean, double temperature, std::span<double> p) {
  const double best = *std::max_element(mean.begin(), mean.end());
  double sum = 0;
  for (std::size_t a = 0; a < p.size(); ++a) {
    p[a] = portable_exp2((mean[a] - best) / temperature * std::numbers::log2e);
    sum += p[a];
  }
  for (double& value : p) value /= sum;
}

// gamma * t^exponent as in Vowpal Wabbit's squarecb (gamma_scale, gamma_exponent).
double gamma_at(const PolicyOptions& options, std::int64_t events) {
  if (options.gamma_exponent == 0) return options.gamma;
  const auto t = static_cast<double>(std::max<std::int64_t>(events, 1));
  return options.gamma * portable_pow(t, options.gamma_exponent);
}

void inverse_gap(std::span<const double> mean, double gamma, std::span<double> p) {
  const double best = *std::max_element(mean.begin(), mean.end());
  const auto arms = static_cast<double>(p.size());
  double sum = 0;
  double ties = 0;
  for (std::size_t a = 0; a < p.size(); ++a) {
    p[a] = 1 / (arms + gamma * (best - mean[a]));
    if (mean[a] == best) {
      ties += 1;
    } else {
      sum += p[a];
    }
  }
  for (std::size_t a = 0; a < p.size(); ++a) {
    if (mean[a] == best) p[a] = (1 - sum) / ties;
  }
}

void upper_bounds(const RowBeliefs& beliefs, double alpha, std::span<double> p) {
  for (std::size_t a = 0; a < p.size(); ++a) {
    p[a] = beliefs.mean[a] + alpha * std::sqrt(beliefs.spread[a]);
  }
  const std::vector<double> index(p.begin(), p.end());
  best_of_votes(index, p);
}

void ucb1(const RowBeliefs& tally, double alpha, std::int64_t events, std::span<double> p) {
  const auto t = static_cast<double>(std::max<std::int64_t>(events, 1));
  const double twice_log = 2 * portable_log2(t) * std::numbers::ln2;
  std::vector<double> index(p.size());
  for (std::size_t a = 0; a < p.size(); ++a) {
    const double n = tally.spread[a];
    index[a] = n > 0 ? tally.mean[a] / n + alpha * std::sqrt(twice_log / n)
                     : std::numeric_limits<double>::infinity();
  }
  best_of_votes(index, p);
}

void normals(const RowBeliefs& beliefs, double scale, std::span<double> p) {
  std::vector<double> deviation(p.size());
  for (std::size_t a = 0; a < p.size(); ++a) deviation[a] = scale * std::sqrt(beliefs.spread[a]);
  best_of_normals(beliefs.mean, deviation, p);
}

void betas(const RowBeliefs& tally, const PolicyOptions& options, std::span<double> p) {
  std::vector<double> alpha(p.size());
  std::vector<double> beta(p.size());
  for (std::size_t a = 0; a < p.size(); ++a) {
    const double successes = std::max(tally.mean[a], 0.0);
    alpha[a] = options.prior_success + successes;
    beta[a] = options.prior_failure + std::max(tally.spread[a] - successes, 0.0);
  }
  best_of_betas(alpha, beta, p);
}

std::vector<double> columns(std::span<const double> table, std::size_t width,
                            std::span<const std::size_t> positions) {
  std::vector<double> out;
  for (std::size_t row = 0; row < table.size(); row += width) {
    for (const std::size_t position : positions) out.push_back(table[row + position]);
  }
  return out;
}

}  // namespace

Needs needs_of(const PolicyOptions& options) {
  switch (options.kind) {
    case PolicyKind::kUniform:
      return {};
    case PolicyKind::kGreedy:
    case PolicyKind::kEpsilonGreedy:
    case PolicyKind::kSoftmax:
    case PolicyKind::kSquareCb:
      return {.mean = true};
    case PolicyKind::kLinUcb:
      return {.mean = true, .spread = true};
    case PolicyKind::kLinTs:
    case PolicyKind::kLogisticTs:
      if (options.model == ModelKind::kDisjoint) return {.mean = true, .spread = true};
      return {.votes = true, .draws = true};
    case PolicyKind::kUcb1:
    case PolicyKind::kBetaThompson:
      return {.mean = true, .spread = true, .tally = true};
    case PolicyKind::kBagging:
      return {.votes = true};
  }
  return {};
}

void propose(const PolicyOptions& options, std::int64_t events, const RowBeliefs& beliefs,
             std::span<double> p) {
  switch (options.kind) {
    case PolicyKind::kUniform:
      return uniform(p);
    case PolicyKind::kGreedy:
      return best_of_votes(beliefs.mean, p);
    case PolicyKind::kEpsilonGreedy:
      best_of_votes(beliefs.mean, p);
      return mix_uniform(options.epsilon, p);
    case PolicyKind::kSoftmax:
      return softmax(beliefs.mean, options.temperature, p);
    case PolicyKind::kSquareCb:
      return inverse_gap(beliefs.mean, gamma_at(options, events), p);
    case PolicyKind::kLinUcb:
      return upper_bounds(beliefs, options.alpha, p);
    case PolicyKind::kUcb1:
      return ucb1(beliefs, options.alpha, events, p);
    case PolicyKind::kBetaThompson:
      return betas(beliefs, options, p);
    case PolicyKind::kLinTs:
    case PolicyKind::kLogisticTs:
      if (beliefs.votes.empty()) return normals(beliefs, options.scale, p);
      return best_of_votes(beliefs.votes, p);
    case PolicyKind::kBagging:
      best_of_votes(beliefs.votes, p);
      return mix_uniform(options.epsilon, p);
  }
}

void propose_among(const PolicyOptions& options, std::int64_t events, const RowBeliefs& beliefs,
                   std::span<const std::size_t> positions, std::span<double> p) {
  const auto mean = columns(beliefs.mean, p.size(), positions);
  const auto spread = columns(beliefs.spread, p.size(), positions);
  const auto votes = columns(beliefs.votes, p.size(), positions);
  std::vector<double> among(positions.size());
  propose(options, events, {.mean = mean, .spread = spread, .votes = votes}, among);
  std::fill(p.begin(), p.end(), 0.0);
  for (std::size_t i = 0; i < positions.size(); ++i) p[positions[i]] = among[i];
}

}  // namespace penchant::bandits
