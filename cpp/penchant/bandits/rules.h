#pragma once

// From beliefs about the arms to the distribution over them: one function a kind of policy, ties
// split evenly.

#include <cstdint>
#include <span>
#include <vector>

#include "penchant/bandits/options.h"

namespace penchant::bandits {

// Of one row. Which are filled depends on the kind: `needs` says.
struct RowBeliefs {
  std::span<const double> mean{};    // [arms]; tallies: sums of rewards
  std::span<const double> spread{};  // [arms]: variances; tallies: numbers of events
  std::span<const double> votes{};   // [voters, arms]: scores of draws or replicas
};

struct Needs {
  bool mean = false;
  bool spread = false;
  bool votes = false;
  bool draws = false;  // votes are of draws from the posterior
  bool tally = false;  // mean and spread are of a tally, the same in each row
};

[[nodiscard]] Needs needs_of(const PolicyOptions& options);

// `events`: learnt so far, for rules that anneal. probability [arms] sums to 1 within rounding.
void propose(const PolicyOptions& options, std::int64_t events, const RowBeliefs& beliefs,
             std::span<double> probability);

// The same among the arms at `positions` alone; others get 0.
void propose_among(const PolicyOptions& options, std::int64_t events, const RowBeliefs& beliefs,
                   std::span<const std::size_t> positions, std::span<double> probability);

}  // namespace penchant::bandits
