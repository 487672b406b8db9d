#include "penchant/features/row_rules.h"

#include <algorithm>

namespace penchant::features {
namespace {

bool holds(std::int64_t x, Compare compare, std::int64_t limit) {
  switch (compare) {
    case Compare::kLess:
      return x < limit;
    case Compare::kLessEqual:
      return x <= limit;
    case Compare::kEqual:
      return x == limit;
    case Compare::kNotEqual:
      return x != limit;
    case Compare::kGreaterEqual:
      return x >= limit;
    case Compare::kGreater:
      return x > limit;
  }
  return false;
}

}  // namespace

std::int64_t product(std::int64_t a, std::int64_t b) {
  const __int128 exact = static_cast<__int128>(a) * b;
  const __int128 half = exact < 0 ? -kUnit / 2 : kUnit / 2;
  const __int128 rounded = (exact + half) / kUnit;
  const auto narrow = static_cast<std::int64_t>(rounded);
  return narrow == rounded ? narrow : kNoNumber;
}

bool Filter::accepts(const EventBatch& events, std::size_t row) const {
  if (!types.empty() && !std::ranges::binary_search(types, events.types[row])) return false;
  return std::ranges::all_of(conditions, [&](const Condition& one) {
    const std::int64_t x = events.numbers[one.number][row];
    return x != kNoNumber && holds(x, one.compare, one.limit);
  });
}

std::int64_t Value::of(const EventBatch& events, std::size_t row) const {
  std::int64_t out = events.numbers[factors.front()][row];
  for (std::size_t k = 1; k < factors.size() && out != kNoNumber; ++k) {
    const std::int64_t factor = events.numbers[factors[k]][row];
    out = factor == kNoNumber ? kNoNumber : product(out, factor);
  }
  return out;
}

}  // namespace penchant::features
