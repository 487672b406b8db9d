#pragma once

// What a plan asks of a single event: whether it counts, and how much.

#include <cstdint>
#include <span>
#include <vector>

#include "penchant/features/event_batch.h"

namespace penchant::features {

enum class Compare : std::uint8_t { kLess, kLessEqual, kEqual, kNotEqual, kGreaterEqual, kGreater };

// A field of numbers against a constant; a missing number fulfils nothing.
struct Condition {
  std::size_t number = 0;  // of EventBatch::numbers
  Compare compare = Compare::kGreater;
  std::int64_t limit = 0;  // millionths

  friend bool operator==(const Condition&, const Condition&) = default;
};

// Events of these types (none: of any) that fulfil all conditions.
struct Filter {
  std::vector<std::uint16_t> types;  // ascending
  std::vector<Condition> conditions;

  [[nodiscard]] bool accepts(const EventBatch& events, std::size_t row) const;
  friend bool operator==(const Filter&, const Filter&) = default;
};

// Of millionths, rounded to millionths half away from zero; kNoNumber where it leaves 64 bits.
[[nodiscard]] std::int64_t product(std::int64_t a, std::int64_t b);

// The product of fields, rounded to millionths half away from zero; missing where one is, or beyond
// 64 bits.
struct Value {
  std::vector<std::size_t> factors;  // of EventBatch::numbers, at least one

  [[nodiscard]] std::int64_t of(const EventBatch& events, std::size_t row) const;
  friend bool operator==(const Value&, const Value&) = default;
};

}  // namespace penchant::features
