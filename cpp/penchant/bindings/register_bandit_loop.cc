#include <limits>

#include "penchant/bandits/loop.h"
#include "penchant/bindings/join_options.h"
#include "penchant/bindings/log_columns.h"
#include "penchant/bindings/register.h"

namespace penchant::bindings {
namespace {

using bandits::Loop;
using bandits::Made;
using bandits::Policy;
using bandits::Rewarded;

using Texts = std::vector<std::string>;
template <class T>
using Optional = std::optional<Array<T>>;

template <class T>
std::span<const T> span_of(const Optional<T>& array) {
  return array ? as_span(*array) : std::span<const T>();
}

std::vector<std::string_view> views_of(const Texts& texts) { return {texts.begin(), texts.end()}; }

bandits::ArmTable table_of(const Texts& arms) {
  bandits::ArmTable out;
  for (const std::string& arm : arms) out.add(arm);
  return out;
}

std::shared_ptr<Loop> open(const std::string& folder, const py::list& policies,
                           const py::dict& given) {
  std::vector<bandits::LoopPolicy> parts;
  for (const py::handle& one : policies) {
    const auto part = one.cast<py::tuple>();
    parts.push_back({.name = part[0].cast<std::string>(),
                     .policy = part[1].cast<const Policy&>().clone(),
                     .arms = table_of(part[2].cast<Texts>()),
                     .join = join_of(part[3].cast<py::dict>())});
  }
  const bandits::LoopOptions options{
      .limits = {.max_waiting = given["max_waiting"].cast<std::size_t>(),
                 .max_closed = given["max_closed"].cast<std::size_t>(),
                 .max_rewards = given["max_rewards"].cast<std::size_t>(),
                 .early = Duration{given["early"].cast<std::int64_t>()},
                 .max_held = given["max_held"].cast<std::size_t>()},
      .keep = {.age = Duration{given["keep"].cast<std::int64_t>()},
               .bytes = given["keep_bytes"].cast<std::uint64_t>()},
      .snapshot_every = given["snapshot_every"].cast<std::uint64_t>(),
      .threads = given["threads"].cast<int>()};
  const py::gil_scoped_release release;
  return Loop::open(folder, std::move(parts), options);
}

py::tuple decide(Loop& loop, const std::string& policy, const Array<double>& contexts,
                 const Texts& arms, const Optional<double>& features,
                 const Optional<std::uint8_t>& blocked, std::size_t slots,
                 const Optional<std::uint64_t>& ids, const Array<std::int64_t>& times,
                 const std::optional<Texts>& subjects, const std::string& placement, int threads) {
  check_argument(contexts.ndim() == 2, "contexts must be [rows, columns]");
  const auto rows = static_cast<std::size_t>(contexts.shape(0));
  std::vector<Timestamp> at;
  for (const std::int64_t time : as_span(times)) at.push_back({time});
  const std::vector<std::string_view> arm_views = views_of(arms);
  const std::vector<std::string_view> subject_views =
      subjects ? views_of(*subjects) : std::vector<std::string_view>();
  const bandits::LoopAsk ask{
      .policy = policy,
      .contexts = {contexts.data(), rows, static_cast<std::size_t>(contexts.shape(1))},
      .arms = arm_views,
      .features = span_of(features),
      .blocked = span_of(blocked),
      .slots = slots,
      .ids = span_of(ids),
      .times = at,
      .subjects = subject_views,
      .placement = placement,
      .threads = threads};
  Made made;
  {
    const py::gil_scoped_release release;
    made = loop.decide(ask);
  }
  const std::vector<py::ssize_t> shape{contexts.shape(0), static_cast<py::ssize_t>(slots)};
  return py::make_tuple(move_to_array(std::move(made.id)),
                        move_to_array(std::move(made.position), shape),
                        move_to_array(std::move(made.propensity), shape));
}

py::array_t<std::uint8_t> reward(Loop& loop, const Array<std::uint64_t>& decisions,
                                 const Array<double>& values, const Optional<std::int64_t>& slots,
                                 const std::optional<Texts>& arms, const std::optional<Texts>& ids,
                                 const Optional<std::int64_t>& times) {
  const auto count = static_cast<std::size_t>(decisions.size());
  const auto fits = [&](std::size_t size) { return size == count; };
  check_argument(fits(static_cast<std::size_t>(values.size())) &&
                     (!slots || fits(static_cast<std::size_t>(slots->size()))) &&
                     (!arms || fits(arms->size())) && (!ids || fits(ids->size())) &&
                     (!times || fits(static_cast<std::size_t>(times->size()))),
                 "reward: the columns differ in length");
  std::vector<Rewarded> rewards(count);
  for (std::size_t r = 0; r < count; ++r) {
    rewards[r].decision = decisions.data()[r];
    rewards[r].value = values.data()[r];
    if (slots && slots->data()[r] >= 0) {
      check_argument(slots->data()[r] <= std::numeric_limits<std::int32_t>::max(), "reward ", r,
                     ": slot ", slots->data()[r], " is not a slot");
      rewards[r].slot = static_cast<std::uint32_t>(slots->data()[r]);
    }
    if (arms) rewards[r].arm = (*arms)[r];
    if (ids) rewards[r].id = (*ids)[r];
    if (times) rewards[r].time = {times->data()[r]};
  }
  std::vector<bandits::Outcome> outcomes;
  {
    const py::gil_scoped_release release;
    outcomes = loop.reward(rewards);
  }
  py::array_t<std::uint8_t> out(static_cast<py::ssize_t>(count));
  for (std::size_t r = 0; r < count; ++r) {
    out.mutable_data()[r] = static_cast<std::uint8_t>(outcomes[r]);
  }
  return out;
}

py::dict counts(const Loop& loop) {
  const bandits::JoinCounts found = loop.counts();
  py::dict out;
  out["decisions"] = found.decisions;
  out["closed"] = found.closed;
  out["closed_early"] = found.closed_early;
  out["unrewarded"] = found.unrewarded;
  out["clipped"] = found.clipped;
  out["forgotten"] = found.forgotten;
  out["waiting"] = loop.waiting();
  for (std::size_t o = 0; o < found.rewards.size(); ++o) {
    out[py::str(std::string(bandits::outcome_name(static_cast<bandits::Outcome>(o))))] =
        found.rewards[o];
  }
  return out;
}

Texts arms_of(const Loop& loop, const std::string& name) {
  Texts arms;
  const py::gil_scoped_release release;
  loop.with_policy(name, [&](const Loop::View& view) { arms = view.arms.arms(); });
  return arms;
}

py::tuple learnt(const Loop& loop, const std::string& name) {
  std::shared_ptr<Policy> copy;
  Texts arms;
  {
    const py::gil_scoped_release release;
    loop.with_policy(name, [&](const Loop::View& view) {
      copy = std::make_shared<Policy>(view.policy.clone());
      arms = view.arms.arms();
    });
  }
  return py::make_tuple(copy, arms);
}

}  // namespace

void register_bandit_loop(py::module_& module) {
  module.def(
      "read_decision_log",
      [](const std::filesystem::path& folder, const py::dict& join) {
        return log_columns(folder, join_of(join));
      },
      py::arg("folder"), py::arg("join"),
      "The log in a folder, also of a loop that goes on, as BanditLoop.read_log gives it, and what "
      "it no "
      "longer has, as BanditLoop.dropped.");
  py::class_<Loop, std::shared_ptr<Loop>>(module, "BanditLoop",
                                          "Decides, logs, is rewarded, learns.")
      .def(py::init(&open), py::arg("folder"), py::arg("policies"), py::arg("options"),
           "policies: (name, BanditPolicy, arms as JSON texts, join options) each; an empty folder "
           "name keeps the log in memory.")
      .def_static(
          "widths",
          [](const std::string& folder,
             const std::string& policy) -> std::optional<std::pair<std::size_t, std::size_t>> {
            const py::gil_scoped_release release;
            const auto found = Loop::widths(folder, policy);
            if (!found) return std::nullopt;
            return std::pair{found->dimension, found->arm_dimension};
          },
          py::arg("folder"), py::arg("policy"),
          "Widths of contexts and arm features in a folder's log; None where it has no decisions.")
      .def("decide", &decide, py::arg("policy"), py::arg("contexts"), py::arg("arms"),
           py::arg("features"), py::arg("blocked"), py::arg("slots"), py::arg("ids"),
           py::arg("times"), py::arg("subjects"), py::arg("placement"), py::arg("threads") = 1,
           "Decision ids [rows], positions and propensities [rows, slots].")
      .def("reward", &reward, py::arg("decisions"), py::arg("values"), py::arg("slots"),
           py::arg("arms"), py::arg("ids"), py::arg("times"),
           "Outcomes [n] as numbers; outcome_names() has their names.")
      .def_static("outcome_names",
                  [] {
                    Texts names;
                    for (std::uint8_t o = 0; o < 7; ++o) {
                      names.emplace_back(bandits::outcome_name(static_cast<bandits::Outcome>(o)));
                    }
                    return names;
                  })
      .def(
          "pass_time", [](Loop& loop, std::int64_t micros) { loop.pass({micros}); },
          py::arg("micros"), py::call_guard<py::gil_scoped_release>())
      .def(
          "forget",
          [](Loop& loop, const std::string& subject) {
            const py::gil_scoped_release release;
            return loop.forget(subject).decisions;
          },
          py::arg("subject"))
      .def("snapshot", &Loop::snapshot, py::call_guard<py::gil_scoped_release>())
      .def("read_log", [](const Loop& loop) { return log_columns(loop); })
      .def("counts", &counts)
      .def("dropped", [](const Loop& loop) { return dropped_dict(loop.dropped()); })
      .def("arms", &arms_of, py::arg("name"), "Those that were learnt, as JSON texts.")
      .def("policy", &learnt, py::arg("name"), "A copy of the policy, and its arms.")
      .def("state", [](const Loop& loop) { return py::bytes(loop.state()); });
}

}  // namespace penchant::bindings
