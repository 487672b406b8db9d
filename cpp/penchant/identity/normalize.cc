#include "penchant/identity/normalize.h"

#include <algorithm>

#include "penchant/data/utf8.h"
#include "penchant/identity/phone_plans.h"

namespace penchant::identity {
namespace {

constexpr std::size_t kFewestPhoneDigits = 7;
constexpr std::size_t kMostPhoneDigits = 15;
constexpr std::size_t kSha256Digits = 64;
constexpr std::string_view kNoBreakSpace = "\xC2\xA0";

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

std::string_view trimmed(std::string_view text) {
  for (bool again = true; again;) {
    again = false;
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    if (text.starts_with(kNoBreakSpace)) {
      text.remove_prefix(kNoBreakSpace.size());
      again = true;
    }
    if (text.ends_with(kNoBreakSpace)) {
      text.remove_suffix(kNoBreakSpace.size());
      again = true;
    }
  }
  return text;
}

// What forms without a meaning are filled with: zeros, dashes, dots.
bool says_nothing(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const bool letter = lower(c) >= 'a' && lower(c) <= 'z';
    return !letter && !(c >= '1' && c <= '9') && static_cast<unsigned char>(c) < 0x80;
  });
}

Reading email(const Options& options, std::string_view text, std::string& out) {
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos || at == 0 || at + 1 == text.size() ||
      text.find('@', at + 1) != std::string_view::npos ||
      std::any_of(text.begin(), text.end(), is_blank)) {
    return Reading::kInvalid;
  }
  out.clear();
  std::string_view local = text.substr(0, at);
  std::string domain(text.substr(at + 1));
  std::transform(domain.begin(), domain.end(), domain.begin(), lower);
  if (options.email_drop_plus) local = local.substr(0, std::max<std::size_t>(1, local.find('+')));
  const bool dots =
      options.email_drop_dots && (domain == "gmail.com" || domain == "googlemail.com");
  for (const char c : local) {
    if (!dots || c != '.') out += lower(c);
  }
  if (out.empty()) return Reading::kInvalid;  // dots alone
  out += '@';
  out += dots ? "gmail.com" : domain;
  return Reading::kRead;
}

Reading hashed_email(std::string_view text, std::string& out) {
  out.resize(text.size());
  std::transform(text.begin(), text.end(), out.begin(), lower);
  const bool hex = std::all_of(out.begin(), out.end(),
                               [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
  return hex && out.size() == kSha256Digits ? Reading::kRead : Reading::kInvalid;
}

Reading phone(const Options& options, std::string_view text, std::string& out) {
  std::string digits;
  const bool plus = text.front() == '+';
  for (std::size_t i = plus ? 1 : 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_digit(c)) {
      digits += c;
    } else if (text.substr(i).starts_with(kNoBreakSpace)) {
      ++i;
    } else if (!is_blank(c) && std::string_view("()-./").find(c) == std::string_view::npos) {
      return Reading::kInvalid;
    }
  }
  std::string_view rest = digits;
  out = "+";
  if (plus || rest.starts_with("00")) {
    if (!plus) rest.remove_prefix(2);
    if (rest.starts_with('0')) return Reading::kInvalid;  // no country code begins with 0
  } else {
    const PhonePlan* plan = find_phone_plan(options.country);
    if (plan == nullptr) return Reading::kInvalid;
    if (!plan->trunk.empty() && rest.starts_with(plan->trunk)) {
      rest.remove_prefix(plan->trunk.size());
    }
    if (rest.size() < static_cast<std::size_t>(plan->shortest) ||
        rest.size() > static_cast<std::size_t>(plan->longest)) {
      return Reading::kInvalid;
    }
    out += plan->code;
  }
  out += rest;
  const std::size_t count = out.size() - 1;
  return count >= kFewestPhoneDigits && count <= kMostPhoneDigits ? Reading::kRead
                                                                  : Reading::kInvalid;
}

Reading code(std::string_view text, std::string& out) {
  std::string kept;
  for (const char c : text) {
    if (!is_blank(c) && c != '-') kept += upper(c);
  }
  out = trimmed(kept);  // no-break spaces that hyphens kept from the ends
  return out.empty() ? Reading::kBlocked : Reading::kRead;
}

}  // namespace

Reading normalize(Form form, const Options& options, std::string_view raw, std::string& out) {
  const std::string_view text = trimmed(raw);
  if (text.empty()) return Reading::kAbsent;
  if (text.size() > kMostValueBytes || !data::is_utf8(text)) return Reading::kInvalid;
  if (says_nothing(text)) return Reading::kBlocked;
  switch (form) {
    case Form::kEmail:
      return email(options, text, out);
    case Form::kHashedEmail:
      return hashed_email(text, out);
    case Form::kPhone:
      return phone(options, text, out);
    case Form::kCode:
      return code(text, out);
    case Form::kLower:
      out.resize(text.size());
      std::transform(text.begin(), text.end(), out.begin(), lower);
      return Reading::kRead;
    case Form::kText:
      break;
  }
  out = text;
  return Reading::kRead;
}

}  // namespace penchant::identity
