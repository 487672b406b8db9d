#pragma once

// Columns of a frame through the same door as JSON: the same rules, cell by cell, and a reason for
// what is refused. Columns that no type knows are the caller's to keep.
//
//   Frame frame{.rows = n, .columns = {{.name = "time", .kind = ColumnKind::kTime, ...}, ...}};
//   Quarantined bad = read_columns(frame, table);
//
// A row is an event with at most one line; rows that follow each other with the same event id are
// lines of one event.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "penchant/base/time.h"
#include "penchant/events/event_table.h"

namespace penchant::events {

enum class ColumnKind : std::uint8_t {
  kInteger,  // integers
  kNumber,   // numbers; NaN: absent
  kBoolean,  // integers, 0 and 1
  kAmount,   // integers, in millionths
  kTime,     // integers, microseconds since 1970
  kText,     // codes into offsets and bytes; -1: absent
};

struct Column {
  // "event_id", "type", "version", "time", "received", "subject", "item", a field ("order_id",
  // "quantity", "currency"; a field of lines by its own name), "context.device",
  // "identifiers.email".
  std::string name = {};
  ColumnKind kind = ColumnKind::kText;
  std::span<const std::int64_t> integers = {};
  std::span<const double> numbers = {};
  std::span<const std::int32_t> codes = {};
  std::span<const std::int64_t> offsets = {};  // [distinct + 1]
  std::span<const char> bytes = {};
  std::span<const std::uint8_t> valid = {};   // [rows], 0: absent; empty: all are there
  std::span<const std::uint8_t> broken = {};  // [rows], 1: there, but not of this kind; empty: none
};

struct Frame {
  std::size_t rows = 0;
  std::string type = {};  // of all rows; empty: there is a column
  Timestamp received{};   // where there is no column
  std::vector<Column> columns = {};
};

struct Quarantined {
  std::vector<std::int64_t> rows = {};  // ascending
  std::vector<Rejection> rejections = {};
  std::array<std::uint64_t, kReasons> counts{};  // by reason
  // Cells that minimal schemas left out, and those of declared fields that their row's type has
  // not.
  std::uint64_t dropped = 0;
};

// Appends the good rows. Throws kInvalidArgument where columns make no frame (lengths, offsets, a
// name twice, no type).
[[nodiscard]] Quarantined read_columns(const Frame& frame, EventTable& table);

}  // namespace penchant::events
