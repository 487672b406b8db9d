#pragma once

// One value as it came, from JSON or from a column, and what a schema makes of it: the rules that
// both doors share.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "penchant/events/event.h"
#include "penchant/events/schema.h"

namespace penchant::events {

enum class CellKind : std::uint8_t {
  kNull,     // or not there
  kInteger,  // integer
  kNumber,   // number
  kAmount,   // integer, in millionths
  kBoolean,  // integer
  kTime,     // integer, microseconds
  kText,     // text
  kHuge,     // an integer beyond 64 bits
  kOther,    // a list, an object, or what is none of these
};

struct Cell {
  CellKind kind = CellKind::kNull;
  std::int64_t integer = 0;
  double number = 0;
  std::string_view text = {};
};

// The first and the end of the times that are taken: the years 1678 to 2261.
inline constexpr std::int64_t kFirstTime = -9'214'560'000'000'000;
inline constexpr std::int64_t kEndTime = 9'214'646'400'000'000;

// What is left of a cell: a number in the kind's unit, or a text (in `digits` where it was an
// integer).
struct Value {
  std::int64_t number = 0;
  std::string_view text = {};
  char digits[24] = {};
};

// nullopt: fine. Takes a cell that is there (see is_absent).
[[nodiscard]] std::optional<Reason> convert(const FieldSpec& spec, const Cell& cell, Value& out);

// "" stands for no text: so does CSV.
[[nodiscard]] inline bool is_absent(const Cell& cell) {
  return cell.kind == CellKind::kNull || (cell.kind == CellKind::kText && cell.text.empty());
}

// What convert found, for people: "want a decimal number, got the text 'abc'".
[[nodiscard]] std::string describe(const FieldSpec& spec, const Cell& cell, Reason reason);

// Of ids: kWrongKind, kTooLong or nothing.
[[nodiscard]] std::optional<Reason> convert_id(const Cell& cell, Value& out);
[[nodiscard]] std::string describe_id(const Cell& cell, Reason reason);

[[nodiscard]] std::optional<std::int64_t> time_of(const Cell& cell);

// JSON has one kind of number: 13.0 and 1e2 are integers too.
[[nodiscard]] bool whole_number(const Cell& cell, std::int64_t& out);

}  // namespace penchant::events
