#include "penchant/bindings/register.h"
#include "penchant/bundle/bundle.h"

namespace penchant::bindings {
namespace {

using bundle::DType;
using bundle::Reader;
using bundle::Section;
using bundle::Writer;

// pybind11 holds no pointer to const; a Reader has nothing that changes it.
using ReaderPtr = std::shared_ptr<Reader>;

ReaderPtr unconst(const std::shared_ptr<const Reader>& reader) {
  return std::const_pointer_cast<Reader>(reader);
}

std::span<const std::byte> bytes_of(const py::buffer_info& info) {
  return {static_cast<const std::byte*>(info.ptr), static_cast<std::size_t>(info.size)};
}

py::buffer_info contiguous_bytes(const py::buffer& buffer) {
  py::buffer_info info = buffer.request();
  check_argument(info.itemsize == 1 && info.ndim == 1 && (info.size < 2 || info.strides[0] == 1),
                 "bytes are wanted here: bytes, bytearray, or a uint8 array without gaps");
  return info;
}

ReaderPtr reader_from_bytes(const py::buffer& buffer) {
  const py::buffer_info info = contiguous_bytes(buffer);
  const auto bytes = bytes_of(info);
  AlignedVector<std::byte> copy(bytes.begin(), bytes.end());
  const py::gil_scoped_release release;
  return unconst(Reader::from_bytes(std::move(copy)));
}

py::tuple shape_of(const Section& section) {
  py::tuple shape(section.shape.size());
  for (std::size_t axis = 0; axis < section.shape.size(); ++axis) {
    shape[axis] = section.shape[axis];
  }
  return shape;
}

py::dict describe(const Section& section) {
  // As text: 64 unsigned bits are more than some readers of JSON keep.
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(section.xxh3));
  py::dict out;
  out["name"] = section.name;
  out["dtype"] = bundle::dtype_name(section.dtype);
  out["shape"] = shape_of(section);
  out["offset"] = section.offset;
  out["bytes"] = section.bytes;
  out["xxh3"] = digits;
  return out;
}

py::list describe_all(const Reader& reader) {
  py::list out;
  for (const Section& section : reader.sections()) out.append(describe(section));
  return out;
}

template <class T>
py::array view_of(const ReaderPtr& reader, const Section& section) {
  const std::vector<py::ssize_t> shape(section.shape.begin(), section.shape.end());
  const auto* data = reader->file_bytes().data() + section.offset;
  return borrow(reader, reinterpret_cast<const T*>(data), shape);
}

py::array array_of(const ReaderPtr& reader, std::string_view name) {
  const Section& section = reader->section(name);
  switch (section.dtype) {
    case DType::kUint8:
      return view_of<std::uint8_t>(reader, section);
    case DType::kInt32:
      return view_of<std::int32_t>(reader, section);
    case DType::kInt64:
      return view_of<std::int64_t>(reader, section);
    case DType::kFloat32:
      return view_of<float>(reader, section);
    case DType::kFloat64:
      return view_of<double>(reader, section);
  }
  fail(ErrorKind::kCorruptBundle, "unreachable: the reader checked the dtype");
}

DType dtype_of_array(std::string_view name, const py::array& values) {
  if (py::isinstance<py::array_t<std::uint8_t>>(values)) return DType::kUint8;
  if (py::isinstance<py::array_t<std::int32_t>>(values)) return DType::kInt32;
  if (py::isinstance<py::array_t<std::int64_t>>(values)) return DType::kInt64;
  if (py::isinstance<py::array_t<float>>(values)) return DType::kFloat32;
  if (py::isinstance<py::array_t<double>>(values)) return DType::kFloat64;
  fail(ErrorKind::kInvalidArgument,
       concat("section '", name, "': a bundle holds uint8, int32, int64, float32 and float64; got ",
              py::str(values.dtype()).cast<std::string>()));
}

void add_array(Writer& writer, std::string_view name, const py::object& object) {
  const py::array values = py::array::ensure(object, py::array::c_style);
  check_argument(static_cast<bool>(values), "section '", name, "' is no array");
  const DType dtype = dtype_of_array(name, values);
  writer.add_bytes(
      name, dtype, {values.shape(), values.shape() + values.ndim()},
      {static_cast<const std::byte*>(values.data()), static_cast<std::size_t>(values.nbytes())});
}

py::bytes writer_to_bytes(const Writer& writer, std::string_view lineage_json) {
  AlignedVector<std::byte> bytes;
  {
    const py::gil_scoped_release release;
    bytes = writer.to_bytes(lineage_json);
  }
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

void register_bundle(py::module_& module) {
  py::class_<Reader, ReaderPtr>(
      module, "BundleReader",
      "An opened bundle: mapped, every checksum verified, immutable. Arrays keep it alive.")
      .def_static(
          "open", [](const std::filesystem::path& path) { return unconst(Reader::open(path)); },
          py::arg("path"), py::call_guard<py::gil_scoped_release>())
      .def_static("from_bytes", &reader_from_bytes, py::arg("data"), "Copies the bytes once.")
      .def("__contains__", &Reader::has, py::arg("name"))
      .def("has", &Reader::has, py::arg("name"))
      .def_property_readonly("sections", &describe_all,
                             "Dicts of name, dtype, shape, offset (from the start of the file), "
                             "bytes and xxh3 (hex), in the file's order.")
      .def_property_readonly("header_json", &Reader::header_json)
      .def_property_readonly("lineage_json", &Reader::lineage_json)
      .def_property_readonly("fingerprint", &Reader::fingerprint)
      .def_property_readonly(
          "file_bytes",
          [](const ReaderPtr& reader) {
            const auto file = reader->file_bytes();
            return borrow(reader, reinterpret_cast<const std::uint8_t*>(file.data()),
                          {static_cast<py::ssize_t>(file.size())});
          },
          "The whole file [bytes] uint8, read-only, not copied.")
      .def("array", &array_of, py::arg("name"), "Read-only, not copied, of the section's shape.")
      .def("text", &Reader::text, py::arg("name"));

  py::class_<Writer>(module, "BundleWriter", "Collects sections, then writes them as one bundle.")
      .def(py::init<>())
      .def("add", &add_array, py::arg("name"), py::arg("values"),
           "Copies an array of uint8, int32, int64, float32 or float64.")
      .def("add_text", &Writer::add_text, py::arg("name"), py::arg("text"))
      .def("to_bytes", &writer_to_bytes, py::arg("lineage_json") = "{}")
      .def("write_file", &Writer::write_file, py::arg("path"), py::arg("lineage_json") = "{}",
           py::call_guard<py::gil_scoped_release>(), "Atomic: temporary, fsync, rename.");

  module.def(
      "write_file_atomically",
      [](const std::filesystem::path& path, const py::buffer& data) {
        const py::buffer_info info = contiguous_bytes(data);
        const py::gil_scoped_release release;
        bundle::write_file_atomically(path, bytes_of(info));
      },
      py::arg("path"), py::arg("data"), "Temporary beside `path`, fsync, rename, fsync of folder.");
}

}  // namespace penchant::bindings
