#include "penchant/engine/json_members.h"

#include <cmath>

namespace penchant::engine {

namespace dom = simdjson::dom;

void refuse(const std::string& message) {
  fail(ErrorKind::kInvalidArgument, "request: " + message);
}

void refuse_member(std::string_view where, std::string_view key, std::string_view known) {
  refuse(concat(where, "unknown member '", key.substr(0, 64), "'; known are ", known));
}

std::string_view read_string(dom::element value, std::string_view where) {
  std::string_view out;
  if (value.get(out) != simdjson::SUCCESS) refuse(concat("'", where, "' must be a string"));
  return out;
}

bool read_bool(dom::element value, std::string_view where) {
  bool out = false;
  if (value.get(out) != simdjson::SUCCESS) refuse(concat("'", where, "' must be true or false"));
  return out;
}

bool read_integer(dom::element value, std::int64_t& out) {
  if (value.get(out) == simdjson::SUCCESS) return true;
  constexpr double kExact = 9007199254740992.0;  // 2^53
  double number = 0;
  if (!value.is_double() || value.get(number) != simdjson::SUCCESS) return false;
  if (!(number >= -kExact && number <= kExact) || number != std::trunc(number)) return false;
  out = static_cast<std::int64_t>(number);
  return true;
}

ExternalId read_id(dom::element value, std::string_view where) {
  if (std::int64_t number = 0; read_integer(value, number)) return number;
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) {
    refuse(concat("'", where, "' must be a string or a 64-bit integer"));
  }
  if (text.size() > kMaxTextBytes) {
    refuse(concat("'", where, "' is longer than ", kMaxTextBytes, " bytes"));
  }
  return std::string(text);
}

Timestamp read_time(dom::element value, std::string_view where) {
  const std::string_view text = read_string(value, where);
  try {
    return parse_timestamp(text);
  } catch (const Error& error) {
    refuse(concat("'", where, "': ", error.what()));
  }
}

dom::object read_object(std::string_view json, std::string_view example) {
  if (json.size() > kMaxRequestBytes) {
    refuse(concat("longer than ", kMaxRequestBytes, " bytes"));
  }
  if (json.empty()) refuse(concat("empty; send a JSON object, such as ", example));
  // The parser's buffers and the padded copy are kept from request to request.
  thread_local dom::parser parser;
  thread_local std::string padded;
  padded.assign(json);
  padded.resize(json.size() + simdjson::SIMDJSON_PADDING, '\0');
  dom::element root;
  const auto error = parser.parse(padded.data(), json.size(), false).get(root);
  if (error != simdjson::SUCCESS) {
    refuse(concat("not valid JSON: ", simdjson::error_message(error)));
  }
  dom::object object;
  if (root.get(object) != simdjson::SUCCESS) refuse("must be a JSON object");
  return object;
}

}  // namespace penchant::engine
