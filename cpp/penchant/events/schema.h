#pragma once

// What a type of event looks like: its fields, whom it needs, how older versions become the newest.
// docs/events.md describes the YAML form of all this.

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/time.h"
#include "penchant/events/amount.h"

namespace penchant::events {

enum class FieldKind : std::uint8_t { kText, kInteger, kDecimal, kBoolean, kTime, kLines };
[[nodiscard]] std::string_view kind_name(FieldKind kind);  // "text", "integer", ...

// Fields of these names fill columns of their own (EventTable), all others a slot.
enum class Role : std::uint8_t {
  kSlot,
  kOrder,     // "order_id", text
  kItem,      // "item" of a line, text
  kQuantity,  // "quantity", decimal
  kPrice,     // "price" of one piece, decimal
  kLines,     // "lines"
};

struct FieldSpec {
  std::string name = {};
  FieldKind kind = FieldKind::kText;
  bool required = false;
  // Of numbers and times, both ends in: integers as they are, decimals in millionths, times in
  // microseconds, booleans 0 and 1.
  std::int64_t least = kAbsent + 1;
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
  // Characters (code points) of a text, or lines of a list.
  std::size_t max_length = 1024;
  std::vector<std::string> allowed_texts = {};     // sorted; empty: any
  std::vector<std::int64_t> allowed_numbers = {};  // sorted, in the units of the bounds; empty: any
  std::vector<FieldSpec> lines = {};  // of a list: what a line has, no lists among them

  // Set by the taxonomy.
  Role role = Role::kSlot;
  std::int32_t slot = -1;  // where role is kSlot: index into Taxonomy::slots()
};

enum class StepKind : std::uint8_t { kRename, kDefault, kScale, kDrop };

// One change of a field between two versions. "lines.price" is the price of each line.
// A rename gives way to a field that has the new name already.
struct MigrationStep {
  StepKind kind = StepKind::kDrop;
  std::string field = {};
  std::string to = {};  // rename: the new name, of the same place
  std::int64_t by = 0;  // scale: in millionths; what is no number stays as it is
  // default: what a field gets where it is absent. A decimal is in millionths.
  FieldKind value_kind = FieldKind::kText;  // text, integer, decimal or boolean
  std::int64_t number = 0;
  std::string text = {};
};

enum class Need : std::uint8_t { kNone, kOptional, kRequired };

struct TypeSpec {
  std::string name = {};               // [a-z][a-z0-9_]*, up to 64 characters
  std::uint32_t version = 1;           // the newest, from 1
  bool minimal = false;                // unknown fields are dropped and counted, not kept
  bool in_session = true;              // something a person does: it starts and extends sessions
  Need subject = Need::kRequired;      // a subject or an identifier
  Need item = Need::kOptional;         // of the event itself; kNone: an item is refused
  std::vector<FieldSpec> fields = {};  // ascending by name
  // steps[n]: from version n to n + 1. A version without steps changes nothing.
  std::map<std::uint32_t, std::vector<MigrationStep>> steps = {};
};

// A column for fields of one name, whatever the types that have it: "currency", "lines.margin",
// "context.device".
struct Slot {
  std::string name = {};
  FieldKind kind = FieldKind::kText;  // not kLines
};

}  // namespace penchant::events
