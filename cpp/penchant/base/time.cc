#include "penchant/base/time.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "penchant/base/error.h"

namespace penchant {
namespace {

struct Unit {
  std::string_view name;
  double micros;
};
constexpr std::array<Unit, 6> kUnits = {
    {{"ms", 1e3}, {"s", 1e6}, {"m", 60e6}, {"h", 3600e6}, {"d", 86'400e6}, {"w", 7 * 86'400e6}}};
constexpr double kLongestMicros = 1000.0 * 366 * 86'400e6;

[[noreturn]] void not_a_time(std::string_view text) {
  fail(ErrorKind::kInvalidArgument,
       concat("'", text.substr(0, 64), "' is not a time; use ISO 8601 like 2011-11-12T00:00:00Z"));
}

// Reads exactly `width` digits at the front of `text` and drops them.
int digits(std::string_view& text, std::size_t width, std::string_view whole) {
  if (text.size() < width) not_a_time(whole);
  int out = 0;
  for (std::size_t i = 0; i < width; ++i) {
    if (text[i] < '0' || text[i] > '9') not_a_time(whole);
    out = out * 10 + (text[i] - '0');
  }
  text.remove_prefix(width);
  return out;
}

void literal(std::string_view& text, std::string_view allowed, std::string_view whole) {
  if (text.empty() || allowed.find(text.front()) == std::string_view::npos) not_a_time(whole);
  text.remove_prefix(1);
}

std::int64_t parse_fraction(std::string_view& text, std::string_view whole) {
  std::int64_t micros = 0;
  std::int64_t scale = 100'000;
  std::size_t count = 0;
  while (count < text.size() && text[count] >= '0' && text[count] <= '9') {
    micros += scale * (text[count] - '0');
    scale /= 10;
    ++count;
  }
  if (count == 0) not_a_time(whole);
  text.remove_prefix(count);
  return micros;
}

std::int64_t parse_zone_minutes(std::string_view& text, std::string_view whole) {
  if (text.empty()) return 0;
  const char sign = text.front();
  literal(text, "Zz+-", whole);
  if (sign == 'Z' || sign == 'z') return 0;
  const int hours = digits(text, 2, whole);
  if (!text.empty() && text.front() == ':') text.remove_prefix(1);
  const int minutes = text.empty() ? 0 : digits(text, 2, whole);
  if (hours > 18 || minutes > 59) not_a_time(whole);
  return (sign == '-' ? -1 : 1) * (hours * 60 + minutes);
}

}  // namespace

Duration parse_duration(std::string_view text) {
  double number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(parsed.ptr, text.data() + text.size());
  for (const Unit& known : kUnits) {
    if (parsed.ec != std::errc{} || unit != known.name) continue;
    const double micros = number * known.micros;
    if (!(micros >= 0) || micros > kLongestMicros) break;
    return Duration{static_cast<std::int64_t>(std::llround(micros))};
  }
  fail(ErrorKind::kInvalidArgument,
       concat("'", text.substr(0, 64),
              "' is not a duration; write a number and a unit (ms, s, m, h, d, w), like '28d'"));
}

Timestamp parse_timestamp(std::string_view text) {
  const std::string_view whole = text;
  const int year = digits(text, 4, whole);
  literal(text, "-", whole);
  const int month = digits(text, 2, whole);
  literal(text, "-", whole);
  const int day = digits(text, 2, whole);
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) not_a_time(whole);
  std::int64_t seconds = std::chrono::sys_days{date}.time_since_epoch().count() * 86'400LL;
  std::int64_t micros = 0;
  if (!text.empty()) {
    literal(text, "Tt ", whole);
    const int hour = digits(text, 2, whole);
    literal(text, ":", whole);
    const int minute = digits(text, 2, whole);
    int second = 0;
    if (!text.empty() && text.front() == ':') {
      text.remove_prefix(1);
      second = digits(text, 2, whole);
      if (!text.empty() && text.front() == '.') {
        text.remove_prefix(1);
        micros = parse_fraction(text, whole);
      }
    }
    if (hour > 23 || minute > 59 || second > 59) not_a_time(whole);
    seconds += hour * 3600 + minute * 60 + second;
    seconds -= parse_zone_minutes(text, whole) * 60;
    if (!text.empty()) not_a_time(whole);
  }
  return Timestamp{seconds * 1'000'000 + micros};
}

std::string format_timestamp(Timestamp at) {
  if (!at.known()) return "unknown";
  const auto since = std::chrono::microseconds{at.micros};
  const auto day = std::chrono::floor<std::chrono::days>(since);
  const std::chrono::year_month_day date{std::chrono::sys_days{day}};
  const std::int64_t rest = (since - day).count();
  const std::int64_t seconds = rest / 1'000'000;
  char text[64];
  int length = std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d",
                             static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                             static_cast<unsigned>(date.day()), static_cast<int>(seconds / 3600),
                             static_cast<int>(seconds / 60 % 60), static_cast<int>(seconds % 60));
  std::string out(text, static_cast<std::size_t>(length));
  if (const auto micros = static_cast<int>(rest % 1'000'000); micros != 0) {
    length = std::snprintf(text, sizeof text, ".%06d", micros);
    out.append(text, static_cast<std::size_t>(length));
  }
  return out + "Z";
}

}  // namespace penchant
