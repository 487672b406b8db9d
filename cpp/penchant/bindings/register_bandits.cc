#include "penchant/bandits/policy.h"
#include "penchant/bindings/register.h"

namespace penchant::bindings {
namespace {

using bandits::Candidates;
using bandits::Draws;
using bandits::Events;
using bandits::Policy;
using bandits::PolicyOptions;

using PolicyPtr = std::shared_ptr<Policy>;
template <class T>
using Optional = std::optional<Array<T>>;

template <class T>
void take(const py::dict& options, const char* name, T& field) {
  if (options.contains(name)) field = options[name].cast<T>();
}

PolicyPtr make(const py::dict& given) {
  PolicyOptions o;
  o.kind = bandits::find_policy_kind(given["kind"].cast<std::string>());
  if (given.contains("model")) {
    o.model = bandits::find_model_kind(given["model"].cast<std::string>());
  }
  take(given, "dimension", o.dimension);
  take(given, "arm_dimension", o.arm_dimension);
  take(given, "intercept", o.intercept);
  take(given, "interactions", o.interactions);
  take(given, "l2", o.l2);
  take(given, "discount", o.discount);
  take(given, "epsilon", o.epsilon);
  take(given, "temperature", o.temperature);
  take(given, "alpha", o.alpha);
  take(given, "scale", o.scale);
  take(given, "prior_success", o.prior_success);
  take(given, "prior_failure", o.prior_failure);
  take(given, "gamma", o.gamma);
  take(given, "gamma_exponent", o.gamma_exponent);
  take(given, "replicas", o.replicas);
  take(given, "draws", o.draws);
  take(given, "min_probability", o.min_probability);
  take(given, "seed", o.seed);
  return std::make_shared<Policy>(o);
}

template <class T>
std::span<const T> span_of(const Optional<T>& array) {
  return array ? as_span(*array) : std::span<const T>();
}

MatrixView<const double> table_of(const Array<double>& contexts) {
  check_argument(contexts.ndim() == 2, "contexts must be [rows, columns]");
  return {contexts.data(), static_cast<std::size_t>(contexts.shape(0)),
          static_cast<std::size_t>(contexts.shape(1))};
}

Candidates candidates_of(const Array<double>& contexts, const Array<std::int32_t>& arms,
                         const Optional<double>& features, const Optional<std::uint8_t>& blocked) {
  return {.contexts = table_of(contexts),
          .arms = as_span(arms),
          .features = span_of(features),
          .blocked = span_of(blocked)};
}

py::array_t<double> propose(const Policy& policy, const Array<double>& contexts,
                            const Array<std::int32_t>& arms, const Optional<double>& features,
                            const Optional<std::uint8_t>& blocked, const Array<std::uint64_t>& ids,
                            int threads) {
  const Candidates ask = candidates_of(contexts, arms, features, blocked);
  py::array_t<double> out({contexts.shape(0), arms.size()});
  const std::span<double> values(out.mutable_data(), static_cast<std::size_t>(out.size()));
  const std::span<const std::uint64_t> keys = as_span(ids);
  const py::gil_scoped_release release;
  policy.propose(ask, {.ids = keys, .threads = threads}, values);
  return out;
}

py::tuple decide(const Policy& policy, const Array<double>& contexts,
                 const Array<std::int32_t>& arms, const Optional<double>& features,
                 const Optional<std::uint8_t>& blocked, const Array<std::uint64_t>& ids,
                 std::size_t slots, int threads) {
  const Candidates ask = candidates_of(contexts, arms, features, blocked);
  const Draws draws{.ids = as_span(ids), .slots = slots, .threads = threads};
  bandits::Decisions found;
  {
    const py::gil_scoped_release release;
    found = policy.decide(ask, draws);
  }
  const std::vector<py::ssize_t> shape{contexts.shape(0), static_cast<py::ssize_t>(slots)};
  return py::make_tuple(move_to_array(std::move(found.position), shape),
                        move_to_array(std::move(found.propensity), shape));
}

Events events_of(const Array<double>& contexts, const Array<std::int32_t>& arms,
                 const Array<double>& rewards, const Optional<double>& features,
                 const Optional<std::uint64_t>& ids) {
  return {.contexts = table_of(contexts),
          .arms = as_span(arms),
          .rewards = as_span(rewards),
          .features = span_of(features),
          .ids = span_of(ids)};
}

void update(Policy& policy, const Array<double>& contexts, const Array<std::int32_t>& arms,
            const Array<double>& rewards, const Optional<double>& features,
            const Optional<std::uint64_t>& ids) {
  const Events events = events_of(contexts, arms, rewards, features, ids);
  const py::gil_scoped_release release;
  policy.update(events);
}

void undo(Policy& policy, const Array<double>& contexts, const Array<std::int32_t>& arms,
          const Array<double>& rewards, const Optional<double>& features,
          const Optional<std::uint64_t>& ids, const Optional<std::int64_t>& age,
          const Optional<std::int64_t>& age_of_all) {
  Events events = events_of(contexts, arms, rewards, features, ids);
  events.age = span_of(age);
  events.age_of_all = span_of(age_of_all);
  const py::gil_scoped_release release;
  policy.undo(events);
}

}  // namespace

void register_bandits(py::module_& module) {
  py::class_<Policy, PolicyPtr>(module, "BanditPolicy", "Chooses among arms and learns.")
      .def(py::init(&make), py::arg("options"),
           "options: kind, model and the numbers of PolicyOptions (bandits/options.h).")
      .def("clone", [](const Policy& policy) { return std::make_shared<Policy>(policy.clone()); })
      .def_property_readonly("kind",
                             [](const Policy& policy) {
                               return std::string(bandits::policy_kind_name(policy.options().kind));
                             })
      .def_property_readonly("dimension",
                             [](const Policy& policy) { return policy.options().dimension; })
      .def_property_readonly("arms", &Policy::arms)
      .def_property_readonly("events", &Policy::events)
      .def_property_readonly("event_ids", &Policy::event_ids)
      .def_property_readonly("memory_bytes", &Policy::memory_bytes)
      .def("ensure_arms", &Policy::ensure_arms, py::arg("arms"))
      .def("propose", &propose, py::arg("contexts"), py::arg("arms"), py::arg("features"),
           py::arg("blocked"), py::arg("ids"), py::arg("threads") = 1,
           "Probabilities [rows, arms] of the arms' rows (-1: new).")
      .def("decide", &decide, py::arg("contexts"), py::arg("arms"), py::arg("features"),
           py::arg("blocked"), py::arg("ids"), py::arg("slots") = 1, py::arg("threads") = 1,
           "Positions [rows, slots] among the arms, and their propensities.")
      .def("update", &update, py::arg("contexts"), py::arg("arms"), py::arg("rewards"),
           py::arg("features"), py::arg("ids"))
      .def("undo", &undo, py::arg("contexts"), py::arg("arms"), py::arg("rewards"),
           py::arg("features"), py::arg("ids"), py::arg("age"), py::arg("age_of_all"))
      .def(
          "save",
          [](const Policy& policy, bundle::Writer& writer, const std::string& prefix) {
            policy.save(writer, prefix);
          },
          py::arg("writer"), py::arg("prefix"))
      .def_static(
          "load",
          [](const std::shared_ptr<bundle::Reader>& reader, const std::string& prefix) {
            const py::gil_scoped_release release;
            return std::make_shared<Policy>(Policy::load(reader, prefix));
          },
          py::arg("reader"), py::arg("prefix"));
}

}  // namespace penchant::bindings
