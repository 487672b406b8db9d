#include "penchant/bindings/register.h"
#include "penchant/ranking/forest.h"
#include "penchant/ranking/shap.h"

namespace penchant::bindings {
namespace {

using ranking::Forest;
using ranking::ShapExplainer;

MatrixView<const double> matrix_of(const Array<double>& array, std::string_view what) {
  check_argument(array.ndim() == 2, what, " must be an array of two dimensions, [rows, features]");
  return {array.data(), static_cast<std::size_t>(array.shape(0)),
          static_cast<std::size_t>(array.shape(1))};
}

py::array_t<double> values(const ShapExplainer& explainer, const Array<double>& rows,
                           const std::optional<Array<double>>& background, int threads) {
  const MatrixView<const double> asked = matrix_of(rows, "rows");
  const auto outputs = static_cast<py::ssize_t>(explainer.outputs());
  py::array_t<double> out({rows.shape(0), outputs, rows.shape(1) + 1});
  const std::span<double> room(out.mutable_data(), static_cast<std::size_t>(out.size()));
  if (!background) {
    const py::gil_scoped_release release;
    explainer.values(asked, room, threads);
    return out;
  }
  const MatrixView<const double> others = matrix_of(*background, "background");
  const py::gil_scoped_release release;
  explainer.values_against(asked, others, room, threads);
  return out;
}

}  // namespace

void register_shap(py::module_& module) {
  py::class_<ShapExplainer>(module, "ShapExplainer", "Exact SHAP values of a Forest.")
      .def(py::init([](const std::shared_ptr<Forest>& forest) {
             const py::gil_scoped_release release;
             return std::make_unique<ShapExplainer>(forest);
           }),
           py::arg("forest"))
      .def("values", &values, py::arg("rows"), py::arg("background") = py::none(),
           py::arg("threads") = 1,
           "SHAP values [rows, outputs, features + 1] float64, the expected score last.");
}

}  // namespace penchant::bindings
