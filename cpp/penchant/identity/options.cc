#include "penchant/identity/options.h"

#include <algorithm>
#include <array>
#include <limits>

#include <nlohmann/json.hpp>

#include "penchant/base/error.h"
#include "penchant/data/utf8.h"
#include "penchant/identity/phone_plans.h"

namespace penchant::identity {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 6> kFormNames{"text",  "lower",        "code",
                                                     "email", "hashed_email", "phone"};
constexpr std::size_t kMostName = 40;
constexpr std::size_t kMostBlocked = 100'000;

bool is_name(std::string_view name) {
  const auto letter = [](char c) { return c >= 'a' && c <= 'z'; };
  return !name.empty() && name.size() <= kMostName && letter(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '_'; });
}

void check_blocked(const std::vector<std::string>& values, std::string_view where) {
  check_argument(values.size() <= kMostBlocked, where, ": ", values.size(),
                 " blocked values, at most ", kMostBlocked);
  for (const std::string& value : values) {
    check_argument(value.size() <= kMostValueBytes && data::is_utf8(value), where,
                   ": a blocked value is longer than ", kMostValueBytes, " bytes or not UTF-8");
  }
}

void check_one(const Options& options, const Namespace& one) {
  const std::string where = concat("namespace '", one.name, "'");
  check_argument(is_name(one.name), "a namespace is named by at most ", kMostName,
                 " of a-z, 0-9 and _, a letter first");
  check_argument(std::count_if(options.namespaces.begin(), options.namespaces.end(),
                               [&](const Namespace& other) { return other.name == one.name; }) == 1,
                 where, " is there twice");
  check_argument(one.limit >= 0 && one.limit <= kMostLimit, where, ": limit is ", one.limit,
                 "; it is 0 (any number) to ", kMostLimit);
  check_argument(one.shared_after >= 0 && one.shared_after <= kMostLimit, where,
                 ": shared_after is ", one.shared_after, "; it is 0 (never) to ", kMostLimit);
  check_argument(!one.unique() || one.shared_after == 0, where,
                 ": a unique identifier can't be shared; leave shared_after 0");
  check_argument(!one.unique() || one.bridge, where,
                 ": a unique identifier stands for a person; leave bridge true");
  check_blocked(one.blocked, where);
  if (one.same_as.empty()) {
    check_argument(one.form != Form::kHashedEmail, where,
                   ": hashed addresses are known as those of an email namespace; name it same_as");
    return;
  }
  const int other = find_namespace(options, one.same_as);
  check_argument(other >= 0, where, ": same_as '", one.same_as, "' is no namespace");
  const Form theirs = options.namespaces[static_cast<std::size_t>(other)].form;
  check_argument(options.namespaces[static_cast<std::size_t>(other)].same_as.empty(), where,
                 ": same_as '", one.same_as, "' is itself another's");
  const bool meet =
      one.form == theirs || (one.form == Form::kHashedEmail && theirs == Form::kEmail);
  check_argument(meet, where, ": values of form '", form_name(one.form), "' can't meet those of '",
                 one.same_as, "', of form '", form_name(theirs), "'");
}

// Typed access to JSON that may hold anything.
class Fields {
 public:
  Fields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
    check_argument(object_.is_object(), where_, " is not an object");
  }
  [[nodiscard]] const Json& any(const char* key) const {
    const auto found = object_.find(key);
    check_argument(found != object_.end(), where_, " lacks '", key, "'");
    return *found;
  }
  [[nodiscard]] std::string text(const char* key) const {
    const Json& value = any(key);
    check_argument(value.is_string(), where_, ": '", key, "' is not a text");
    return value.get<std::string>();
  }
  [[nodiscard]] bool truth(const char* key) const {
    const Json& value = any(key);
    check_argument(value.is_boolean(), where_, ": '", key, "' is neither true nor false");
    return value.get<bool>();
  }
  [[nodiscard]] int integer(const char* key) const {
    const Json& value = any(key);
    const bool fits = value.is_number_integer() &&
                      (value.is_number_unsigned()
                           ? value.get<std::uint64_t>() <= std::numeric_limits<int>::max()
                           : value.get<std::int64_t>() >= std::numeric_limits<int>::min() &&
                                 value.get<std::int64_t>() <= std::numeric_limits<int>::max());
    check_argument(fits, where_, ": '", key, "' is not an integer below 2^31");
    return value.get<int>();
  }
  [[nodiscard]] std::vector<std::string> texts(const char* key) const {
    const Json& value = any(key);
    check_argument(value.is_array(), where_, ": '", key, "' is not a list");
    std::vector<std::string> out;
    for (const Json& one : value) {
      check_argument(one.is_string(), where_, ": '", key, "' holds what is not a text");
      out.push_back(one.get<std::string>());
    }
    return out;
  }

 private:
  const Json& object_;
  std::string where_;
};

Form parse_form(std::string_view name, const std::string& where) {
  const auto at = std::find(kFormNames.begin(), kFormNames.end(), name);
  check_argument(at != kFormNames.end(), where, ": form '", name,
                 "' is not there; choose text, lower, code, email, hashed_email or phone");
  return static_cast<Form>(at - kFormNames.begin());
}

Namespace read_namespace(const Json& json, std::size_t number) {
  const Fields fields(json, concat("namespace ", number));
  Namespace out;
  out.name = fields.text("name");
  const Fields named(json, concat("namespace '", out.name, "'"));
  out.form = parse_form(named.text("form"), concat("namespace '", out.name, "'"));
  out.priority = named.integer("priority");
  out.limit = named.integer("limit");
  out.bridge = named.truth("bridge");
  out.shared_after = named.integer("shared_after");
  out.same_as = named.text("same_as");
  out.blocked = named.texts("blocked");
  return out;
}

}  // namespace

std::string_view form_name(Form form) { return kFormNames[static_cast<std::size_t>(form)]; }

Options default_options() {
  Options out;
  out.namespaces = {
      {.name = "login", .form = Form::kText, .priority = 10, .limit = 1},
      {.name = "email", .form = Form::kEmail, .priority = 20, .limit = 5},
      {.name = "hashed_email", .form = Form::kHashedEmail, .priority = 20, .same_as = "email"},
      {.name = "phone", .form = Form::kPhone, .priority = 30, .limit = 5},
      {.name = "loyalty_card", .form = Form::kCode, .priority = 40, .limit = 5},
      {.name = "pos_customer", .form = Form::kText, .priority = 50, .limit = 5},
      {.name = "device",
       .form = Form::kLower,
       .priority = 60,
       .limit = 50,
       .bridge = false,
       .shared_after = 1},
      {.name = "cookie",
       .form = Form::kText,
       .priority = 70,
       .limit = 500,
       .bridge = false,
       .shared_after = 1},
  };
  out.blocked = {"null",
                 "none",
                 "nil",
                 "nan",
                 "n/a",
                 "na",
                 "unknown",
                 "undefined",
                 "anonymous",
                 "guest",
                 "(not set)",
                 "unknown@example.com",
                 "noreply@example.com"};
  return out;
}

void check(const Options& options) {
  check_argument(!options.namespaces.empty(), "an identity needs at least one namespace");
  check_argument(options.namespaces.size() <= kMostNamespaces, options.namespaces.size(),
                 " namespaces, at most ", kMostNamespaces);
  for (const Namespace& one : options.namespaces) check_one(options, one);
  check_argument(options.most >= 0, "most is ", options.most, "; it is 0 (any number) or more");
  check_argument(options.country.empty() || find_phone_plan(options.country) != nullptr,
                 "country '", options.country, "' is not in the table of phone numbers; there are ",
                 phone_plan_names(), ", or give numbers with their '+'");
  check_blocked(options.blocked, "blocked");
}

int find_namespace(const Options& options, std::string_view name) {
  const auto at = std::find_if(options.namespaces.begin(), options.namespaces.end(),
                               [&](const Namespace& one) { return one.name == name; });
  return at == options.namespaces.end() ? -1 : static_cast<int>(at - options.namespaces.begin());
}

std::string to_json(const Options& options) {
  Json namespaces = Json::array();
  for (const Namespace& one : options.namespaces) {
    namespaces.push_back(Json{{"name", one.name},
                              {"form", form_name(one.form)},
                              {"priority", one.priority},
                              {"limit", one.limit},
                              {"bridge", one.bridge},
                              {"shared_after", one.shared_after},
                              {"same_as", one.same_as},
                              {"blocked", one.blocked}});
  }
  return Json{{"namespaces", std::move(namespaces)},
              {"most", options.most},
              {"country", options.country},
              {"email_drop_plus", options.email_drop_plus},
              {"email_drop_dots", options.email_drop_dots},
              {"blocked", options.blocked}}
      .dump();
}

Options options_from_json(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  check_argument(!json.is_discarded(), "options are not JSON");
  const Fields fields(json, "options");
  Options out;
  const Json& namespaces = fields.any("namespaces");
  check_argument(namespaces.is_array() && namespaces.size() <= kMostNamespaces,
                 "options: 'namespaces' is not a list of at most ", kMostNamespaces);
  for (const Json& one : namespaces) {
    out.namespaces.push_back(read_namespace(one, out.namespaces.size()));
  }
  out.most = fields.integer("most");
  out.country = fields.text("country");
  out.email_drop_plus = fields.truth("email_drop_plus");
  out.email_drop_dots = fields.truth("email_drop_dots");
  out.blocked = fields.texts("blocked");
  check(out);
  return out;
}

}  // namespace penchant::identity
