// Rows that come and go one at a time: what is kept is what a list made at once would keep.

#include <bit>

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

std::vector<std::int32_t>& thread_room() {
  static thread_local std::vector<std::int32_t> seen;
  return seen;
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

// The key's place, with room for one more row; what lies below is copied first.
Series::Place& Series::own(std::size_t key) {
  if (key >= places_.size()) places_.resize(key + 1);
  Place& place = places_[key];
  if (place.size < place.room) return place;
  const bool below = place.room == 0 && base_ != nullptr && key < base_->places_.size();
  const Series& from = below ? *base_ : *this;
  const Place old = below ? base_->places_[key] : place;
  place.size = old.size;
  place.room = room_of(old.size + 1);
  place.begin = take_room(place.room);
  move_rows(from, old.begin, old.size, place.begin);
  mark_from(place, 0);
  // Those of a built series are of any size.
  if (!below && old.room > 0 && room_of(old.room) == old.room) {
    const std::size_t kind = kind_of(old.room);
    if (free_.size() <= kind) free_.resize(kind + 1);
    free_[kind].push_back(old.begin);
  }
  return place;
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

// --- rows ---------------------------------------------------------------------------------------

// The share of `row`, which stands in its place, goes into its sum and all later ones; or out of
// these, where its sum stands there.
void Series::add_from(const Place& place, std::size_t row, bool in) {
  for (const std::size_t m : sums_) {
    std::int64_t* const sums = wide_[column_[m]].data() + place.begin;
    const std::int64_t before = row > 0 ? sums[row - 1] : 0;
    const std::int64_t share = in ? sums[row] : before - sums[row];
    for (std::size_t i = row + 1; i < place.size; ++i) sums[i] = added(sums[i], share);
    if (in) sums[row] = added(before, share);
  }
}

void Series::insert(const PreparedEvents& events, std::size_t row, std::size_t key) {
  if ((events.filters[row] & layout_.filters) == 0) return;
  Place& place = own(key);
  const std::size_t to = list(key).before(events.times[row] + 1);
  shift(place, to, to + 1);
  ++place.size;
  ++rows_;
  copy_row(events, row, place.begin + to);
  add_from(place, to, true);
  total_from(place, to, thread_room());
}

// What the series kept of a row, and what the row added to sums.
bool Series::same_row(const PreparedEvents& events, std::size_t row, const Place& place,
                      std::size_t at) const {
  const std::size_t own = place.begin + at;
  for (std::size_t p = 0; p < filter_planes_; ++p) {
    const std::uint32_t mask = layout_.filters >> 8 * p & 0xffU;
    if ((flags_[p][own] & mask) != (events.filters[row] >> 8 * p & mask)) return false;
  }
  for (std::size_t c = 0; c < layout_.codes.size(); ++c) {
    if (narrow_[c][own] != events.codes[layout_.codes[c]][row]) return false;
  }
  for (std::size_t v = 0; v < layout_.values.size(); ++v) {
    if (wide_[1 + v][own] != events.values[layout_.values[v]][row]) return false;
  }
  for (const std::size_t m : known_) {
    if (flagged(flag_[m], own) != (value_of(events, m, row) != kNoNumber)) return false;
  }
  for (const std::size_t m : sums_) {
    const std::int64_t value = value_of(events, m, row);
    const std::int64_t before = at == 0 ? 0 : wide_[column_[m]][own - 1];
    if (wide_[column_[m]][own] - before != (value == kNoNumber ? 0 : value)) return false;
  }
  return true;
}

bool Series::remove(const PreparedEvents& events, std::size_t row, std::size_t key) {
  if ((events.filters[row] & layout_.filters) == 0) return true;  // it was never in
  if (key >= keys() || list(key).size() == 0) return false;
  Place& place = own(key);
  const List rows = list(key);
  const std::size_t begin = rows.before(events.times[row]);
  std::size_t end = rows.before(events.times[row] + 1);
  while (end > begin && !same_row(events, row, place, end - 1)) --end;
  if (end == begin) return false;
  const std::size_t at = end - 1;
  add_from(place, at, false);
  shift(place, at + 1, at);
  --place.size;
  --rows_;
  total_from(place, at, thread_room());
  return true;
}

}  // namespace penchant::features
