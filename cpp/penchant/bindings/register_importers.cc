#include "penchant/bindings/register.h"
#include "penchant/ranking/export_lightgbm.h"
#include "penchant/ranking/forest.h"
#include "penchant/ranking/import_catboost.h"
#include "penchant/ranking/import_lightgbm.h"
#include "penchant/ranking/import_xgboost.h"

namespace penchant::bindings {
namespace {

using ranking::Forest;
using ranking::ForestData;

template <ForestData (*read)(std::string_view)>
std::shared_ptr<Forest> imported(const py::bytes& model) {
  const auto view = static_cast<std::string_view>(model);
  const py::gil_scoped_release release;  // Python's bytes never change
  return std::make_shared<Forest>(read(view));
}

}  // namespace

void register_importers(py::module_& module) {
  module.def("import_lightgbm", &imported<&ranking::import_lightgbm>, py::arg("model"),
             "A Forest of LightGBM's text.");
  module.def("import_xgboost", &imported<&ranking::import_xgboost>, py::arg("model"),
             "A Forest of XGBoost's JSON or UBJSON.");
  module.def("import_catboost", &imported<&ranking::import_catboost>, py::arg("model"),
             "A Forest of CatBoost's JSON.");
  module.def(
      "export_lightgbm",
      [](const std::shared_ptr<Forest>& forest) {
        const py::gil_scoped_release release;
        return ranking::export_lightgbm(forest->data());
      },
      py::arg("forest"), "LightGBM's text of a Forest.");
}

}  // namespace penchant::bindings
