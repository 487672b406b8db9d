// Off-policy evaluation: estimates, the weights of embeddings, bounds of a mean.

#include <variant>

#include "penchant/bindings/register.h"
#include "penchant/evaluation/confidence.h"
#include "penchant/evaluation/off_policy.h"
#include "penchant/evaluation/off_policy_embedding.h"

namespace penchant::bindings {
namespace {

using evaluation::OffPolicyEstimate;
using evaluation::OffPolicyEstimation;
using evaluation::WeightFacts;

using Reals = Array<double>;
using Integers = Array<std::int64_t>;

// A table of float64 or float32 as it is, anything else as float64.
using TableArray = std::variant<Reals, Array<float>>;

TableArray as_table_array(const py::array& array) {
  if (py::isinstance<py::array_t<float, py::array::c_style>>(array)) return Array<float>(array);
  return Reals(array);
}

evaluation::RealTable view_of(const TableArray& array) {
  return std::visit([](const auto& values) { return evaluation::RealTable(as_span(values)); },
                    array);
}

template <class T>
std::span<const T> span_or_empty(const std::optional<Array<T>>& array) {
  return array ? as_span(*array) : std::span<const T>();
}

OffPolicyEstimation estimate(const py::array& target, const std::vector<std::string>& estimators,
                             const std::optional<Integers>& action,
                             const std::optional<Reals>& reward, const std::optional<Reals>& logged,
                             const std::optional<py::array>& q,
                             const std::optional<Integers>& position,
                             const std::optional<Reals>& marginal_weight, double confidence,
                             const std::string& interval, std::uint64_t seed, int resamples,
                             int threads) {
  check_argument(target.ndim() == 2 || target.ndim() == 3,
                 "off-policy: target must be [rounds, actions] or [rounds, actions, positions]");
  const TableArray targets = as_table_array(target);
  std::optional<TableArray> predictions;
  if (q) predictions = as_table_array(*q);
  const auto length = [](py::ssize_t size) { return static_cast<std::size_t>(size); };
  evaluation::LoggedRounds log{
      .rounds = length(target.shape(0)),
      .actions = length(target.shape(1)),
      .positions = target.ndim() == 3 ? length(target.shape(2)) : 1,
      .action = span_or_empty(action),
      .reward = span_or_empty(reward),
      .logged = span_or_empty(logged),
      .target = view_of(targets),
      .q = std::nullopt,
      .position = span_or_empty(position),
      .marginal_weight = span_or_empty(marginal_weight),
  };
  if (predictions) log.q = view_of(*predictions);
  std::vector<evaluation::OffPolicyEstimator> asked;
  for (const std::string& name : estimators) {
    asked.push_back(evaluation::parse_off_policy_estimator(name));
  }
  const evaluation::OffPolicyOptions options{confidence, evaluation::parse_interval(interval), seed,
                                             resamples, threads};
  const py::gil_scoped_release released;
  return evaluation::estimate_off_policy(log, asked, options);
}

py::array_t<double> known_weights(const Reals& target, const Reals& logged, const Reals& chance,
                                  const Integers& embedding, int threads) {
  check_argument(target.ndim() == 2 && chance.ndim() == 3,
                 "mips: target must be [rounds, actions] and p_embedding [actions, categories, "
                 "dimensions]");
  const evaluation::PolicyTables tables{static_cast<std::size_t>(target.shape(0)),
                                        static_cast<std::size_t>(target.shape(1)), as_span(target),
                                        as_span(logged)};
  const evaluation::KnownEmbedding known{static_cast<std::size_t>(chance.shape(1)),
                                         static_cast<std::size_t>(chance.shape(2)), as_span(chance),
                                         as_span(embedding)};
  const auto weights = [&] {
    const py::gil_scoped_release released;
    return evaluation::marginal_weights(tables, known, threads);
  };
  return move_to_array(weights());
}

py::array_t<double> posterior_weights(const Reals& target, const Reals& logged,
                                      const Reals& posterior, int threads) {
  check_argument(target.ndim() == 2, "mips: target must be [rounds, actions]");
  const evaluation::PolicyTables tables{static_cast<std::size_t>(target.shape(0)),
                                        static_cast<std::size_t>(target.shape(1)), as_span(target),
                                        as_span(logged)};
  const auto weights = [&] {
    const py::gil_scoped_release released;
    return evaluation::marginal_weights(tables, as_span(posterior), threads);
  };
  return move_to_array(weights());
}

double margin(std::size_t rows, double variance, double range, const std::string& kind,
              double confidence) {
  return evaluation::mean_margin({rows, 0, variance, 0, range}, evaluation::parse_interval(kind),
                                 confidence);
}

std::optional<std::size_t> round_or_none(std::size_t round) {
  return round == evaluation::kNoRound ? std::nullopt : std::optional(round);
}

}  // namespace

void register_off_policy(py::module_& module) {
  py::class_<OffPolicyEstimate>(module, "OffPolicyEstimate", "What one estimator says.")
      .def_readonly("value", &OffPolicyEstimate::value)
      .def_readonly("low", &OffPolicyEstimate::low)
      .def_readonly("high", &OffPolicyEstimate::high)
      .def_readonly("standard_error", &OffPolicyEstimate::standard_error)
      .def_readonly("effective_sample_size", &OffPolicyEstimate::effective_sample_size)
      .def_readonly("least", &OffPolicyEstimate::least)
      .def_readonly("most", &OffPolicyEstimate::most)
      .def_readonly("largest_share", &OffPolicyEstimate::largest_share)
      .def_property_readonly("largest_round", [](const OffPolicyEstimate& estimate) {
        return round_or_none(estimate.largest_round);
      });
  py::class_<WeightFacts>(module, "OffPolicyWeights", "Facts of the plain importance weights.")
      .def_readonly("mean", &WeightFacts::mean)
      .def_readonly("standard_error", &WeightFacts::standard_error)
      .def_readonly("effective_sample_size", &WeightFacts::effective_sample_size)
      .def_readonly("most", &WeightFacts::most)
      .def_property_readonly("heaviest_round", [](const WeightFacts& facts) {
        return round_or_none(facts.heaviest_round);
      });
  py::class_<OffPolicyEstimation>(module, "OffPolicyEstimation", "Estimates of one pass.")
      .def_readonly("estimates", &OffPolicyEstimation::estimates)
      .def_readonly("weights", &OffPolicyEstimation::weights);

  module.def(
      "off_policy_estimator_name",
      [](std::string_view name) {
        return evaluation::off_policy_estimator_name(evaluation::parse_off_policy_estimator(name));
      },
      py::arg("name"), "The canonical form of an estimator's name; refuses unknown ones.");
  module.def("off_policy_estimate", &estimate, py::arg("target"), py::arg("estimators"),
             py::kw_only(), py::arg("action"), py::arg("reward"), py::arg("logged"), py::arg("q"),
             py::arg("position"), py::arg("marginal_weight"), py::arg("confidence"),
             py::arg("interval"), py::arg("seed"), py::arg("resamples"), py::arg("threads"),
             "Any set of estimators in one pass; float64 and float32 tables are not copied.");
  module.def("off_policy_known_weights", &known_weights, py::arg("target"), py::arg("logged"),
             py::arg("p_embedding"), py::arg("embedding"), py::arg("threads"),
             "Weights [rounds] of embeddings whose chances given the action are known.");
  module.def("off_policy_posterior_weights", &posterior_weights, py::arg("target"),
             py::arg("logged"), py::arg("posterior"), py::arg("threads"),
             "Weights [rounds] of embeddings from a classifier's posterior of the action.");
  module.def("mean_margin", &margin, py::kw_only(), py::arg("rows"), py::arg("variance"),
             py::arg("range"), py::arg("kind"), py::arg("confidence"),
             "How far a one-sided bound of a mean is from it.");
  module.def("student_t_quantile", &evaluation::student_t_quantile, py::arg("p"),
             py::arg("freedom"));
}

}  // namespace penchant::bindings
