#include "penchant/events/taxonomy_reader.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "penchant/base/error.h"

namespace penchant::events {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxTypes = 4096;
constexpr std::size_t kMaxDeclared = 256;  // fields of a type, of a line, of the context
constexpr std::size_t kMaxNameLength = 64;
constexpr std::size_t kMaxVersion = 1'000'000;

template <class... Parts>
[[noreturn]] void refuse(const std::string& where, const Parts&... parts) {
  fail(ErrorKind::kInvalidArgument, concat("taxonomy: ", where, ": ", parts...));
}

const Json& object_of(const Json& json, const std::string& where) {
  if (!json.is_object()) refuse(where, "want an object of names and values");
  return json;
}

void check_members(const Json& json, std::initializer_list<std::string_view> known,
                   const std::string& where) {
  for (const auto& [key, value] : object_of(json, where).items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    std::string list;
    for (const std::string_view one : known) list += concat(list.empty() ? "" : ", ", one);
    refuse(where, "unknown member '", key, "'; known are ", list);
  }
}

bool is_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameLength) return false;
  if (name[0] < 'a' || name[0] > 'z') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

void check_name(std::string_view name, const std::string& where) {
  if (!is_name(name)) {
    refuse(where, "'", name,
           "' is not a name: a small letter, then small letters, digits and '_', ", kMaxNameLength,
           " at most");
  }
}

std::string text_of(const Json& json, const std::string& where) {
  if (!json.is_string()) refuse(where, "want a text");
  return json.get<std::string>();
}

bool flag_of(const Json& json, const std::string& where) {
  if (!json.is_boolean()) refuse(where, "want true or false");
  return json.get<bool>();
}

std::size_t count_of(const Json& json, std::size_t most, const std::string& where) {
  if (!json.is_number_integer() || json.is_number_float() || json < 1 || json > most) {
    refuse(where, "want an integer from 1 to ", most);
  }
  return json.get<std::size_t>();
}

FieldKind kind_of(const std::string& name, const std::string& where) {
  for (const FieldKind kind : {FieldKind::kText, FieldKind::kInteger, FieldKind::kDecimal,
                               FieldKind::kBoolean, FieldKind::kTime, FieldKind::kLines}) {
    if (kind_name(kind) == name) return kind;
  }
  refuse(where, "'", name, "' is no kind; there are text, integer, decimal, boolean, time, lines");
}

std::int64_t amount(const Json& json, const std::string& where) {
  std::optional<std::int64_t> out;
  if (json.is_string()) out = parse_amount(json.get_ref<const std::string&>());
  if (json.is_number_float()) out = amount_of(json.get<double>());
  if (json.is_number_unsigned() && json.get<std::uint64_t>() > INT64_MAX)
    refuse(where, "too large");
  if (json.is_number_integer()) out = amount_of_integer(json.get<std::int64_t>());
  if (!out) refuse(where, "want a decimal number, exact to a millionth");
  return *out;
}

// A bound or an allowed value, in the field's unit.
std::int64_t number_of(const Json& json, FieldKind kind, const std::string& where) {
  if (kind == FieldKind::kDecimal) return amount(json, where);
  if (kind == FieldKind::kInteger) {
    if (!json.is_number_integer() ||
        (json.is_number_unsigned() && json.get<std::uint64_t>() > INT64_MAX)) {
      refuse(where, "want an integer of 64 bits");
    }
    return json.get<std::int64_t>();
  }
  if (kind == FieldKind::kTime) {
    try {
      return parse_timestamp(text_of(json, where)).micros;
    } catch (const Error& error) {
      refuse(where, error.what());
    }
  }
  refuse(where, "a field of this kind has no such");
}

void read_allowed(const Json& json, FieldSpec& out, const std::string& where) {
  if (!json.is_array() || json.empty()) refuse(where, "want a list of values");
  for (const Json& one : json) {
    if (out.kind == FieldKind::kText) {
      out.allowed_texts.push_back(text_of(one, where));
    } else {
      out.allowed_numbers.push_back(number_of(one, out.kind, where));
    }
  }
  std::sort(out.allowed_texts.begin(), out.allowed_texts.end());
  std::sort(out.allowed_numbers.begin(), out.allowed_numbers.end());
}

std::vector<FieldSpec> read_fields(const Json& json, bool nested, const std::string& where);

void read_details(const Json& json, FieldSpec& out, bool nested, const std::string& where) {
  check_members(json, {"kind", "required", "min", "max", "max_length", "allowed", "fields"}, where);
  if (json.contains("kind")) out.kind = kind_of(text_of(json["kind"], where + ".kind"), where);
  if (json.contains("required")) out.required = flag_of(json["required"], where + ".required");
  if (out.kind == FieldKind::kLines) out.max_length = kMaxLines;
  if (json.contains("max_length")) {
    if (out.kind != FieldKind::kText && out.kind != FieldKind::kLines) {
      refuse(where, "only texts and lines have a max_length");
    }
    const std::size_t most = out.kind == FieldKind::kText ? kMaxEventBytes : kMaxLines;
    out.max_length = count_of(json["max_length"], most, where + ".max_length");
  }
  if (json.contains("min")) out.least = number_of(json["min"], out.kind, where + ".min");
  if (json.contains("max")) out.most = number_of(json["max"], out.kind, where + ".max");
  if (out.least > out.most) refuse(where, "min is beyond max");
  if (json.contains("allowed")) read_allowed(json["allowed"], out, where + ".allowed");
  if (out.kind == FieldKind::kLines) {
    if (nested) refuse(where, "lines have no lines of their own");
    if (!json.contains("fields")) refuse(where, "lines need 'fields', among them an 'item'");
    out.lines = read_fields(json["fields"], true, where + ".fields");
  } else if (json.contains("fields")) {
    refuse(where, "only lines have fields");
  }
}

// Fields whose name says what they are must be of that kind.
void check_role(const FieldSpec& field, bool nested, const std::string& where) {
  const auto want = [&](FieldKind kind) {
    if (field.kind != kind) {
      refuse(where, "a field of this name is of kind ", kind_name(kind), ", not ",
             kind_name(field.kind));
    }
  };
  if (field.name == "quantity" || field.name == "price") want(FieldKind::kDecimal);
  if (field.name == "order_id" || field.name == "item") want(FieldKind::kText);
  if ((field.name == "lines") != (field.kind == FieldKind::kLines)) want(FieldKind::kLines);
  if (field.kind == FieldKind::kLines && field.name != "lines") {
    refuse(where, "a list of lines is called 'lines'");
  }
  if (field.name == "item" && !nested) {
    refuse(where, "an event's item is a member of its own, not a field; see 'item' of the type");
  }
  if (field.name == "order_id" && nested) refuse(where, "an order id is the event's");
}

std::vector<FieldSpec> read_fields(const Json& json, bool nested, const std::string& where) {
  std::vector<FieldSpec> out;
  for (const auto& [name, details] : object_of(json, where).items()) {
    const std::string here = concat(where, ".", name);
    check_name(name, here);
    FieldSpec field{.name = name};
    if (details.is_string()) {
      field.kind = kind_of(details.get<std::string>(), here);
      if (field.kind == FieldKind::kLines) refuse(here, "lines need 'fields'");
    } else {
      read_details(details, field, nested, here);
    }
    check_role(field, nested, here);
    out.push_back(std::move(field));
  }
  if (out.size() > kMaxDeclared) refuse(where, "more than ", kMaxDeclared, " fields");
  std::sort(out.begin(), out.end(),
            [](const FieldSpec& a, const FieldSpec& b) { return a.name < b.name; });
  if (nested) {
    const bool has_item = std::any_of(out.begin(), out.end(), [](const FieldSpec& field) {
      return field.name == "item" && field.required;
    });
    if (!has_item) refuse(where, "a line needs a required 'item'");
  }
  return out;
}

void check_path(std::string_view path, const std::string& where) {
  if (path.starts_with("lines.")) path.remove_prefix(6);
  check_name(path, where);
}

std::pair<std::string, const Json*> pair_of(const Json& json, const std::string& where) {
  if (!json.is_array() || json.size() != 2) refuse(where, "want a list of two");
  std::string field = text_of(json[0], where);
  check_path(field, where);
  return {std::move(field), &json[1]};
}

void read_default(const Json& json, MigrationStep& out, const std::string& where) {
  if (json.is_boolean()) {
    out.value_kind = FieldKind::kBoolean;
    out.number = json.get<bool>() ? 1 : 0;
  } else if (json.is_number_integer()) {
    out.value_kind = FieldKind::kInteger;
    out.number = number_of(json, FieldKind::kInteger, where);
  } else if (json.is_number_float()) {
    out.value_kind = FieldKind::kDecimal;
    out.number = amount(json, where);
  } else {
    out.text = text_of(json, where);
  }
}

MigrationStep read_step(const Json& json, const std::string& where) {
  if (!json.is_object() || json.size() != 1) {
    refuse(where, "want one of rename, default, scale, drop");
  }
  check_members(json, {"rename", "default", "scale", "drop"}, where);
  const std::string& name = json.begin().key();
  const Json& value = json.begin().value();
  const std::string here = concat(where, ".", name);
  MigrationStep out;
  if (name == "drop") {
    out.field = text_of(value, here);
    check_path(out.field, here);
    return out;
  }
  auto [field, second] = pair_of(value, here);
  out.field = std::move(field);
  if (name == "rename") {
    out.kind = StepKind::kRename;
    out.to = text_of(*second, here);
    check_path(out.to, here);
    if (out.to.starts_with("lines.") != out.field.starts_with("lines.")) {
      refuse(here, "a field can't move into or out of the lines");
    }
  } else if (name == "scale") {
    out.kind = StepKind::kScale;
    out.by = amount(*second, here);
  } else {
    out.kind = StepKind::kDefault;
    read_default(*second, out, here);
  }
  return out;
}

void read_steps(const Json& json, TypeSpec& out, const std::string& where) {
  for (const auto& [from, steps] : object_of(json, where).items()) {
    const std::string here = concat(where, ".", from);
    std::uint32_t version = 0;
    for (const char c : from) {
      if (c < '0' || c > '9' || version > kMaxVersion) refuse(here, "want a version, an integer");
      version = version * 10 + static_cast<std::uint32_t>(c - '0');
    }
    if (version < 1 || version >= out.version) {
      refuse(here, "steps lead from a version before ", out.version, ", the newest");
    }
    if (!steps.is_array()) refuse(here, "want a list of steps");
    for (const Json& step : steps) out.steps[version].push_back(read_step(step, here));
  }
}

Need need_of(const Json& json, const std::string& where) {
  const std::string text = text_of(json, where);
  if (text == "none") return Need::kNone;
  if (text == "optional") return Need::kOptional;
  if (text == "required") return Need::kRequired;
  refuse(where, "'", text, "' is none of required, optional, none");
}

TypeSpec read_type(const std::string& name, const Json& json, const std::string& where) {
  check_name(name, where);
  check_members(
      json, {"name", "version", "minimal", "in_session", "subject", "item", "fields", "migrate"},
      where);
  TypeSpec out{.name = name};
  const auto given = [&](const char* member) { return json.contains(member); };
  const auto at = [&](const char* member) { return concat(where, ".", member); };
  if (given("version")) {
    out.version = static_cast<std::uint32_t>(count_of(json["version"], kMaxVersion, at("version")));
  }
  if (given("minimal")) out.minimal = flag_of(json["minimal"], at("minimal"));
  if (given("in_session")) out.in_session = flag_of(json["in_session"], at("in_session"));
  if (given("subject")) {
    out.subject = need_of(json["subject"], at("subject"));
    if (out.subject == Need::kNone) refuse(at("subject"), "it is required or optional");
  }
  if (given("item")) out.item = need_of(json["item"], at("item"));
  if (given("fields")) out.fields = read_fields(json["fields"], false, at("fields"));
  if (given("migrate")) read_steps(json["migrate"], out, at("migrate"));
  return out;
}

}  // namespace

void TaxonomyReader::read(std::string_view text, Taxonomy& out) {
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) fail(ErrorKind::kInvalidArgument, "taxonomy: not valid JSON");
  check_members(json, {"future", "require_event_id", "context", "types"}, "top");
  if (json.contains("future")) {
    out.options_.future = parse_duration(text_of(json["future"], "future"));
  }
  if (json.contains("require_event_id")) {
    out.options_.require_event_id = flag_of(json["require_event_id"], "require_event_id");
  }
  if (json.contains("context")) {
    for (FieldSpec& field : read_fields(json["context"], false, "context")) {
      if (field.kind == FieldKind::kLines) refuse("context", "has no lines");
      const auto same = std::find_if(out.context_.begin(), out.context_.end(),
                                     [&](const FieldSpec& o) { return o.name == field.name; });
      if (same == out.context_.end()) {
        out.context_.push_back(std::move(field));
      } else {
        *same = std::move(field);
      }
    }
    std::sort(out.context_.begin(), out.context_.end(),
              [](const FieldSpec& a, const FieldSpec& b) { return a.name < b.name; });
  }
  if (!json.contains("types")) return;
  const auto add = [&](const std::string& name, const Json& one) {
    TypeSpec type = read_type(name, one, concat("types.", name));
    const std::int32_t code = out.find_type(name);
    if (code >= 0) {
      out.types_[static_cast<std::size_t>(code)] = std::move(type);
    } else {
      out.types_.push_back(std::move(type));
    }
  };
  const Json& types = json["types"];
  if (types.is_array()) {
    for (const Json& one : types) {
      add(text_of(object_of(one, "types").value("name", Json()), "types: 'name'"), one);
    }
  } else {
    for (const auto& [name, one] : object_of(types, "types").items()) add(name, one);
  }
  if (out.types_.size() > kMaxTypes) refuse("types", "more than ", kMaxTypes);
}

}  // namespace penchant::events
