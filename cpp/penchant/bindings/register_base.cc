#include "penchant/base/build_info.h"
#include "penchant/base/simd.h"
#include "penchant/base/time.h"
#include "penchant/bindings/register.h"

namespace penchant::bindings {
namespace {

// One Python class a kind, looked up once; penchant.errors re-exports them.
struct ErrorTypes {
  py::object base, invalid_argument, not_found, bad_data, corrupt_bundle, io, unavailable;
};
ErrorTypes* error_types = nullptr;

PyObject* type_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidArgument:
      return error_types->invalid_argument.ptr();
    case ErrorKind::kNotFound:
      return error_types->not_found.ptr();
    case ErrorKind::kBadData:
      return error_types->bad_data.ptr();
    case ErrorKind::kCorruptBundle:
      return error_types->corrupt_bundle.ptr();
    case ErrorKind::kIo:
      return error_types->io.ptr();
    case ErrorKind::kUnavailable:
      return error_types->unavailable.ptr();
  }
  return error_types->base.ptr();
}

}  // namespace

void register_errors(py::module_& /*module*/) {
  const py::module_ errors = py::module_::import("penchant.errors");
  // Never freed: translators outlive any orderly teardown.
  error_types =
      new ErrorTypes{errors.attr("PenchantError"),      errors.attr("InvalidArgumentError"),
                     errors.attr("NotFoundError"),      errors.attr("BadDataError"),
                     errors.attr("CorruptBundleError"), errors.attr("PenchantIOError"),
                     errors.attr("UnavailableError")};
  py::register_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const Error& error) {
      PyErr_SetString(type_of(error.kind()), error.what());
    }
  });
}

void register_base(py::module_& module) {
  module.def("build_info", &build_info, "Pairs (name, text) of what this build is and runs on.");
  module.def("version", &version);
  module.def("simd_target", &simd_target);
  module.def("simd_targets", &simd_targets);
  module.def("force_simd_target", &force_simd_target, py::arg("name"));
  module.def(
      "parse_duration", [](std::string_view text) { return parse_duration(text).micros; },
      py::arg("text"), "Microseconds of a text like '28d'.");
  module.def(
      "parse_timestamp", [](std::string_view text) { return parse_timestamp(text).micros; },
      py::arg("text"), "Microseconds since 1970 UTC of an ISO 8601 text.");
  module.def(
      "format_timestamp", [](std::int64_t micros) { return format_timestamp(Timestamp{micros}); },
      py::arg("micros"));
}

}  // namespace penchant::bindings
