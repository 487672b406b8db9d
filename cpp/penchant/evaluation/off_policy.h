#pragma once

// What another policy would have earned, from the log of the one that ran: any set of estimators in
// one pass over the tables.
//
//   const auto found = estimate_off_policy(log, {parse_off_policy_estimator("ips"),
//                                                parse_off_policy_estimator("doubly_robust")}, {});
//   found.estimates[1].low;
//
// Sums are made block by block and added in the order of the blocks, so the same log gives the same
// bits at any number of threads. Time is that of reading target and q once; memory does not grow
// with the rounds but for the bootstrap, which keeps a few numbers a round.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/evaluation/confidence.h"
#include "penchant/evaluation/off_policy_estimator.h"
#include "penchant/evaluation/off_policy_rounds.h"

namespace penchant::evaluation {

struct OffPolicyOptions {
  double confidence = 0.95;
  IntervalKind interval = IntervalKind::kStudentT;
  std::uint64_t seed = 0;  // of the bootstrap
  int resamples = 1000;    // 1 .. 1,000,000, of the bootstrap
  int threads = 0;
};

struct OffPolicyEstimate {
  double value = 0;
  double low = 0;
  double high = 0;
  // Of the value, by the rounds' variance; of a normalized one by the delta method (Owen, "Monte
  // Carlo theory, methods and examples", 2013, eq. 9.9).
  double standard_error = 0;
  // (sum shaped w)^2 / sum shaped w^2 (Kish, 1965); the rounds for direct_method.
  double effective_sample_size = 0;
  double least = 0;  // every round's value is within [least, most]
  double most = 0;
  // The largest |weighted reward or residual| over the sum of all, and whose it is; 0 and kNoRound
  // where there is none.
  double largest_share = 0;
  std::size_t largest_round = kNoRound;
};

// Of the plain weights target(a_i) / logged(a_i), whose expectation is 1.
struct WeightFacts {
  double mean = 0;
  double standard_error = 0;  // of the mean
  double effective_sample_size = 0;
  double most = 0;
  std::size_t heaviest_round = kNoRound;  // the first that has `most`
};

struct OffPolicyEstimation {
  std::vector<OffPolicyEstimate> estimates;  // in the order asked
  WeightFacts weights;                       // empty when the log has no actions
};

// Throws kInvalidArgument when arrays differ in length, or an estimator needs q, actions or
// marginal weights that the log has not; kBadData naming the first round whose numbers make no
// sense.
[[nodiscard]] OffPolicyEstimation estimate_off_policy(
    const LoggedRounds& log, std::span<const OffPolicyEstimator> estimators,
    const OffPolicyOptions& options);

}  // namespace penchant::evaluation
