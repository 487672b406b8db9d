#include "penchant/bindings/model_arguments.h"
#include "penchant/bindings/register.h"
#include "penchant/models/content.h"
#include "penchant/models/hybrid.h"
#include "penchant/models/segment_popular.h"

namespace penchant::bindings {

using models::Model;

namespace {

using ColumnTuple = std::tuple<std::string, std::string, double>;  // name, kind, weight

std::vector<models::FeatureRecipe::Column> recipe_columns(const std::vector<ColumnTuple>& columns) {
  std::vector<models::FeatureRecipe::Column> out;
  for (const auto& [name, kind, weight] : columns) {
    out.push_back({name, models::parse_feature_kind(kind), weight});
  }
  return out;
}

template <class Rows>
py::array factors_of(const std::shared_ptr<models::HybridModel>& model, const Rows& rows) {
  return borrow(model, rows.data,
                {static_cast<py::ssize_t>(rows.rows), static_cast<py::ssize_t>(rows.columns)});
}

void register_hybrid(py::module_& module) {
  using models::AlsModel;
  using models::HybridModel;
  module.def(
      "lean_items",
      [](const AlsModel& als, const data::Interactions& pairs, std::int64_t as_of,
         const Array<std::int64_t>& offsets, const Array<std::int32_t>& features,
         const Array<float>& values, std::size_t num_features, double strength, double ridge,
         int threads) {
        const models::FeatureRows rows{as_span(offsets), as_span(features), as_span(values),
                                       num_features};
        const py::gil_scoped_release release;
        return std::const_pointer_cast<AlsModel>(models::lean_on_attributes(
            als, pairs, Timestamp{as_of}, rows, {strength, ridge, threads}));
      },
      py::arg("als"), py::arg("pairs"), py::arg("as_of"), py::kw_only(), py::arg("offsets"),
      py::arg("features"), py::arg("values"), py::arg("num_features"), py::arg("strength"),
      py::arg("ridge"), py::arg("threads"),
      "The model with item vectors drawn towards what features (CSR) make one expect.");
  module.def(
      "lean_people",
      [](const AlsModel& als, const data::Interactions& pairs,
         const data::AttributeTable& attributes, const std::vector<ColumnTuple>& columns, int bins,
         int min_count, double strength, double ridge, int threads) {
        const auto chosen = recipe_columns(columns);
        const py::gil_scoped_release release;
        return std::const_pointer_cast<HybridModel>(
            models::lean_people(als, pairs, attributes,
                                models::FeatureRecipe::learn(attributes, chosen, {bins, min_count}),
                                {strength, ridge, threads}));
      },
      py::arg("als"), py::arg("pairs"), py::arg("attributes"), py::arg("columns"), py::kw_only(),
      py::arg("bins"), py::arg("min_count"), py::arg("strength"), py::arg("ridge"),
      py::arg("threads"),
      "The same for people; columns are (attribute, kind, weight). A HybridModel that also answers "
      "by attributes.");
  py::class_<HybridModel, Model, std::shared_ptr<HybridModel>>(module, "HybridModel")
      .def(py::init([](const std::shared_ptr<AlsModel>& als) {
             return std::make_shared<HybridModel>(als);
           }),
           py::arg("als"))
      .def_property_readonly("user_factors",
                             [](const std::shared_ptr<HybridModel>& m) {
                               return factors_of(m, m->factors().user_vectors());
                             })
      .def_property_readonly("item_factors", [](const std::shared_ptr<HybridModel>& m) {
        return factors_of(m, m->factors().item_vectors());
      });
}

}  // namespace

void register_attribute_models(py::module_& module) {
  module.def(
      "make_content",
      [](const Array<std::int64_t>& offsets, const Array<std::int32_t>& features,
         const Array<float>& values, std::size_t num_features, const Array<float>& dense,
         std::size_t width, const std::string& value_weighting,
         std::optional<std::int64_t> half_life) {
        const auto copied = [](const auto& array) {
          const auto from = as_span(array);
          return std::vector(from.begin(), from.end());
        };
        models::ContentModel::Parts parts;
        parts.weighting = weighting(value_weighting, half_life);
        parts.num_features = num_features;
        parts.width = width;
        parts.offsets = SharedArray<std::int64_t>::own(copied(offsets));
        parts.features = SharedArray<std::int32_t>::own(copied(features));
        parts.values = SharedArray<float>::own(copied(values));
        parts.dense = SharedArray<float>::own(copied(dense));
        return unconst(std::make_shared<const models::ContentModel>(std::move(parts)));
      },
      py::arg("offsets"), py::arg("features"), py::arg("values"), py::kw_only(),
      py::arg("num_features"), py::arg("dense"), py::arg("width"), py::arg("weighting"),
      py::arg("half_life"),
      "A row of features an item (CSR), and a dense part [items, width] beside it.");
  register_hybrid(module);
  module.def(
      "fit_segment_popular",
      [](const data::Dataset& data, const data::AttributeTable& attributes,
         const std::vector<ColumnTuple>& by, std::optional<std::int64_t> window,
         std::optional<std::int64_t> half_life, double strength, int bins) {
        const auto columns = recipe_columns(by);
        const py::gil_scoped_release release;
        return unconst(models::fit_segment_popular(
            data, attributes, columns, {{duration(window), duration(half_life)}, strength, bins}));
      },
      py::arg("data"), py::arg("attributes"), py::arg("by"), py::kw_only(), py::arg("window"),
      py::arg("half_life"), py::arg("strength"), py::arg("bins"),
      "`by` lists (attribute, 'categories' or 'numbers', weight); weights don't count.");
}

}  // namespace penchant::bindings
