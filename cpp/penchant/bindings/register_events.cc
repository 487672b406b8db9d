#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "penchant/bindings/register.h"
#include "penchant/events/columns.h"
#include "penchant/events/deduplicator.h"
#include "penchant/events/event_table.h"
#include "penchant/events/json_lines.h"
#include "penchant/events/lateness.h"
#include "penchant/events/mapping.h"
#include "penchant/events/sessions.h"
#include "penchant/events/taxonomy.h"

namespace penchant::bindings {
namespace {

using events::Deduplicator;
using events::DeduplicatorOptions;
using events::EventTable;
using events::LatePolicy;
using events::Mapping;
using events::Quarantined;
using events::Rejection;
using events::Taxonomy;

using SharedTaxonomy = std::shared_ptr<const Taxonomy>;
// The holder of what is immutable.
using HeldTaxonomy = std::shared_ptr<Taxonomy>;
using HeldMapping = std::shared_ptr<Mapping>;

Timestamp time_from(const std::optional<std::int64_t>& micros) {
  return micros ? Timestamp{*micros} : Timestamp{};
}

HeldTaxonomy held(const SharedTaxonomy& taxonomy) {
  return std::const_pointer_cast<Taxonomy>(taxonomy);
}

py::tuple rejected(const Rejection& rejection) {
  return py::make_tuple(std::string(events::reason_name(rejection.reason)), rejection.message,
                        rejection.payload_hash);
}

py::object read(const Taxonomy& taxonomy, const py::bytes& bytes,
                const std::optional<std::int64_t>& received) {
  const auto json = bytes.cast<std::string_view>();
  events::Event event;
  Rejection rejection;
  std::string written;
  bool good = false;
  {
    const py::gil_scoped_release release;
    good = taxonomy.read(json, time_from(received), event, rejection);
    if (good) written = taxonomy.write(event);
  }
  if (!good) return rejected(rejection);
  return py::str(written);
}

// --- tables -------------------------------------------------------------------------------------

template <class T>
py::array_t<T> copied(std::span<const T> values) {
  return py::array_t<T>(static_cast<py::ssize_t>(values.size()), values.data());
}

py::array_t<std::int64_t> micros_of(std::span<const Timestamp> times) {
  static_assert(sizeof(Timestamp) == sizeof(std::int64_t));
  return py::array_t<std::int64_t>(static_cast<py::ssize_t>(times.size()),
                                   reinterpret_cast<const std::int64_t*>(times.data()));
}

// Codes [rows], offsets [distinct + 1] and bytes.
py::tuple texts_of(std::span<const std::int32_t> codes, const events::Dictionary& texts) {
  return py::make_tuple(
      copied(codes), copied(texts.offsets()),
      py::array_t<std::uint8_t>(static_cast<py::ssize_t>(texts.bytes().size()),
                                reinterpret_cast<const std::uint8_t*>(texts.bytes().data())));
}

// Texts by event, as offsets [events + 1] and bytes.
template <class At>
py::tuple by_event(const EventTable& table, At&& at) {
  std::vector<std::int64_t> offsets{0};
  std::vector<std::uint8_t> bytes;
  for (std::size_t event = 0; event < table.events(); ++event) {
    const std::string_view text = at(event);
    bytes.insert(bytes.end(), text.begin(), text.end());
    offsets.push_back(static_cast<std::int64_t>(bytes.size()));
  }
  return py::make_tuple(move_to_array(std::move(offsets)), move_to_array(std::move(bytes)));
}

py::list identifiers_of(const EventTable& table) {
  std::vector<std::vector<std::int32_t>> codes(table.spaces().size());
  for (auto& column : codes) column.assign(table.events(), -1);
  for (std::size_t event = 0; event < table.events(); ++event) {
    for (const events::IdentifierCode& one : table.identifiers(event)) {
      codes[static_cast<std::size_t>(one.space)][event] = one.value;
    }
  }
  py::list out;
  for (std::size_t space = 0; space < codes.size(); ++space) {
    out.append(py::make_tuple(std::string(table.spaces().text(static_cast<std::int32_t>(space))),
                              texts_of(codes[space], table.identifier_values())));
  }
  return out;
}

py::object slot_of(const EventTable& table, std::size_t slot) {
  check_argument(slot < table.taxonomy().slots().size(), "slot ", slot, " is not there");
  const events::SlotColumn& column = table.slot(slot);
  if (!column.codes.empty()) return texts_of(column.codes, column.texts);
  if (!column.numbers.empty()) return copied<std::int64_t>(column.numbers);
  return py::none();
}

// Rows int64, reasons uint8, messages, payload hashes uint64, counts by reason, dropped.
py::tuple quarantined(Quarantined&& bad) {
  py::list messages;
  std::vector<std::uint8_t> reasons;
  std::vector<std::uint64_t> hashes;
  for (const Rejection& one : bad.rejections) {
    reasons.push_back(static_cast<std::uint8_t>(one.reason));
    hashes.push_back(one.payload_hash);
    messages.append(one.message);
  }
  py::dict counts;
  for (std::size_t r = 0; r < events::kReasons; ++r) {
    if (bad.counts[r] == 0) continue;
    counts[py::str(std::string(events::reason_name(static_cast<events::Reason>(r))))] =
        bad.counts[r];
  }
  return py::make_tuple(move_to_array(std::move(bad.rows)), move_to_array(std::move(reasons)),
                        messages, move_to_array(std::move(hashes)), counts, bad.dropped);
}

template <class T>
std::span<const T> optional_span(const py::dict& given, const char* name,
                                 std::vector<py::object>& keep) {
  if (!given.contains(name)) return {};
  Array<T> array = given[name].cast<Array<T>>();
  keep.push_back(array);
  return as_span(array);
}

events::ColumnKind column_kind(const std::string& name) {
  if (name == "integer") return events::ColumnKind::kInteger;
  if (name == "number") return events::ColumnKind::kNumber;
  if (name == "boolean") return events::ColumnKind::kBoolean;
  if (name == "amount") return events::ColumnKind::kAmount;
  if (name == "time") return events::ColumnKind::kTime;
  check_argument(name == "text", "column kind '", name, "' is not there");
  return events::ColumnKind::kText;
}

py::tuple read_columns(EventTable& table, std::size_t rows, const py::list& columns,
                       const std::string& type, const std::optional<std::int64_t>& received) {
  events::Frame frame{.rows = rows, .type = type, .received = time_from(received)};
  std::vector<py::object> keep;
  for (const py::handle& one : columns) {
    const auto given = one.cast<py::dict>();
    events::Column column{.name = given["name"].cast<std::string>(),
                          .kind = column_kind(given["kind"].cast<std::string>())};
    column.integers = optional_span<std::int64_t>(given, "integers", keep);
    column.numbers = optional_span<double>(given, "numbers", keep);
    column.codes = optional_span<std::int32_t>(given, "codes", keep);
    column.offsets = optional_span<std::int64_t>(given, "offsets", keep);
    const auto bytes = optional_span<std::uint8_t>(given, "bytes", keep);
    column.bytes = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    column.valid = optional_span<std::uint8_t>(given, "valid", keep);
    column.broken = optional_span<std::uint8_t>(given, "broken", keep);
    frame.columns.push_back(std::move(column));
  }
  Quarantined out;
  {
    const py::gil_scoped_release release;
    out = events::read_columns(frame, table);
  }
  return quarantined(std::move(out));
}

py::tuple read_json_lines(EventTable& table, const py::bytes& bytes,
                          const std::optional<std::int64_t>& received,
                          const std::optional<HeldMapping>& mapping) {
  const auto text = bytes.cast<std::string_view>();
  Quarantined out;
  {
    const py::gil_scoped_release release;
    out = events::read_json_lines(
        text, {.received = time_from(received), .mapping = mapping ? mapping->get() : nullptr},
        table);
  }
  return quarantined(std::move(out));
}

py::tuple sessions(const EventTable& table, std::int64_t gap) {
  events::Sessions out;
  {
    const py::gil_scoped_release release;
    out = events::sessions(table, {.gap = Duration{gap}});
  }
  return py::make_tuple(move_to_array(std::move(out.id)), move_to_array(std::move(out.number)),
                        micros_of(out.start), out.count);
}

py::tuple baskets(const EventTable& table) {
  events::Baskets out;
  {
    const py::gil_scoped_release release;
    out = events::baskets(table);
  }
  return py::make_tuple(move_to_array(std::move(out.basket)), texts_of(out.order, table.orders()),
                        micros_of(out.time));
}

void register_table(py::module_& module) {
  py::class_<EventTable, std::shared_ptr<EventTable>>(module, "EventTable",
                                                      "Events as columns, a row a line.")
      .def(py::init(
               [](const HeldTaxonomy& taxonomy) { return std::make_shared<EventTable>(taxonomy); }),
           py::arg("taxonomy"))
      .def_property_readonly("rows", &EventTable::rows)
      .def_property_readonly("events", &EventTable::events)
      .def("read_columns", &read_columns, py::arg("rows"), py::arg("columns"), py::arg("type"),
           py::arg("received"),
           "Appends the good rows of a frame. Bad ones: rows, reasons, messages, payload hashes, "
           "counts by reason, cells dropped.")
      .def("read_json_lines", &read_json_lines, py::arg("bytes"), py::arg("received"),
           py::arg("mapping"), "The same of JSON objects, one a line.")
      .def("event", [](const EventTable& table) { return copied(table.event()); })
      .def("type", [](const EventTable& table) { return copied(table.type()); })
      .def("time", [](const EventTable& table) { return micros_of(table.time()); })
      .def("received", [](const EventTable& table) { return micros_of(table.received()); })
      .def("quantity", [](const EventTable& table) { return copied(table.quantity()); })
      .def("price", [](const EventTable& table) { return copied(table.price()); })
      .def("subject",
           [](const EventTable& table) { return texts_of(table.subject(), table.subjects()); })
      .def("item", [](const EventTable& table) { return texts_of(table.item(), table.items()); })
      .def("order", [](const EventTable& table) { return texts_of(table.order(), table.orders()); })
      .def("slot", &slot_of, py::arg("slot"),
           "int64 [rows], or codes, offsets and bytes; None where no row has a value.")
      .def("first_row", [](const EventTable& table) { return copied(table.first_row()); })
      .def("id_hash", [](const EventTable& table) { return copied(table.id_hash()); })
      .def("ids",
           [](const EventTable& table) {
             return by_event(table, [&](std::size_t event) { return table.id(event); });
           })
      .def("extras",
           [](const EventTable& table) {
             return by_event(table, [&](std::size_t event) { return table.extra(event); });
           })
      .def("contexts",
           [](const EventTable& table) {
             return by_event(table, [&](std::size_t event) { return table.context(event); });
           })
      .def("identifiers", &identifiers_of, "(namespace, (codes [events], offsets, bytes)) each.")
      .def("set_subject", &EventTable::set_subject, py::arg("event"), py::arg("subject"))
      .def("sessions", &sessions, py::arg("gap"), "Ids, numbers, starts [rows], and their count.")
      .def("baskets", &baskets, "Basket [rows]; orders and times of the baskets.");
}

// --- folds --------------------------------------------------------------------------------------

py::array_t<std::uint8_t> fold_table(Deduplicator& seen, const EventTable& table) {
  std::vector<std::uint8_t> out(table.events());
  {
    const py::gil_scoped_release release;
    for (std::size_t event = 0; event < out.size(); ++event) {
      const auto row = static_cast<std::size_t>(table.first_row()[event]);
      out[event] = static_cast<std::uint8_t>(seen.fold(table.id(event), table.time()[row]));
    }
  }
  return move_to_array(std::move(out));
}

DeduplicatorOptions options_of(std::int64_t horizon, std::size_t max_ids, std::uint64_t seed) {
  return {.horizon = Duration{horizon}, .max_ids = max_ids, .seed = seed};
}

void register_folds(py::module_& module) {
  py::class_<Deduplicator>(module, "Deduplicator", "Whether an event id was there before.")
      .def(py::init([](std::int64_t horizon, std::size_t max_ids, std::uint64_t seed) {
             return Deduplicator(options_of(horizon, max_ids, seed));
           }),
           py::arg("horizon"), py::arg("max_ids"), py::arg("seed"))
      .def(
          "fold",
          [](Deduplicator& seen, const std::string& id, std::int64_t time) {
            return std::string(events::seen_name(seen.fold(id, Timestamp{time})));
          },
          py::arg("id"), py::arg("time"))
      .def(
          "classify",
          [](const Deduplicator& seen, const std::string& id, std::int64_t time) {
            return std::string(events::seen_name(seen.classify(id, Timestamp{time})));
          },
          py::arg("id"), py::arg("time"))
      .def("fold_table", &fold_table, py::arg("table"),
           "uint8 [events]: 0 new, 1 duplicate, 2 unknown.")
      .def("__len__", &Deduplicator::size)
      .def_property_readonly("bytes", &Deduplicator::bytes)
      .def("save", [](const Deduplicator& seen) { return py::bytes(seen.save()); })
      .def_static(
          "restore",
          [](const py::bytes& bytes, std::int64_t horizon, std::size_t max_ids,
             std::uint64_t seed) {
            return Deduplicator::restore(options_of(horizon, max_ids, seed),
                                         bytes.cast<std::string_view>());
          },
          py::arg("bytes"), py::arg("horizon"), py::arg("max_ids"), py::arg("seed"));
  py::class_<LatePolicy>(module, "LatePolicy", "Events in order, out of order, and too late.")
      .def(py::init([](std::int64_t lateness) { return LatePolicy(Duration{lateness}); }),
           py::arg("lateness"))
      .def(
          "classify",
          [](const LatePolicy& policy, std::int64_t time) {
            return std::string(events::timeliness_name(policy.classify(Timestamp{time})));
          },
          py::arg("time"))
      .def(
          "fold",
          [](LatePolicy& policy, std::int64_t time, const std::optional<std::int64_t>& received) {
            return std::string(
                events::timeliness_name(policy.fold(Timestamp{time}, time_from(received))));
          },
          py::arg("time"), py::arg("received"))
      .def(
          "fold_table",
          [](LatePolicy& policy, const EventTable& table) {
            std::vector<std::uint8_t> out(table.events());
            for (std::size_t event = 0; event < out.size(); ++event) {
              const auto row = static_cast<std::size_t>(table.first_row()[event]);
              out[event] =
                  static_cast<std::uint8_t>(policy.fold(table.time()[row], table.received()[row]));
            }
            return move_to_array(std::move(out));
          },
          py::arg("table"), "uint8 [events]: 0 on time, 1 late, 2 too late.")
      .def_property_readonly("latest", [](const LatePolicy& p) { return p.latest().micros; })
      .def_property_readonly("watermark", [](const LatePolicy& p) { return p.watermark().micros; });
}

}  // namespace

void register_events(py::module_& module) {
  py::class_<Taxonomy, HeldTaxonomy>(module, "Taxonomy", "The types of events there are.")
      .def_static("builtin", [] { return held(Taxonomy::builtin()); })
      .def_static(
          "from_json", [](const std::string& json) { return held(Taxonomy::from_json(json)); },
          py::arg("json"))
      .def(
          "extended",
          [](const Taxonomy& taxonomy, const std::string& json) {
            return held(taxonomy.extended(json));
          },
          py::arg("json"))
      .def("to_json", &Taxonomy::to_json)
      .def(
          "slots",
          [](const Taxonomy& taxonomy) {
            std::vector<std::pair<std::string, std::string>> out;
            for (const events::Slot& slot : taxonomy.slots()) {
              out.emplace_back(slot.name, std::string(events::kind_name(slot.kind)));
            }
            return out;
          },
          "(name, kind) each.")
      .def("type_names",
           [](const Taxonomy& taxonomy) {
             std::vector<std::string> out;
             for (const events::TypeSpec& type : taxonomy.types()) out.push_back(type.name);
             return out;
           })
      .def("read", &read, py::arg("json"), py::arg("received"),
           "The event as JSON of the newest version, or (reason, message, payload hash).")
      .def_static("reason_names", [] {
        std::vector<std::string> out;
        for (std::size_t r = 0; r < events::kReasons; ++r) {
          out.emplace_back(events::reason_name(static_cast<events::Reason>(r)));
        }
        return out;
      });
  py::class_<Mapping, HeldMapping>(module, "Mapping", "Events of another tracker as ours.")
      .def_static(
          "from_json",
          [](const std::string& json) {
            return std::const_pointer_cast<Mapping>(Mapping::from_json(json));
          },
          py::arg("json"))
      .def_property_readonly("name", &Mapping::name)
      .def(
          "apply",
          [](const Mapping& mapping, const py::bytes& json) -> py::object {
            std::vector<std::string> out;
            Rejection rejection;
            if (!mapping.apply(json.cast<std::string_view>(), out, rejection)) {
              return rejected(rejection);
            }
            return py::cast(out);
          },
          py::arg("json"), "Events as JSON, or (reason, message, payload hash).");
  register_table(module);
  register_folds(module);
}

}  // namespace penchant::bindings
