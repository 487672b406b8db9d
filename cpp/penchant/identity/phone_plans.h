#pragma once

// How phone numbers are written inside a country: enough of each plan to tell a number's country
// code and trunk prefix (ITU-T E.164 and the national numbering plans that the ITU lists).

#include <string>
#include <string_view>

namespace penchant::identity {

struct PhonePlan {
  std::string_view country;  // ISO 3166 alpha-2
  std::string_view code;     // country code, without "+"
  std::string_view trunk;    // dialled before a number inside the country, not part of it; or ""
  int shortest = 0;          // digits of a number without code and trunk
  int longest = 0;
};

// nullptr when the table lacks the country.
[[nodiscard]] const PhonePlan* find_phone_plan(std::string_view country);
[[nodiscard]] std::string phone_plan_names();  // "AE, AR, ..."

}  // namespace penchant::identity
