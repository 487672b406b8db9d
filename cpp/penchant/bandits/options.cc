#include "penchant/bandits/options.h"

#include <array>
#include <cmath>
#include <utility>

#include "penchant/base/error.h"

namespace penchant::bandits {
namespace {

constexpr std::size_t kMostDimension = 4096;
constexpr std::size_t kMostReplicas = 1000;
constexpr std::size_t kMostDraws = 1 << 16;

constexpr std::array<std::pair<PolicyKind, std::string_view>, 11> kPolicies = {{
    {PolicyKind::kUniform, "uniform"},
    {PolicyKind::kGreedy, "greedy"},
    {PolicyKind::kEpsilonGreedy, "epsilon_greedy"},
    {PolicyKind::kSoftmax, "softmax"},
    {PolicyKind::kUcb1, "ucb1"},
    {PolicyKind::kBetaThompson, "beta_thompson"},
    {PolicyKind::kLinUcb, "lin_ucb"},
    {PolicyKind::kLinTs, "lin_ts"},
    {PolicyKind::kLogisticTs, "logistic_ts"},
    {PolicyKind::kSquareCb, "square_cb"},
    {PolicyKind::kBagging, "bagging"},
}};
constexpr std::array<std::pair<ModelKind, std::string_view>, 4> kModels = {{
    {ModelKind::kDisjoint, "disjoint"},
    {ModelKind::kShared, "shared"},
    {ModelKind::kHybrid, "hybrid"},
    {ModelKind::kJoint, "joint"},
}};

template <class Table, class Kind>
std::string_view name_in(const Table& table, Kind kind) {
  for (const auto& [known, name] : table) {
    if (known == kind) return name;
  }
  return "unknown";
}

template <class Table>
auto find_in(const Table& table, std::string_view wanted, std::string_view what) {
  std::string names;
  for (const auto& [kind, name] : table) {
    if (name == wanted) return kind;
    names += concat(names.empty() ? "" : ", ", name);
  }
  fail(ErrorKind::kInvalidArgument, concat("unknown ", what, " '", wanted, "'; choose ", names));
}

void check_number(bool holds, const char* name, double value, const char* must) {
  check_argument(holds && std::isfinite(value), "policy: ", name, " must ", must, ", not ", value);
}

}  // namespace

std::string_view policy_kind_name(PolicyKind kind) { return name_in(kPolicies, kind); }
std::string_view model_kind_name(ModelKind kind) { return name_in(kModels, kind); }
PolicyKind find_policy_kind(std::string_view name) { return find_in(kPolicies, name, "policy"); }
ModelKind find_model_kind(std::string_view name) { return find_in(kModels, name, "model"); }

void check_options(const PolicyOptions& o) {
  check_argument(o.dimension <= kMostDimension, "policy: dimension must be at most ",
                 kMostDimension, ", not ", o.dimension);
  check_argument(o.arm_dimension <= kMostDimension, "policy: arm_dimension must be at most ",
                 kMostDimension, ", not ", o.arm_dimension);
  if (o.model == ModelKind::kDisjoint) {
    check_argument(o.arm_dimension == 0, "policy: a disjoint model has no arm_dimension");
  } else {
    const std::size_t own = o.model == ModelKind::kJoint ? o.dimension + 1 : 0;
    const std::size_t joint = own + (o.interactions || o.model == ModelKind::kHybrid
                                         ? (o.dimension + 1) * (o.arm_dimension + 1)
                                         : o.dimension + o.arm_dimension + 2);
    check_argument(joint <= kMostDimension, "policy: the products of ", o.dimension,
                   " columns of contexts and ", o.arm_dimension, " of arms are ", joint,
                   " coefficients, more than ", kMostDimension,
                   "; give fewer, or interactions=False");
  }
  check_number(o.l2 >= 1e-6 && o.l2 <= 1e12, "l2", o.l2, "be 1e-6 to 1e12");
  check_number(o.discount > 0 && o.discount <= 1, "discount", o.discount, "be above 0, at most 1");
  check_number(o.epsilon >= 0 && o.epsilon <= 1, "epsilon", o.epsilon, "be 0 to 1");
  check_number(o.temperature > 0, "temperature", o.temperature, "be above 0");
  check_number(o.alpha >= 0, "alpha", o.alpha, "be from 0 up");
  check_number(o.scale > 0, "scale", o.scale, "be above 0");
  check_number(o.prior_success > 0 && o.prior_success <= 1e9, "prior_success", o.prior_success,
               "be above 0, at most 1e9");
  check_number(o.prior_failure > 0 && o.prior_failure <= 1e9, "prior_failure", o.prior_failure,
               "be above 0, at most 1e9");
  check_number(o.gamma >= 0, "gamma", o.gamma, "be from 0 up");
  check_number(o.gamma_exponent >= 0 && o.gamma_exponent <= 1, "gamma_exponent", o.gamma_exponent,
               "be 0 to 1");
  check_number(o.min_probability >= 0 && o.min_probability <= 1, "min_probability",
               o.min_probability, "be 0 to 1");
  check_argument(o.replicas >= 1 && o.replicas <= kMostReplicas, "policy: replicas must be 1 to ",
                 kMostReplicas, ", not ", o.replicas);
  check_argument(o.draws >= 1 && o.draws <= kMostDraws, "policy: draws must be 1 to ", kMostDraws,
                 ", not ", o.draws);
}

}  // namespace penchant::bandits
