#include "penchant/engine/request.h"

#include <algorithm>
#include <cmath>

#include "penchant/engine/json_members.h"

namespace penchant::engine {
namespace {

namespace dom = simdjson::dom;

constexpr double kLeastValue = 1e-30;  // of an event: well within a float, and sums of them
constexpr double kMostValue = 1e30;

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

RecentEvent read_event(dom::element value) {
  constexpr std::string_view kWhere = "context.events";
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS) refuse(concat("'", kWhere, "' must list objects"));
  RecentEvent out;
  bool has_item = false;
  for (const auto [key, member] : object) {
    if (key == "item") {
      out.item = read_id(member, "context.events.item");
      has_item = true;
    } else if (key == "time") {
      if (!member.is_null()) out.time = read_time(member, "context.events.time");
    } else if (key == "value") {
      double number = 0;
      if (member.get(number) != simdjson::SUCCESS || number < kLeastValue || number > kMostValue) {
        refuse(concat("'context.events.value' must be a number from ", kLeastValue, " to ",
                      kMostValue));
      }
      out.value = static_cast<float>(number);
    } else {
      refuse_member("in 'context.events', ", key, "item, time, value");
    }
  }
  if (!has_item) refuse("'context.events': an event needs an 'item'");
  return out;
}

std::vector<RecentEvent> read_events(dom::element value) {
  dom::array list;
  if (value.get(list) != simdjson::SUCCESS) refuse("'context.events' must be a list of events");
  std::vector<RecentEvent> out;
  for (const dom::element entry : list) {
    if (out.size() == kMaxListedItems) {
      refuse(concat("'context.events' lists more than ", kMaxListedItems, " events"));
    }
    out.push_back(read_event(entry));
  }
  return out;
}

data::AttributeValue read_attribute(dom::element value, const std::string& where) {
  double number = 0;
  if (value.get(number) == simdjson::SUCCESS) return number;
  if (bool flag = false; value.get(flag) == simdjson::SUCCESS) {
    return std::vector<std::string>{flag ? "true" : "false"};
  }
  std::vector<std::string> texts;
  const auto add = [&](dom::element each) {
    std::string_view text;
    if (each.get(text) != simdjson::SUCCESS) {
      refuse(concat("'", where, "' must be a string, a number, true, false or a list of strings"));
    }
    if (text.size() > kMaxTextBytes) {
      refuse(concat("'", where, "' is longer than ", kMaxTextBytes, " bytes"));
    }
    texts.emplace_back(text);
  };
  if (dom::array list; value.get(list) == simdjson::SUCCESS) {
    for (const dom::element each : list) {
      if (texts.size() == kMaxTags) {
        refuse(concat("'", where, "' lists more than ", kMaxTags, " texts"));
      }
      add(each);
    }
  } else {
    add(value);
  }
  return texts;
}

data::Attributes read_attributes(dom::element value) {
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS) refuse("'context.attributes' must be an object");
  data::Attributes out;
  std::size_t members = 0;  // those that are null among them
  for (const auto [key, member] : object) {
    if (members++ == kMaxAttributes) {
      refuse(concat("'context.attributes' has more than ", kMaxAttributes, " members"));
    }
    if (member.is_null()) continue;
    const std::string where = concat("context.attributes.", key.substr(0, 64));
    if (!out.emplace(std::string(key), read_attribute(member, where)).second) {
      refuse(concat("'", where, "' is given twice"));
    }
  }
  return out;
}

// Text, an item's id (which a text may be, too), or {"item": id}.
void read_page(dom::element value, Context& out) {
  dom::object object;
  if (value.get(object) == simdjson::SUCCESS) {
    for (const auto [key, member] : object) {
      if (key != "item") refuse_member("in 'context.page', ", key, "item");
      out.viewed = read_id(member, "context.page.item");
    }
    if (!out.viewed) refuse("'context.page' must have an 'item'");
    return;
  }
  if (!value.is_string()) refuse("'context.page' must be a string or an object");
  out.page = read_string(value, "context.page");
  out.viewed = out.page;
}

Context read_context(dom::element value) {
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS) refuse("'context' must be an object");
  Context out;
  for (const auto [key, member] : object) {
    if (key == "basket") {
      out.basket = read_ids(member, "context.basket");
    } else if (key == "page") {
      read_page(member, out);
    } else if (key == "events") {
      out.events = read_events(member);
    } else if (key == "attributes") {
      out.attributes = read_attributes(member);
    } else if (key == "device") {
      out.device = read_string(member, "context.device");
    } else if (key == "location") {
      out.location = read_string(member, "context.location");
    } else if (key == "time") {
      out.time = read_time(member, "context.time");
    } else {
      refuse_member("in 'context', ", key,
                    "basket, events, attributes, page, device, location, time");
    }
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> read_identifiers(dom::element value) {
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS) {
    refuse("'identifiers' must be an object of namespaces and values");
  }
  // Those that are null count too: the bound is of what is read.
  if (object.size() > kMaxIdentifiers) {
    refuse(concat("'identifiers' has more than ", kMaxIdentifiers, " members"));
  }
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto [key, member] : object) {
    if (member.is_null()) continue;
    const std::string where = concat("identifiers.", key.substr(0, 64));
    out.emplace_back(std::string(key), text_of(read_id(member, where)));
  }
  return out;
}

void read_member(std::string_view key, dom::element member, Request& out) {
  if (key == "subject") {
    if (!member.is_null()) out.subject = read_id(member, "subject");
  } else if (key == "identifiers") {
    if (!member.is_null()) out.identifiers = read_identifiers(member);
  } else if (key == "k") {
    out.k = read_k(member);
    out.k_given = true;
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
                  "subject, identifiers, k, placement, context, deny, candidates, exclude_seen, "
                  "explain");
  }
}

}  // namespace

std::string text_of(const ExternalId& id) {
  const auto* const text = std::get_if<std::string>(&id);
  return text != nullptr ? *text : std::to_string(std::get<std::int64_t>(id));
}

void check_no_identifiers(const Request& request) {
  if (request.identifiers.empty()) return;
  fail(ErrorKind::kNotFound, "request: 'identifiers', but this bundle has no identity");
}

Request parse_request(std::string_view json) {
  const dom::object object = read_object(json, R"({"subject":"17850","k":10})");
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
