#include "penchant/events/cell.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "penchant/base/error.h"

namespace penchant::events {
namespace {

constexpr std::size_t kMaxIntegerDigits = 20;  // a text shorter than that takes no integers
constexpr std::size_t kShownBytes = 48;

std::string_view write_digits(std::int64_t number, Value& out) {
  const auto end = std::to_chars(out.digits, out.digits + sizeof out.digits, number).ptr;
  return {out.digits, static_cast<std::size_t>(end - out.digits)};
}

std::size_t code_points(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::optional<Reason> convert_text(const FieldSpec& spec, const Cell& cell, Value& out) {
  std::int64_t number = 0;
  if (cell.kind == CellKind::kText) {
    out.text = cell.text;
    if (cell.text.size() > spec.max_length && code_points(cell.text) > spec.max_length) {
      return Reason::kTooLong;
    }
  } else if (spec.allowed_texts.empty() && spec.max_length >= kMaxIntegerDigits &&
             whole_number(cell, number)) {
    out.text = write_digits(number, out);
  } else {
    return Reason::kWrongKind;
  }
  if (!spec.allowed_texts.empty() &&
      !std::binary_search(spec.allowed_texts.begin(), spec.allowed_texts.end(), out.text)) {
    return Reason::kNotAllowed;
  }
  return std::nullopt;
}

std::optional<Reason> convert_decimal(const Cell& cell, Value& out) {
  std::optional<std::int64_t> amount;
  switch (cell.kind) {
    case CellKind::kInteger:
      amount = amount_of_integer(cell.integer);
      break;
    case CellKind::kAmount:
      amount = cell.integer;
      break;
    case CellKind::kNumber:
      amount = amount_of(cell.number);
      break;
    case CellKind::kText:
      amount = parse_amount(cell.text);
      if (!amount) return Reason::kWrongKind;
      break;
    case CellKind::kHuge:
      return Reason::kOutOfRange;
    default:
      return Reason::kWrongKind;
  }
  if (!amount) return Reason::kOutOfRange;
  out.number = *amount;
  return std::nullopt;
}

std::optional<Reason> convert_number(const FieldSpec& spec, const Cell& cell, Value& out) {
  switch (spec.kind) {
    case FieldKind::kInteger:
      if (whole_number(cell, out.number)) return std::nullopt;
      return cell.kind == CellKind::kHuge ? Reason::kOutOfRange : Reason::kWrongKind;
    case FieldKind::kDecimal:
      return convert_decimal(cell, out);
    case FieldKind::kBoolean:
      if (cell.kind != CellKind::kBoolean) return Reason::kWrongKind;
      out.number = cell.integer;
      return std::nullopt;
    default:
      break;
  }
  if (cell.kind != CellKind::kText && cell.kind != CellKind::kTime) return Reason::kWrongKind;
  const std::optional<std::int64_t> time = time_of(cell);
  if (!time) return Reason::kBadTime;
  out.number = *time;
  return std::nullopt;
}

std::string shown(const Cell& cell) {
  switch (cell.kind) {
    case CellKind::kInteger:
      return std::to_string(cell.integer);
    case CellKind::kNumber:
      return concat(cell.number);
    case CellKind::kAmount:
      return format_amount(cell.integer);
    case CellKind::kBoolean:
      return cell.integer != 0 ? "true" : "false";
    case CellKind::kTime:
      return "a time";
    case CellKind::kText: {
      // Whole characters only.
      std::size_t size = std::min(cell.text.size(), kShownBytes);
      while (size < cell.text.size() && size > 0 &&
             (static_cast<unsigned char>(cell.text[size]) & 0xC0) == 0x80) {
        --size;
      }
      return concat("the text '", cell.text.substr(0, size),
                    size < cell.text.size() ? "...'" : "'");
    }
    case CellKind::kHuge:
      return "an integer beyond 64 bits";
    case CellKind::kNull:
      return "nothing";
    case CellKind::kOther:
      break;
  }
  return "a value of another kind";
}

std::string_view wanted(FieldKind kind) {
  switch (kind) {
    case FieldKind::kText:
      return "a text";
    case FieldKind::kInteger:
      return "an integer";
    case FieldKind::kDecimal:
      return "a decimal number";
    case FieldKind::kBoolean:
      return "true or false";
    case FieldKind::kTime:
      return "a time in ISO 8601";
    case FieldKind::kLines:
      break;
  }
  return "a list of lines";
}

std::string limit_text(const FieldSpec& spec, std::int64_t limit) {
  if (spec.kind == FieldKind::kDecimal) return format_amount(limit);
  if (spec.kind == FieldKind::kTime) return format_timestamp(Timestamp{limit});
  return std::to_string(limit);
}

std::string describe_range(const FieldSpec& spec, const Cell& cell) {
  const FieldSpec plain;
  if (spec.kind == FieldKind::kDecimal && cell.kind == CellKind::kNumber &&
      !amount_of(cell.number)) {
    return concat(shown(cell), " can't be told to a millionth; write it as text, below 9.2e12");
  }
  std::string out = concat("want ", wanted(spec.kind));
  if (spec.least != plain.least) out += concat(", at least ", limit_text(spec, spec.least));
  if (spec.most != plain.most) out += concat(", at most ", limit_text(spec, spec.most));
  if (spec.least == plain.least && spec.most == plain.most) out += " of 64 bits";
  return concat(out, ", got ", shown(cell));
}

}  // namespace

bool whole_number(const Cell& cell, std::int64_t& out) {
  if (cell.kind == CellKind::kInteger) {
    out = cell.integer;
    return true;
  }
  if (cell.kind == CellKind::kAmount && cell.integer % kMillion == 0) {
    out = cell.integer / kMillion;
    return true;
  }
  constexpr double kBits64 = 9223372036854775808.0;
  if (cell.kind != CellKind::kNumber || !(std::fabs(cell.number) < kBits64)) return false;
  if (cell.number != std::trunc(cell.number)) return false;
  out = static_cast<std::int64_t>(cell.number);
  return true;
}

std::optional<std::int64_t> time_of(const Cell& cell) {
  std::int64_t micros = cell.integer;
  if (cell.kind == CellKind::kText) {
    try {
      micros = parse_timestamp(cell.text).micros;
    } catch (const Error&) {
      return std::nullopt;
    }
  } else if (cell.kind != CellKind::kTime) {
    return std::nullopt;
  }
  if (micros < kFirstTime || micros >= kEndTime) return std::nullopt;
  return micros;
}

std::optional<Reason> convert(const FieldSpec& spec, const Cell& cell, Value& out) {
  if (spec.kind == FieldKind::kText) return convert_text(spec, cell, out);
  if (const auto reason = convert_number(spec, cell, out)) return reason;
  if (out.number < spec.least || out.number > spec.most) return Reason::kOutOfRange;
  if (!spec.allowed_numbers.empty() &&
      !std::binary_search(spec.allowed_numbers.begin(), spec.allowed_numbers.end(), out.number)) {
    return Reason::kNotAllowed;
  }
  return std::nullopt;
}

std::string describe(const FieldSpec& spec, const Cell& cell, Reason reason) {
  switch (reason) {
    case Reason::kMissing:
      return concat("it is required; give ", wanted(spec.kind));
    case Reason::kTooLong:
      return concat("longer than ", spec.max_length,
                    spec.kind == FieldKind::kLines ? " lines" : " characters");
    case Reason::kOutOfRange:
      return describe_range(spec, cell);
    case Reason::kNotAllowed:
      return concat(shown(cell), " is none of the allowed values");
    case Reason::kBadTime:
      return concat(shown(cell), " is no time in ISO 8601 of the years 1678 to 2261");
    case Reason::kBadText:
      return "not UTF-8";
    default:
      return concat("want ", wanted(spec.kind), ", got ", shown(cell));
  }
}

std::optional<Reason> convert_id(const Cell& cell, Value& out) {
  std::int64_t number = 0;
  if (cell.kind == CellKind::kText) {
    if (cell.text.size() > kMaxIdBytes) return Reason::kTooLong;
    out.text = cell.text;
  } else if (whole_number(cell, number)) {
    out.text = write_digits(number, out);
  } else {
    return Reason::kWrongKind;
  }
  return std::nullopt;
}

std::string describe_id(const Cell& cell, Reason reason) {
  if (reason == Reason::kTooLong) return concat("longer than ", kMaxIdBytes, " bytes");
  if (reason == Reason::kBadText) return "not UTF-8";
  return concat("want a text or an integer of 64 bits, got ", shown(cell));
}

}  // namespace penchant::events
