#include "penchant/identity/phone_plans.h"

#include <algorithm>
#include <array>

namespace penchant::identity {
namespace {

constexpr auto kPlans = std::to_array<PhonePlan>({
    {"AE", "971", "0", 8, 9},  {"AR", "54", "0", 10, 11}, {"AT", "43", "0", 4, 13},
    {"AU", "61", "0", 9, 9},   {"BE", "32", "0", 8, 9},   {"BG", "359", "0", 7, 9},
    {"BR", "55", "0", 10, 11}, {"CA", "1", "1", 10, 10},  {"CH", "41", "0", 9, 9},
    {"CL", "56", "", 9, 9},    {"CN", "86", "0", 9, 11},  {"CO", "57", "", 10, 10},
    {"CZ", "420", "", 9, 9},   {"DE", "49", "0", 5, 13},  {"DK", "45", "", 8, 8},
    {"EE", "372", "", 7, 8},   {"EG", "20", "0", 8, 10},  {"ES", "34", "", 9, 9},
    {"FI", "358", "0", 5, 12}, {"FR", "33", "0", 9, 9},   {"GB", "44", "0", 9, 10},
    {"GR", "30", "", 10, 10},  {"HK", "852", "", 8, 8},   {"HR", "385", "0", 8, 9},
    {"HU", "36", "06", 8, 9},  {"ID", "62", "0", 7, 12},  {"IE", "353", "0", 7, 9},
    {"IL", "972", "0", 8, 9},  {"IN", "91", "0", 10, 10}, {"IT", "39", "", 6, 11},
    {"JP", "81", "0", 9, 10},  {"KR", "82", "0", 8, 10},  {"LT", "370", "0", 8, 8},
    {"LU", "352", "", 4, 11},  {"LV", "371", "", 8, 8},   {"MX", "52", "", 10, 10},
    {"MY", "60", "0", 8, 10},  {"NL", "31", "0", 9, 9},   {"NO", "47", "", 8, 8},
    {"NZ", "64", "0", 8, 10},  {"PE", "51", "0", 8, 9},   {"PH", "63", "0", 8, 10},
    {"PL", "48", "", 9, 9},    {"PT", "351", "", 9, 9},   {"RO", "40", "0", 9, 9},
    {"SE", "46", "0", 7, 9},   {"SG", "65", "", 8, 8},    {"SI", "386", "0", 8, 8},
    {"SK", "421", "0", 9, 9},  {"TH", "66", "0", 8, 9},   {"TR", "90", "0", 10, 10},
    {"TW", "886", "0", 8, 9},  {"UA", "380", "0", 9, 9},  {"US", "1", "1", 10, 10},
    {"VN", "84", "0", 9, 10},  {"ZA", "27", "0", 9, 9},
});

}  // namespace

const PhonePlan* find_phone_plan(std::string_view country) {
  const auto* at = std::find_if(kPlans.begin(), kPlans.end(),
                                [&](const PhonePlan& plan) { return plan.country == country; });
  return at == kPlans.end() ? nullptr : at;
}

std::string phone_plan_names() {
  std::string out;
  for (const PhonePlan& plan : kPlans) {
    if (!out.empty()) out += ", ";
    out += plan.country;
  }
  return out;
}

}  // namespace penchant::identity
