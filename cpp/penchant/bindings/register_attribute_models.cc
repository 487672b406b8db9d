#include "penchant/bindings/model_arguments.h"
#include "penchant/bindings/register.h"
#include "penchant/models/content.h"
#include "penchant/models/hybrid.h"

namespace penchant::bindings {

using models::Model;

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
  py::class_<models::HybridModel, Model, std::shared_ptr<models::HybridModel>>(module,
                                                                               "HybridModel")
      .def(py::init([](const models::AlsModel& als, const data::Interactions& pairs,
                       std::int64_t as_of, const Array<std::int64_t>& offsets,
                       const Array<std::int32_t>& features, const Array<float>& values,
                       std::size_t num_features, double strength, double ridge, int threads) {
             const models::FeatureRows rows{as_span(offsets), as_span(features), as_span(values),
                                            num_features};
             const py::gil_scoped_release release;
             return std::make_shared<models::HybridModel>(models::lean_on_attributes(
                 als, pairs, Timestamp{as_of}, rows, {strength, ridge, threads}));
           }),
           py::arg("als"), py::arg("pairs"), py::arg("as_of"), py::kw_only(), py::arg("offsets"),
           py::arg("features"), py::arg("values"), py::arg("num_features"), py::arg("strength"),
           py::arg("ridge"), py::arg("threads"))
      .def_property_readonly("user_factors",
                             [](const std::shared_ptr<models::HybridModel>& m) {
                               const auto view = m->factors().user_vectors();
                               return borrow(m, view.data,
                                             {static_cast<py::ssize_t>(view.rows),
                                              static_cast<py::ssize_t>(view.columns)});
                             })
      .def_property_readonly("item_factors", [](const std::shared_ptr<models::HybridModel>& m) {
        const auto view = m->factors().item_vectors();
        return borrow(
            m, view.data,
            {static_cast<py::ssize_t>(view.rows), static_cast<py::ssize_t>(view.columns)});
      });
}

}  // namespace penchant::bindings
