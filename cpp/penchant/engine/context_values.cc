#include "penchant/engine/context_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <string_view>
#include <variant>

namespace penchant::engine {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr double kWholeNumbers = 9e15;  // below it doubles tell them apart

// Whether the text is what is asked for; texts are no numbers.
double of_text(const features::ContextValue& asked, std::string_view text) {
  if (text.empty() || !asked.is) return kUnknown;
  return text == *asked.is ? 1 : 0;
}

// A whole number as text is its digits: so are ids and codes that a frame has as integers.
double of_number(const features::ContextValue& asked, double number) {
  if (!std::isfinite(number)) return kUnknown;
  if (!asked.is) return number;
  if (number != std::trunc(number) || std::abs(number) > kWholeNumbers) return 0;
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(),
                                 static_cast<std::int64_t>(number));
  return std::string_view(digits.data(), end.ptr) == *asked.is ? 1 : 0;
}

double of_texts(const features::ContextValue& asked, const std::vector<std::string>& texts) {
  if (texts.empty()) return kUnknown;
  if (asked.is) return std::ranges::find(texts, *asked.is) != texts.end() ? 1 : 0;
  // As attributes have what is true or not.
  if (texts.size() == 1 && texts[0] == "true") return 1;
  return texts.size() == 1 && texts[0] == "false" ? 0 : kUnknown;
}

}  // namespace

double context_value(const features::ContextValue& asked, const Context& context) {
  if (asked.name == "device") return of_text(asked, context.device);
  if (asked.name == "location") return of_text(asked, context.location);
  if (asked.name == "page") {
    if (!context.page.empty() || !context.viewed) return of_text(asked, context.page);
    return of_text(asked, text_of(*context.viewed));
  }
  const auto at = context.attributes.find(asked.name);
  if (at == context.attributes.end()) return kUnknown;
  if (const double* const number = std::get_if<double>(&at->second)) {
    return of_number(asked, *number);
  }
  return of_texts(asked, std::get<std::vector<std::string>>(at->second));
}

void say_contexts(const features::Plan& plan, const Context& context, std::size_t candidates,
                  PlanScratch& scratch) {
  scratch.contexts.resize(plan.contexts().size());
  scratch.context_views.clear();
  for (std::size_t c = 0; c < plan.contexts().size(); ++c) {
    scratch.contexts[c].assign(candidates, context_value(plan.contexts()[c], context));
    scratch.context_views.emplace_back(scratch.contexts[c]);
  }
}

}  // namespace penchant::engine
