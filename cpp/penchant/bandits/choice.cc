#include "penchant/bandits/choice.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace penchant::bandits {

bool guard(std::span<double> probabilities, std::span<const std::uint8_t> blocked) {
  if (blocked.empty()) return true;
  double sum = 0;
  for (std::size_t a = 0; a < probabilities.size(); ++a) {
    if (blocked[a] != 0) probabilities[a] = 0;
    sum += probabilities[a];
  }
  if (!(sum > 0)) return false;
  for (double& p : probabilities) p /= sum;
  return true;
}

void mix_floor(std::span<double> probabilities, std::span<const std::uint8_t> blocked,
               double floor) {
  if (!(floor > 0)) return;
  const auto open = [&](std::size_t a) { return blocked.empty() || blocked[a] == 0; };
  std::size_t allowed = 0;
  for (std::size_t a = 0; a < probabilities.size(); ++a) allowed += open(a) ? 1 : 0;
  const double m = static_cast<double>(allowed);
  const double each = std::min(floor, 1 / m);
  const double rest = std::max(0.0, 1 - m * each);
  for (std::size_t a = 0; a < probabilities.size(); ++a) {
    if (open(a)) probabilities[a] = rest * probabilities[a] + each;
  }
}

std::size_t draw(std::span<const double> probabilities, double u) {
  double sum = 0;
  for (const double p : probabilities) sum += p;
  const double target = u * sum;
  double reached = 0;
  std::size_t last = 0;
  for (std::size_t a = 0; a < probabilities.size(); ++a) {
    if (!(probabilities[a] > 0)) continue;
    reached += probabilities[a];
    last = a;
    if (reached > target) return a;
  }
  return last;  // rounding left a gap below 1
}

double slate_log_probability(std::span<const double> probabilities,
                             std::span<const std::int32_t> positions) {
  std::vector<double> left(probabilities.begin(), probabilities.end());
  double log = 0;
  for (const std::int32_t position : positions) {
    double sum = 0;
    for (const double p : left) sum += p;
    double& taken = left[static_cast<std::size_t>(position)];
    if (!(taken > 0)) return -std::numeric_limits<double>::infinity();
    log += std::log(taken / sum);
    taken = 0;
  }
  return log;
}

}  // namespace penchant::bandits
