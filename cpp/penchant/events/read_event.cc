// Taxonomy::read: from JSON to an event.

#include <algorithm>
#include <array>
#include <bitset>

#include <xxhash.h>

#include "penchant/base/error.h"
#include "penchant/data/utf8.h"
#include "penchant/events/json_member.h"
#include "penchant/events/json_text.h"
#include "penchant/events/taxonomy.h"

namespace penchant::events {
namespace {

namespace dom = simdjson::dom;

enum EnvelopeMember : std::size_t {
  kEventId,
  kType,
  kVersion,
  kTime,
  kReceived,
  kSubject,
  kIdentifiers,
  kItem,
  kContext,
  kFields,
  kEnvelopeMembers
};
constexpr std::array<std::string_view, kEnvelopeMembers> kNames = {
    "event_id", "type",        "version", "time",    "received",
    "subject",  "identifiers", "item",    "context", "fields"};
constexpr std::size_t kMaxSpaceLength = 64;
constexpr std::string_view kLineWhere = "fields.line";  // of the line that is being read

// Kept from event to event.
struct Scratch {
  dom::parser parser;
  std::string padded;
  std::vector<JsonMember> members;
  std::vector<const JsonMember*> unknown;
};

void reset(Event& event) {
  event.id.clear();
  event.time = event.received = Timestamp{};
  event.subject.clear();
  event.identifiers.clear();
  event.item.clear();
  event.order.clear();
  event.quantity = event.price = kAbsent;
  event.lines.clear();
  event.fields.clear();
  event.extra.clear();
  event.context.clear();
  event.dropped = 0;
}

// Where the values of one level (the event, its context, one line) go.
struct Sink {
  std::string* order = nullptr;
  std::string* item = nullptr;
  std::int64_t* quantity = nullptr;
  std::int64_t* price = nullptr;
  std::vector<FieldValue>* fields = nullptr;
  const JsonMember** lines = nullptr;
};

class EventReader {
 public:
  EventReader(const Taxonomy& taxonomy, Event& event, Rejection& rejection, Scratch& scratch)
      : taxonomy_(taxonomy), event_(event), rejection_(rejection), scratch_(scratch) {}

  bool read(std::string_view json, Timestamp received) {
    if (json.size() > kMaxEventBytes) {
      return refuse(Reason::kTooLarge, concat("more than ", kMaxEventBytes, " bytes"));
    }
    escaped_ = json.find('\\') != std::string_view::npos;
    scratch_.padded.assign(json);
    scratch_.padded.resize(json.size() + simdjson::SIMDJSON_PADDING, '\0');
    dom::element root;
    const auto error = scratch_.parser.parse(scratch_.padded.data(), json.size(), false).get(root);
    if (error != simdjson::SUCCESS) {
      return refuse(Reason::kNotJson, concat("not valid JSON: ", simdjson::error_message(error)));
    }
    dom::object object;
    if (root.get(object) != simdjson::SUCCESS) {
      return refuse(Reason::kNotAnObject, "an event is a JSON object");
    }
    return read_envelope(object) && read_type() && read_times(received) && read_ids() &&
           read_context() && read_fields();
  }

 private:
  bool refuse(Reason reason, std::string message) {
    rejection_.reason = reason;
    rejection_.message = std::move(message);
    return false;
  }
  bool refuse_at(std::string_view where, Reason reason, std::string_view what) {
    return refuse(reason, concat(place(where), ": ", what));
  }
  // Which line is said where it is asked for: good events don't pay for it.
  std::string place(std::string_view where) const {
    if (!where.starts_with(kLineWhere)) return std::string(where);
    const std::string_view rest = where.substr(kLineWhere.size());
    const bool other = !rest.empty() && rest.front() != '.';  // "fields.lines", "fields.line_no"
    return other ? std::string(where) : concat("fields.lines[", line_, "]", rest);
  }

  // Only an escape can make text of JSON that is not UTF-8 (half a surrogate pair).
  bool is_bad(const Cell& cell) const {
    return escaped_ && cell.kind == CellKind::kText && !data::is_utf8(cell.text);
  }

  bool read_envelope(dom::object object) {
    for (const auto [key, value] : object) {
      const auto* const at = std::find(kNames.begin(), kNames.end(), key);
      if (at == kNames.end()) {
        return refuse(Reason::kUnknownMember,
                      concat("unknown member '", shown_name(key),
                             "'; known are event_id, type, version, time, received, subject, "
                             "identifiers, item, context, fields"));
      }
      const auto which = static_cast<std::size_t>(at - kNames.begin());
      if (given_[which]) return refuse_at(key, Reason::kTwice, "given twice");
      given_[which] = true;
      elements_[which] = value;
      cells_[which] = cell_of(value);
    }
    return true;
  }

  bool read_type() {
    const Cell& cell = cells_[kType];
    if (is_absent(cell)) return refuse_at("type", Reason::kMissing, "it is required");
    if (cell.kind != CellKind::kText) return refuse_at("type", Reason::kWrongKind, "want a text");
    const std::int32_t code = taxonomy_.find_type(cell.text);
    if (code < 0) {
      return refuse_at("type", Reason::kUnknownType,
                       concat("'", shown_name(cell.text), "' is not in the taxonomy"));
    }
    event_.type = static_cast<std::uint16_t>(code);
    type_ = &taxonomy_.types()[event_.type];
    if (is_absent(cells_[kVersion])) return true;
    std::int64_t version = 0;
    if (!whole_number(cells_[kVersion], version) || version < 1) {
      return refuse_at("version", Reason::kWrongKind, "want an integer from 1");
    }
    if (version > type_->version) {
      return refuse_at("version", Reason::kNewerVersion,
                       concat(version, " of ", type_->name, " is newer than ", type_->version,
                              ", the newest that is known"));
    }
    version_ = static_cast<std::uint32_t>(version);
    return true;
  }

  bool read_time(EnvelopeMember which, Timestamp& out) {
    const Cell& cell = cells_[which];
    if (is_absent(cell)) return true;
    const FieldSpec spec{.kind = FieldKind::kTime};
    if (is_bad(cell)) return refuse_at(kNames[which], Reason::kBadText, "not UTF-8");
    Value value;
    if (const auto reason = convert(spec, cell, value)) {
      return refuse_at(kNames[which], *reason, describe(spec, cell, *reason));
    }
    out.micros = value.number;
    return true;
  }

  bool read_times(Timestamp received) {
    if (!read_time(kReceived, event_.received) || !read_time(kTime, event_.time)) return false;
    if (received.known()) event_.received = received;
    if (!event_.time.known()) event_.time = event_.received;
    if (!event_.time.known()) {
      return refuse_at("time", Reason::kMissing, "neither it nor the time of receipt is known");
    }
    if (event_.received.known() && event_.time - event_.received > taxonomy_.options().future) {
      return refuse_at("time", Reason::kFuture,
                       concat(format_timestamp(event_.time), " is too long after the receipt, ",
                              format_timestamp(event_.received)));
    }
    return true;
  }

  bool read_id(const Cell& cell, std::string_view where, std::string& out) {
    if (is_absent(cell)) return true;
    if (is_bad(cell)) return refuse_at(where, Reason::kBadText, "not UTF-8");
    Value value;
    if (const auto reason = convert_id(cell, value)) {
      return refuse_at(where, *reason, describe_id(cell, *reason));
    }
    out.assign(value.text);
    return true;
  }

  bool read_identifiers() {
    if (cells_[kIdentifiers].kind == CellKind::kNull) return true;
    dom::object object;
    if (elements_[kIdentifiers].get(object) != simdjson::SUCCESS) {
      return refuse_at("identifiers", Reason::kWrongKind,
                       "want an object of namespaces and values");
    }
    std::size_t count = 0;
    for (const auto [key, value] : object) {
      if (++count > kMaxIdentifiers) {
        return refuse_at("identifiers", Reason::kTooLong, concat("more than ", kMaxIdentifiers));
      }
      const std::string where = concat("identifiers.", shown_name(key));
      if (key.empty() || key.size() > kMaxSpaceLength || (escaped_ && !data::is_utf8(key))) {
        return refuse_at(where, Reason::kBadText,
                         concat("a namespace is a text of 1 to ", kMaxSpaceLength, " bytes"));
      }
      Identifier one;
      if (!read_id(cell_of(value), where, one.value)) return false;
      if (one.value.empty()) continue;
      one.space = key;
      event_.identifiers.push_back(std::move(one));
    }
    auto& found = event_.identifiers;
    std::sort(found.begin(), found.end(),
              [](const Identifier& a, const Identifier& b) { return a.space < b.space; });
    const auto twice = std::adjacent_find(
        found.begin(), found.end(),
        [](const Identifier& a, const Identifier& b) { return a.space == b.space; });
    if (twice == found.end()) return true;
    return refuse_at(concat("identifiers.", shown_name(twice->space)), Reason::kTwice,
                     "given twice");
  }

  bool read_ids() {
    if (!read_id(cells_[kEventId], "event_id", event_.id) ||
        !read_id(cells_[kSubject], "subject", event_.subject) || !read_identifiers() ||
        !read_id(cells_[kItem], "item", event_.item)) {
      return false;
    }
    if (event_.id.empty() && taxonomy_.options().require_event_id) {
      return refuse_at("event_id", Reason::kMissing, "it is required");
    }
    if (type_->subject == Need::kRequired && event_.subject.empty() && event_.identifiers.empty()) {
      return refuse(Reason::kNobody, "neither a subject nor an identifier");
    }
    if (type_->item == Need::kRequired && event_.item.empty()) {
      return refuse_at("item", Reason::kMissing, concat(type_->name, " needs one"));
    }
    if (type_->item == Need::kNone && !event_.item.empty()) {
      return refuse_at("item", Reason::kUnknownMember, concat(type_->name, " has none"));
    }
    return true;
  }

  // Gathers an object's members; `where` is for messages.
  bool gather(dom::object object, std::string_view where) {
    scratch_.members.clear();
    for (const auto [key, value] : object) {
      if (scratch_.members.size() == kMaxFields) {
        return refuse_at(where, Reason::kTooLong, concat("more than ", kMaxFields, " fields"));
      }
      scratch_.members.push_back({.name = key, .cell = cell_of(value), .element = value});
    }
    return true;
  }

  bool store(const FieldSpec& spec, const JsonMember& member, std::string_view where,
             const Sink& sink) {
    if (spec.role == Role::kLines) {
      *sink.lines = &member;
      return true;
    }
    const auto refused = [&](Reason reason, std::string_view what) {
      return refuse_at(concat(where, ".", spec.name), reason, what);
    };
    if (is_bad(member.cell)) return refused(Reason::kBadText, "not UTF-8");
    Value value;
    if (spec.role == Role::kOrder || spec.role == Role::kItem) {
      if (const auto reason = convert_id(member.cell, value)) {
        return refused(*reason, describe_id(member.cell, *reason));
      }
    }
    if (const auto reason = convert(spec, member.cell, value)) {
      return refused(*reason, describe(spec, member.cell, *reason));
    }
    switch (spec.role) {
      case Role::kOrder:
        sink.order->assign(value.text);
        break;
      case Role::kItem:
        sink.item->assign(value.text);
        break;
      case Role::kQuantity:
        *sink.quantity = value.number;
        break;
      case Role::kPrice:
        *sink.price = value.number;
        break;
      default:
        sink.fields->push_back(
            {.slot = spec.slot, .number = value.number, .text = std::string(value.text)});
    }
    return true;
  }

  // Puts the gathered members where they belong; `extra` gets those that no spec names.
  bool assign(std::span<const FieldSpec> specs, std::string_view where, const Sink& sink,
              std::string& extra) {
    std::bitset<256> seen;
    scratch_.unknown.clear();
    for (const JsonMember& member : scratch_.members) {
      const auto spec = std::lower_bound(
          specs.begin(), specs.end(), member.name,
          [](const FieldSpec& one, std::string_view name) { return one.name < name; });
      if (spec == specs.end() || spec->name != member.name) {
        if (member.cell.kind != CellKind::kNull) scratch_.unknown.push_back(&member);
        continue;
      }
      const auto which = static_cast<std::size_t>(spec - specs.begin());
      if (is_absent(member.cell)) continue;
      if (seen[which]) {
        return refuse_at(concat(where, ".", spec->name), Reason::kTwice, "given twice");
      }
      seen[which] = true;
      if (!store(*spec, member, where, sink)) return false;
    }
    for (std::size_t i = 0; i < specs.size(); ++i) {
      if (specs[i].required && !seen[i]) {
        return refuse_at(concat(where, ".", specs[i].name), Reason::kMissing,
                         describe(specs[i], {}, Reason::kMissing));
      }
    }
    std::sort(sink.fields->begin(), sink.fields->end(),
              [](const FieldValue& a, const FieldValue& b) { return a.slot < b.slot; });
    return keep_unknown(where, extra);
  }

  bool keep_unknown(std::string_view where, std::string& extra) {
    auto& unknown = scratch_.unknown;
    if (unknown.empty()) return true;
    if (type_->minimal) {
      event_.dropped += static_cast<std::uint32_t>(unknown.size());
      return true;
    }
    std::sort(unknown.begin(), unknown.end(),
              [](const JsonMember* a, const JsonMember* b) { return a->name < b->name; });
    extra = '{';
    for (std::size_t i = 0; i < unknown.size(); ++i) {
      if (i > 0 && unknown[i]->name == unknown[i - 1]->name) {
        return refuse_at(concat(where, ".", shown_name(unknown[i]->name)), Reason::kTwice,
                         "given twice");
      }
      if (i > 0) extra += ',';
      append_quoted(extra, unknown[i]->name);
      extra += ':';
      append_json(extra, *unknown[i]);
    }
    extra += '}';
    if (escaped_ && !data::is_utf8(extra)) {
      return refuse_at(where, Reason::kBadText, "a name or a text is not UTF-8");
    }
    return true;
  }

  bool read_context() {
    scratch_.members.clear();
    if (cells_[kContext].kind != CellKind::kNull) {
      dom::object object;
      if (elements_[kContext].get(object) != simdjson::SUCCESS) {
        return refuse_at("context", Reason::kWrongKind, "want an object");
      }
      if (!gather(object, "context")) return false;
    }
    return assign(taxonomy_.context(), "context", {.fields = &event_.fields}, event_.context);
  }

  bool read_fields() {
    scratch_.members.clear();
    if (cells_[kFields].kind != CellKind::kNull) {
      dom::object object;
      if (elements_[kFields].get(object) != simdjson::SUCCESS) {
        return refuse_at("fields", Reason::kWrongKind, "want an object");
      }
      if (!gather(object, "fields")) return false;
    }
    if (version_ < type_->version) migrate(*type_, version_, false, scratch_.members);
    const JsonMember* lines = nullptr;
    const Sink sink{.order = &event_.order,
                    .quantity = &event_.quantity,
                    .price = &event_.price,
                    .fields = &event_.fields,
                    .lines = &lines};
    if (!assign(type_->fields, "fields", sink, event_.extra)) return false;
    for (const FieldSpec& spec : type_->fields) {
      if (spec.role == Role::kQuantity && event_.quantity == kAbsent) event_.quantity = kMillion;
      if (spec.role == Role::kLines && lines != nullptr && !read_lines(spec, *lines)) return false;
    }
    return true;
  }

  bool read_lines(const FieldSpec& spec, const JsonMember& member) {
    dom::array list;
    if (member.changed || member.element.get(list) != simdjson::SUCCESS) {
      return refuse(Reason::kWrongKind, "fields.lines: want a list of lines");
    }
    std::size_t count = 0;
    for (const dom::element element : list) {
      if (count == spec.max_length) {
        return refuse(Reason::kTooLong,
                      concat("fields.lines: ", describe(spec, {}, Reason::kTooLong)));
      }
      if (!read_line(spec, element, count++)) return false;
    }
    if (count > 0 || !spec.required) return true;
    return refuse(Reason::kMissing, "fields.lines: want one line at least");
  }

  bool read_line(const FieldSpec& spec, dom::element element, std::size_t number) {
    line_ = number;
    dom::object object;
    if (element.get(object) != simdjson::SUCCESS) {
      return refuse_at(kLineWhere, Reason::kWrongKind, "want an object");
    }
    if (!gather(object, kLineWhere)) return false;
    if (version_ < type_->version) migrate(*type_, version_, true, scratch_.members);
    Line& line = event_.lines.emplace_back();
    const Sink sink{.item = &line.item,
                    .quantity = &line.quantity,
                    .price = &line.price,
                    .fields = &line.fields};
    return assign(spec.lines, kLineWhere, sink, line.extra);
  }

  const Taxonomy& taxonomy_;
  Event& event_;
  Rejection& rejection_;
  Scratch& scratch_;
  const TypeSpec* type_ = nullptr;
  std::uint32_t version_ = 1;
  std::size_t line_ = 0;
  bool escaped_ = false;
  std::bitset<kEnvelopeMembers> given_;
  std::array<dom::element, kEnvelopeMembers> elements_;
  std::array<Cell, kEnvelopeMembers> cells_{};
};

}  // namespace

bool Taxonomy::read(std::string_view json, Timestamp received, Event& event,
                    Rejection& rejection) const {
  thread_local Scratch scratch;
  reset(event);
  if (EventReader(*this, event, rejection, scratch).read(json, received)) return true;
  rejection.payload_hash = XXH3_64bits(json.data(), json.size());
  return false;
}

std::variant<Event, Rejection> Taxonomy::read(std::string_view json, Timestamp received) const {
  Event event;
  Rejection rejection;
  if (read(json, received, event, rejection)) return event;
  return rejection;
}

}  // namespace penchant::events
