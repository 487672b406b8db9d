#pragma once

// Decimals as whole millionths, so that sums of money and of quantities are exact in any order.
//
//   *parse_amount("12.95");      // 12'950'000
//   *amount_of(12.95);           // the same
//   format_amount(12'950'000);   // "12.95"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace penchant::events {

inline constexpr std::int64_t kMillion = 1'000'000;

// Where a column of whole numbers has no value. No amount and no time is this number.
inline constexpr std::int64_t kAbsent = std::numeric_limits<std::int64_t>::min();

// "12.95", "-3", ".5", "1e2": what JSON and spreadsheets write; digits beyond the sixth are
// rounded, halves away from zero. nullopt: not a number, or beyond 64 bits of millionths (9.2e12).
[[nodiscard]] std::optional<std::int64_t> parse_amount(std::string_view text);

// The nearest millionth. A double tells millionths apart below 2^32 only: beyond, numbers with a
// fraction are refused (nullopt; write them as text), as are NaN, infinities and what is beyond 64
// bits.
[[nodiscard]] std::optional<std::int64_t> amount_of(double number);

// An integer as millionths; nullopt beyond 64 bits.
[[nodiscard]] std::optional<std::int64_t> amount_of_integer(std::int64_t number);

// amount * by, both in millionths; halves away from zero. nullopt beyond 64 bits.
[[nodiscard]] std::optional<std::int64_t> scaled(std::int64_t amount, std::int64_t by);

// The shortest decimal text that parses to it.
[[nodiscard]] std::string format_amount(std::int64_t amount);

}  // namespace penchant::events
