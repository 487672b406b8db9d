#include "penchant/engine/erasure.h"

#include <charconv>
#include <optional>

#include <simdjson.h>

#include "penchant/base/error.h"
#include "penchant/engine/draw.h"
#include "penchant/engine/json_writing.h"

namespace penchant::engine {
namespace {

constexpr std::size_t kMaxSubjectBytes = 4096;  // as of requests

// The number whose decimal text this is: "17", not "017" or "+17".
std::optional<std::int64_t> integer_of(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return std::to_string(value) == text ? std::optional(value) : std::nullopt;
}

}  // namespace

void check_subject(std::string_view subject, std::string_view what) {
  check_argument(!subject.empty(), what, ": the subject is empty");
  check_argument(subject.size() <= kMaxSubjectBytes, what, ": the subject is longer than ",
                 kMaxSubjectBytes, " bytes");
  check_argument(simdjson::validate_utf8(subject), what, ": the subject is not UTF-8");
}

Receipt erase(Live& live, std::string_view subject) {
  check_subject(subject, "erase");
  Receipt out{.subject = std::string(subject)};
  bandits::Forgot feedback;
  for (const std::string& name : live.events().names_of(subject)) {
    if (!live.learns()) break;
    const auto add = [&](const bandits::Forgot& more) {
      feedback.decisions += more.decisions;
      feedback.rewards += more.rewards;
    };
    add(live.loop().forget(json_text(name)));
    if (const auto number = integer_of(name)) add(live.loop().forget(json_text(*number)));
  }
  const LiveEvents::Forgotten told = live.events().forget(subject);
  out.erased = {
      {"decisions", feedback.decisions}, {"rewards", feedback.rewards}, {"events", told.events}};
  if (live.events().has_identity()) out.erased.emplace_back("identifiers", told.identifiers);
  return out;
}

void erase_json(Live* live, std::string_view subject, std::string& body) {
  check_subject(subject, "erase");
  const Receipt receipt =
      live == nullptr ? Receipt{.subject = std::string(subject)} : erase(*live, subject);
  body = "{\"subject\":";
  append_string(body, receipt.subject);
  body += ",\"erased\":{";
  for (std::size_t i = 0; i < receipt.erased.size(); ++i) {
    if (i > 0) body += ',';
    append_string(body, receipt.erased[i].first);
    body += ':';
    append_number(body, receipt.erased[i].second);
  }
  body += "}}";
}

}  // namespace penchant::engine
