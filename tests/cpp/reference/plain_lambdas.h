#pragma once

// The plain twins of the ranking objectives' derivatives: pair by pair, in double precision, as
// Burges (MSR-TR-2010-82) and Bruch (WWW 2021) write them.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

namespace penchant::reference {

struct Lambdas {
  std::vector<double> gradient;
  std::vector<double> hessian;
};

struct LambdaOptions {
  std::size_t truncation = 30;
  bool normalize = true;
  bool alike = false;  // every pair weighs one: the pairwise loss
};

// gains: of the rows of one query.
inline Lambdas plain_lambdas(const std::vector<double>& gains, const std::vector<double>& scores,
                             const LambdaOptions& options) {
  const std::size_t size = gains.size();
  Lambdas out{std::vector<double>(size), std::vector<double>(size)};
  std::vector<std::size_t> order(size);
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  const auto discount = [](std::size_t rank) {
    return 1 / std::log2(2.0 + static_cast<double>(rank));
  };
  std::vector<double> best = gains;
  std::sort(best.rbegin(), best.rend());
  double ideal = 0;
  for (std::size_t i = 0; i < std::min(size, options.truncation); ++i)
    ideal += best[i] * discount(i);
  if (ideal <= 0 && !options.alike) return out;
  const bool spread = scores[order.front()] != scores[order.back()];
  double sum = 0;
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = i + 1; j < size; ++j) {
      if (gains[order[i]] == gains[order[j]]) continue;
      if (!options.alike && i >= options.truncation) continue;
      const bool right = gains[order[i]] > gains[order[j]];
      const std::size_t high = right ? order[i] : order[j];
      const std::size_t low = right ? order[j] : order[i];
      const double apart = scores[high] - scores[low];
      double change = 1;
      if (!options.alike) {
        change = (gains[high] - gains[low]) * (discount(i) - discount(j)) / ideal;
        if (options.normalize && spread) change /= 0.01 + std::abs(apart);
      }
      const double p = 1 / (1 + std::exp(apart));
      out.gradient[high] -= change * p;
      out.gradient[low] += change * p;
      out.hessian[high] += change * p * (1 - p);
      out.hessian[low] += change * p * (1 - p);
      sum += 2 * change * p;
    }
  }
  if (options.alike || !options.normalize || sum <= 0) return out;
  for (double& one : out.gradient) one *= std::log2(1 + sum) / sum;
  for (double& one : out.hessian) one *= std::log2(1 + sum) / sum;
  return out;
}

// XE-NDCG: drawn[i] is the gamma of row i. The gradient is D times the first three terms of the
// series of H^-1 = (D + E)^-1, times p less the drawn distribution; matrices written out.
inline Lambdas plain_xendcg(const std::vector<double>& gains, const std::vector<double>& scores,
                            const std::vector<double>& drawn) {
  const std::size_t size = gains.size();
  Lambdas out{std::vector<double>(size), std::vector<double>(size)};
  if (size < 2) return out;
  std::vector<double> p(size);
  double powers = 0;
  double total = 0;
  const double highest = *std::max_element(scores.begin(), scores.end());
  for (std::size_t i = 0; i < size; ++i) {
    powers += std::exp(scores[i] - highest);
    total += gains[i] + 1 - drawn[i];
  }
  std::vector<double> term(size);
  for (std::size_t i = 0; i < size; ++i) {
    p[i] = std::min(std::exp(scores[i] - highest) / powers, 1 - 1e-12);
    term[i] = p[i] - (gains[i] + 1 - drawn[i]) / total;
    out.gradient[i] = term[i];
    out.hessian[i] = p[i] * (1 - p[i]);
  }
  for (int power = 1; power <= 2; ++power) {
    std::vector<double> next(size, 0.0);
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t j = 0; j < size; ++j) {
        const double e = i == j ? 0 : -p[i] * p[j];
        next[i] -= e * term[j] / (p[j] * (1 - p[j]));
      }
    }
    term = next;
    for (std::size_t i = 0; i < size; ++i) out.gradient[i] += term[i];
  }
  return out;
}

}  // namespace penchant::reference
