#pragma once

// What a policy holds; seen by policy.cc, policy_learning.cc and policy_io.cc alone.

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "penchant/bandits/policy.h"
#include "penchant/bandits/reward_model.h"
#include "penchant/bandits/rules.h"

namespace penchant::bandits {

struct Policy::Impl {
  // How LogisticTS counted an event, kept so that it can be taken back.
  struct Linearized {
    double root = 0;    // square root of its weight
    double target = 0;  // the response that was regressed on
  };

  explicit Impl(const PolicyOptions& given);
  Impl(const Impl& other);

  [[nodiscard]] bool ignores_contexts() const { return needs.tally || uniform(); }
  [[nodiscard]] bool uniform() const { return options.kind == PolicyKind::kUniform; }
  [[nodiscard]] bool logistic() const { return options.kind == PolicyKind::kLogisticTs; }
  [[nodiscard]] bool bagging() const { return options.kind == PolicyKind::kBagging; }
  [[nodiscard]] bool rates() const {
    return logistic() || options.kind == PolicyKind::kBetaThompson;
  }

  void check_candidates(const Candidates& ask, const Draws& draws) const;
  // The table must have `known` rows for them.
  void check_events(const Events& events, std::size_t known) const;
  [[nodiscard]] Lesson lesson_of(const Events& events, std::size_t e) const;
  [[nodiscard]] std::uint64_t id_of(const Events& events, std::size_t e) const;
  void learn_logistic(const Events& events);
  void teach(Lesson lesson, std::uint64_t id, bool back);
  void settle(int threads) const;

  PolicyOptions options;
  Needs needs;
  std::vector<std::unique_ptr<RewardModel>> models;  // one, or Bagging's replicas
  std::size_t arms = 0;
  std::int64_t events = 0;
  std::uint64_t next_event = 0;
  std::map<std::uint64_t, Linearized> linearized;

  // Models have learnt what they don't show yet; the first reader settles that for all.
  mutable std::atomic<bool> unsettled = false;
  mutable std::mutex settling;
};

}  // namespace penchant::bandits
