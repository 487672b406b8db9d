#pragma once

// What every register_<module>.cc shares. Long work releases the GIL at the binding
// (py::call_guard<py::gil_scoped_release>() or a scoped release), where it can be seen.

#include <span>

#include <pybind11/functional.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include "penchant/base/error.h"
#include "penchant/base/matrix.h"

namespace penchant::bindings {

namespace py = pybind11;

void register_errors(py::module_& module);
void register_base(py::module_& module);
void register_bundle(py::module_& module);
void register_data(py::module_& module);
void register_identity(py::module_& module);
void register_events(py::module_& module);
void register_features(py::module_& module);
void register_segments(py::module_& module);
void register_models(py::module_& module);
void register_ranking_models(py::module_& module);
void register_attribute_models(py::module_& module);
void register_item_models(py::module_& module);
void register_retrieval(py::module_& module);
void register_forest(py::module_& module);
void register_calibration(py::module_& module);
void register_importers(py::module_& module);
void register_shap(py::module_& module);
void register_trees(py::module_& module);
void register_bandits(py::module_& module);
void register_bandit_loop(py::module_& module);
void register_evaluation(py::module_& module);
void register_off_policy(py::module_& module);
void register_engine(py::module_& module);

// A C-contiguous array of exactly this dtype after conversion; passed without a copy when it is
// one.
template <class T>
using Array = py::array_t<T, py::array::c_style | py::array::forcecast>;

template <class T>
[[nodiscard]] std::span<const T> as_span(const Array<T>& array) {
  return {array.data(), static_cast<std::size_t>(array.size())};
}

// The bytes of an int32 array seen as strong indices (same size and layout).
template <class Index>
[[nodiscard]] std::span<const Index> as_indices(const Array<std::int32_t>& array) {
  return {reinterpret_cast<const Index*>(array.data()), static_cast<std::size_t>(array.size())};
}

// A read-only array over memory that `owner` keeps alive; nothing is copied.
template <class T>
[[nodiscard]] py::array_t<T> borrow(std::shared_ptr<const void> owner, const T* data,
                                    std::vector<py::ssize_t> shape) {
  auto* kept = new std::shared_ptr<const void>(std::move(owner));
  const py::capsule base(kept,
                         [](void* p) { delete static_cast<std::shared_ptr<const void>*>(p); });
  py::array_t<T> out(std::move(shape), data, base);
  out.attr("setflags")(py::arg("write") = false);
  return out;
}

// Moves a vector into an array that owns it.
template <class T, class Alloc>
[[nodiscard]] py::array_t<T> move_to_array(std::vector<T, Alloc>&& values,
                                           std::vector<py::ssize_t> shape = {}) {
  auto* kept = new std::vector<T, Alloc>(std::move(values));
  const py::capsule base(kept, [](void* p) { delete static_cast<std::vector<T, Alloc>*>(p); });
  if (shape.empty()) shape = {static_cast<py::ssize_t>(kept->size())};
  return py::array_t<T>(std::move(shape), kept->data(), base);
}

}  // namespace penchant::bindings
