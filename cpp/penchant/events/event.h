#pragma once

// One event that passed its schema, or why one did not.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/time.h"
#include "penchant/events/amount.h"

namespace penchant::events {

inline constexpr std::size_t kMaxEventBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxIdBytes = 1024;    // of an event id, a subject, an item, an order
inline constexpr std::size_t kMaxIdentifiers = 64;  // of one event
inline constexpr std::size_t kMaxFields = 1024;     // of one event, unknown ones among them
inline constexpr std::size_t kMaxLines = 10'000;

// Someone by a name that another system gave: {"email", "a@example.org"}.
struct Identifier {
  std::string space = {};  // its namespace
  std::string value = {};
  friend bool operator==(const Identifier&, const Identifier&) = default;
};

// The value of a declared field.
struct FieldValue {
  std::int32_t slot = -1;   // of the taxonomy
  std::int64_t number = 0;  // integer; decimal: millionths; boolean: 0, 1; time: microseconds
  std::string text = {};    // of a text
  friend bool operator==(const FieldValue&, const FieldValue&) = default;
};

// Part of an order.
struct Line {
  std::string item = {};
  std::int64_t quantity = kMillion;     // millionths; 1 where the event does not say
  std::int64_t price = kAbsent;         // millionths, of one piece; kAbsent: not said
  std::vector<FieldValue> fields = {};  // ascending by slot
  std::string extra = {};               // unknown fields as a JSON object; empty: none
  friend bool operator==(const Line&, const Line&) = default;
};

// Ids are texts; an integer became its decimal digits.
struct Event {
  std::string id = {};                       // empty: none, so always another event
  std::uint16_t type = 0;                    // index into Taxonomy::types()
  Timestamp time{};                          // when it happened
  Timestamp received{};                      // when it came to the door; unknown: not said
  std::string subject = {};                  // empty: not said, see identifiers
  std::vector<Identifier> identifiers = {};  // ascending, distinct namespaces
  std::string item = {};                     // empty: none
  std::string order = {};                    // empty: none
  std::int64_t quantity = kAbsent;           // of an event without lines
  std::int64_t price = kAbsent;
  std::vector<Line> lines = {};         // as they came
  std::vector<FieldValue> fields = {};  // declared fields and context, ascending by slot
  std::string extra = {};     // unknown fields as a JSON object, names ascending; empty: none
  std::string context = {};   // the same of the context
  std::uint32_t dropped = 0;  // unknown fields that a minimal schema left out

  friend bool operator==(const Event&, const Event&) = default;
};

enum class Reason : std::uint8_t {
  kTooLarge,  // more bytes than kMaxEventBytes
  kNotJson,
  kNotAnObject,
  kUnknownMember,  // of the envelope
  kTwice,          // a member given twice
  kUnknownType,
  kNewerVersion,  // than the taxonomy knows
  kMissing,       // a required field, or type
  kWrongKind,     // a text where a number is wanted, ...
  kBadText,       // empty where it can't be, or not UTF-8
  kBadTime,       // not ISO 8601, or outside the years 1678 to 2261
  kFuture,        // later than received by more than the tolerance
  kOutOfRange,    // beyond declared bounds or 64 bits
  kNotAllowed,    // none of the allowed values
  kTooLong,       // a text or a list
  kNobody,        // neither a subject nor an identifier
  kUnmapped,      // no rule of a mapping knows it
};
inline constexpr std::size_t kReasons = 17;
[[nodiscard]] std::string_view reason_name(Reason reason);  // "too_large", "not_json", ...

struct Rejection {
  Reason reason = Reason::kNotJson;
  std::string message = {};        // what was wrong and where: "fields.lines[2].price: ..."
  std::uint64_t payload_hash = 0;  // XXH3-64 of the bytes as they came
};

}  // namespace penchant::events
