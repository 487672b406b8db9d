#include "penchant/events/amount.h"

#include <charconv>
#include <cmath>
#include <limits>

namespace penchant::events {
namespace {

constexpr std::size_t kMaxTextLength = 64;  // of a number; longer ones are mistakes
constexpr int kPlaces = 6;
constexpr double kTellsMillionths = 4294967296.0;  // 2^32: below, half a step is < 0.5e-6

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Digits of a decimal number with where its point is.
struct Digits {
  unsigned __int128 value = 0;
  int places = 0;  // behind the point
  bool any = false;
  bool exact = true;  // no digit but zeros was left out
};

constexpr unsigned __int128 kRoom = static_cast<unsigned __int128>(1) << 120;

void take_digits(std::string_view& text, bool fraction, Digits& out) {
  while (!text.empty() && is_digit(text.front())) {
    const auto digit = static_cast<unsigned>(text.front() - '0');
    text.remove_prefix(1);
    out.any = true;
    if (out.value >= kRoom / 10) {  // far beyond 64 bits of millionths, or far behind the point
      if (!fraction) out.exact = false;
      continue;
    }
    out.value = out.value * 10 + digit;
    if (fraction) ++out.places;
  }
}

// 10^exponent, saturating above the room.
unsigned __int128 power_of_ten(int exponent) {
  unsigned __int128 out = 1;
  for (int i = 0; i < exponent && out < kRoom; ++i) out *= 10;
  return out;
}

std::optional<std::int64_t> signed_amount(unsigned __int128 magnitude, bool negative) {
  if (magnitude > static_cast<unsigned __int128>(std::numeric_limits<std::int64_t>::max())) {
    return std::nullopt;
  }
  const auto value = static_cast<std::int64_t>(magnitude);
  return negative ? -value : value;
}

}  // namespace

std::optional<std::int64_t> parse_amount(std::string_view text) {
  if (text.size() > kMaxTextLength) return std::nullopt;
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  Digits digits;
  take_digits(text, false, digits);
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    take_digits(text, true, digits);
  }
  if (!digits.any || !digits.exact) return std::nullopt;
  int exponent = 0;
  if (!text.empty() && (text.front() == 'e' || text.front() == 'E')) {
    text.remove_prefix(1);
    if (!text.empty() && text.front() == '+') text.remove_prefix(1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), exponent);
    if (error != std::errc{} || exponent < -1000 || exponent > 1000) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
  if (!text.empty()) return std::nullopt;
  const int shift = kPlaces - digits.places + exponent;
  if (digits.value == 0) return 0;
  if (shift >= 0) {
    const unsigned __int128 by = power_of_ten(shift);
    if (by >= kRoom || digits.value > kRoom / by) return std::nullopt;
    return signed_amount(digits.value * by, negative);
  }
  const unsigned __int128 by = power_of_ten(-shift);
  if (by >= kRoom) return 0;
  return signed_amount((digits.value + by / 2) / by, negative);
}

std::optional<std::int64_t> amount_of(double number) {
  // Also false for NaN.
  if (!(std::fabs(number) < 9.2233720368547e12)) return std::nullopt;
  const double whole = std::trunc(number);
  const double fraction = number - whole;
  if (fraction != 0 && std::fabs(number) >= kTellsMillionths) return std::nullopt;
  return static_cast<std::int64_t>(whole) * kMillion +
         static_cast<std::int64_t>(std::round(fraction * 1e6));
}

std::optional<std::int64_t> amount_of_integer(std::int64_t number) {
  std::int64_t out = 0;
  if (__builtin_mul_overflow(number, kMillion, &out) || out == kAbsent) return std::nullopt;
  return out;
}

std::optional<std::int64_t> scaled(std::int64_t amount, std::int64_t by) {
  const __int128 product = static_cast<__int128>(amount) * by;
  const bool negative = product < 0;
  const auto magnitude = static_cast<unsigned __int128>(negative ? -product : product);
  return signed_amount((magnitude + kMillion / 2) / kMillion, negative);
}

std::string format_amount(std::int64_t amount) {
  const bool negative = amount < 0;
  const std::uint64_t magnitude =
      negative ? 0 - static_cast<std::uint64_t>(amount) : static_cast<std::uint64_t>(amount);
  std::string out = negative ? "-" : "";
  out += std::to_string(magnitude / kMillion);
  std::uint64_t fraction = magnitude % kMillion;
  if (fraction == 0) return out;
  std::string places(kPlaces, '0');
  for (std::size_t i = kPlaces; i-- > 0; fraction /= 10) {
    places[i] = static_cast<char>('0' + fraction % 10);
  }
  places.resize(places.find_last_not_of('0') + 1);
  return out + '.' + places;
}

}  // namespace penchant::events
