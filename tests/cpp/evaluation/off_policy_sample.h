#pragma once

// A random log with both policies' tables, and its rounds as the plain twin takes them.

#include <cmath>
#include <cstdint>
#include <vector>

#include "reference/plain_off_policy.h"

#include "penchant/base/random.h"
#include "penchant/evaluation/off_policy.h"

namespace penchant::evaluation {

struct SampleLog {
  std::size_t rounds;
  std::size_t actions;
  std::size_t positions;
  std::vector<std::int64_t> action;
  std::vector<double> reward;
  std::vector<double> logged;
  std::vector<double> logging_table;
  std::vector<double> target;
  std::vector<float> target_float;
  std::vector<double> q;
  std::vector<std::int64_t> position;
  std::vector<double> marginal;

  SampleLog(std::size_t n, std::size_t a, std::size_t slots, std::uint64_t seed)
      : rounds(n), actions(a), positions(slots) {
    const Philox random(seed, 1);
    const auto table = [&](std::uint32_t stream) {
      std::vector<double> out(n * a * slots);
      const Philox drawn(seed, stream);
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t s = 0; s < slots; ++s) {
          double mass = 0;
          const auto cell = [&](std::size_t k) { return (i * a + k) * slots + s; };
          for (std::size_t k = 0; k < a; ++k) {
            out[cell(k)] = std::exp(drawn.normal(i, static_cast<std::uint32_t>(k * slots + s)));
            mass += out[cell(k)];
          }
          for (std::size_t k = 0; k < a; ++k) out[cell(k)] /= mass;
        }
      }
      return out;
    };
    logging_table = table(2);
    target = table(3);
    q = table(4);
    for (std::size_t i = 0; i < n; ++i) {
      action.push_back(random.below(static_cast<std::uint32_t>(a), i, 0));
      position.push_back(random.below(static_cast<std::uint32_t>(slots), i, 1));
      reward.push_back(random.normal(i, 2) + 0.5);
      marginal.push_back(2 * random.uniform(i, 3));
      logged.push_back(logging_table[cell_of(i)]);
    }
    for (double& value : target) {
      target_float.push_back(static_cast<float>(value));
    }
  }

  [[nodiscard]] std::size_t cell_of(std::size_t i) const {
    return (i * actions + static_cast<std::size_t>(action[i])) * positions +
           static_cast<std::size_t>(position[i]);
  }

  [[nodiscard]] LoggedRounds view() const {
    LoggedRounds log;
    log.rounds = rounds;
    log.actions = actions;
    log.positions = positions;
    log.action = action;
    log.reward = reward;
    log.logged = logged;
    log.target = RealTable(std::span<const double>(target));
    log.q = RealTable(std::span<const double>(q));
    if (positions > 1) log.position = position;
    log.marginal_weight = marginal;
    return log;
  }

  [[nodiscard]] std::vector<reference::PlainRound> plain(bool marginal_weights = false) const {
    std::vector<reference::PlainRound> out;
    for (std::size_t i = 0; i < rounds; ++i) {
      double mass = 0;
      double value = 0;
      for (std::size_t k = 0; k < actions; ++k) {
        const std::size_t cell =
            (i * actions + k) * positions + static_cast<std::size_t>(position[i]);
        mass += target[cell];
        value += target[cell] * q[cell];
      }
      out.push_back({marginal_weights ? marginal[i] : target[cell_of(i)] / logged[i], reward[i],
                     q[cell_of(i)], value / mass});
    }
    return out;
  }
};

inline std::vector<OffPolicyEstimator> all_estimators() {
  std::vector<OffPolicyEstimator> out;
  for (const char* name :
       {"ips", "ips(clip=1.5)", "snips", "snips(clip=2)", "direct_method", "doubly_robust",
        "doubly_robust(clip=2)", "sndr", "sndr(clip=3)", "switch_dr(tau=0)", "switch_dr(tau=1)",
        "dros(lambda_=0)", "dros(lambda_=2)", "dros(lambda_=inf)", "sub_gaussian(lambda_=0.2)",
        "sub_gaussian(lambda_=1)", "sub_gaussian_dr(lambda_=0)", "mips", "snmips"}) {
    out.push_back(parse_off_policy_estimator(name));
  }
  return out;
}

}  // namespace penchant::evaluation
