// Evaluation: Scorer (how scores reach the metrics without Python in between), evaluate, bootstrap.

#include <algorithm>
#include <memory>
#include <utility>

#include "penchant/bindings/register.h"
#include "penchant/bindings/scorer.h"
#include "penchant/evaluation/bootstrap.h"
#include "penchant/evaluation/ranking_metrics.h"

namespace penchant::bindings {
namespace {

using evaluation::Metric;

// Keeps the array alive from threads that do not hold the GIL: only its last owner needs it.
Scorer scorer_from_scores(const Array<float>& scores) {
  check_argument(scores.ndim() == 2, "Scorer.from_scores: scores must have two dimensions");
  const auto rows = static_cast<std::size_t>(scores.shape(0));
  const auto num_items = static_cast<std::size_t>(scores.shape(1));
  const std::shared_ptr<Array<float>> owner(new Array<float>(scores), [](Array<float>* array) {
    const py::gil_scoped_acquire held;
    delete array;
  });
  const float* data = scores.data();
  return {rows, num_items, [owner, data, num_items](std::size_t row, std::span<float> out) {
            std::copy_n(data + row * num_items, num_items, out.begin());
          }};
}

Array<float> scores_of_row(const Scorer& scorer, std::size_t row) {
  check_argument(row < scorer.rows, "Scorer: row ", row, " of ", scorer.rows);
  std::vector<float> scores(scorer.num_items);
  {
    const py::gil_scoped_release released;
    scorer.fill(row, scores);
  }
  return move_to_array(std::move(scores));
}

std::vector<Metric> parse_metrics(const std::vector<std::string>& names) {
  std::vector<Metric> metrics;
  for (const std::string& name : names) metrics.push_back(evaluation::parse_metric(name));
  return metrics;
}

struct Lists {
  Array<std::int64_t> offsets;
  Array<std::int32_t> items;
  [[nodiscard]] evaluation::ItemLists view() const {
    return {as_span(offsets), as_indices<ItemIndex>(items)};
  }
};

// Columns to one array [columns, rows].
py::array_t<double> stack(const std::vector<std::vector<double>>& columns, std::size_t rows) {
  std::vector<double> flat;
  flat.reserve(columns.size() * rows);
  for (const auto& column : columns) flat.insert(flat.end(), column.begin(), column.end());
  return move_to_array(std::move(flat),
                       {static_cast<py::ssize_t>(columns.size()), static_cast<py::ssize_t>(rows)});
}

py::tuple evaluate(const Scorer& scorer, const std::vector<std::string>& names,
                   const Array<std::int64_t>& truth_offsets, const Array<std::int32_t>& truth_items,
                   const Array<std::int64_t>& seen_offsets, const Array<std::int32_t>& seen_items,
                   const Array<std::int32_t>& unknown_truth, const Array<double>& popularity,
                   double population, bool mask_seen, bool seen_are_negatives, int threads,
                   const py::object& progress) {
  const Lists truth{truth_offsets, truth_items};
  const Lists seen{seen_offsets, seen_items};
  const std::vector<Metric> metrics = parse_metrics(names);
  const evaluation::People people{scorer.rows, scorer.num_items,       truth.view(),
                                  seen.view(), as_span(unknown_truth), as_span(popularity),
                                  population};
  evaluation::EvaluationOptions options;
  options.mask_seen = mask_seen;
  options.seen_are_negatives = seen_are_negatives;
  options.threads = threads;
  // With the GIL held, so that Ctrl-C and errors of a progress bar come through.
  options.progress = [&progress](std::size_t done, std::size_t total) {
    const py::gil_scoped_acquire acquire;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    if (!progress.is_none()) progress(done, total);
  };
  evaluation::Evaluation result;
  {
    const py::gil_scoped_release released;
    const auto factors = scorer.factors ? scorer.factors() : evaluation::FactorScores{};
    result = evaluation::evaluate(people, metrics, scorer.fill, options, factors);
  }
  return py::make_tuple(move_to_array(std::move(result.values)),
                        stack(result.per_subject, scorer.rows));
}

py::array_t<double> bootstrap(const Array<double>& values, double confidence, std::uint64_t seed,
                              int resamples, int threads) {
  check_argument(values.ndim() == 2, "bootstrap: values must be [metrics, subjects]");
  const auto rows = static_cast<std::size_t>(values.shape(1));
  std::vector<std::span<const double>> columns;
  for (py::ssize_t c = 0; c < values.shape(0); ++c) columns.emplace_back(values.data(c), rows);
  std::vector<evaluation::Interval> intervals;
  {
    const py::gil_scoped_release released;
    intervals = evaluation::bootstrap_means(columns, {confidence, seed, resamples, threads});
  }
  std::vector<double> flat;
  for (const auto& each : intervals) flat.insert(flat.end(), {each.value, each.low, each.high});
  return move_to_array(std::move(flat), {static_cast<py::ssize_t>(intervals.size()), 3});
}

}  // namespace

void register_evaluation(py::module_& module) {
  py::class_<Scorer>(module, "Scorer",
                     "Scores of the whole catalogue for a list of subjects, computed when asked.")
      .def_static("from_scores", &scorer_from_scores, py::arg("scores"),
                  "Scores computed elsewhere: float32 [rows, items], not copied when contiguous.")
      .def("scores", &scores_of_row, py::arg("row"), "float32 [items] of one row.")
      .def_readonly("rows", &Scorer::rows)
      .def_readonly("num_items", &Scorer::num_items);

  module.def(
      "metric_name",
      [](std::string_view name) { return evaluation::metric_name(evaluation::parse_metric(name)); },
      py::arg("name"), "The canonical form of a metric's name; refuses unknown ones.");
  module.def("evaluate", &evaluate, py::arg("scorer"), py::arg("metrics"), py::kw_only(),
             py::arg("truth_offsets"), py::arg("truth_items"), py::arg("seen_offsets"),
             py::arg("seen_items"), py::arg("unknown_truth"), py::arg("popularity"),
             py::arg("population"), py::arg("mask_seen"), py::arg("seen_are_negatives") = false,
             py::arg("threads") = 0, py::arg("progress") = py::none(),
             "(values float64 [metrics], per subject float64 [metrics, rows]).");
  module.def(
      "bootstrap", &bootstrap, py::arg("values"), py::kw_only(), py::arg("confidence"),
      py::arg("seed"), py::arg("resamples"), py::arg("threads") = 0,
      "Value, low and high of the mean of each row of values [metrics, subjects]: [metrics, 3].");
}

}  // namespace penchant::bindings
