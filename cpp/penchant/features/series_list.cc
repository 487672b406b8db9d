// What is read of a key's rows: those of the series below, then its own.

#include <algorithm>
#include <bit>
#include <cstring>

#include "penchant/features/series.h"

namespace penchant::features {

// --- flags --------------------------------------------------------------------------------------

namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101;
constexpr std::uint64_t kGather = 0x0102040810204080;  // byte i to bit 56 + i

// The bit of each of 64 bytes.
std::uint64_t gather(const std::uint8_t* bytes, unsigned bit) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < 64; i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes + i, sizeof word);
    out |= ((word >> bit & kOnes) * kGather >> 56) << i;
  }
  return out;
}

}  // namespace

// Where a list's rows end within a group, for all marks of it.
struct Series::Cursor {
  const Mark* marks;
  unsigned above;  // bits of rows that come later
  unsigned drop;   // the same, and of rows of other lists below
  bool begins;     // the list begins in this group

  [[nodiscard]] std::uint32_t count(const Flag& flag) const {
    const Mark& mark = marks[flag.mark];
    const auto own = static_cast<std::uint32_t>(std::popcount(mark.bits() << above >> drop));
    return begins ? own : own + mark.before;
  }
};

Series::Cursor Series::cursor(std::size_t begin, std::size_t end) const {
  const std::size_t group = (end - 1) / kMarked;
  const std::size_t first = group * kMarked;
  const auto above = static_cast<unsigned>(first + kMarked - end);
  const auto below = static_cast<unsigned>(begin > first ? begin - first : 0);
  return {marks_.data() + group * counted_.size(), above, above + below, begin >= first};
}

std::size_t Series::flags_before(const Flag& flag, std::size_t begin, std::size_t end) const {
  return end <= begin ? 0 : cursor(begin, end).count(flag);
}

void Series::add_flags(std::span<const std::size_t> measures, std::size_t begin, std::size_t end,
                       std::span<std::uint32_t* const> out, std::size_t at) const {
  if (end <= begin) return;
  const Cursor here = cursor(begin, end);
  for (std::size_t k = 0; k < measures.size(); ++k) out[k][at] += here.count(flag_[measures[k]]);
}

std::int64_t Series::last_flag(const Flag& flag, std::size_t begin, std::size_t end) const {
  if (end <= begin) return -1;
  // Of a group's rows up to `to`, or -1.
  const auto found = [&](std::size_t group, std::size_t to) {
    const std::size_t from = std::max(begin, group * kMarked);
    const std::uint64_t bits = bits_of(flag, group, from, to);
    if (bits == 0) return std::int64_t{-1};
    return static_cast<std::int64_t>(group * kMarked - begin) + 63 - std::countl_zero(bits);
  };
  std::size_t group = (end - 1) / kMarked;
  const std::int64_t near = found(group, end);
  if (near >= 0 || group * kMarked <= begin) return near;
  // The last group of which something is counted: the first that begins with as many.
  const std::uint32_t most = mark(flag, group).before;
  if (most == 0) return -1;
  std::size_t low = begin / kMarked + 1;
  while (low < group) {
    const std::size_t middle = low + (group - low) / 2;
    if (mark(flag, middle).before == most) {
      group = middle;
    } else {
      low = middle + 1;
    }
  }
  return found(group - 1, group * kMarked);
}

std::size_t Series::first_flag(const Flag& flag, std::size_t begin, std::size_t row,
                               std::size_t end) const {
  if (end <= row) return end;
  const std::size_t group = row / kMarked;
  const std::size_t near = std::min(end, (group + 1) * kMarked);
  const std::uint64_t bits = bits_of(flag, group, row, near);
  if (bits != 0) return group * kMarked + static_cast<std::size_t>(std::countr_zero(bits));
  const std::size_t none = flags_before(flag, begin, row);
  std::size_t low = near;
  std::size_t high = end;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (flags_before(flag, begin, middle + 1) > none) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

// Which rows of groups have counted flags.
void Series::mark_rows(std::size_t first, std::size_t end) {
  for (std::size_t g = first; g < end; ++g) {
    for (const Flag& flag : counted_) {
      const std::uint64_t bits = gather(flags_[flag.plane].data() + g * kMarked, flag.bit);
      marks_[g * counted_.size() + flag.mark].rows = {static_cast<std::uint32_t>(bits),
                                                      static_cast<std::uint32_t>(bits >> 32U)};
    }
  }
}

// The same of one row that has come behind all others of its list.
void Series::mark_row(std::size_t row) {
  const std::size_t half = row % kMarked / 32;
  const std::uint32_t bit = std::uint32_t{1} << row % 32;
  for (const Flag& flag : counted_) {
    std::uint32_t& rows = marks_[row / kMarked * counted_.size() + flag.mark].rows[half];
    rows = flagged(flag, row) ? rows | bit : rows & ~bit;
  }
}

// How many a list has before each group from `first` on.
void Series::mark_before(const Place& place, std::size_t first) {
  first = std::max(first, place.begin / kMarked + 1);
  for (std::size_t g = first; g * kMarked < place.begin + place.size; ++g) {
    for (const Flag& flag : counted_) {
      marks_[g * counted_.size() + flag.mark].before =
          static_cast<std::uint32_t>(flags_before(flag, place.begin, g * kMarked));
    }
  }
}

// Own rows from `row` on are others now.
void Series::mark_from(const Place& place, std::size_t row) {
  if (row >= place.size) return;
  const std::size_t first = (place.begin + row) / kMarked;
  if (row + 1 == place.size) {
    mark_row(place.begin + row);
  } else {
    mark_rows(first, (place.begin + place.size - 1) / kMarked + 1);
  }
  mark_before(place, first);
}

// --- codes that count once ----------------------------------------------------------------------

// Rows that don't count say that they are their own previous ones, which lie in no window's past.
std::size_t Series::codes_new(const Place& place, std::size_t key, std::size_t m, std::size_t first,
                              std::size_t end, std::size_t bound) const {
  constexpr std::size_t kWalked = 128;
  const auto below = static_cast<std::int32_t>(bound);
  std::size_t out = 0;
  if (end - first > kWalked) {
    if (const CodeRows* const rows = code_rows(key, m)) {
      const std::size_t indexed = std::min(end, rows->indexed());
      if (first < indexed) {
        out = rows->count(first, indexed, below);
        first = indexed;
      }
    }
  }
  const std::int32_t* const previous = narrow_[previous_[m]].data() + place.begin;
  for (std::size_t row = first; row < end; ++row) out += previous[row] < below ? 1 : 0;
  return out;
}

// --- lists --------------------------------------------------------------------------------------

std::size_t Series::List::before(std::int64_t time) const { return before(time, size_); }

std::size_t Series::List::before(std::int64_t time, std::size_t end, std::size_t least) const {
  // Most questions are about now.
  if (end <= least || series_->latest_ < time || this->time(end - 1) < time) return end;
  std::size_t low = least;
  std::size_t left = end - 1 - least;
  if (cut_ > least && cut_ < end) {
    // One column or the other.
    const bool own = this->time(cut_ - 1) < time;
    low = own ? cut_ : least;
    left = own ? end - 1 - cut_ : cut_ - 1 - least;
  }
  const std::int64_t* const first = time_at(low);
  const std::size_t begin = low;
  while (left > 0) {
    const std::size_t half = left / 2;
    const bool below = first[low - begin + half] < time;
    low = below ? low + half + 1 : low;
    left = below ? left - half - 1 : half;
  }
  return low;
}

// Of the first rows.
std::size_t Series::List::flags_before(const Flag& flag, std::size_t rows) const {
  if (rows == 0) return 0;
  const std::size_t shared = std::min<std::size_t>(rows, cut_);
  std::size_t out = 0;
  if (shared > 0) out = series_->base_->flags_before(flag, below_, below_ + shared);
  if (rows > shared) out += series_->flags_before(flag, begin_, begin_ + (rows - shared));
  return out;
}

std::int64_t Series::List::total(std::size_t m, std::size_t rows) const {
  const Measure& measure = series_->layout_.measures[m];
  using Kind = Measure::Kind;
  const Series::Flag& flag = series_->flag_[m];
  if (measure.kind == Kind::kLast) {
    const auto cut = static_cast<std::int64_t>(cut_);
    if (rows > cut_) {
      const std::int64_t own = series_->last_flag(flag, begin_, begin_ + (rows - cut_));
      if (own >= 0) return own + cut;
    }
    const std::size_t shared = std::min<std::size_t>(rows, cut_);
    return shared == 0 ? -1 : series_->base_->last_flag(flag, below_, below_ + shared);
  }
  if (measure.narrow()) return static_cast<std::int64_t>(flags_before(flag, rows));
  if (rows == 0) {
    return measure.kind == Kind::kLowest || measure.kind == Kind::kHighest ? kNoNumber : 0;
  }
  return wide(m, rows - 1);
}

std::size_t Series::List::counted(std::size_t m, std::size_t begin, std::size_t end) const {
  if (end <= begin) return 0;
  const Series::Flag& flag = series_->flag_[m];
  return flags_before(flag, end) - flags_before(flag, begin);
}

void Series::List::count(std::span<const std::size_t> measures, std::size_t end,
                         std::span<std::uint32_t* const> out, std::size_t at) const {
  for (std::uint32_t* const one : out) one[at] = 0;
  const std::size_t shared = std::min<std::size_t>(end, cut_);
  if (shared > 0) series_->base_->add_flags(measures, below_, below_ + shared, out, at);
  if (end > shared) series_->add_flags(measures, begin_, begin_ + (end - shared), out, at);
}

void Series::List::prefetch_counts(std::size_t rows) const {
  if (rows == 0) return;
  const auto ask = [&](std::size_t row) {
    const Series& of = owner(row);
    const std::size_t marks = of.counted_.size();
    if (marks == 0) return;
    const Mark* const first = of.marks_.data() + at(row) / kMarked * marks;
    __builtin_prefetch(first);
    __builtin_prefetch(first + marks - 1);
  };
  ask(rows - 1);
  if (cut_ > 0 && rows > cut_) ask(cut_ - 1);
}

std::array<std::span<const std::int32_t>, 2> Series::List::codes(std::size_t c, std::size_t begin,
                                                                 std::size_t end) const {
  std::array<std::span<const std::int32_t>, 2> out;
  const std::size_t shared = std::min<std::size_t>(end, cut_);
  if (begin < shared) {
    out[0] = std::span(series_->base_->narrow_[c]).subspan(below_ + begin, shared - begin);
  }
  const std::size_t first = std::max<std::size_t>(begin, cut_);
  if (first < end) out[1] = std::span(series_->narrow_[c]).subspan(at(first), end - first);
  return out;
}

void Series::List::prefetch_codes(std::size_t c, std::size_t begin, std::size_t end) const {
  constexpr std::size_t kLine = 16;
  for (const std::span<const std::int32_t> part : codes(c, begin, end)) {
    for (std::size_t i = 0; i < part.size(); i += kLine) __builtin_prefetch(&part[i]);
    if (!part.empty()) __builtin_prefetch(&part.back());
  }
}

std::size_t Series::List::first(std::size_t m, std::size_t begin, std::size_t end) const {
  const Series::Flag& flag = series_->flag_[m];
  if (end <= begin) return end;
  if (begin < cut_) {
    const std::size_t shared = below_ + std::min<std::size_t>(end, cut_);
    const std::size_t found = series_->base_->first_flag(flag, below_, below_ + begin, shared);
    if (found < shared) return found - below_;
  }
  if (end <= cut_) return end;
  const std::size_t from = begin_ + (std::max<std::size_t>(begin, cut_) - cut_);
  return series_->first_flag(flag, begin_, from, begin_ + (end - cut_)) - begin_ + cut_;
}

std::size_t Series::List::distinct(std::size_t m, std::size_t begin, std::size_t end) const {
  if (end <= begin) return 0;
  if (begin == 0) return flags_before(series_->flag_[m], end);
  std::size_t out = 0;
  if (begin < cut_) {
    const Series& base = *series_->base_;
    const std::size_t shared = std::min<std::size_t>(end, cut_);
    out = base.codes_new(base.places_[key_], key_, m, begin, shared, begin);
  }
  if (end <= cut_) return out;
  const std::size_t from = std::max<std::size_t>(begin, cut_) - cut_;
  return out + series_->codes_new(series_->places_[key_], key_, m, from, end - cut_, begin);
}

std::int32_t Series::List::previous(std::size_t m, std::size_t row) const {
  return owner(row).narrow_[series_->previous_[m]][at(row)];
}

}  // namespace penchant::features
