// The models that are item-item operators, and the blend of several models.

#include "penchant/bindings/model_arguments.h"
#include "penchant/bindings/register.h"
#include "penchant/models/blend.h"
#include "penchant/models/ease.h"
#include "penchant/models/graph_filter.h"
#include "penchant/models/local_ridge.h"
#include "penchant/models/slim.h"

namespace penchant::bindings {
namespace {

using ModelPtr = std::shared_ptr<models::Model>;

void register_ease(py::module_& module) {
  module.def(
      "fit_ease",
      [](const data::Interactions& pairs, std::int64_t as_of, double regularization,
         double user_exponent, std::size_t keep, bool double_precision, double max_memory,
         const std::string& value_weighting, std::optional<std::int64_t> half_life, int threads,
         const py::object& progress) {
        models::EaseParameters p;
        p.regularization = regularization;
        p.user_exponent = user_exponent;
        p.keep = keep;
        p.double_precision = double_precision;
        p.max_memory = max_memory;
        p.weighting = weighting(value_weighting, half_life);
        p.threads = threads;
        const models::Progress report = progress_of(progress);
        const py::gil_scoped_release release;
        return unconst(models::fit_ease(pairs, Timestamp{as_of}, p, report));
      },
      py::arg("pairs"), py::arg("as_of"), py::kw_only(), py::arg("regularization"),
      py::arg("user_exponent"), py::arg("keep"), py::arg("double_precision"), py::arg("max_memory"),
      py::arg("weighting"), py::arg("half_life"), py::arg("threads"),
      py::arg("progress") = py::none());
}

void register_graph_filter(py::module_& module) {
  module.def(
      "fit_graph_filter",
      [](const data::Interactions& pairs, std::int64_t as_of, int components,
         double low_pass_weight, double user_exponent, double item_exponent, double target_exponent,
         double sharpen, std::size_t keep, const std::string& value_weighting,
         std::optional<std::int64_t> half_life, std::uint64_t seed, int threads,
         const py::object& progress) {
        models::GraphFilterParameters p;
        p.components = components;
        p.low_pass_weight = low_pass_weight;
        p.user_exponent = user_exponent;
        p.item_exponent = item_exponent;
        p.target_exponent = target_exponent;
        p.sharpen = sharpen;
        p.keep = keep;
        p.weighting = weighting(value_weighting, half_life);
        p.seed = seed;
        p.threads = threads;
        const models::Progress report = progress_of(progress);
        const py::gil_scoped_release release;
        return unconst(models::fit_graph_filter(pairs, Timestamp{as_of}, p, report));
      },
      py::arg("pairs"), py::arg("as_of"), py::kw_only(), py::arg("components"),
      py::arg("low_pass_weight"), py::arg("user_exponent"), py::arg("item_exponent"),
      py::arg("target_exponent"), py::arg("sharpen"), py::arg("keep"), py::arg("weighting"),
      py::arg("half_life"), py::arg("seed"), py::arg("threads"), py::arg("progress") = py::none());
}

void register_local_ridge(py::module_& module) {
  module.def(
      "fit_local_ridge",
      [](const data::Interactions& pairs, std::int64_t as_of, int neighbors, double regularization,
         double user_exponent, const std::string& value_weighting,
         std::optional<std::int64_t> half_life, int threads, const py::object& progress) {
        models::LocalRidgeParameters p;
        p.neighbors = neighbors;
        p.regularization = regularization;
        p.user_exponent = user_exponent;
        p.weighting = weighting(value_weighting, half_life);
        p.threads = threads;
        const models::Progress report = progress_of(progress);
        const py::gil_scoped_release release;
        return unconst(models::fit_local_ridge(pairs, Timestamp{as_of}, p, report));
      },
      py::arg("pairs"), py::arg("as_of"), py::kw_only(), py::arg("neighbors"),
      py::arg("regularization"), py::arg("user_exponent"), py::arg("weighting"),
      py::arg("half_life"), py::arg("threads"), py::arg("progress") = py::none());
}

void register_slim(py::module_& module) {
  module.def(
      "fit_slim",
      [](const data::Interactions& pairs, std::int64_t as_of, double l1, double l2, int neighbors,
         double user_exponent, int iterations, double tolerance, double max_memory,
         const std::string& value_weighting, std::optional<std::int64_t> half_life, int threads,
         const py::object& progress) {
        models::SlimParameters p;
        p.l1 = l1;
        p.l2 = l2;
        p.neighbors = neighbors;
        p.user_exponent = user_exponent;
        p.iterations = iterations;
        p.tolerance = tolerance;
        p.max_memory = max_memory;
        p.weighting = weighting(value_weighting, half_life);
        p.threads = threads;
        const models::Progress report = progress_of(progress);
        const py::gil_scoped_release release;
        return unconst(models::fit_slim(pairs, Timestamp{as_of}, p, report));
      },
      py::arg("pairs"), py::arg("as_of"), py::kw_only(), py::arg("l1"), py::arg("l2"),
      py::arg("neighbors"), py::arg("user_exponent"), py::arg("iterations"), py::arg("tolerance"),
      py::arg("max_memory"), py::arg("weighting"), py::arg("half_life"), py::arg("threads"),
      py::arg("progress") = py::none());
}

std::vector<std::shared_ptr<const models::Model>> as_const(const std::vector<ModelPtr>& members) {
  return {members.begin(), members.end()};
}

void register_blend(py::module_& module) {
  using models::RankingProblem;
  py::class_<RankingProblem>(module, "RankingProblem",
                             "What models say of held-out items, to learn their weights from.")
      .def(py::init([](std::size_t sources, const std::string& metric) {
             return RankingProblem(sources, models::parse_ranking_metric(metric));
           }),
           py::arg("sources"), py::arg("metric"))
      .def_property_readonly("rows", &RankingProblem::rows)
      .def(
          "add",
          [](RankingProblem& self, const std::vector<ModelPtr>& members,
             const data::Interactions& pairs, const Array<std::int32_t>& people,
             const Array<std::int64_t>& offsets, const Array<std::int32_t>& items,
             std::int64_t as_of, int threads) {
            const auto rows = as_indices<UserIndex>(people);
            const auto truth = item_lists(as_span(offsets), as_indices<ItemIndex>(items),
                                          rows.size(), pairs.num_items());
            const py::gil_scoped_release release;
            models::add_blend_rows(self, as_const(members), pairs, rows, truth, Timestamp{as_of},
                                   threads);
          },
          py::arg("members"), py::arg("pairs"), py::arg("people"), py::arg("offsets"),
          py::arg("items"), py::arg("as_of"), py::arg("threads") = 0)
      .def(
          "objective",
          [](const RankingProblem& self, const std::vector<float>& weights, int threads) {
            check_argument(weights.size() == self.sources(), "one weight a source is needed");
            return self.objective(weights, threads);
          },
          py::arg("weights"), py::arg("threads") = 0, py::call_guard<py::gil_scoped_release>());
  module.def(
      "learn_weights",
      [](const RankingProblem& problem, const std::vector<float>& prior, double prior_strength,
         const std::vector<float>& steps, int threads) {
        return models::learn_weights(problem, prior, {prior_strength, threads, steps});
      },
      py::arg("problem"), py::arg("prior"), py::arg("prior_strength"), py::arg("steps"),
      py::arg("threads") = 0, py::call_guard<py::gil_scoped_release>());
  module.def(
      "blend_models",
      [](const std::vector<ModelPtr>& members, const std::vector<float>& weights) {
        return unconst(std::make_shared<const models::BlendModel>(as_const(members), weights));
      },
      py::arg("members"), py::arg("weights"));
}

}  // namespace

void register_item_models(py::module_& module) {
  register_ease(module);
  register_graph_filter(module);
  register_local_ridge(module);
  register_slim(module);
  register_blend(module);
}

}  // namespace penchant::bindings
