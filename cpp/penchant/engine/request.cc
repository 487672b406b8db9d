#include "penchant/engine/request.h"

#include <algorithm>
#include <cmath>

#include <simdjson.h>

namespace penchant::engine {
namespace {

namespace dom = simdjson::dom;

[[noreturn]] void refuse(const std::string& message) {
  fail(ErrorKind::kInvalidArgument, "request: " + message);
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

// JSON has one kind of number: 13.0 and 1e2 are integers too, where a double holds them exactly.
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
  constexpr std::size_t kMaxIdBytes = 4096;
  if (std::int64_t number = 0; read_integer(value, number)) return number;
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) {
    refuse(concat("'", where, "' must be a string or a 64-bit integer"));
  }
  if (text.size() > kMaxIdBytes) {
    refuse(concat("'", where, "' is longer than ", kMaxIdBytes, " bytes"));
  }
  return std::string(text);
}

std::vector<ExternalId> read_ids(dom::element value, std::string_view where) {
  dom::array list;
  if (value.get(list) != simdjson::SUCCESS) refuse(concat("'", where, "' must be a list of ids"));
  std::vector<ExternalId> out;
  for (const dom::element entry : list) {
    if (out.size() == kMaxListedItems) {
      refuse(concat("'", where, "' lists more than ", kMaxListedItems, " items"));
    }
    out.push_back(read_id(entry, where));
  }
  return out;
}

std::size_t read_k(dom::element value) {
  std::int64_t k = 0;
  if (!read_integer(value, k) || k < 1 || k > static_cast<std::int64_t>(kMaxK)) {
    refuse(concat("'k' must be an integer from 1 to ", kMaxK));
  }
  return static_cast<std::size_t>(k);
}

Timestamp read_time(dom::element value) {
  const std::string_view text = read_string(value, "context.time");
  try {
    return parse_timestamp(text);
  } catch (const Error& error) {
    refuse(concat("'context.time': ", error.what()));
  }
}

[[noreturn]] void refuse_member(std::string_view where, std::string_view key,
                                std::string_view known) {
  refuse(concat(where, "unknown member '", key.substr(0, 64), "'; known are ", known));
}

Context read_context(dom::element value) {
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS) refuse("'context' must be an object");
  Context out;
  for (const auto [key, member] : object) {
    if (key == "basket") {
      out.basket = read_ids(member, "context.basket");
    } else if (key == "page") {
      out.page = read_string(member, "context.page");
    } else if (key == "device") {
      out.device = read_string(member, "context.device");
    } else if (key == "time") {
      out.time = read_time(member);
    } else {
      refuse_member("in 'context', ", key, "basket, page, device, time");
    }
  }
  return out;
}

void read_member(std::string_view key, dom::element member, Request& out) {
  if (key == "subject") {
    if (!member.is_null()) out.subject = read_id(member, "subject");
  } else if (key == "k") {
    out.k = read_k(member);
  } else if (key == "placement") {
    if (!member.is_null()) out.placement = read_string(member, "placement");
  } else if (key == "context") {
    if (!member.is_null()) out.context = read_context(member);
  } else if (key == "deny") {
    out.deny = read_ids(member, "deny");
  } else if (key == "candidates") {
    if (!member.is_null()) out.candidates = read_ids(member, "candidates");
  } else if (key == "exclude_seen") {
    if (!member.is_null()) out.exclude_seen = read_bool(member, "exclude_seen");
  } else if (key == "explain") {
    out.explain = read_bool(member, "explain");
  } else {
    refuse_member("", key,
                  "subject, k, placement, context, deny, candidates, exclude_seen, explain");
  }
}

}  // namespace

Request parse_request(std::string_view json) {
  if (json.size() > kMaxRequestBytes) {
    refuse(concat("longer than ", kMaxRequestBytes, " bytes"));
  }
  if (json.empty()) {
    refuse(R"(empty; send a JSON object, such as {"subject":"17850","k":10})");
  }
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
  Request out;
  std::vector<std::string_view> keys;
  for (const auto [key, member] : object) {
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) {
      refuse(concat("member '", key.substr(0, 64), "' is given twice"));
    }
    keys.push_back(key);
    read_member(key, member, out);
  }
  return out;
}

}  // namespace penchant::engine
