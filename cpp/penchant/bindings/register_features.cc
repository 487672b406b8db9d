#include <algorithm>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "penchant/bindings/register.h"
#include "penchant/features/item_vectors.h"
#include "penchant/features/millionths.h"
#include "penchant/features/plan.h"
#include "penchant/features/profiles.h"

namespace penchant::bindings {
namespace {

using features::Feature;
using features::Plan;
using features::Points;
using features::ProfileParts;
using features::Profiles;
using features::State;

// "subject", "item", "category", "all", "subject.country", "segment.keen, item"
std::string name_of(const features::By& by, const Plan& plan) {
  std::string who;
  if (by.subject) who = "subject";
  if (by.grouped()) {
    const std::size_t attributes = plan.subject_codes().size();
    who = plan.by_segment(by) ? "segment." + plan.segments()[by.group - attributes]
                              : "subject." + plan.subject_codes()[by.group];
  }
  if (by.item == features::By::Item::kAny) return who.empty() ? "all" : who;
  const bool same = by.item == features::By::Item::kSame;
  const std::string what = same ? "item" : plan.item_codes()[by.attribute];
  return who.empty() ? what : who + ", " + what;
}

// (whose rows, how many keys, bytes) of each kind of key.
std::vector<std::tuple<std::string, std::size_t, std::size_t>> memory_of(const State& state) {
  std::vector<std::tuple<std::string, std::size_t, std::size_t>> out;
  for (std::size_t s = 0; s < state.plan().series().size(); ++s) {
    const std::string name = name_of(state.plan().series()[s].by, state.plan());
    auto at = std::ranges::find(out, name, [](const auto& one) { return std::get<0>(one); });
    if (at == out.end()) at = out.insert(at, {name, 0, 0});
    std::get<1>(*at) = std::max(std::get<1>(*at), state.series(s).keys());
    std::get<2>(*at) += state.series(s).bytes();
  }
  return out;
}

std::vector<std::string> shown_names(const Plan& plan) {
  std::vector<std::string> names;
  for (const Feature& feature : plan.features()) {
    if (!feature.hidden) names.push_back(feature.name);
  }
  return names;
}

// Without a copy where the array has its own memory, which nobody else writes; what lies in a frame
// could still change.
template <class T>
SharedArray<T> shared(const Array<T>& array) {
  const auto all = as_span(array);
  if (!array.owndata()) return SharedArray<T>::own(AlignedVector<T>(all.begin(), all.end()));
  const std::shared_ptr<const void> owner(new Array<T>(array), [](const Array<T>* kept) {
    const py::gil_scoped_acquire hold;
    delete kept;
  });
  return SharedArray<T>(owner, all);
}

template <class T>
std::vector<SharedArray<T>> shared(const std::vector<Array<T>>& arrays) {
  std::vector<SharedArray<T>> out;
  for (const Array<T>& one : arrays) out.push_back(shared(one));
  return out;
}

// The numbers as millionths, and the first row that has no place among them, or how many there are.
template <class T>
std::pair<py::array_t<std::int64_t>, std::size_t> millionths(const Array<T>& numbers, int threads) {
  const auto all = as_span(numbers);
  py::array_t<std::int64_t> out(static_cast<py::ssize_t>(all.size()));
  const std::span<std::int64_t> into(out.mutable_data(), all.size());
  std::size_t wrong = 0;
  {
    const py::gil_scoped_release release;
    wrong = features::to_millionths(all, into, threads);
  }
  return {std::move(out), wrong};
}

std::vector<features::ItemVectors> unit_vectors(const std::vector<Array<float>>& embeddings) {
  std::vector<features::ItemVectors> out;
  for (const Array<float>& one : embeddings) {
    check_argument(one.ndim() == 2, "an embedding is a matrix, a row an item");
    out.push_back(features::ItemVectors::of({one.data(), static_cast<std::size_t>(one.shape(0)),
                                             static_cast<std::size_t>(one.shape(1))}));
  }
  return out;
}

features::SubjectTable subject_table(const std::vector<Array<std::int32_t>>& codes) {
  features::SubjectTable table;
  for (const Array<std::int32_t>& column : codes) {
    const auto all = as_span(column);
    table.codes.push_back(features::SubjectTable::Codes::of({all.begin(), all.end()}));
  }
  return table;
}

std::shared_ptr<Profiles> make_profiles(
    std::shared_ptr<Plan> plan, const data::IdMap& subject_ids, const data::IdMap& item_ids,
    const std::vector<std::pair<Array<std::int32_t>, data::IdMap>>& item_codes,
    const std::vector<Array<double>>& item_numbers, const std::vector<data::IdMap>& code_ids,
    const Array<std::int64_t>& times, const Array<std::int32_t>& types,
    const Array<std::int32_t>& subjects, const Array<std::int32_t>& items,
    const std::vector<Array<std::int64_t>>& numbers, const std::vector<Array<std::int32_t>>& codes,
    const std::vector<Array<float>>& embeddings, int threads,
    const std::vector<Array<std::int32_t>>& subject_codes, std::string rules) {
  ProfileParts parts;
  parts.plan = std::move(plan);
  parts.subjects = subject_ids;
  parts.items = item_ids;
  parts.table.items = item_ids.size();
  for (const auto& [of_item, texts] : item_codes) {
    const auto all = as_span(of_item);
    parts.table.codes.push_back({{all.begin(), all.end()}, texts.size()});
    parts.item_texts.push_back(texts);
  }
  parts.code_texts = code_ids;
  for (const Array<double>& column : item_numbers) {
    const auto all = as_span(column);
    parts.table.numbers.emplace_back(all.begin(), all.end());
  }
  parts.table.vectors = unit_vectors(embeddings);
  parts.people = subject_table(subject_codes);
  parts.rules = std::move(rules);
  parts.events = {shared(times), shared(types),   shared(subjects),
                  shared(items), shared(numbers), shared(codes)};
  const py::gil_scoped_release release;
  return std::const_pointer_cast<Profiles>(Profiles::of(std::move(parts), threads));
}

using ItemCodes = std::pair<Array<std::int32_t>, std::size_t>;

features::ItemTable item_table(std::size_t items, const std::vector<ItemCodes>& codes,
                               const std::vector<Array<double>>& numbers) {
  features::ItemTable table;
  table.items = items;
  for (const auto& [of_item, values] : codes) {
    const auto all = as_span(of_item);
    table.codes.push_back({{all.begin(), all.end()}, values});
  }
  for (const Array<double>& column : numbers) {
    const auto all = as_span(column);
    table.numbers.emplace_back(all.begin(), all.end());
  }
  return table;
}

void replay(State& state, const Array<std::int64_t>& times, const Array<std::uint16_t>& types,
            const Array<std::int32_t>& subjects, const Array<std::int32_t>& items,
            const std::vector<Array<std::int64_t>>& numbers,
            const std::vector<Array<std::int32_t>>& codes, int threads) {
  features::EventBatch events{.times = as_span(times),
                              .types = as_span(types),
                              .subjects = as_span(subjects),
                              .items = as_span(items),
                              .numbers = {},
                              .codes = {}};
  for (const auto& column : numbers) events.numbers.push_back(as_span(column));
  for (const auto& column : codes) events.codes.push_back(as_span(column));
  const py::gil_scoped_release release;
  state.replay(events, threads);
}

std::vector<py::array_t<double>> read(const State& state, const Array<std::int64_t>& times,
                                      const Array<std::int32_t>& subjects,
                                      const Array<std::int32_t>& items, int threads,
                                      const std::vector<Array<double>>& contexts) {
  std::vector<std::span<const double>> said;
  for (const Array<double>& context : contexts) said.push_back(as_span(context));
  const Points points{.times = as_span(times),
                      .subjects = as_span(subjects),
                      .items = as_span(items),
                      .contexts = said};
  std::vector<py::array_t<double>> out;
  std::vector<double*> columns;
  for (const Feature& feature : state.plan().features()) {
    if (feature.hidden) {
      columns.push_back(nullptr);
    } else {
      columns.push_back(out.emplace_back(static_cast<py::ssize_t>(points.size())).mutable_data());
    }
  }
  const py::gil_scoped_release release;
  state.read(points, threads, columns);
  return out;
}

}  // namespace

void register_features(py::module_& module) {
  module.def("whole_millionths", &millionths<std::int64_t>, py::arg("numbers"),
             py::arg("threads") = 0, "Whole numbers as millionths; the first row beyond 9.2e12.");
  module.def("millionths", &millionths<double>, py::arg("numbers"), py::arg("threads") = 0,
             "Numbers as millionths, the smallest integer for NaN; the first row beyond 9.2e12.");
  py::class_<Plan, std::shared_ptr<Plan>>(module, "FeaturePlan",
                                          "Features, and what has to be kept to compute them.")
      .def(py::init(
               [](std::string_view json) { return std::make_shared<Plan>(Plan::from_json(json)); }),
           py::arg("json"))
      .def_property_readonly("json", &Plan::json)
      .def_property_readonly("names", &shown_names, "Of the features that are not hidden.");

  py::class_<State>(module, "FeatureState", "What a plan knows after the events it has seen.")
      .def(py::init([](std::shared_ptr<Plan> plan, std::size_t items,
                       const std::vector<ItemCodes>& codes,
                       const std::vector<Array<double>>& numbers,
                       const std::vector<Array<float>>& embeddings,
                       const std::vector<Array<std::int32_t>>& subject_codes) {
             features::ItemTable table = item_table(items, codes, numbers);
             table.vectors = unit_vectors(embeddings);
             return State(std::move(plan), std::move(table), subject_table(subject_codes));
           }),
           py::arg("plan"), py::arg("items"), py::arg("item_codes"), py::arg("item_numbers"),
           py::arg("embeddings") = std::vector<Array<float>>(),
           py::arg("subject_codes") = std::vector<Array<std::int32_t>>())
      .def("replay", &replay, py::arg("times"), py::arg("types"), py::arg("subjects"),
           py::arg("items"), py::arg("numbers"), py::arg("codes"), py::arg("threads") = 0)
      .def("read", &read, py::arg("times"), py::arg("subjects"), py::arg("items"),
           py::arg("threads") = 0, py::arg("contexts") = std::vector<Array<double>>(),
           "A column [points] for each feature that is not hidden.")
      .def_property_readonly("rows", &State::rows)
      .def_property_readonly("bytes", &State::bytes);

  py::class_<Profiles, std::shared_ptr<Profiles>>(module, "FeatureProfiles",
                                                  "A plan with the events that it has seen.")
      .def(py::init(&make_profiles), py::arg("plan"), py::arg("subject_ids"), py::arg("item_ids"),
           py::arg("item_codes"), py::arg("item_numbers"), py::arg("code_ids"), py::arg("times"),
           py::arg("types"), py::arg("subjects"), py::arg("items"), py::arg("numbers"),
           py::arg("codes"), py::arg("embeddings") = std::vector<Array<float>>(),
           py::arg("threads") = 0, py::arg("subject_codes") = std::vector<Array<std::int32_t>>(),
           py::arg("rules") = "")
      .def(
          "read",
          [](const Profiles& profiles, const Array<std::int64_t>& times,
             const Array<std::int32_t>& subjects, const Array<std::int32_t>& items, int threads,
             const std::vector<Array<double>>& contexts) {
            return read(profiles.state(), times, subjects, items, threads, contexts);
          },
          py::arg("times"), py::arg("subjects"), py::arg("items"), py::arg("threads") = 0,
          py::arg("contexts") = std::vector<Array<double>>(),
          "A column [points] for each feature that is not hidden.")
      .def_property_readonly("state", &Profiles::state, py::return_value_policy::reference_internal)
      .def_property_readonly("rows", [](const Profiles& p) { return p.state().rows(); })
      .def_property_readonly("bytes", [](const Profiles& p) { return p.state().bytes(); })
      .def_property_readonly("memory", [](const Profiles& p) { return memory_of(p.state()); });
}

}  // namespace penchant::bindings
