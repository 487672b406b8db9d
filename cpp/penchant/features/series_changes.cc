// Rows that come and go one at a time: what is kept is what a list made at once would keep.

#include <algorithm>
#include <bit>
#include <cmath>

#include "penchant/features/series.h"

namespace penchant::features {
namespace {

constexpr std::uint32_t kFirstRoom = 4;

// Rooms are powers of two, and from 16 on also a quarter, a half and three quarters more.
std::uint32_t room_of(std::uint32_t rows) {
  if (rows <= 16) return std::max(kFirstRoom, std::bit_ceil(rows));
  const std::uint32_t step = std::bit_ceil(rows) / 8;
  return (rows + step - 1) / step * step;
}

// Each room its number.
std::size_t kind_of(std::uint32_t room) {
  const std::uint32_t below = std::bit_floor(room);
  return static_cast<std::size_t>(std::countr_zero(below)) * 4 + (room - below) * 4 / below;
}

}  // namespace

// --- rooms --------------------------------------------------------------------------------------

// Where so many rows have their place.
std::size_t Series::take_room(std::uint32_t room) {
  const std::size_t kind = kind_of(room);
  if (free_.size() > kind && !free_[kind].empty()) {
    const std::size_t place = free_[kind].back();
    free_[kind].pop_back();
    return place;
  }
  const std::size_t place = used_;
  resize(used_ + room);
  return place;
}

// The key's place, with room for so many more rows.
Series::Place& Series::own(std::size_t key, std::size_t more) {
  if (key >= places_.size()) places_.resize(key + 1);
  if (base_ != nullptr && key >= cuts_.size()) cuts_.resize(places_.size());
  Place& place = places_[key];
  if (place.room == 0 && base_ != nullptr && key < base_->places_.size()) {
    cuts_[key] = base_->places_[key].size;
  }
  if (place.size + more <= place.room) return place;
  const Place old = place;
  place.room = room_of(static_cast<std::uint32_t>(old.size + more));
  place.begin = take_room(place.room);
  move_rows(*this, old.begin, old.size, place.begin);
  mark_from(place, 0);
  // Those of a built series are of any size.
  if (old.room > 0 && room_of(old.room) == old.room) {
    const std::size_t kind = kind_of(old.room);
    if (free_.size() <= kind) free_.resize(kind + 1);
    free_[kind].push_back(old.begin);
  }
  return place;
}

// Rows of the series below from `first` on become the key's own: they are as they were.
void Series::take_over(std::size_t key, std::size_t first) {
  const std::size_t cut = cut_of(key);
  if (first >= cut) return;
  const std::size_t count = cut - first;
  Place& place = own(key, count);
  shift(place, 0, count);
  move_rows(*base_, base_->places_[key].begin + first, count, place.begin);
  place.size += static_cast<std::uint32_t>(count);
  cuts_[key] = static_cast<std::uint32_t>(first);
  for (const std::size_t m : distinct_) {
    // What was known of own rows counted from another one.
    if (codes_of(key, m) != nullptr || place.size >= kManyCodes) index_codes(key, m);
  }
  mark_from(place, 0);
}

void Series::move_rows(const Series& from, std::size_t first, std::size_t count, std::size_t to) {
  const auto move = [&](const auto& source, auto& target) {
    std::copy_n(source.begin() + static_cast<std::ptrdiff_t>(first), count,
                target.begin() + static_cast<std::ptrdiff_t>(to));
  };
  for (std::size_t c = 0; c < wide_.size(); ++c) move(from.wide_[c], wide_[c]);
  for (std::size_t c = 0; c < narrow_.size(); ++c) move(from.narrow_[c], narrow_[c]);
  for (std::size_t p = 0; p < flags_.size(); ++p) move(from.flags_[p], flags_[p]);
}

// Moves the rows from `from` on to `to` on.
void Series::shift(const Place& place, std::size_t from, std::size_t to) {
  const auto move = [&](auto& column) {
    const auto first = column.begin() + static_cast<std::ptrdiff_t>(place.begin);
    const auto begin = first + static_cast<std::ptrdiff_t>(from);
    const auto end = first + static_cast<std::ptrdiff_t>(place.size);
    const auto target = first + static_cast<std::ptrdiff_t>(to);
    if (to > from) {
      std::copy_backward(begin, end, target + (end - begin));
    } else {
      std::copy(begin, end, target);
    }
  };
  for (auto& column : wide_) move(column);
  for (auto& column : narrow_) move(column);
  for (auto& column : flags_) move(column);
}

// --- codes that count once ----------------------------------------------------------------------

// The last of a key's rows that counts and has the code, or -1; of a row that comes at list row
// `end`, behind which nothing has it.
std::int32_t Series::last_of_code(std::size_t key, std::size_t m, std::int32_t code,
                                  std::size_t end) const {
  const Measure& measure = layout_.measures[m];
  const Flag filter{measure.filter / 8, static_cast<unsigned>(measure.filter % 8), 0};
  const std::size_t cut = cut_of(key);
  // Among the first `rows` of a series' own rows.
  const auto look = [&](const Series& of, std::size_t rows) {
    const std::size_t begin = of.places_[key].begin;
    const std::int32_t* const codes = of.narrow_[measure.code].data() + begin;
    while (rows > 0 && (codes[rows - 1] != code || !of.flagged(filter, begin + rows - 1))) --rows;
    return static_cast<std::int32_t>(rows) - 1;
  };
  if (const CodeRows* const rows = code_rows(key, m)) {
    if (rows->last(code) >= 0) return rows->last(code);
  } else if (end > cut) {
    const std::int32_t own = look(*this, end - cut);
    if (own >= 0) return own + static_cast<std::int32_t>(cut);
  }
  if (cut == 0) return -1;
  const CodeRows* const rows = base_->code_rows(key, m);
  if (rows == nullptr) return look(*base_, cut);
  // What the base has from the cut on is no longer in, or is among the own rows.
  std::int32_t row = rows->last(code);
  const std::size_t begin = base_->places_[key].begin;
  while (row >= static_cast<std::int32_t>(cut)) {
    row = base_->narrow_[previous_[m]][begin + static_cast<std::size_t>(row)];
  }
  return row;
}

CodeRows* Series::codes_of(std::size_t key, std::size_t m) {
  auto& all = code_rows_[previous_[m] - layout_.codes.size()];
  const auto at = all.find(key);
  return at == all.end() ? nullptr : &at->second;
}

// Of own rows.
void Series::mark_first(const Place& place, std::size_t m, std::size_t row, bool first) {
  std::uint8_t& flags = flags_[flag_[m].plane][place.begin + row];
  const auto bit = static_cast<std::uint8_t>(1U << flag_[m].bit);
  flags = static_cast<std::uint8_t>(first ? flags | bit : flags & ~bit);
}

// A key's own rows, as those see them that tell codes apart.
struct Series::Coded {
  const Series& of;
  Place place;
  Flag filter;
  const std::int32_t* codes;
  std::int32_t* previous;
  CodeRows* rows;    // null where they are few
  std::int32_t cut;  // rows of the list before them

  [[nodiscard]] bool counts(std::size_t row) const {
    return codes[row] >= 0 && of.flagged(filter, place.begin + row);
  }
};

Series::Coded Series::coded(std::size_t key, std::size_t m) {
  const Measure& measure = layout_.measures[m];
  const Place& place = places_[key];
  return {.of = *this,
          .place = place,
          .filter = {measure.filter / 8, static_cast<unsigned>(measure.filter % 8), 0},
          .codes = narrow_[measure.code].data() + place.begin,
          .previous = narrow_[previous_[m]].data() + place.begin,
          .rows = codes_of(key, m),
          .cut = static_cast<std::int32_t>(cut_of(key))};
}

// Own row `row` has come, and those behind it are one further on.
void Series::link(std::size_t key, std::size_t m, std::size_t row) {
  const Coded own = coded(key, m);
  const std::size_t size = own.place.size;
  const std::int32_t at = own.cut + static_cast<std::int32_t>(row);  // in the list
  std::size_t next = size;
  for (std::size_t i = size; --i > row;) {
    own.previous[i] += own.previous[i] >= at ? 1 : 0;
    if (own.codes[i] == own.codes[row] && own.counts(i)) next = i;
  }
  own.previous[row] = at;  // counts nowhere
  if (own.counts(row)) {
    own.previous[row] = next == size
                            ? last_of_code(key, m, own.codes[row], static_cast<std::size_t>(at))
                            : own.previous[next];
    mark_first(own.place, m, row, own.previous[row] < 0);
    if (next != size) {
      own.previous[next] = at;
      mark_first(own.place, m, next, false);
    }
  }
  if (own.rows == nullptr) {
    if (size >= kManyCodes) index_codes(key, m);
    return;
  }
  for (std::size_t i = row; i < size; ++i) {
    if (own.counts(i)) own.rows->put(own.codes[i], own.cut + static_cast<std::int32_t>(i));
  }
  if (!windowed_[m]) return;
  if (row + 1 < size) own.rows->changed_from(row);
  own.rows->grow({own.previous, size});
}

// Own row `row` is about to go.
void Series::unlink(std::size_t key, std::size_t m, std::size_t row) {
  const Coded own = coded(key, m);
  const std::int32_t at = own.cut + static_cast<std::int32_t>(row);
  if (own.rows != nullptr) {
    const std::int32_t before = own.previous[row];
    if (own.counts(row)) own.rows->put(own.codes[row], before >= own.cut ? before : -1);
    own.rows->changed_from(row);
  }
  for (std::size_t i = row + 1; i < own.place.size; ++i) {
    if (own.rows != nullptr && own.counts(i)) {
      own.rows->put(own.codes[i], own.cut + static_cast<std::int32_t>(i) - 1);
    }
    if (own.previous[i] > at) {
      --own.previous[i];
    } else if (own.previous[i] == at) {
      own.previous[i] = own.previous[row];
      if (own.previous[i] < 0) mark_first(own.place, m, i, true);
    }
  }
}

// --- what sums have room for --------------------------------------------------------------------

// Of list row `at` that comes, or goes.
void Series::check_sums(const PreparedEvents& events, std::size_t row, const List& list,
                        std::size_t at, bool in) const {
  for (const std::size_t m : sums_) {
    const std::int64_t value = value_of(events, m, row);
    if (value == kNoNumber) continue;
    if (in) (void)added(at == 0 ? 0 : list.wide(m, at - 1), value);
    for (std::size_t i = in ? at : at + 1; i < list.size(); ++i) {
      (void)added(list.wide(m, i), in ? value : -value);
    }
  }
}

void Series::check_decayed(const PreparedEvents& events, std::size_t row, const List& list,
                           std::size_t at, bool in) const {
  // Within a span a value counts less than 2^8 times 2^20. Totals change by less than that, and by
  // what rounding adds: mostly nothing has to be added up.
  constexpr double kTerm = static_cast<double>(1 << 28) / kUnit;
  constexpr double kFar = 4e18;
  for (const std::size_t m : decayed_) {
    const Measure& measure = layout_.measures[m];
    const std::int64_t value = value_of(events, m, row);
    if (value == kNoNumber) continue;
    double largest = 0;
    for (std::size_t i = at == 0 ? 0 : at - 1; i < list.size(); ++i) {
      largest = std::max(largest, std::abs(static_cast<double>(list.wide(m, i))));
    }
    if (largest + std::abs(static_cast<double>(value)) * kTerm < kFar) continue;
    const DecayedSum decayed{measure.half_life};
    std::int64_t total = at == 0 ? 0 : list.wide(m, at - 1);
    std::int64_t span = at == 0 ? 0 : decayed.span(list.time(at - 1));
    const auto add = [&](std::int64_t time, std::int64_t one) {
      const std::int64_t own = decayed.span(time);
      total = DecayedSum::passed(total, own - span);
      span = own;
      if (one != kNoNumber) total = added(total, decayed.term_in(span, one, time));
    };
    if (in) add(events.times[row], value);
    for (std::size_t i = in ? at : at + 1; i < list.size(); ++i) {
      const bool counts = (list.filters(i) >> measure.filter & 1U) != 0;
      add(list.time(i), counts ? list.value(measure.kept, i) : kNoNumber);
    }
  }
}

void Series::check_insert(const PreparedEvents& events, std::size_t row, std::size_t key) const {
  if ((events.filters[row] & layout_.filters) == 0 || (sums_.empty() && decayed_.empty())) return;
  const List rows = list(key);
  const std::size_t at = rows.before(events.times[row] + 1);
  check_sums(events, row, rows, at, true);
  check_decayed(events, row, rows, at, true);
}

void Series::check_remove(const PreparedEvents& events, std::size_t row, std::size_t key) const {
  if ((events.filters[row] & layout_.filters) == 0 || (sums_.empty() && decayed_.empty())) return;
  const std::optional<std::size_t> at = find_row(events, row, key);
  if (!at) return;
  check_sums(events, row, list(key), *at, false);
  check_decayed(events, row, list(key), *at, false);
}

// --- rows ---------------------------------------------------------------------------------------

// The share of `row`, which stands in its place, goes into its sum and all later ones; or out of
// these, where its sum stands there.
void Series::add_from(std::size_t key, std::size_t row, bool in) {
  const Place& place = places_[key];
  for (const std::size_t m : sums_) {
    std::int64_t* const sums = wide_[column_[m]].data() + place.begin;
    const std::int64_t before = wide_before(key, column_[m], row, 0);
    const std::int64_t share = in ? sums[row] : before - sums[row];
    for (std::size_t i = row + 1; i < place.size; ++i) sums[i] = added(sums[i], share);
    if (in) sums[row] = added(before, share);
  }
}

void Series::insert(const PreparedEvents& events, std::size_t row, std::size_t key) {
  if ((events.filters[row] & layout_.filters) == 0) return;
  const std::size_t to = list(key).before(events.times[row] + 1);
  own(key, 0);
  take_over(key, to);
  Place& place = own(key, 1);
  const std::size_t at = to - cut_of(key);
  shift(place, at, at + 1);
  ++place.size;
  ++rows_;
  latest_ = std::max(latest_, events.times[row]);
  copy_row(events, row, place.begin + at);
  for (const std::size_t m : distinct_) link(key, m, at);
  add_from(key, at, true);
  total_from(key, at);
  mark_from(place, at);
}

// Whether the series kept of list row `at` what it would keep of this one.
bool Series::same_row(const PreparedEvents& events, std::size_t row, const List& list,
                      std::size_t at) const {
  if (list.filters(at) != (events.filters[row] & layout_.filters)) return false;
  for (std::size_t c = 0; c < layout_.codes.size(); ++c) {
    if (list.code(c, at) != events.codes[layout_.codes[c]][row]) return false;
  }
  for (std::size_t v = 0; v < layout_.values.size(); ++v) {
    if (list.value(v, at) != events.values[layout_.values[v]][row]) return false;
  }
  for (const std::size_t m : known_) {
    const bool known = list.owner(at).flagged(flag_[m], list.at(at));
    if (known != (value_of(events, m, row) != kNoNumber)) return false;
  }
  for (const std::size_t m : sums_) {
    const std::int64_t value = value_of(events, m, row);
    if (list.sum(m, at, at + 1) != (value == kNoNumber ? 0 : value)) return false;
  }
  return true;
}

// The last row of the list that is as this one.
std::optional<std::size_t> Series::find_row(const PreparedEvents& events, std::size_t row,
                                            std::size_t key) const {
  const List rows = list(key);
  const std::size_t first = rows.before(events.times[row]);
  for (std::size_t at = rows.before(events.times[row] + 1); at > first; --at) {
    if (same_row(events, row, rows, at - 1)) return at - 1;
  }
  return std::nullopt;
}

bool Series::remove(const PreparedEvents& events, std::size_t row, std::size_t key) {
  if ((events.filters[row] & layout_.filters) == 0) return true;  // it was never in
  const std::optional<std::size_t> found = find_row(events, row, key);
  if (!found) return false;
  Place& place = own(key, 0);
  take_over(key, *found);
  const std::size_t at = *found - cut_of(key);
  add_from(key, at, false);
  for (const std::size_t m : distinct_) unlink(key, m, at);
  shift(place, at + 1, at);
  --place.size;
  --rows_;
  total_from(key, at);
  mark_from(place, at);
  return true;
}

}  // namespace penchant::features
