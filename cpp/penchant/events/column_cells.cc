#include "penchant/events/column_cells.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <simdjson.h>

#include "penchant/base/error.h"
#include "penchant/data/utf8.h"

namespace penchant::events {
namespace {

void check_length(std::size_t length, std::size_t rows, const Column& column, const char* what) {
  check_argument(length == rows, "column '", column.name, "': ", length, " ", what, " for ", rows,
                 " rows");
}

// Number of texts.
std::size_t check_texts(const Column& column, std::size_t rows) {
  const auto offsets = column.offsets;
  check_argument(!offsets.empty() && offsets.front() >= 0 &&
                     std::is_sorted(offsets.begin(), offsets.end()) &&
                     std::cmp_less_equal(offsets.back(), column.bytes.size()),
                 "column '", column.name, "': offsets must ascend within the bytes");
  const std::size_t texts = offsets.size() - 1;
  if (column.codes.empty()) {
    check_length(texts, rows, column, "texts");
    return texts;
  }
  check_length(column.codes.size(), rows, column, "codes");
  const auto fits = [&](std::int32_t code) { return code >= -1 && std::cmp_less(code, texts); };
  check_argument(std::all_of(column.codes.begin(), column.codes.end(), fits), "column '",
                 column.name, "': a code is out of range");
  return texts;
}

}  // namespace

ColumnCells::ColumnCells(const Column& column, std::size_t rows) : column_(&column) {
  if (!column.valid.empty()) check_length(column.valid.size(), rows, column, "validity flags");
  if (!column.broken.empty()) check_length(column.broken.size(), rows, column, "flags");
  if (column.kind == ColumnKind::kText) {
    texts_ = check_texts(column, rows);
    const auto begin = static_cast<std::size_t>(column.offsets.front());
    const auto end = static_cast<std::size_t>(column.offsets.back());
    all_utf8_ = simdjson::validate_utf8(column.bytes.data() + begin, end - begin);
  } else if (column.kind == ColumnKind::kNumber) {
    check_length(column.numbers.size(), rows, column, "numbers");
  } else {
    check_length(column.integers.size(), rows, column, "integers");
  }
}

Cell ColumnCells::at(std::size_t row) const {
  if (!column_->valid.empty() && column_->valid[row] == 0) return {};
  if (!column_->broken.empty() && column_->broken[row] != 0) return {.kind = CellKind::kOther};
  switch (column_->kind) {
    case ColumnKind::kInteger:
      return {.kind = CellKind::kInteger, .integer = column_->integers[row]};
    case ColumnKind::kNumber:
      if (std::isnan(column_->numbers[row])) return {};
      return {.kind = CellKind::kNumber, .number = column_->numbers[row]};
    case ColumnKind::kBoolean:
      return {.kind = CellKind::kBoolean, .integer = column_->integers[row] != 0 ? 1 : 0};
    case ColumnKind::kAmount:
      if (column_->integers[row] == kAbsent) return {.kind = CellKind::kHuge};
      return {.kind = CellKind::kAmount, .integer = column_->integers[row]};
    case ColumnKind::kTime:
      return {.kind = CellKind::kTime, .integer = column_->integers[row]};
    case ColumnKind::kText:
      break;
  }
  if (column_->codes.empty()) return {.kind = CellKind::kText, .text = text(row)};
  const std::int32_t code = column_->codes[row];
  if (code < 0) return {};
  return {.kind = CellKind::kText, .text = text(static_cast<std::size_t>(code))};
}

bool ColumnCells::is_utf8(std::string_view text) const {
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; };
  // A part of valid bytes is valid where it begins and ends between characters.
  if (all_utf8_ && !text.empty() && !continues(text.front())) {
    const char* const end = text.data() + text.size();
    const char* const last = column_->bytes.data() + column_->offsets.back();
    if (end == last || !continues(*end)) return true;
  }
  return data::is_utf8(text);
}

void ColumnCells::append_payload(std::size_t row, std::string& out) const {
  const Cell cell = at(row);
  if (cell.kind == CellKind::kNull) return;
  const auto append = [&](const auto& value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  append(static_cast<std::uint32_t>(name().size()));
  out += name();
  append(static_cast<std::uint8_t>(cell.kind));
  if (cell.kind == CellKind::kText) {
    append(static_cast<std::uint64_t>(cell.text.size()));
    out += cell.text;
  } else if (cell.kind == CellKind::kNumber) {
    append(cell.number);
  } else {
    append(cell.integer);
  }
}

}  // namespace penchant::events
