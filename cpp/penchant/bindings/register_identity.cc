#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "penchant/bindings/register.h"
#include "penchant/identity/identity.h"

namespace penchant::bindings {
namespace {

using identity::Change;
using identity::Graph;
using identity::Identity;
using identity::TextColumn;

// Namespace, offsets int64 [n + 1], bytes uint8; kept alive by what it was made from.
struct HeldColumn {
  std::string name_space;
  Array<std::int64_t> offsets;
  Array<std::uint8_t> bytes;
};

HeldColumn held(const py::handle& tuple) {
  const auto parts = tuple.cast<py::tuple>();
  return {parts[0].cast<std::string>(), parts[1].cast<Array<std::int64_t>>(),
          parts[2].cast<Array<std::uint8_t>>()};
}

TextColumn texts_of(const HeldColumn& column) {
  return {0,
          as_span(column.offsets),
          {reinterpret_cast<const char*>(column.bytes.data()),
           static_cast<std::size_t>(column.bytes.size())}};
}

std::vector<HeldColumn> held_columns(const py::list& columns) {
  std::vector<HeldColumn> out;
  for (const py::handle column : columns) out.push_back(held(column));
  return out;
}

std::vector<TextColumn> columns_of(const Identity& own, const std::vector<HeldColumn>& columns) {
  std::vector<TextColumn> out;
  for (const HeldColumn& column : columns) {
    const int at = find_namespace(own.graph().options(), column.name_space);
    check_argument(at >= 0, "no namespace '", column.name_space, "'");
    out.push_back(texts_of(column));
    out.back().name_space = static_cast<std::size_t>(at);
  }
  return out;
}

// Names of identifiers (-1: none) as Arrow lays texts: offsets int64, bytes uint8, known uint8.
py::tuple names_of(const Identity& own, const std::vector<std::int32_t>& ids) {
  std::vector<std::int64_t> offsets{0};
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint8_t> known;
  {
    const py::gil_scoped_release release;
    offsets.reserve(ids.size() + 1);
    known.reserve(ids.size());
    for (const std::int32_t id : ids) {
      if (id >= 0) {
        const std::string name = own.name(id);
        bytes.insert(bytes.end(), name.begin(), name.end());
      }
      offsets.push_back(static_cast<std::int64_t>(bytes.size()));
      known.push_back(id >= 0 ? 1 : 0);
    }
  }
  return py::make_tuple(move_to_array(std::move(offsets)), move_to_array(std::move(bytes)),
                        move_to_array(std::move(known)));
}

py::dict changes_of(const Identity& own, const std::vector<Change>& changes) {
  std::vector<std::int32_t> from[2];
  std::vector<std::int32_t> to[2];
  for (const Change& change : changes) {
    from[change.split ? 1 : 0].push_back(change.from);
    to[change.split ? 1 : 0].push_back(change.to);
  }
  py::dict out;
  out["merged"] = py::make_tuple(names_of(own, from[0]), names_of(own, to[0]));
  out["split"] = py::make_tuple(names_of(own, from[1]), names_of(own, to[1]));
  return out;
}

py::dict link(Identity& own, const py::list& columns,
              const std::optional<Array<std::int64_t>>& times,
              const std::optional<Array<std::uint8_t>>& skip, const py::object& events,
              int threads) {
  const std::vector<HeldColumn> kept = held_columns(columns);
  identity::Records records;
  records.identifiers = columns_of(own, kept);
  if (times) records.times = as_span(*times);
  if (skip) records.skip = as_span(*skip);
  std::optional<HeldColumn> names;
  TextColumn name_column;
  if (!events.is_none()) {
    names = held(events);
    name_column = texts_of(*names);
    records.events = &name_column;
  }
  identity::LinkReport report;
  {
    const py::gil_scoped_release release;
    report = own.link(records, threads);
  }
  py::dict out = changes_of(own, report.changes);
  out["blocked"] = report.blocked;
  out["invalid"] = report.invalid;
  return out;
}

py::tuple resolve(const Identity& own, const py::list& columns, int threads) {
  const std::vector<HeldColumn> kept = held_columns(columns);
  const std::vector<TextColumn> records = columns_of(own, kept);
  std::vector<std::int32_t> subjects;
  {
    const py::gil_scoped_release release;
    subjects = own.resolve(records, threads);
  }
  return names_of(own, subjects);
}

// Columns of links: two names each, moments, event ids, reasons.
py::dict links_of(const Identity& own, const std::vector<std::int32_t>& links) {
  const Graph& graph = own.graph();
  std::vector<std::int32_t> a;
  std::vector<std::int32_t> b;
  std::vector<std::int64_t> times;
  py::list events;
  py::list reasons;
  for (const std::int32_t link : links) {
    const std::int32_t x = graph.links().a(link);
    const std::int32_t y = graph.links().b(link);
    const bool leads = graph.table().leads(x, y);
    a.push_back(leads ? x : y);
    b.push_back(leads ? y : x);
    times.push_back(graph.links().moment(link).time);
    const std::string_view event = graph.event(link);
    if (event.empty()) {
      events.append(py::none());
    } else {
      events.append(py::str(event.data(), event.size()));
    }
    reasons.append(py::str(identity::reason(graph, link)));
  }
  py::dict out;
  out["a"] = names_of(own, a);
  out["b"] = names_of(own, b);
  out["time"] = move_to_array(std::move(times));
  out["event"] = events;
  out["reason"] = reasons;
  return out;
}

std::int32_t known(const Identity& own, const std::string& text) {
  const std::int32_t id = own.find(text);
  if (id < 0) fail(ErrorKind::kNotFound, "this identifier has not been seen");
  return id;
}

py::object name_or_none(const Identity& own, std::int32_t id) {
  if (id < 0) return py::none();
  return py::str(own.name(id));
}

}  // namespace

void register_identity(py::module_& module) {
  module.def("default_identity_options",
             [] { return identity::to_json(identity::default_options()); });
  module.def(
      "normalize_identifier",
      [](const std::string& options, const std::string& name_space,
         const std::string& raw) -> std::optional<std::string> {
        const identity::Options own = identity::options_from_json(options);
        const int at = find_namespace(own, name_space);
        check_argument(at >= 0, "no namespace '", name_space, "'");
        std::string out;
        const auto reading =
            identity::normalize(own.namespaces[static_cast<std::size_t>(at)].form, own, raw, out);
        if (reading != identity::Reading::kRead) return std::nullopt;
        return out;
      },
      py::arg("options"), py::arg("name_space"), py::arg("raw"));

  py::class_<Identity, std::shared_ptr<Identity>>(
      module, "Identity", "Identifiers to subjects; penchant.Identity speaks frames.")
      .def(py::init([](const std::string& options, const py::bytes& key) {
             return std::make_shared<Identity>(identity::options_from_json(options),
                                               static_cast<std::string_view>(key));
           }),
           py::arg("options"), py::arg("key"))
      .def("link", &link, py::arg("columns"), py::arg("times") = py::none(),
           py::arg("skip") = py::none(), py::arg("events") = py::none(), py::arg("threads") = 0)
      .def("resolve", &resolve, py::arg("columns"), py::arg("threads") = 0)
      .def(
          "find", [](const Identity& own, const std::string& text) { return own.find(text) >= 0; },
          py::arg("text"))
      .def(
          "subject_of",
          [](const Identity& own, const std::string& text) {
            const std::int32_t id = own.find(text);
            return name_or_none(own, id < 0 ? -1 : own.graph().subject(id));
          },
          py::arg("text"))
      .def(
          "subject_at",
          [](const Identity& own, const std::string& text, std::int64_t time) {
            const std::int32_t id = own.find(text);
            return name_or_none(own, id < 0 ? -1 : own.graph().subject_at(id, time));
          },
          py::arg("text"), py::arg("time"))
      .def(
          "cut",
          [](Identity& own, const std::string& a, const std::string& b, bool away) {
            own.graph().cut(known(own, a), known(own, b), away);
            return changes_of(own, own.graph().settle());
          },
          py::arg("a"), py::arg("b"), py::arg("away"))
      .def(
          "part",
          [](Identity& own, const std::string& a, const std::string& b) {
            const auto parting = own.graph().part(known(own, a), known(own, b));
            return py::make_tuple(changes_of(own, parting.changes), links_of(own, parting.links));
          },
          py::arg("a"), py::arg("b"))
      .def(
          "block",
          [](Identity& own, const std::string& id, bool nobody) {
            own.graph().block(known(own, id), nobody);
            return changes_of(own, own.graph().settle());
          },
          py::arg("id"), py::arg("nobody"))
      .def(
          "chain",
          [](const Identity& own, const std::string& a, const std::string& b) {
            return links_of(own, own.graph().chain(known(own, a), known(own, b)));
          },
          py::arg("a"), py::arg("b"))
      .def(
          "members",
          [](const Identity& own, const std::string& id) {
            return names_of(own, own.graph().members(known(own, id)));
          },
          py::arg("id"))
      .def(
          "shared",
          [](const Identity& own, const std::string& id) {
            return own.graph().shared(known(own, id));
          },
          py::arg("id"))
      .def("refused", [](const Identity& own) { return links_of(own, own.graph().refused()); })
      .def(
          "table",
          [](const Identity& own) {
            std::vector<std::int32_t> ids(own.graph().table().size());
            std::vector<std::int32_t> subjects(ids.size());
            for (std::size_t i = 0; i < ids.size(); ++i) {
              ids[i] = static_cast<std::int32_t>(i);
              subjects[i] = own.graph().subject(ids[i]);
            }
            return py::make_tuple(names_of(own, ids), names_of(own, subjects));
          },
          "Names of all identifiers, and of their subjects.")
      .def_property_readonly("identifiers",
                             [](const Identity& own) { return own.graph().table().size(); })
      .def_property_readonly("links",
                             [](const Identity& own) { return own.graph().links().size(); })
      .def_property_readonly("subjects", [](const Identity& own) { return own.graph().subjects(); })
      .def_property_readonly("keyed", [](const Identity& own) { return own.graph().keyed(); })
      .def_property_readonly("memory_bytes",
                             [](const Identity& own) { return own.graph().memory_bytes(); })
      .def_property_readonly(
          "options", [](const Identity& own) { return identity::to_json(own.graph().options()); })
      .def(
          "save",
          [](const Identity& own, bundle::Writer& writer, const std::string& prefix) {
            own.graph().save(writer, prefix);
          },
          py::arg("writer"), py::arg("prefix"), py::call_guard<py::gil_scoped_release>())
      .def_static(
          "load",
          [](const std::shared_ptr<bundle::Reader>& reader, const std::string& prefix,
             const py::bytes& key) {
            const auto secret = static_cast<std::string_view>(key);
            const py::gil_scoped_release release;
            return std::make_shared<Identity>(Graph::load(*reader, prefix), secret);
          },
          py::arg("reader"), py::arg("prefix"), py::arg("key"));
}

}  // namespace penchant::bindings
