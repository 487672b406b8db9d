#pragma once

// The names of the off-policy estimators, and the one formula behind them.
//
//   OffPolicyEstimator estimator = parse_off_policy_estimator("switch_dr(tau=10)");
//   off_policy_estimator_name(estimator);          // "switch_dr(tau=10)"
//
// Every estimate is a mean over the rounds, where w_i = target(a_i | x_i) / logged(a_i | x_i), q is
// a reward model and D_i its mean under the target, sum_a target(a) q(a) / sum_a target(a), of
//
//   D_i [if modelled] + shaped(w_i) (r_i - q(x_i, a_i) [if modelled]) / S
//
// where S is the mean of shaped(w) when normalized, else 1. What differs:
//
//   name                     modelled  normalized  shaped(w)
//   ips(clip=)               no        no          min(w, clip)
//   snips(clip=)             no        yes         min(w, clip)
//   direct_method            yes       -           0
//   doubly_robust(clip=)     yes       no          min(w, clip)
//   sndr(clip=)              yes       yes         min(w, clip)
//   switch_dr(tau=)          yes       no          w where w <= tau, else 0
//   dros(lambda_=)           yes       no          lambda w / (w^2 + lambda)
//   sub_gaussian(lambda_=)   no        no          w / (1 - lambda + lambda w)
//   sub_gaussian_dr(...)     yes       no          the same
//   mips, snmips             no        no, yes     the weights of embeddings, which are given
//
// Sources: ips, Horvitz & Thompson (1952); snips, Swaminathan & Joachims ("The self-normalized
// estimator for counterfactual learning", 2015); doubly_robust, Dudik, Langford & Li (2011);
// switch_dr, Wang, Agarwal & Dudik ("Optimal and adaptive off-policy evaluation in contextual
// bandits", 2017); dros, Su, Dimakopoulou, Krishnamurthy & Dudik ("Doubly robust off-policy
// evaluation with shrinkage", 2020); sub_gaussian, Metelli, Russo & Restelli ("Subgaussian and
// differentiable importance sampling", 2021); mips, Saito & Joachims ("Off-policy evaluation for
// large action spaces via embeddings", 2022). The conventions (a direct method that divides by the
// target's mass, sndr that normalizes its correction alone, switch_dr that keeps w <= tau) are
// those of the Open Bandit Pipeline 0.5.7, whose values these equal to rounding.

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace penchant::evaluation {

enum class WeightShape : std::uint8_t { kNone, kClip, kSwitch, kShrink, kSubGaussian, kMarginal };

struct OffPolicyEstimator {
  bool modelled = false;
  bool normalized = false;
  WeightShape shape = WeightShape::kClip;
  double parameter = std::numeric_limits<double>::infinity();  // clip, tau or lambda

  friend bool operator==(const OffPolicyEstimator&, const OffPolicyEstimator&) = default;
};

// Reads "ips", "ips(clip=100)", "dros(lambda_=10)"... Throws kInvalidArgument on an unknown name
// (the message lists the known ones), a parameter that is missing, unknown, NaN or out of range.
[[nodiscard]] OffPolicyEstimator parse_off_policy_estimator(std::string_view name);

// The canonical name, which parse_off_policy_estimator reads back.
[[nodiscard]] std::string off_policy_estimator_name(const OffPolicyEstimator& estimator);

}  // namespace penchant::evaluation
