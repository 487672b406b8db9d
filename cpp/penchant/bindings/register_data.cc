#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "penchant/bindings/register.h"
#include "penchant/data/attributes.h"
#include "penchant/data/dataset.h"
#include "penchant/data/id_map.h"
#include "penchant/data/interactions.h"
#include "penchant/data/splits.h"
#include "penchant/data/time_column.h"

namespace penchant::bindings {
namespace {

using data::Catalogue;
using data::Dataset;
using data::EventColumns;
using data::EventType;
using data::IdKind;
using data::IdMap;
using data::Interactions;

static_assert(sizeof(Timestamp) == sizeof(std::int64_t), "times cross as int64 columns");

// --- ids ----------------------------------------------------------------------------------------

std::int32_t find_integer(const IdMap& ids, py::handle number) {
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(number.ptr(), &overflow);
  if (overflow == 0) return ids.find(static_cast<std::int64_t>(value));
  return ids.kind() == IdKind::kInteger ? -1 : ids.find(py::str(number).cast<std::string>());
}

// Strings, integers (NumPy's too) and floats without a fraction; anything else is unknown.
std::int32_t find_object(const IdMap& ids, py::handle id) {
  if (PyUnicode_Check(id.ptr()) != 0) {
    Py_ssize_t size = 0;
    const char* text = PyUnicode_AsUTF8AndSize(id.ptr(), &size);
    if (text == nullptr) {  // a lone surrogate: no such id
      PyErr_Clear();
      return -1;
    }
    return ids.find(std::string_view(text, static_cast<std::size_t>(size)));
  }
  if (PyBool_Check(id.ptr()) != 0) return -1;
  if (PyIndex_Check(id.ptr()) != 0) {
    return find_integer(ids, py::reinterpret_steal<py::object>(PyNumber_Index(id.ptr())));
  }
  if (PyFloat_Check(id.ptr()) == 0) return -1;
  const double number = PyFloat_AsDouble(id.ptr());
  if (!std::isfinite(number) || number != std::floor(number)) return -1;
  return find_integer(ids, py::reinterpret_steal<py::object>(PyLong_FromDouble(number)));
}

py::array_t<std::int32_t> find_all(const IdMap& ids, const py::object& wanted) {
  std::vector<std::int32_t> out;
  if (py::isinstance<py::array_t<std::int64_t>>(wanted)) {
    const auto numbers = wanted.cast<Array<std::int64_t>>();
    for (const std::int64_t id : as_span(numbers)) out.push_back(ids.find(id));
  } else {
    for (const py::handle id : wanted) out.push_back(find_object(ids, id));
  }
  return move_to_array(std::move(out));
}

py::str text_at(const IdMap& ids, std::size_t i) {
  const std::string_view id = ids.string(i);
  return py::reinterpret_steal<py::str>(
      PyUnicode_FromStringAndSize(id.data(), static_cast<Py_ssize_t>(id.size())));
}

py::object taken_ids(const IdMap& ids, const Array<std::int32_t>& index) {
  const auto wanted = as_indices<ItemIndex>(index);
  for (const ItemIndex each : wanted) {
    check_argument(each.value >= 0 && static_cast<std::size_t>(each.value) < ids.size(),
                   "IdMap.take: index ", each.value, " of ", ids.size());
  }
  const auto at = [&](std::size_t i) { return static_cast<std::size_t>(wanted[i].value); };
  if (ids.kind() == IdKind::kInteger) {
    std::vector<std::int64_t> out(wanted.size());
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = ids.integer(at(i));
    return move_to_array(std::move(out));
  }
  py::list out(wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) out[i] = text_at(ids, at(i));
  return out;
}

py::array all_ids(const IdMap& ids) {
  if (ids.kind() == IdKind::kInteger) {
    return borrow(ids.integers().owner(), ids.integers().data(),
                  {static_cast<py::ssize_t>(ids.size())});
  }
  py::list texts(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    texts[i] = text_at(ids, i);
  }
  py::array out(py::dtype("O"), std::vector<py::ssize_t>{static_cast<py::ssize_t>(ids.size())});
  out[py::slice(std::nullopt, std::nullopt, std::nullopt)] = texts;
  return out;
}

IdMap sorted_strings(const Array<std::int64_t>& offsets, const Array<std::uint8_t>& bytes) {
  const auto from = as_span(offsets);
  const char* text = reinterpret_cast<const char*>(bytes.data());
  return IdMap::from_sorted(
      SharedArray<std::int64_t>::own(std::vector<std::int64_t>(from.begin(), from.end())),
      SharedArray<char>::own(std::vector<char>(text, text + bytes.size())));
}

IdMap sorted_integers(const Array<std::int64_t>& ids) {
  const auto from = as_span(ids);
  return IdMap::from_sorted(
      SharedArray<std::int64_t>::own(std::vector<std::int64_t>(from.begin(), from.end())));
}

py::array byte_array(const IdMap& ids) {
  return borrow(ids.bytes().owner(), reinterpret_cast<const std::uint8_t*>(ids.bytes().data()),
                {static_cast<py::ssize_t>(ids.bytes().size())});
}

py::tuple id_state(const IdMap& ids) {
  if (ids.kind() == IdKind::kInteger) return py::make_tuple(all_ids(ids));
  const std::vector<std::int64_t> none{0};
  const auto offsets =
      ids.offsets().empty() ? std::span<const std::int64_t>(none) : ids.offsets().span();
  return py::make_tuple(
      py::array_t<std::int64_t>(static_cast<py::ssize_t>(offsets.size()), offsets.data()),
      byte_array(ids));
}

IdMap ids_from_state(const py::tuple& state) {
  if (state.size() == 1) return sorted_integers(state[0].cast<Array<std::int64_t>>());
  return sorted_strings(state[0].cast<Array<std::int64_t>>(), state[1].cast<Array<std::uint8_t>>());
}

void register_ids(py::module_& module) {
  py::class_<IdMap>(module, "IdMap", "External ids, sorted, to dense indices and back.")
      .def(py::init<>())
      .def_static(
          "from_integers",
          [](const Array<std::int64_t>& ids) {
            const auto from = as_span(ids);
            return IdMap::from_integers({from.begin(), from.end()});
          },
          py::arg("ids"), "Any order and duplicates; int64 [n].")
      .def_static("from_strings", &IdMap::from_strings, py::arg("ids"), "Any order, duplicates.")
      .def_static("from_sorted_integers", &sorted_integers, py::arg("ids"), "Ascending int64 [n].")
      .def_static("from_sorted_strings", &sorted_strings, py::arg("offsets"), py::arg("bytes"),
                  "Ascending UTF-8 strings: offsets int64 [n + 1] into bytes uint8.")
      .def_property_readonly(
          "kind",
          [](const IdMap& ids) { return ids.kind() == IdKind::kInteger ? "integer" : "string"; })
      .def("__len__", &IdMap::size)
      .def("__contains__",
           [](const IdMap& ids, py::handle id) { return find_object(ids, id) >= 0; })
      .def("find", &find_object, py::arg("id"), "Index of an id, -1 when unknown.")
      .def("find_all", &find_all, py::arg("ids"), "Index of each id, -1 when unknown; int32 [n].")
      .def("take", &taken_ids, py::arg("index"),
           "Ids of these indices: int64 [n] or a list of str; each must be in bounds.")
      .def("ids", &all_ids, "Ids by index: int64 [n] (read-only, no copy) or object [n] of str.")
      .def(
          "__eq__", [](const IdMap& a, const IdMap& b) { return a == b; }, py::is_operator())
      .def(py::pickle(&id_state, &ids_from_state));
}

// --- interactions -------------------------------------------------------------------------------

// A read-only array over a span that `owner` keeps alive. T may be a strong index or a time.
template <class Number, class T>
py::array_t<Number> view_of(const std::shared_ptr<const void>& owner, std::span<const T> values) {
  static_assert(sizeof(Number) == sizeof(T));
  return borrow(owner, reinterpret_cast<const Number*>(values.data()),
                {static_cast<py::ssize_t>(values.size())});
}

void register_interactions(py::module_& module) {
  using Self = std::shared_ptr<Interactions>;
  py::class_<Interactions, Self>(module, "Interactions",
                                 "One row a subject (CSR), one entry a pair; arrays are views.")
      .def_property_readonly("num_users", &Interactions::num_users)
      .def_property_readonly("num_items", &Interactions::num_items)
      .def_property_readonly("nnz", &Interactions::nnz)
      .def_property_readonly(
          "offsets", [](const Self& self) { return view_of<std::int64_t>(self, self->offsets()); })
      .def_property_readonly(
          "items", [](const Self& self) { return view_of<std::int32_t>(self, self->items()); })
      .def_property_readonly("values",
                             [](const Self& self) { return view_of<float>(self, self->values()); })
      .def_property_readonly(
          "counts", [](const Self& self) { return view_of<std::int32_t>(self, self->counts()); })
      .def_property_readonly(
          "first", [](const Self& self) { return view_of<std::int64_t>(self, self->first()); },
          "Time of each pair's first event, microseconds since 1970 UTC.")
      .def_property_readonly(
          "last", [](const Self& self) { return view_of<std::int64_t>(self, self->last()); },
          "Time of each pair's last event, microseconds since 1970 UTC.");
}

// --- dataset ------------------------------------------------------------------------------------

template <class T, class Number>
std::vector<T> copy_column(const Array<Number>& array) {
  std::vector<T> out;
  out.reserve(static_cast<std::size_t>(array.size()));
  for (const Number number : as_span(array)) out.push_back(T{number});
  return out;
}

std::shared_ptr<Dataset> make_dataset(
    const IdMap& subjects, const IdMap& items, const Array<std::int32_t>& subject_index,
    const Array<std::int32_t>& item_index, const Array<std::int64_t>& times,
    const Array<std::uint8_t>& type_index, const Array<float>& values,
    const std::vector<std::pair<std::string, float>>& types, std::vector<std::string> item_names,
    std::optional<std::int64_t> half_life, std::vector<std::uint8_t> listed) {
  EventColumns columns;
  columns.subjects = copy_column<UserIndex>(subject_index);
  columns.items = copy_column<ItemIndex>(item_index);
  columns.times = copy_column<Timestamp>(times);
  columns.types = copy_column<std::uint8_t>(type_index);
  columns.values = copy_column<float>(values);
  std::vector<EventType> event_types;
  for (const auto& [name, weight] : types) event_types.push_back({name, weight});
  data::InteractionOptions options;
  if (half_life) options.half_life = Duration{*half_life};
  const py::gil_scoped_release release;
  return std::make_shared<Dataset>(subjects, items, std::move(columns), std::move(event_types),
                                   Catalogue{std::move(item_names), std::move(listed)}, options);
}

std::vector<std::pair<std::string, float>> types_of(const Dataset& data) {
  std::vector<std::pair<std::string, float>> out;
  for (const EventType& type : data.types()) out.emplace_back(type.name, type.weight);
  return out;
}

std::optional<std::int64_t> known_micros(Timestamp at) {
  return at.known() ? std::optional(at.micros) : std::nullopt;
}

void register_dataset(py::module_& module) {
  using Self = std::shared_ptr<Dataset>;
  py::class_<Dataset, Self>(module, "Dataset", "A cleaned event log; columns are read-only views.")
      .def(py::init(&make_dataset), py::arg("subjects"), py::arg("items"), py::kw_only(),
           py::arg("subject_index"), py::arg("item_index"), py::arg("times"), py::arg("type_index"),
           py::arg("values"), py::arg("types"), py::arg("item_names") = std::vector<std::string>{},
           py::arg("half_life") = py::none(), py::arg("listed") = std::vector<std::uint8_t>{})
      .def("__len__", &Dataset::size)
      .def_property_readonly("subjects", &Dataset::subjects, py::return_value_policy::copy)
      .def_property_readonly("items", &Dataset::items, py::return_value_policy::copy)
      .def_property_readonly("types", &types_of, "Pairs (name, weight), by name.")
      .def_property_readonly("item_names",
                             [](const Dataset& data) { return data.catalogue().names; })
      .def_property_readonly(
          "listed", [](const Dataset& data) { return data.catalogue().listed; },
          "1 for each item that stays without events; empty when none was asked for.")
      .def_property_readonly("half_life",
                             [](const Dataset& data) -> std::optional<std::int64_t> {
                               const auto& half_life = data.options().half_life;
                               return half_life ? std::optional(half_life->micros) : std::nullopt;
                             })
      .def_property_readonly("subject_index",
                             [](const Self& self) {
                               return view_of<std::int32_t>(
                                   self, std::span(std::as_const(*self).events().subjects));
                             })
      .def_property_readonly("item_index",
                             [](const Self& self) {
                               return view_of<std::int32_t>(
                                   self, std::span(std::as_const(*self).events().items));
                             })
      .def_property_readonly(
          "times",
          [](const Self& self) {
            return view_of<std::int64_t>(self, std::span(std::as_const(*self).events().times));
          },
          "Microseconds since 1970 UTC; the smallest int64 where the log has no times.")
      .def_property_readonly("type_index",
                             [](const Self& self) {
                               return view_of<std::uint8_t>(
                                   self, std::span(std::as_const(*self).events().types));
                             })
      .def_property_readonly("values",
                             [](const Self& self) {
                               return view_of<float>(
                                   self, std::span(std::as_const(*self).events().values));
                             })
      .def_property_readonly("first_time",
                             [](const Dataset& data) { return known_micros(data.first_time()); })
      .def_property_readonly("last_time",
                             [](const Dataset& data) { return known_micros(data.last_time()); })
      .def(
          "interactions",
          [](const Dataset& data) {
            return std::const_pointer_cast<Interactions>(data.interactions());
          },
          py::call_guard<py::gil_scoped_release>())
      .def(
          "filtered",
          [](const Dataset& data, const Array<std::uint8_t>& keep) {
            const auto marks = as_span(keep);
            const py::gil_scoped_release release;
            return std::make_shared<Dataset>(data.filtered(marks));
          },
          py::arg("keep"), "The rows where keep (uint8 or bool [rows]) is not 0.")
      .def(
          "repeated_rows", [](const Dataset& data) { return move_to_array(data.repeated_rows()); },
          "uint8 [rows]: 1 where the row equals the one before it in every column.")
      .def("hash", &Dataset::hash, py::call_guard<py::gil_scoped_release>());
}

// --- attributes ---------------------------------------------------------------------------------

template <class T>
SharedArray<T> copied(const Array<T>& array) {
  const auto from = as_span(array);
  return SharedArray<T>::own(std::vector<T>(from.begin(), from.end()));
}

std::shared_ptr<data::AttributeTable> make_attributes(std::size_t rows, const py::list& columns) {
  std::vector<data::AttributeTable::Column> out;
  for (const py::handle entry : columns) {
    const auto tuple = entry.cast<py::tuple>();
    data::AttributeTable::Column column;
    column.name = tuple[0].cast<std::string>();
    column.numeric = !tuple[1].is_none();
    if (column.numeric) {
      column.numbers = copied(tuple[1].cast<Array<double>>());
    } else {
      column.texts = tuple[2].cast<IdMap>();
      column.offsets = copied(tuple[3].cast<Array<std::int64_t>>());
      column.codes = copied(tuple[4].cast<Array<std::int32_t>>());
    }
    out.push_back(std::move(column));
  }
  return std::make_shared<data::AttributeTable>(rows, std::move(out));
}

void register_attributes(py::module_& module) {
  using data::AttributeTable;
  py::class_<AttributeTable, std::shared_ptr<AttributeTable>>(
      module, "AttributeTable", "What is known of people beside events, a row a person.")
      .def(py::init(&make_attributes), py::arg("rows"), py::arg("columns"),
           "Columns are tuples (name, numbers or None, texts, offsets, codes).")
      .def("__len__", &AttributeTable::rows)
      .def_property_readonly("names", [](const AttributeTable& table) {
        std::vector<std::string> out;
        for (const auto& column : table.columns()) out.push_back(column.name);
        return out;
      });
}

// --- splits -------------------------------------------------------------------------------------

// Runs a split without the GIL; a byte a row comes out, 1 for test.
template <class Split>
py::array_t<std::uint8_t> test_rows(Split&& split) {
  std::vector<std::uint8_t> rows;
  {
    const py::gil_scoped_release release;
    rows = split();
  }
  return move_to_array(std::move(rows));
}

void register_splits(py::module_& module) {
  module.def(
      "temporal_test_rows",
      [](const Dataset& data, std::int64_t cut) {
        return test_rows([&] { return data::temporal_test_rows(data, Timestamp{cut}); });
      },
      py::arg("data"), py::arg("cut"));
  module.def(
      "leave_last_out_test_rows",
      [](const Dataset& data) {
        return test_rows([&] { return data::leave_last_out_test_rows(data); });
      },
      py::arg("data"));
  module.def(
      "random_test_rows",
      [](const Dataset& data, double share, std::uint64_t seed) {
        return test_rows([&] { return data::random_test_rows(data, share, seed); });
      },
      py::arg("data"), py::arg("share"), py::arg("seed"));
  module.def(
      "by_user_test_rows",
      [](const Dataset& data, double share, std::uint64_t seed) {
        return test_rows([&] { return data::by_user_test_rows(data, share, seed); });
      },
      py::arg("data"), py::arg("share"), py::arg("seed"));
}

// --- times --------------------------------------------------------------------------------------

py::array_t<std::int64_t> parse_times(const Array<std::int64_t>& offsets,
                                      const Array<std::uint8_t>& bytes) {
  const auto from = as_span(offsets);
  const std::span<const char> text(reinterpret_cast<const char*>(bytes.data()),
                                   static_cast<std::size_t>(bytes.size()));
  std::vector<Timestamp> times;
  {
    const py::gil_scoped_release release;
    times = data::parse_times(from, text);
  }
  py::array_t<std::int64_t> out(static_cast<py::ssize_t>(times.size()));
  for (std::size_t i = 0; i < times.size(); ++i) {
    out.mutable_at(static_cast<py::ssize_t>(i)) = times[i].micros;
  }
  return out;
}

}  // namespace

void register_data(py::module_& module) {
  module.def("parse_times", &parse_times, py::arg("offsets"), py::arg("bytes"),
             "Microseconds of ISO 8601 texts; the smallest int64 where one is not a time.");
  register_ids(module);
  register_interactions(module);
  register_attributes(module);
  register_dataset(module);
  register_splits(module);
}

}  // namespace penchant::bindings
