#include "penchant/events/mapping.h"

#include <charconv>

#include <simdjson.h>
#include <xxhash.h>

#include "penchant/base/error.h"
#include "penchant/events/json_text.h"
#include "penchant/events/mapping_reader.h"

namespace penchant::events {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kMaxEvents = 1000;                  // of one event of theirs
constexpr std::size_t kMaxOutBytes = 8 * kMaxEventBytes;  // of all of them

using Found = std::optional<dom::element>;

struct Scope {
  dom::element root;
  dom::element here;
};

Found step_into(dom::element from, const std::string& step) {
  if (dom::object object; from.get(object) == simdjson::SUCCESS) {
    if (dom::element out; object.at_key(step).get(out) == simdjson::SUCCESS) return out;
    return std::nullopt;
  }
  dom::array list;
  if (from.get(list) != simdjson::SUCCESS) return std::nullopt;
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
  if (error != std::errc{} || end != step.data() + step.size()) return std::nullopt;
  if (dom::element out; list.at(index).get(out) == simdjson::SUCCESS) return out;
  return std::nullopt;
}

Found follow(const MappingPath& path, const Scope& scope) {
  Found at = path.from_root ? scope.root : scope.here;
  for (const std::string& step : path.steps) {
    at = step_into(*at, step);
    if (!at) return at;
  }
  return at;
}

bool holds(const std::vector<MappingCondition>& conditions, const Scope& scope) {
  for (const MappingCondition& one : conditions) {
    const Found found = follow(one.path, scope);
    std::string_view text;
    if (!found || found->get(text) != simdjson::SUCCESS || !one.pattern.matches(text)) return false;
  }
  return true;
}

// Calls take(element) for the source's elements until it returns false.
template <class Take>
void visit(const MappingSource& source, const Scope& scope, Take&& take) {
  const Found found = follow(source.in, scope);
  if (!found) return;
  const auto offer = [&](dom::element element) {
    const Scope inner{.root = scope.root, .here = element};
    if (!holds(source.where, inner)) return true;
    const Found taken = follow(source.take, inner);
    return !taken || take(*taken);
  };
  dom::array list;
  if (found->get(list) != simdjson::SUCCESS) {
    if (!found->is_null()) offer(*found);
    return;
  }
  for (const dom::element element : list) {
    if (!offer(element)) return;
  }
}

bool is_nothing(dom::element element) {
  std::string_view text;
  return element.is_null() || (element.get(text) == simdjson::SUCCESS && text.empty());
}

// A path leads to its value whatever it is; a source that filters gives its first element.
Found first_of(const MappingSource& source, const Scope& scope) {
  if (source.where.empty() && source.take.steps.empty()) {
    const Found found = follow(source.in, scope);
    return found && !is_nothing(*found) ? found : std::nullopt;
  }
  Found out;
  visit(source, scope, [&](dom::element element) {
    if (!is_nothing(element)) out = element;
    return !out;
  });
  return out;
}

// Nothing: no value. A value as JSON text.
bool evaluate(const MappingExpression& expression, const Scope& scope, std::string& out) {
  for (const MappingSource& source : expression.sources) {
    const Found found = first_of(source, scope);
    if (!found) continue;
    if (expression.values.empty()) {
      out = simdjson::minify(*found);
      return true;
    }
    std::string_view text;
    if (found->get(text) != simdjson::SUCCESS) continue;
    const auto known = expression.values.find(std::string(text));
    if (known == expression.values.end()) continue;
    out = known->second;
    return true;
  }
  out = expression.fallback;
  return !out.empty();
}

std::vector<dom::element> elements_of(const std::vector<MappingSource>& sources, const Scope& scope,
                                      std::size_t most) {
  std::vector<dom::element> out;
  for (const MappingSource& source : sources) {
    visit(source, scope, [&](dom::element element) {
      out.push_back(element);
      return out.size() < most;
    });
    if (!out.empty()) break;
  }
  return out;
}

// Appends members of an object: "name":value, each followed by a comma.
void write_members(const MappingMembers& members, const Scope& scope, std::string& out) {
  std::string value;
  for (const auto& [name, expression] : members) {
    if (!evaluate(expression, scope, value)) continue;
    append_quoted(out, name);
    out += ':';
    out += value;
    out += ',';
  }
}

void close(std::string& out, char bracket) {
  if (out.back() == ',') out.pop_back();
  out += bracket;
}

void write_object(std::string_view name, const MappingMembers& members, const Scope& scope,
                  std::string& out) {
  append_quoted(out, name);
  out += ":{";
  write_members(members, scope, out);
  close(out, '}');
  out += ',';
}

// An id of one of several events: the whole's with its number behind.
std::string numbered(std::string_view json, std::size_t number) {
  if (number == 0) return std::string(json);
  const bool quoted = json.starts_with('"');
  std::string out(quoted ? json.substr(0, json.size() - 1) : concat('"', json));
  return concat(out, '/', number, '"');
}

std::string write_event(const MappingRule& rule, const Scope& scope, std::size_t number) {
  std::string out = "{";
  append_quoted(out, "type");
  out += ':';
  append_quoted(out, rule.type);
  out += ',';
  if (rule.version) out += concat(R"("version":)", *rule.version, ',');
  std::string value;
  for (const auto& [name, expression] : rule.envelope) {
    if (!evaluate(expression, scope, value)) continue;
    append_quoted(out, name);
    out += concat(':', name == "event_id" ? numbered(value, number) : value, ',');
  }
  write_object("identifiers", rule.identifiers, scope, out);
  write_object("context", rule.context, scope, out);
  append_quoted(out, "fields");
  out += ":{";
  write_members(rule.fields, scope, out);
  if (rule.lines) {
    out += R"("lines":[)";
    for (const dom::element line : elements_of(rule.lines->each, scope, kMaxLines + 1)) {
      out += '{';
      write_members(rule.lines->members, {.root = scope.root, .here = line}, out);
      close(out, '}');
      out += ',';
    }
    close(out, ']');
  }
  close(out, '}');
  return out += '}';
}

bool refuse(Rejection& rejection, Reason reason, std::string message, std::string_view json) {
  rejection = {.reason = reason,
               .message = std::move(message),
               .payload_hash = XXH3_64bits(json.data(), json.size())};
  return false;
}

struct Scratch {
  dom::parser parser;
  std::string padded;
};

}  // namespace

Mapping::Mapping(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Mapping::~Mapping() = default;

std::shared_ptr<const Mapping> Mapping::from_json(std::string_view json) {
  return std::shared_ptr<const Mapping>(
      new Mapping(std::make_unique<const Impl>(read_mapping(json))));
}

const std::string& Mapping::name() const { return impl_->name; }

bool Mapping::apply(std::string_view json, std::vector<std::string>& out,
                    Rejection& rejection) const {
  thread_local Scratch scratch;
  out.clear();
  if (json.size() > kMaxEventBytes) {
    return refuse(rejection, Reason::kTooLarge, concat("more than ", kMaxEventBytes, " bytes"),
                  json);
  }
  scratch.padded.assign(json);
  scratch.padded.resize(json.size() + simdjson::SIMDJSON_PADDING, '\0');
  dom::element root;
  const auto error = scratch.parser.parse(scratch.padded.data(), json.size(), false).get(root);
  if (error != simdjson::SUCCESS) {
    return refuse(rejection, Reason::kNotJson,
                  concat("not valid JSON: ", simdjson::error_message(error)), json);
  }
  if (!root.is_object()) {
    return refuse(rejection, Reason::kNotAnObject, "an event is a JSON object", json);
  }
  const Scope scope{.root = root, .here = root};
  for (const MappingRule& rule : impl_->rules) {
    if (!holds(rule.when, scope)) continue;
    if (rule.each.empty()) {
      out.push_back(write_event(rule, scope, 0));
      return true;
    }
    std::size_t bytes = 0;
    for (const dom::element element : elements_of(rule.each, scope, kMaxEvents + 1)) {
      out.push_back(write_event(rule, {.root = root, .here = element}, out.size()));
      bytes += out.back().size();
      if (out.size() > kMaxEvents || bytes > kMaxOutBytes) {
        out.clear();
        return refuse(rejection, Reason::kTooLarge,
                      concat("it makes more than ", kMaxEvents, " events or ", kMaxOutBytes,
                             " bytes of them"),
                      json);
      }
    }
    return true;
  }
  return refuse(rejection, Reason::kUnmapped,
                concat("no rule of the mapping '", impl_->name, "' knows it"), json);
}

}  // namespace penchant::events
