#include "penchant/events/taxonomy.h"

#include <algorithm>
#include <array>

#include "penchant/base/error.h"
#include "penchant/events/builtin.h"
#include "penchant/events/taxonomy_reader.h"

namespace penchant::events {
namespace {

constexpr std::array<std::string_view, 6> kKindNames = {"text",    "integer", "decimal",
                                                        "boolean", "time",    "lines"};
constexpr std::array<std::string_view, kReasons> kReasonNames = {
    "too_large",     "not_json",    "not_an_object", "unknown_member", "twice",    "unknown_type",
    "newer_version", "missing",     "wrong_kind",    "bad_text",       "bad_time", "future",
    "out_of_range",  "not_allowed", "too_long",      "nobody",         "unmapped"};

Role role_of(const FieldSpec& field, bool in_context) {
  if (in_context) return Role::kSlot;
  if (field.name == "order_id") return Role::kOrder;
  if (field.name == "item") return Role::kItem;
  if (field.name == "quantity") return Role::kQuantity;
  if (field.name == "price") return Role::kPrice;
  return field.kind == FieldKind::kLines ? Role::kLines : Role::kSlot;
}

std::string number_text(std::int64_t number, FieldKind kind) {
  if (kind == FieldKind::kDecimal) return format_amount(number);
  if (kind == FieldKind::kTime) return format_timestamp(Timestamp{number});
  return std::to_string(number);
}

using Json = nlohmann::json;

// Decimals and times as texts: exact, whatever reads them.
Json number_json(std::int64_t number, FieldKind kind) {
  if (kind == FieldKind::kInteger) return number;
  return number_text(number, kind);
}

Json fields_json(std::span<const FieldSpec> fields) {
  const FieldSpec plain;
  Json out = Json::object();
  for (const FieldSpec& field : fields) {
    Json one = {{"kind", kind_name(field.kind)}};
    if (field.required) one["required"] = true;
    if (field.least != plain.least) one["min"] = number_json(field.least, field.kind);
    if (field.most != plain.most) one["max"] = number_json(field.most, field.kind);
    const bool lines = field.kind == FieldKind::kLines;
    if (field.max_length != (lines ? kMaxLines : plain.max_length)) {
      one["max_length"] = field.max_length;
    }
    for (const std::string& text : field.allowed_texts) one["allowed"].push_back(text);
    for (const std::int64_t number : field.allowed_numbers) {
      one["allowed"].push_back(number_json(number, field.kind));
    }
    if (lines) one["fields"] = fields_json(field.lines);
    out[field.name] = std::move(one);
  }
  return out;
}

Json step_json(const MigrationStep& step) {
  switch (step.kind) {
    case StepKind::kRename:
      return {{"rename", Json::array({step.field, step.to})}};
    case StepKind::kScale:
      return {{"scale", Json::array({step.field, format_amount(step.by)})}};
    case StepKind::kDrop:
      return {{"drop", step.field}};
    case StepKind::kDefault:
      break;
  }
  Json value = step.text;
  if (step.value_kind == FieldKind::kBoolean) value = step.number != 0;
  if (step.value_kind == FieldKind::kInteger) value = step.number;
  if (step.value_kind == FieldKind::kDecimal) {
    value = static_cast<double>(step.number) / static_cast<double>(kMillion);
  }
  return {{"default", Json::array({step.field, value})}};
}

std::string_view need_name(Need need) {
  return need == Need::kNone ? "none" : need == Need::kOptional ? "optional" : "required";
}

Json type_json(const TypeSpec& type) {
  const TypeSpec plain;
  Json out = {{"name", type.name}};
  if (type.version != plain.version) out["version"] = type.version;
  if (type.minimal) out["minimal"] = true;
  if (!type.in_session) out["in_session"] = false;
  if (type.subject != plain.subject) out["subject"] = need_name(type.subject);
  if (type.item != plain.item) out["item"] = need_name(type.item);
  if (!type.fields.empty()) out["fields"] = fields_json(type.fields);
  for (const auto& [version, steps] : type.steps) {
    Json list = Json::array();
    for (const MigrationStep& step : steps) list.push_back(step_json(step));
    out["migrate"][std::to_string(version)] = std::move(list);
  }
  return out;
}

}  // namespace

std::string_view kind_name(FieldKind kind) { return kKindNames[static_cast<std::size_t>(kind)]; }
std::string_view reason_name(Reason reason) {
  return kReasonNames[static_cast<std::size_t>(reason)];
}

std::shared_ptr<const Taxonomy> Taxonomy::builtin() {
  static const std::shared_ptr<const Taxonomy> kept = from_json(builtin_taxonomy());
  return kept;
}

std::shared_ptr<const Taxonomy> Taxonomy::from_json(std::string_view json) {
  return Taxonomy().extended(json);
}

std::shared_ptr<const Taxonomy> Taxonomy::extended(std::string_view json) const {
  std::shared_ptr<Taxonomy> out(new Taxonomy(*this));
  TaxonomyReader::read(json, *out);
  out->place_fields();
  return out;
}

void Taxonomy::place_fields() {
  const auto place = [&](FieldSpec& field, std::string_view prefix, const std::string& where) {
    field.role = role_of(field, prefix == "context.");
    if (field.role != Role::kSlot) return;
    const std::string name = concat(prefix, field.name);
    field.slot = find_slot(name);
    if (field.slot < 0) {
      field.slot = static_cast<std::int32_t>(slots_.size());
      slots_.push_back({name, field.kind});
      return;
    }
    const Slot& slot = slots_[static_cast<std::size_t>(field.slot)];
    check_argument(slot.kind == field.kind, "taxonomy: ", where, ": field '", name, "' is ",
                   kind_name(field.kind), " here and ", kind_name(slot.kind),
                   " in another type; a name means one thing, so call one of them otherwise");
  };
  for (FieldSpec& field : context_) place(field, "context.", "context");
  for (TypeSpec& type : types_) {
    for (FieldSpec& field : type.fields) {
      place(field, "", type.name);
      for (FieldSpec& part : field.lines) place(part, "lines.", type.name);
    }
  }
}

std::int32_t Taxonomy::find_type(std::string_view name) const {
  for (std::size_t code = 0; code < types_.size(); ++code) {
    if (types_[code].name == name) return static_cast<std::int32_t>(code);
  }
  return -1;
}

std::int32_t Taxonomy::find_slot(std::string_view name) const {
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot].name == name) return static_cast<std::int32_t>(slot);
  }
  return -1;
}

std::string Taxonomy::to_json() const {
  Json out = {{"types", Json::array()}};
  const TaxonomyOptions plain;
  if (options_.future != plain.future) {
    out["future"] = concat(static_cast<double>(options_.future.micros) / 1000.0, "ms");
  }
  if (options_.require_event_id) out["require_event_id"] = true;
  if (!context_.empty()) out["context"] = fields_json(context_);
  for (const TypeSpec& type : types_) out["types"].push_back(type_json(type));
  return out.dump();
}

}  // namespace penchant::events
