#pragma once

// What kinds of identifiers there are, and the rules by which they unite.
//
//   Options options = default_options();
//   options.country = "GB";                    // of phone numbers without a country code
//   check(options);
//
// A namespace is "personal" when it may join two subjects (`bridge`), or else "weak": a cookie or a
// device goes with one person, and never makes one person of two.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penchant::identity {

enum class Form : std::uint8_t {
  kText,         // as given, without blanks at its ends
  kLower,        // and in lower case (ASCII)
  kCode,         // in upper case, without blanks and hyphens: "4929-0012 a" is "49290012A"
  kEmail,        // see normalize.h; known by its SHA-256 alone
  kHashedEmail,  // 64 hexadecimal digits: the SHA-256 of a normalized address
  kPhone,        // to E.164
};
[[nodiscard]] std::string_view form_name(Form form);  // "text" "lower" "code" "email" ...

inline constexpr std::size_t kMostNamespaces = 32;
inline constexpr int kMostLimit = 65'535;
inline constexpr std::size_t kMostValueBytes = 1024;  // of one identifier

struct Namespace {
  std::string name;  // [a-z][a-z0-9_]*, at most 40
  Form form = Form::kText;
  int priority = 0;    // lower leads: it names the subject, and links its record together
  int limit = 0;       // identifiers a subject may have; 0: any number. 1 makes it unique
  bool bridge = true;  // false: weak
  int shared_after =
      0;  // seen with more unique identifiers of one namespace: links nothing; 0: off
  std::string same_as = {};  // these are identifiers of that namespace (hashed_email: email)
  std::vector<std::string> blocked = {};  // values that identify nobody, in any spelling

  [[nodiscard]] bool unique() const { return limit == 1; }
};

struct Options {
  std::vector<Namespace> namespaces;
  int most = 1000;                   // identifiers of a subject in all; 0: any number
  std::string country;               // ISO 3166 alpha-2, or "": phone numbers need their "+"
  bool email_drop_plus = false;      // "jane+shop@x.com" is "jane@x.com"
  bool email_drop_dots = false;      // "j.ane@gmail.com" is "jane@gmail.com"; gmail.com alone
  std::vector<std::string> blocked;  // in every namespace
};

// login (unique), email and hashed_email, phone, loyalty_card, pos_customer, device, cookie.
[[nodiscard]] Options default_options();

// Throws kInvalidArgument with the namespace and what is wrong with it.
void check(const Options& options);

// Index of a namespace, or -1.
[[nodiscard]] int find_namespace(const Options& options, std::string_view name);

// As JSON, for bundles and for Python. Reading checks every field and calls check(); throws
// kInvalidArgument.
[[nodiscard]] std::string to_json(const Options& options);
[[nodiscard]] Options options_from_json(std::string_view json);

}  // namespace penchant::identity
