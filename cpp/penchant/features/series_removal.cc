// Rows that go: what is left of a key is what it would be without them.

#include <algorithm>

#include "penchant/features/series.h"

namespace penchant::features {

// What the series kept of a row, and what the row added to totals.
bool Series::same_row(const PreparedEvents& events, std::size_t row, const Place& place,
                      std::size_t at) const {
  const std::size_t own = place.begin + at;
  if (narrow_[0][own] != static_cast<std::int32_t>(events.filters[row])) return false;
  for (std::size_t c = 0; c < layout_.codes.size(); ++c) {
    if (narrow_[1 + c][own] != events.codes[layout_.codes[c]][row]) return false;
  }
  for (std::size_t v = 0; v < layout_.values.size(); ++v) {
    if (wide_[1 + v][own] != events.values[layout_.values[v]][row]) return false;
  }
  for (std::size_t m = 0; m < layout_.measures.size(); ++m) {
    const Measure& measure = layout_.measures[m];
    if (!measure.adds()) continue;
    const bool counts = (events.filters[row] >> measure.filter & 1U) != 0;
    const std::int64_t value =
        measure.value == Measure::kOne ? 1 : events.values[measure.value][row];
    const bool known = counts && value != kNoNumber;
    const std::int64_t one = measure.kind == Measure::Kind::kSum ? value : 1;
    const std::size_t column = column_[m];
    const auto total = [&](std::size_t i) -> std::int64_t {
      return measure.narrow() ? narrow_[column][i] : wide_[column][i];
    };
    const std::int64_t before = at == 0 ? 0 : total(own - 1);
    if (total(own) - before != (known ? one : 0)) return false;
  }
  return true;
}

// The share of `row` goes from all later totals.
void Series::subtract_from(const Place& place, std::size_t row) {
  for (std::size_t m = 0; m < layout_.measures.size(); ++m) {
    const Measure& measure = layout_.measures[m];
    if (!measure.adds()) continue;
    const auto subtract = [&](auto* totals) {
      const auto share = totals[row] - (row > 0 ? totals[row - 1] : 0);
      for (std::size_t i = row + 1; i < place.size; ++i) totals[i] -= share;
    };
    if (measure.kind == Measure::Kind::kSum) {
      subtract(wide_[column_[m]].data() + place.begin);
    } else {
      subtract(narrow_[column_[m]].data() + place.begin);
    }
  }
}

bool Series::remove(const PreparedEvents& events, std::size_t row, std::size_t key) {
  if ((events.filters[row] & layout_.filters) == 0) return true;  // it was never in
  if (key >= places_.size()) return false;
  Place& place = places_[key];
  const List rows = list(key);
  const std::size_t begin = rows.before(events.times[row]);
  std::size_t end = rows.before(events.times[row] + 1);
  while (end > begin && !same_row(events, row, place, end - 1)) --end;
  if (end == begin) return false;
  const std::size_t at = end - 1;
  subtract_from(place, at);
  const auto close = [&](auto& column) {
    const auto first = column.begin() + static_cast<std::ptrdiff_t>(place.begin);
    std::copy(first + static_cast<std::ptrdiff_t>(at + 1),
              first + static_cast<std::ptrdiff_t>(place.size),
              first + static_cast<std::ptrdiff_t>(at));
  };
  for (auto& column : wide_) close(column);
  for (auto& column : narrow_) close(column);
  --place.size;
  --rows_;
  static thread_local std::vector<std::int32_t> seen;
  // Rows that moved are pointed at by others.
  if (at < place.size) total_from(place, 0, seen);
  return true;
}

}  // namespace penchant::features
