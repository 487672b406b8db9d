#include "penchant/events/mapping_reader.h"

#include <algorithm>
#include <initializer_list>

#include <nlohmann/json.hpp>

#include "penchant/base/error.h"

namespace penchant::events {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxSteps = 32;

template <class... Parts>
[[noreturn]] void refuse(const std::string& where, const Parts&... parts) {
  fail(ErrorKind::kInvalidArgument, concat("mapping: ", where, ": ", parts...));
}

void check_members(const Json& json, std::initializer_list<std::string_view> known,
                   const std::string& where) {
  if (!json.is_object()) refuse(where, "want an object of names and values");
  for (const auto& [key, value] : json.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    std::string list;
    for (const std::string_view one : known) list += concat(list.empty() ? "" : ", ", one);
    refuse(where, "unknown member '", key, "'; known are ", list);
  }
}

const std::string& text_of(const Json& json, const std::string& where) {
  if (!json.is_string()) refuse(where, "want a text");
  return json.get_ref<const std::string&>();
}

MappingPath read_path(const Json& json, const std::string& where) {
  std::string_view text = text_of(json, where);
  MappingPath out;
  if (text == "$" || text.starts_with("$.")) {
    out.from_root = true;
    text.remove_prefix(std::min<std::size_t>(2, text.size()));
  }
  while (!text.empty()) {
    const std::size_t dot = text.find('.');
    const std::string_view step = text.substr(0, dot);
    if (step.empty()) refuse(where, "a step of the path is empty");
    out.steps.emplace_back(step);
    if (out.steps.size() > kMaxSteps) refuse(where, "a path of more than ", kMaxSteps, " steps");
    if (dot == std::string_view::npos) break;
    text.remove_prefix(dot + 1);
    if (text.empty()) refuse(where, "a path ends in a dot");
  }
  return out;
}

std::vector<MappingCondition> read_conditions(const Json& json, const std::string& where) {
  if (!json.is_object() || json.empty()) refuse(where, "want an object of paths and texts");
  std::vector<MappingCondition> out;
  for (const auto& [path, pattern] : json.items()) {
    MappingCondition one{.path = read_path(path, where)};
    if (pattern.is_array()) {
      for (const Json& text : pattern) one.pattern.any.push_back(text_of(text, where));
    } else {
      one.pattern.any.push_back(text_of(pattern, concat(where, ".", path)));
    }
    out.push_back(std::move(one));
  }
  return out;
}

MappingSource read_source(const Json& json, const std::string& where) {
  if (json.is_string()) return {.in = read_path(json, where)};
  check_members(json, {"in", "where", "take"}, where);
  if (!json.contains("in")) refuse(where, "want 'in', the path of a list");
  MappingSource out{.in = read_path(json["in"], where + ".in")};
  if (json.contains("where")) out.where = read_conditions(json["where"], where + ".where");
  if (json.contains("take")) out.take = read_path(json["take"], where + ".take");
  return out;
}

std::vector<MappingSource> read_sources(const Json& json, const std::string& where) {
  std::vector<MappingSource> out;
  if (!json.is_array()) {
    out.push_back(read_source(json, where));
    return out;
  }
  for (const Json& one : json) out.push_back(read_source(one, where));
  if (out.empty()) refuse(where, "an empty list");
  return out;
}

std::string scalar(const Json& json, const std::string& where) {
  if (json.is_structured() || json.is_null())
    refuse(where, "want a text, a number or a truth value");
  return json.dump();
}

MappingExpression read_expression(const Json& json, const std::string& where) {
  if (!json.is_object() || json.contains("in")) return {.sources = read_sources(json, where)};
  check_members(json, {"from", "values", "default", "const"}, where);
  MappingExpression out;
  if (json.contains("const")) {
    if (json.size() != 1) refuse(where, "beside 'const' there is nothing");
    out.fallback = scalar(json["const"], where + ".const");
    return out;
  }
  if (!json.contains("from")) refuse(where, "want 'from' or 'const'");
  out.sources = read_sources(json["from"], where + ".from");
  if (json.contains("values")) {
    if (!json["values"].is_object()) refuse(where + ".values", "want an object");
    for (const auto& [text, value] : json["values"].items()) {
      out.values[text] = scalar(value, concat(where, ".values.", text));
    }
  }
  if (json.contains("default")) out.fallback = scalar(json["default"], where + ".default");
  return out;
}

// Those of `over` stand in for those of `out` that have their name.
void read_members(const Json& json, const std::string& where, MappingMembers& out) {
  if (!json.is_object()) refuse(where, "want an object of names and where they come from");
  for (const auto& [name, expression] : json.items()) {
    MappingExpression read = read_expression(expression, concat(where, ".", name));
    const auto same = std::find_if(out.begin(), out.end(),
                                   [&, &key = name](const auto& one) { return one.first == key; });
    if (same == out.end()) {
      out.emplace_back(name, std::move(read));
    } else {
      same->second = std::move(read);
    }
  }
}

MappingLoop read_loop(const Json& json, const std::string& where) {
  if (!json.is_object() || !json.contains("each"))
    refuse(where, "want 'each', where the lines are");
  MappingLoop out{.each = read_sources(json["each"], where + ".each")};
  Json rest = json;
  rest.erase("each");
  read_members(rest, where, out.members);
  return out;
}

// Reads over what `out` has already: what all rules share.
void read_rule(const Json& json, const std::string& where, MappingRule& out) {
  check_members(json,
                {"when", "type", "version", "each", "event_id", "time", "subject", "item",
                 "identifiers", "context", "fields"},
                where);
  for (const auto& [name, value] : json.items()) {
    const std::string here = concat(where, ".", name);
    if (name == "when") {
      for (MappingCondition& one : read_conditions(value, here)) out.when.push_back(std::move(one));
    } else if (name == "type") {
      out.type = text_of(value, here);
    } else if (name == "version") {
      if (!value.is_number_unsigned() || value < 1 || value > 1'000'000) {
        refuse(here, "want a version");
      }
      out.version = value.get<std::uint32_t>();
    } else if (name == "each") {
      out.each = read_sources(value, here);
    } else if (name == "identifiers") {
      read_members(value, here, out.identifiers);
    } else if (name == "context") {
      read_members(value, here, out.context);
    } else if (name == "fields") {
      Json fields = value;
      if (fields.is_object() && fields.contains("lines")) {
        out.lines = read_loop(fields["lines"], here + ".lines");
        fields.erase("lines");
      }
      read_members(fields, here, out.fields);
    } else {
      read_members(Json{{name, value}}, where, out.envelope);
    }
  }
}

}  // namespace

bool MappingPattern::matches(std::string_view text) const {
  return std::any_of(any.begin(), any.end(), [&](std::string_view one) {
    if (!one.ends_with('*')) return one == text;
    one.remove_suffix(1);
    return text.starts_with(one);
  });
}

Mapping::Impl read_mapping(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) fail(ErrorKind::kInvalidArgument, "mapping: not valid JSON");
  check_members(json, {"name", "common", "rules"}, "top");
  Mapping::Impl out;
  if (json.contains("name")) out.name = text_of(json["name"], "name");
  MappingRule common;
  if (json.contains("common")) read_rule(json["common"], "common", common);
  if (!json.contains("rules") || !json["rules"].is_array() || json["rules"].empty()) {
    refuse("rules", "want a list of rules, one at least");
  }
  for (const Json& one : json["rules"]) {
    const std::string where = concat("rules[", out.rules.size(), "]");
    MappingRule rule = common;
    read_rule(one, where, rule);
    if (rule.type.empty()) refuse(where, "want a 'type' of ours");
    out.rules.push_back(std::move(rule));
  }
  return out;
}

}  // namespace penchant::events
