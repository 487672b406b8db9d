#include <memory>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "penchant/bindings/register.h"
#include "penchant/features/segment_index.h"
#include "penchant/features/segment_reader.h"
#include "penchant/features/segment_rules.h"

namespace penchant::bindings {
namespace {

using features::Plan;
using features::Points;
using features::SegmentChange;
using features::SegmentIndex;
using features::SegmentRules;
using features::SegmentScores;
using features::State;

// The rules in what a segment index knows stay alive with it; the state is kept by the binding.
using Rules = std::shared_ptr<SegmentRules>;

SegmentScores scores_of(const std::vector<Array<double>>& columns) {
  SegmentScores out;
  for (const Array<double>& column : columns) {
    const auto all = as_span(column);
    out.emplace_back(all.begin(), all.end());
  }
  return out;
}

py::array_t<std::uint8_t> read(const SegmentRules& rules, const State& state,
                               const Array<std::int32_t>& subjects,
                               const Array<std::int64_t>& times,
                               const std::vector<Array<double>>& scores, int threads) {
  const auto rows = static_cast<py::ssize_t>(times.size());
  py::array_t<std::uint8_t> out({rows, static_cast<py::ssize_t>(rules.segments())});
  const std::span<std::uint8_t> into(out.mutable_data(), static_cast<std::size_t>(out.size()));
  const Points points{.times = as_span(times), .subjects = as_span(subjects), .items = {}};
  const SegmentScores given = scores_of(scores);
  const py::gil_scoped_release release;
  read_segments(state, rules, given, points, threads, into);
  return out;
}

using ChangeColumns = std::tuple<py::array_t<std::int64_t>, py::array_t<std::int32_t>,
                                 py::array_t<std::uint32_t>, py::array_t<bool>>;

ChangeColumns advance(SegmentIndex& index, std::int64_t time, int threads) {
  std::vector<SegmentChange> changes;
  {
    const py::gil_scoped_release release;
    changes = index.advance(time, threads);
  }
  const auto size = static_cast<py::ssize_t>(changes.size());
  ChangeColumns out{py::array_t<std::int64_t>(size), py::array_t<std::int32_t>(size),
                    py::array_t<std::uint32_t>(size), py::array_t<bool>(size)};
  auto& [times, subjects, segments, entered] = out;
  auto* const time_of = times.mutable_data();
  auto* const subject_of = subjects.mutable_data();
  auto* const segment_of = segments.mutable_data();
  auto* const entered_of = entered.mutable_data();
  for (std::size_t i = 0; i < changes.size(); ++i) {
    time_of[i] = changes[i].time;
    subject_of[i] = changes[i].subject;
    segment_of[i] = changes[i].segment;
    entered_of[i] = changes[i].entered;
  }
  return out;
}

void touch(SegmentIndex& index, const Array<std::int32_t>& subjects,
           const Array<std::int64_t>& times) {
  index.touch(as_span(subjects), as_span(times));
}

}  // namespace

void register_segments(py::module_& module) {
  py::class_<SegmentRules, Rules>(module, "SegmentRules",
                                  "Rules that say who is in which segment, over a plan's features.")
      .def(py::init([](std::string_view json, const Plan& plan) {
             return std::make_shared<SegmentRules>(SegmentRules::from_json(json, plan));
           }),
           py::arg("json"), py::arg("plan"))
      .def_property_readonly("names", &SegmentRules::names)
      .def("read", &read, py::arg("state"), py::arg("subjects"), py::arg("times"),
           py::arg("scores"), py::arg("threads") = 0,
           "Who is in which segment [points, segments], from the state.");

  py::class_<SegmentIndex>(module, "SegmentIndex",
                           "Who is in which segment, kept up with events and with time.")
      .def(py::init([](const State& state, const Rules& rules, std::int64_t time,
                       std::size_t subjects, std::int64_t every,
                       const std::vector<Array<double>>& scores, int threads) {
             const SegmentIndex::Options options{.time = time,
                                                 .every = every,
                                                 .subjects = subjects,
                                                 .threads = threads,
                                                 .scores = scores_of(scores)};
             const py::gil_scoped_release release;
             return SegmentIndex(state, rules, options);
           }),
           py::arg("state"), py::arg("rules"), py::arg("time"), py::arg("subjects"),
           py::arg("every"), py::arg("scores"), py::arg("threads") = 0, py::keep_alive<1, 2>())
      .def("touch", &touch, py::arg("subjects"), py::arg("times"))
      .def(
          "set_scores",
          [](SegmentIndex& index, const std::vector<Array<double>>& scores) {
            index.set_scores(scores_of(scores));
          },
          py::arg("scores"))
      .def("advance", &advance, py::arg("time"), py::arg("threads") = 0,
           "Changes as columns: times, subjects, segments, whether entered.")
      .def(
          "members",
          [](const SegmentIndex& index, std::size_t segment) {
            return move_to_array(index.members(segment));
          },
          py::arg("segment"))
      .def("segments_of", &SegmentIndex::segments_of, py::arg("subject"))
      .def("sizes", [](const SegmentIndex& index) { return move_to_array(index.sizes()); })
      .def("overlap",
           [](const SegmentIndex& index) {
             const auto side = static_cast<py::ssize_t>(index.rules().segments());
             return move_to_array(index.overlap(), {side, side});
           })
      .def_property_readonly("time", &SegmentIndex::time)
      .def_property_readonly("subjects", &SegmentIndex::subjects)
      .def_property_readonly("looks", &SegmentIndex::looks)
      .def_property_readonly("bytes", &SegmentIndex::bytes);
}

}  // namespace penchant::bindings
