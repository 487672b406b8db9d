#pragma once

// Random contexts, arms and rewards for the tests of bandits, and all policies over them.

#include <string>
#include <vector>

#include "penchant/bandits/policy.h"
#include "penchant/base/random.h"

namespace penchant::bandits::testing {

// Events, and rows of contexts that are asked about.
struct World {
  std::size_t dimension;
  std::size_t arm_dimension;
  std::size_t arms;
  std::vector<double> contexts{};  // [events, dimension]
  std::vector<std::int32_t> arm{};
  std::vector<double> rewards{};       // 0 or 1
  std::vector<double> features{};      // [events, arm_dimension]
  std::vector<double> arm_features{};  // [arms, arm_dimension]
  std::vector<std::uint64_t> ids{};
  std::vector<std::int32_t> all_arms{};

  World(std::size_t events, std::size_t d, std::size_t p, std::size_t a, std::uint64_t seed = 1)
      : dimension(d), arm_dimension(p), arms(a) {
    const Philox random(seed, 0x77);
    for (std::uint32_t i = 0; i < a * p; ++i) arm_features.push_back(random.normal(1, i));
    for (std::uint32_t i = 0; i < a; ++i) all_arms.push_back(static_cast<std::int32_t>(i));
    for (std::uint64_t e = 0; e < events; ++e) {
      for (std::uint32_t j = 0; j < d; ++j) contexts.push_back(random.normal(e + 2, j));
      const auto chosen = random.below(static_cast<std::uint32_t>(a), e + 2, 500);
      arm.push_back(static_cast<std::int32_t>(chosen));
      const double x = d > 0 ? contexts[e * d] : 0.0;
      const double chance = 0.2 + 0.5 * (chosen + 1.0) / static_cast<double>(a) + (x > 0 ? 0.1 : 0);
      rewards.push_back(random.uniform(e + 2, 501) < chance ? 1.0 : 0.0);
      for (std::size_t j = 0; j < p; ++j) features.push_back(arm_features[chosen * p + j]);
      ids.push_back(e);
    }
  }

  [[nodiscard]] Events events(std::size_t begin, std::size_t end) const {
    const std::size_t n = end - begin;
    return {.contexts = {contexts.data() + begin * dimension, n, dimension},
            .arms = std::span(arm).subspan(begin, n),
            .rewards = std::span(rewards).subspan(begin, n),
            .features = std::span(features).subspan(begin * arm_dimension, n * arm_dimension),
            .ids = std::span(ids).subspan(begin, n)};
  }
  [[nodiscard]] Events events() const { return events(0, arm.size()); }

  [[nodiscard]] Candidates ask(std::size_t rows) const {
    return {
        .contexts = {contexts.data(), rows, dimension}, .arms = all_arms, .features = arm_features};
  }
};

// Every policy there is, with each model that it can have.
inline std::vector<PolicyOptions> every_policy(std::size_t dimension, std::size_t arm_dimension) {
  std::vector<PolicyOptions> out;
  for (const PolicyKind kind :
       {PolicyKind::kUniform, PolicyKind::kGreedy, PolicyKind::kEpsilonGreedy, PolicyKind::kSoftmax,
        PolicyKind::kUcb1, PolicyKind::kBetaThompson, PolicyKind::kLinUcb, PolicyKind::kLinTs,
        PolicyKind::kLogisticTs, PolicyKind::kSquareCb, PolicyKind::kBagging}) {
    const bool plain = kind == PolicyKind::kUniform || kind == PolicyKind::kUcb1 ||
                       kind == PolicyKind::kBetaThompson;
    for (const ModelKind model :
         {ModelKind::kDisjoint, ModelKind::kShared, ModelKind::kHybrid, ModelKind::kJoint}) {
      if (plain && model != ModelKind::kDisjoint) continue;
      out.push_back({.kind = kind,
                     .model = model,
                     .dimension = dimension,
                     .arm_dimension = model == ModelKind::kDisjoint ? 0 : arm_dimension,
                     .draws = 16,
                     .seed = 5});
    }
  }
  return out;
}

inline std::string name_of(const PolicyOptions& options) {
  return std::string(policy_kind_name(options.kind)) + "_" +
         std::string(model_kind_name(options.model));
}

// Events and candidates as a policy's model takes them: a disjoint one has no attributes of arms.
inline Events for_model(Events events, const PolicyOptions& options) {
  if (options.arm_dimension == 0) events.features = {};
  return events;
}
inline Candidates for_model(Candidates ask, const PolicyOptions& options) {
  if (options.arm_dimension == 0) ask.features = {};
  return ask;
}

}  // namespace penchant::bandits::testing
