// Taxonomy::write: from an event to JSON.

#include <cstdlib>

#include "penchant/base/error.h"
#include "penchant/events/json_text.h"
#include "penchant/events/taxonomy.h"

namespace penchant::events {
namespace {

constexpr std::string_view kContextPrefix = "context.";
constexpr std::string_view kLinesPrefix = "lines.";

// One object; members are separated as they come.
class ObjectWriter {
 public:
  explicit ObjectWriter(std::string& out) : out_(out) { out_ += '{'; }

  std::string& member(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    append_quoted(out_, name);
    out_ += ':';
    return out_;
  }
  void text(std::string_view name, std::string_view value) {
    if (!value.empty()) append_quoted(member(name), value);
  }
  void time(std::string_view name, Timestamp value) {
    if (value.known()) append_quoted(member(name), format_timestamp(value));
  }
  // As a number where a double can tell it, else as text.
  void amount(std::string_view name, std::int64_t value) {
    if (value == kAbsent) return;
    constexpr std::int64_t kTold = (std::int64_t{1} << 32) * kMillion;
    const std::string digits = format_amount(value);
    if (value > -kTold && value < kTold) {
      member(name) += digits;
    } else {
      append_quoted(member(name), digits);
    }
  }
  // The members of an object that is written already.
  void rest(std::string_view object) {
    if (object.size() <= 2) return;
    if (!first_) out_ += ',';
    first_ = false;
    out_ += object.substr(1, object.size() - 2);
  }
  void field(std::string_view name, FieldKind kind, const FieldValue& value) {
    switch (kind) {
      case FieldKind::kText:
        text(name, value.text);
        break;
      case FieldKind::kInteger:
        member(name) += std::to_string(value.number);
        break;
      case FieldKind::kDecimal:
        amount(name, value.number);
        break;
      case FieldKind::kBoolean:
        member(name) += value.number != 0 ? "true" : "false";
        break;
      case FieldKind::kTime:
        time(name, Timestamp{value.number});
        break;
      case FieldKind::kLines:
        break;
    }
  }
  void end() { out_ += '}'; }

 private:
  std::string& out_;
  bool first_ = true;
};

class EventWriter {
 public:
  EventWriter(const Taxonomy& taxonomy, const Event& event)
      : taxonomy_(taxonomy), event_(event), type_(taxonomy.types()[event.type]) {}

  std::string write() {
    std::string out;
    ObjectWriter object(out);
    object.text("event_id", event_.id);
    object.text("type", type_.name);
    if (type_.version != 1) object.member("version") += std::to_string(type_.version);
    object.time("time", event_.time);
    object.time("received", event_.received);
    object.text("subject", event_.subject);
    if (!event_.identifiers.empty()) {
      ObjectWriter identifiers(object.member("identifiers"));
      for (const Identifier& one : event_.identifiers) identifiers.text(one.space, one.value);
      identifiers.end();
    }
    object.text("item", event_.item);
    ObjectWriter context(object.member("context"));
    write_fields(event_.fields, kContextPrefix, context);
    context.rest(event_.context);
    context.end();
    ObjectWriter fields(object.member("fields"));
    write_own(fields, out);
    fields.end();
    object.end();
    return out;
  }

 private:
  // Those whose slot's name has the prefix; without one, those that are of neither place.
  void write_fields(std::span<const FieldValue> values, std::string_view prefix,
                    ObjectWriter& object) {
    for (const FieldValue& value : values) {
      const Slot& slot = taxonomy_.slots()[static_cast<std::size_t>(value.slot)];
      std::string_view name = slot.name;
      if (prefix.empty() && name.starts_with(kContextPrefix)) continue;
      if (!name.starts_with(prefix)) continue;
      name.remove_prefix(prefix.size());
      object.field(name, slot.kind, value);
    }
  }

  void write_own(ObjectWriter& fields, std::string& out) {
    fields.text("order_id", event_.order);
    fields.amount("quantity", event_.quantity);
    fields.amount("price", event_.price);
    write_fields(event_.fields, "", fields);
    fields.rest(event_.extra);
    if (event_.lines.empty()) return;
    fields.member("lines") += '[';
    for (std::size_t i = 0; i < event_.lines.size(); ++i) {
      if (i > 0) out += ',';
      const Line& line = event_.lines[i];
      ObjectWriter object(out);
      object.text("item", line.item);
      if (line.quantity != kMillion) object.amount("quantity", line.quantity);
      object.amount("price", line.price);
      write_fields(line.fields, kLinesPrefix, object);
      object.rest(line.extra);
      object.end();
    }
    out += ']';
  }

  const Taxonomy& taxonomy_;
  const Event& event_;
  const TypeSpec& type_;
};

}  // namespace

std::string Taxonomy::write(const Event& event) const {
  check_argument(event.type < types_.size(), "event: type ", std::uint32_t{event.type},
                 " is not of this taxonomy");
  return EventWriter(*this, event).write();
}

}  // namespace penchant::events
