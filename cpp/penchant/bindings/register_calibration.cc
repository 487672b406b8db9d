#include <algorithm>

#include "penchant/bindings/register.h"
#include "penchant/ranking/calibration.h"

namespace penchant::bindings {
namespace {

using ranking::Calibration;
using ranking::CalibrationCurve;
using ranking::CalibrationMethod;

using CalibrationPtr = std::shared_ptr<Calibration>;

CalibrationMethod method_named(const std::string& name) {
  if (name == "isotonic") return CalibrationMethod::kIsotonic;
  check_argument(name == "sigmoid", "unknown method '", name, "'; choose isotonic or sigmoid");
  return CalibrationMethod::kSigmoid;
}

std::size_t width_of(const Array<double>& scores) {
  check_argument(scores.ndim() == 2, "scores must be [rows, outputs]");
  return static_cast<std::size_t>(scores.shape(1));
}

CalibrationPtr fit(const Array<double>& scores, const Array<std::int32_t>& label,
                   const std::optional<Array<double>>& weight, const std::string& method) {
  const ranking::CalibrationRows rows{
      .outputs = width_of(scores),
      .scores = as_span(scores),
      .label = as_span(label),
      .weight = weight ? as_span(*weight) : std::span<const double>()};
  const CalibrationMethod chosen = method_named(method);
  const py::gil_scoped_release release;
  return std::make_shared<Calibration>(ranking::fit_calibration(rows, chosen));
}

py::array_t<double> apply(const Calibration& calibration, const Array<double>& scores,
                          int threads) {
  check_argument(width_of(scores) == calibration.outputs(), "scores must be [rows, ",
                 calibration.outputs(), "]");
  py::array_t<double> out({scores.shape(0), scores.shape(1)});
  const std::span<double> values(out.mutable_data(), static_cast<std::size_t>(out.size()));
  std::copy(scores.data(), scores.data() + scores.size(), values.begin());
  const py::gil_scoped_release release;
  calibration.apply(values, threads);
  return out;
}

py::list curves(const Calibration& calibration) {
  py::list out;
  for (const CalibrationCurve& curve : calibration.data().curves) {
    py::dict one;
    if (calibration.data().method == CalibrationMethod::kIsotonic) {
      one["x"] = move_to_array(std::vector<double>(curve.x));
      one["p"] = move_to_array(std::vector<double>(curve.p));
    } else {
      one["slope"] = curve.slope;
      one["offset"] = curve.offset;
    }
    out.append(one);
  }
  return out;
}

const char* method(const Calibration& calibration) {
  return calibration.data().method == CalibrationMethod::kIsotonic ? "isotonic" : "sigmoid";
}

}  // namespace

void register_calibration(py::module_& module) {
  py::class_<Calibration, CalibrationPtr>(module, "Calibration",
                                          "From raw scores to probabilities.")
      .def_static("fit", &fit, py::arg("scores"), py::arg("label"), py::kw_only(),
                  py::arg("weight") = py::none(), py::arg("method"),
                  "scores [rows, outputs], label [rows] int32, weight [rows].")
      .def("apply", &apply, py::arg("scores"), py::arg("threads") = 1,
           "Probabilities [rows, outputs] float64 of raw scores.")
      .def_property_readonly("method", &method)
      .def_property_readonly("num_outputs", &Calibration::outputs)
      .def("curves", &curves, "A dict an output: x and p, or slope and offset.")
      .def(
          "save",
          [](const Calibration& calibration, bundle::Writer& writer, const std::string& prefix) {
            calibration.save(writer, prefix);
          },
          py::arg("writer"), py::arg("prefix"))
      .def_static(
          "load",
          [](const std::shared_ptr<bundle::Reader>& reader, const std::string& prefix) {
            const py::gil_scoped_release release;
            return std::const_pointer_cast<Calibration>(Calibration::load(reader, prefix));
          },
          py::arg("reader"), py::arg("prefix"));
}

}  // namespace penchant::bindings
