#pragma once

// What a policy is: its kind, its model of rewards, its numbers.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace penchant::bandits {

// How arms are chosen from what is believed of their rewards.
enum class PolicyKind : std::uint8_t {
  kUniform,
  kGreedy,         // the largest mean
  kEpsilonGreedy,  // Sutton & Barto, "Reinforcement learning" (2018), 2.2
  kSoftmax,        // p proportional to exp(mean / temperature); Sutton & Barto (1998), 2.3
  kUcb1,           // Auer, Cesa-Bianchi & Fischer, "Finite-time analysis" (2002): UCB1
  kBetaThompson,   // Chapelle & Li, "An empirical evaluation of Thompson sampling" (2011), Alg. 2
  kLinUcb,         // Li, Chu, Langford & Schapire, "A contextual-bandit approach" (2010), Alg. 1
  kLinTs,          // Agrawal & Goyal, "Thompson sampling for contextual bandits" (2013), Alg. 1
  kLogisticTs,     // Thompson sampling on a logistic model, linearized where each event was met
  kSquareCb,       // Foster & Rakhlin, "Beyond UCB" (2020), Alg. 1: inverse gap weighting
  kBagging,        // Eckles & Kaptein (2014), and "Bag" of Agarwal et al. (2016): online bootstrap
};

// Which coefficients arms share. With context x and attributes f of the arm, each with a leading 1
// where there is an intercept, or where there is nothing else:
//   disjoint   x . theta_arm
//   shared     z . beta, z = x (x) f (all products), or (x, f) without interactions
//   hybrid     x . theta_arm, theta_arm ~ N(B f, I / l2): an arm starts from what its attributes
//              say and moves away by its own rewards (Hong et al., "Hierarchical Bayesian bandits",
//              2022). Without attributes all arms start from their common coefficients.
//   joint      z . beta + x . theta_arm, estimated together (Li et al. 2010, Alg. 2)
enum class ModelKind : std::uint8_t { kDisjoint, kShared, kHybrid, kJoint };

[[nodiscard]] std::string_view policy_kind_name(PolicyKind kind);  // "lin_ucb"
[[nodiscard]] std::string_view model_kind_name(ModelKind kind);    // "disjoint"
// Throws kInvalidArgument on a name that is not there.
[[nodiscard]] PolicyKind find_policy_kind(std::string_view name);
[[nodiscard]] ModelKind find_model_kind(std::string_view name);

struct PolicyOptions {
  PolicyKind kind = PolicyKind::kGreedy;
  ModelKind model = ModelKind::kDisjoint;
  std::size_t dimension = 0;      // columns of a context
  std::size_t arm_dimension = 0;  // attributes of an arm; not disjoint
  bool intercept = true;
  bool interactions = true;  // shared, joint: all products, not only sums
  double l2 = 1;             // ridge; the prior's precision
  double discount = 1;       // (0, 1]: what an event still counts after each later one of its arm

  double epsilon = 0.1;      // epsilon-greedy; bagging: the share chosen at random
  double temperature = 0.1;  // softmax
  double alpha = 1;          // UCB1, LinUCB: standard deviations above the mean
  double scale = 1;          // LinTS, LogisticTS: times the posterior's standard deviation
  double prior_success = 1;  // BetaThompson: the prior Beta(success, failure)
  double prior_failure = 1;
  double gamma = 10;            // SquareCB: gamma * events^gamma_exponent
  double gamma_exponent = 0.5;  // 0: gamma itself
  std::size_t replicas = 10;    // Bagging
  std::size_t draws = 256;      // Thompson where arms depend on each other

  double min_probability = 0;  // of every arm that may be shown; at most 1 / arms
  std::uint64_t seed = 0;
};

// Throws kInvalidArgument, naming the option, when one makes no sense.
void check_options(const PolicyOptions& options);

}  // namespace penchant::bandits
