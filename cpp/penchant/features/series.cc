#include "penchant/features/series.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/base/portable_math.h"
#include "penchant/features/floor_div.h"

namespace penchant::features {
namespace {

constexpr std::size_t kKeysABlock = 256;
constexpr std::size_t kGroup = 64;          // rows a mark, a cache line of flags
constexpr std::size_t kLookedThrough = 32;  // rows of a list
constexpr int kSpanHalfLives = 8;
constexpr double kDecayedScale = 1 << 20;

[[noreturn]] void fail_sum() {
  fail(ErrorKind::kBadData,
       "a sum of the feature plan leaves 64 bits (9.2e12 in units, 8.8e12 decayed); are values in "
       "the unit you mean?");
}

}  // namespace

std::int64_t added(std::int64_t a, std::int64_t b) {
  std::int64_t out = 0;
  if (__builtin_add_overflow(a, b, &out) || out == kNoNumber) fail_sum();
  return out;
}

// --- decayed sums -------------------------------------------------------------------------------

std::int64_t DecayedSum::span(std::int64_t time) const {
  return floor_div(time, half_life * kSpanHalfLives);
}

std::int64_t DecayedSum::term_in(std::int64_t span, std::int64_t value, std::int64_t time) const {
  const std::int64_t begin = span * half_life * kSpanHalfLives;
  const double since = static_cast<double>(time - begin) / static_cast<double>(half_life);
  const double counts = static_cast<double>(value) / kUnit * portable_exp2(since) * kDecayedScale;
  if (!(std::abs(counts) < 9e18)) fail_sum();
  return static_cast<std::int64_t>(std::floor(counts + 0.5));
}

std::int64_t DecayedSum::term(std::int64_t value, std::int64_t time) const {
  return term_in(span(time), value, time);
}

std::int64_t DecayedSum::passed(std::int64_t sum, std::int64_t spans) {
  if (spans <= 0 || sum == 0) return sum;
  const std::int64_t bits = std::min<std::int64_t>(spans, 8) * kSpanHalfLives;
  return bits >= 63 ? 0 : (sum >> bits) + (sum >> (bits - 1) & 1);
}

std::int64_t DecayedSum::advance(std::int64_t sum, std::int64_t from, std::int64_t to) const {
  return passed(sum, span(to) - span(from));
}

double DecayedSum::at(std::int64_t sum, std::int64_t last, std::int64_t time) const {
  const std::int64_t span = half_life * kSpanHalfLives;
  const std::int64_t begin = floor_div(last, span) * span;
  const double since = static_cast<double>(time - begin) / static_cast<double>(half_life);
  return static_cast<double>(sum) / kDecayedScale * portable_exp2(-since);
}

// --- flags --------------------------------------------------------------------------------------

namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101;

std::uint64_t word_at(const std::uint8_t* bytes) {
  std::uint64_t out = 0;
  std::memcpy(&out, bytes, sizeof out);
  return out;
}

// How many of at most 128 bytes have the bit; reads up to 7 bytes behind them.
std::size_t bits_in(const std::uint8_t* bytes, std::size_t count, unsigned bit) {
  std::uint64_t sums = 0;
  for (; count >= 8; count -= 8, bytes += 8) sums += word_at(bytes) >> bit & kOnes;
  if (count > 0) sums += (word_at(bytes) >> bit & kOnes) << 8 * (8 - count) >> 8 * (8 - count);
  return sums * kOnes >> 56;
}

}  // namespace

std::size_t Series::flags_before(const Flag& flag, std::size_t begin, std::size_t end) const {
  if (end <= begin) return 0;
  const std::size_t group = (end - 1) / kGroup;
  const std::size_t from = std::max(begin, group * kGroup);
  const std::size_t marked = from > begin ? marks_[group * counted_.size() + flag.mark] : 0;
  return marked + bits_in(flags_[flag.plane].data() + from, end - from, flag.bit);
}

std::int64_t Series::last_flag(const Flag& flag, std::size_t begin, std::size_t end) const {
  const std::uint8_t* const bytes = flags_[flag.plane].data();
  const auto found = [&](std::size_t from, std::size_t to) {
    while (to > from && (bytes[to - 1] >> flag.bit & 1U) == 0) --to;
    return to;
  };
  if (end <= begin) return -1;
  std::size_t group = (end - 1) / kGroup;
  std::size_t from = std::max(begin, group * kGroup);
  std::size_t to = found(from, end);
  if (to == from && from > begin) {
    // The last group of which something is counted: the first that begins with as many.
    const auto marked = [&](std::size_t g) { return marks_[g * counted_.size() + flag.mark]; };
    const std::uint32_t most = marked(group);
    if (most == 0) return -1;
    std::size_t low = begin / kGroup + 1;
    while (low < group) {
      const std::size_t middle = low + (group - low) / 2;
      if (marked(middle) == most) {
        group = middle;
      } else {
        low = middle + 1;
      }
    }
    from = std::max(begin, (group - 1) * kGroup);
    to = found(from, group * kGroup);
  }
  return to == from ? -1 : static_cast<std::int64_t>(to - 1 - begin);
}

// Only of groups whose first row is the list's, but not its first.
void Series::mark_from(const Place& place, std::size_t row) {
  if (counted_.empty()) return;
  const std::size_t first =
      std::max((place.begin + row + kGroup - 1) / kGroup, place.begin / kGroup + 1);
  for (std::size_t g = first; g * kGroup < place.begin + place.size; ++g) {
    for (const Flag& flag : counted_) {
      marks_[g * counted_.size() + flag.mark] =
          static_cast<std::uint32_t>(flags_before(flag, place.begin, g * kGroup));
    }
  }
}

// --- lists --------------------------------------------------------------------------------------

std::size_t Series::List::before(std::int64_t time) const { return before(time, size_); }

std::size_t Series::List::before(std::int64_t time, std::size_t end, std::size_t least) const {
  const std::int64_t* const first = times();
  // Most questions are about now.
  if (end <= least || first[end - 1] < time) return end;
  std::size_t low = least;
  for (std::size_t left = end - 1 - least; left > 0;) {
    const std::size_t half = left / 2;
    const bool below = first[low + half] < time;
    low = below ? low + half + 1 : low;
    left = below ? left - half - 1 : half;
  }
  return low;
}

std::int64_t Series::List::total(std::size_t m, std::size_t rows) const {
  const Measure& measure = series_->layout_.measures[m];
  using Kind = Measure::Kind;
  const Series::Flag& flag = series_->flag_[m];
  if (measure.kind == Kind::kLast) return series_->last_flag(flag, begin_, begin_ + rows);
  if (measure.narrow()) {
    return static_cast<std::int64_t>(series_->flags_before(flag, begin_, begin_ + rows));
  }
  if (rows == 0) {
    return measure.kind == Kind::kLowest || measure.kind == Kind::kHighest ? kNoNumber : 0;
  }
  return series_->wide_[series_->column_[m]][at(rows - 1)];
}

std::size_t Series::List::counted(std::size_t m, std::size_t begin, std::size_t end) const {
  const Series::Flag& flag = series_->flag_[m];
  if (end <= begin) return 0;
  if (end - begin <= kGroup) {
    return bits_in(series_->flags_[flag.plane].data() + at(begin), end - begin, flag.bit);
  }
  return series_->flags_before(flag, begin_, at(end)) -
         series_->flags_before(flag, begin_, at(begin));
}

void Series::List::prefetch_counts(std::size_t rows) const {
  if (rows == 0) return;
  const std::size_t last = at(rows - 1);
  for (const auto& plane : series_->flags_) __builtin_prefetch(plane.data() + last);
  if (rows > kGroup) {
    __builtin_prefetch(series_->marks_.data() + last / kGroup * series_->counted_.size());
  }
}

std::size_t Series::List::first(std::size_t m, std::size_t begin, std::size_t end) const {
  const Series::Flag& flag = series_->flag_[m];
  const std::size_t near = std::min(end, begin + kGroup);
  for (std::size_t row = begin; row < near; ++row) {
    if (series_->flagged(flag, at(row))) return row;
  }
  const std::size_t none = series_->flags_before(flag, begin_, at(begin));
  std::size_t low = near;
  std::size_t high = end;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (series_->flags_before(flag, begin_, at(middle + 1)) > none) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

std::int32_t Series::List::previous(std::size_t m, std::size_t row) const {
  return series_->narrow_[series_->previous_[m]][at(row)];
}

// --- series -------------------------------------------------------------------------------------

Series::Series(SeriesLayout layout) : layout_(std::move(layout)) {
  std::size_t wide = 1 + layout_.values.size();
  std::size_t narrow = layout_.codes.size();
  for (std::size_t m = 0; m < layout_.measures.size(); ++m) {
    const Measure& measure = layout_.measures[m];
    column_.push_back(measure.narrow() ? 0 : wide++);
    previous_.push_back(measure.kind == Measure::Kind::kDistinct ? narrow++ : 0);
    if (measure.kind == Measure::Kind::kSum) sums_.push_back(m);
    if (measure.kind == Measure::Kind::kKnown && measure.value != Measure::kOne)
      known_.push_back(m);
  }
  wide_.resize(wide);
  narrow_.resize(narrow);
  place_flags();
  resize(0);
}

Series Series::over(const Series& base) {
  Series out(base.layout_);
  out.base_ = &base;
  out.rows_ = base.rows_;
  return out;
}

// Filters have the bit of their number; what else is counted those that are left, then more bytes.
void Series::place_flags() {
  filter_planes_ = 1;
  while (filter_planes_ < 4 && layout_.filters >> 8 * filter_planes_ != 0) ++filter_planes_;
  std::size_t next = 0;
  const auto derived = [&] {
    while (next < kMostFilters && (layout_.filters >> next & 1U) != 0) ++next;
    return next++;
  };
  for (const Measure& measure : layout_.measures) {
    using Kind = Measure::Kind;
    const bool own = measure.kind == Kind::kDistinct ||
                     (measure.kind == Kind::kKnown && measure.value != Measure::kOne);
    const std::size_t position = own ? derived() : measure.filter;
    Flag flag{position / 8, static_cast<unsigned>(position % 8), 0};
    if (measure.narrow()) {
      const auto at = std::ranges::find_if(counted_, [&](const Flag& other) {
        return other.plane == flag.plane && other.bit == flag.bit;
      });
      flag.mark = static_cast<std::size_t>(at - counted_.begin());
      if (at == counted_.end()) counted_.push_back(flag);
    }
    flag_.push_back(flag);
    flags_.resize(std::max({flags_.size(), flag.plane + 1, filter_planes_}));
  }
  flags_.resize(std::max(flags_.size(), filter_planes_));
}

void Series::resize(std::size_t rows) {
  used_ = rows;
  const auto grow = [](auto& column, std::size_t size) {
    if (size > column.capacity()) column.reserve(std::max(size, column.capacity() / 4 * 5));
    column.resize(size);
  };
  for (auto& column : wide_) grow(column, rows);
  for (auto& column : narrow_) grow(column, rows);
  // Words are read whole.
  for (auto& column : flags_) grow(column, rows + 8);
  grow(marks_, (rows / kGroup + 1) * counted_.size());
}

std::size_t Series::bytes() const {
  const auto of = [](const auto& columns, std::size_t width) {
    std::size_t out = 0;
    for (const auto& column : columns) out += column.capacity() * width;
    return out;
  };
  return places_.capacity() * sizeof(Place) + of(wide_, 8) + of(narrow_, 4) + of(flags_, 1) +
         marks_.capacity() * 4;
}

// What a row gives a measure that adds, or has known: kNoNumber where nothing.
std::int64_t Series::value_of(const PreparedEvents& events, std::size_t m, std::size_t row) const {
  const Measure& measure = layout_.measures[m];
  if ((events.filters[row] >> measure.filter & 1U) == 0) return kNoNumber;
  return measure.value == Measure::kOne ? kUnit : events.values[measure.value][row];
}

void Series::copy_row(const PreparedEvents& events, std::size_t row, std::size_t to) {
  wide_[0][to] = events.times[row];
  for (std::size_t v = 0; v < layout_.values.size(); ++v) {
    wide_[1 + v][to] = events.values[layout_.values[v]][row];
  }
  for (std::size_t c = 0; c < layout_.codes.size(); ++c) {
    narrow_[c][to] = events.codes[layout_.codes[c]][row];
  }
  const std::uint32_t filters = events.filters[row] & layout_.filters;
  for (std::size_t p = 0; p < flags_.size(); ++p) {
    flags_[p][to] = static_cast<std::uint8_t>(p < 4 ? filters >> 8 * p : 0);
  }
  for (const std::size_t m : sums_) {
    const std::int64_t value = value_of(events, m, row);
    wide_[column_[m]][to] = value == kNoNumber ? 0 : value;
  }
  for (const std::size_t m : known_) {
    const bool known = value_of(events, m, row) != kNoNumber;
    flags_[flag_[m].plane][to] |= static_cast<std::uint8_t>(known ? 1U << flag_[m].bit : 0U);
  }
}

// Shares of a whole list become sums.
void Series::add_up(const Place& place) {
  for (const std::size_t m : sums_) {
    std::int64_t* const sums = wide_[column_[m]].data() + place.begin;
    for (std::size_t i = 1; i < place.size; ++i) sums[i] = added(sums[i - 1], sums[i]);
  }
}

namespace {

// Rows of a list, and the running total of one measure to be written.
struct Run {
  const std::int64_t* times;
  const std::uint8_t* flags;
  unsigned bit;
  const std::int64_t* values;  // null: 1 each
  std::size_t first;
  std::size_t size;

  [[nodiscard]] bool counts(std::size_t row) const { return (flags[row] >> bit & 1U) != 0; }
  [[nodiscard]] std::int64_t value(std::size_t row) const {
    return values == nullptr ? kUnit : values[row];
  }
};

void run_bounds(const Run& run, bool lowest, std::int64_t* out) {
  std::int64_t total = run.first > 0 ? out[run.first - 1] : kNoNumber;
  for (std::size_t i = run.first; i < run.size; ++i) {
    const std::int64_t x = run.counts(i) ? run.value(i) : kNoNumber;
    if (total == kNoNumber) {
      total = x;
    } else if (x != kNoNumber) {
      total = lowest ? std::min(total, x) : std::max(total, x);
    }
    out[i] = total;
  }
}

void run_decayed(const Run& run, const DecayedSum& decayed, std::int64_t* out) {
  std::int64_t total = run.first > 0 ? out[run.first - 1] : 0;
  std::int64_t span = run.first > 0 ? decayed.span(run.times[run.first - 1]) : 0;
  for (std::size_t i = run.first; i < run.size; ++i) {
    const std::int64_t own = decayed.span(run.times[i]);
    if (i > 0) total = DecayedSum::passed(total, own - span);
    span = own;
    if (run.counts(i) && run.value(i) != kNoNumber) {
      total = added(total, decayed.term_in(span, run.value(i), run.times[i]));
    }
    out[i] = total;
  }
}

// The row before that counts and has the same code, or -1.
std::int32_t last_of_code(const Run& run, const std::int32_t* codes, std::size_t row) {
  for (std::size_t i = row; i-- > 0;) {
    if (codes[i] == codes[row] && run.counts(i)) return static_cast<std::int32_t>(i);
  }
  return -1;
}

// Which row had the code before, and whether none did. `seen` is room for where codes were last; it
// comes and goes filled with -1.
void run_distinct(const Run& run, const std::int32_t* codes, std::int32_t* previous,
                  std::uint8_t* flags, unsigned bit, std::vector<std::int32_t>& seen) {
  // A short list is looked through; a row at the end is one look.
  const bool looked = run.first > 0 || run.size <= kLookedThrough;
  for (std::size_t i = run.first; i < run.size; ++i) {
    flags[i] = static_cast<std::uint8_t>(flags[i] & ~(1U << bit));
    previous[i] = static_cast<std::int32_t>(i);  // counts nowhere
    if (codes[i] < 0 || !run.counts(i)) continue;
    const auto code = static_cast<std::size_t>(codes[i]);
    if (looked) {
      previous[i] = last_of_code(run, codes, i);
    } else {
      if (code >= seen.size()) seen.resize(code + 1, -1);
      previous[i] = seen[code];
      seen[code] = static_cast<std::int32_t>(i);
    }
    if (previous[i] < 0) flags[i] = static_cast<std::uint8_t>(flags[i] | 1U << bit);
  }
  for (std::size_t i = 0; !looked && i < run.size; ++i) {
    // Codes of rows that don't count may lie beyond.
    const auto code = static_cast<std::size_t>(codes[i]);
    if (codes[i] >= 0 && code < seen.size()) seen[code] = -1;
  }
}

}  // namespace

// What depends on the rows before: of the rows from `first` on.
void Series::total_from(const Place& place, std::size_t first, std::vector<std::int32_t>& seen) {
  using Kind = Measure::Kind;
  const auto at = static_cast<std::ptrdiff_t>(place.begin);
  std::size_t least = first;
  for (std::size_t m = 0; m < layout_.measures.size(); ++m) {
    const Measure& measure = layout_.measures[m];
    const Flag filter{measure.filter / 8, static_cast<unsigned>(measure.filter % 8), 0};
    Run run{wide_[0].data() + at,
            flags_[filter.plane].data() + at,
            filter.bit,
            measure.kept == Measure::kOne ? nullptr : wide_[1 + measure.kept].data() + at,
            first,
            place.size};
    if (measure.kind == Kind::kLowest || measure.kind == Kind::kHighest) {
      run_bounds(run, measure.kind == Kind::kLowest, wide_[column_[m]].data() + at);
    } else if (measure.kind == Kind::kDecayed) {
      run_decayed(run, DecayedSum{measure.half_life}, wide_[column_[m]].data() + at);
    } else if (measure.kind == Kind::kDistinct) {
      // Rows that moved are pointed at by others.
      if (first + 1 < place.size) run.first = least = 0;
      run_distinct(run, narrow_[measure.code].data() + at, narrow_[previous_[m]].data() + at,
                   flags_[flag_[m].plane].data() + at, flag_[m].bit, seen);
    }
  }
  mark_from(place, least);
}

void Series::build(const PreparedEvents& events, const KeyColumn& keys,
                   std::span<const std::uint32_t> order, int threads) {
  places_.assign(keys.keys, {});
  const std::size_t rows = events.times.size();
  // A range of keys each, so that nobody writes where another does.
  const std::size_t parts = static_cast<std::size_t>(resolve_threads(threads));
  parallel_blocks(parts, 1, threads, [&](const Block& block) {
    const auto first = static_cast<std::int32_t>(keys.keys * block.begin / parts);
    const auto end = static_cast<std::int32_t>(keys.keys * block.end / parts);
    for (std::size_t row = 0; row < rows; ++row) {
      const std::int32_t key = keys[row];
      if (key < first || key >= end || (events.filters[row] & layout_.filters) == 0) continue;
      ++places_[static_cast<std::size_t>(key)].room;
    }
  });
  std::size_t used = 0;
  for (Place& place : places_) {
    place.begin = used;
    used += place.room;
  }
  rows_ = used;
  resize(used);
  // Now of as many rows each: a few keys may have most of them.
  const auto key_at = [&](std::size_t part) {
    const auto at = std::ranges::lower_bound(places_, used * part / parts, {}, &Place::begin);
    return part == parts ? static_cast<std::int32_t>(keys.keys)
                         : static_cast<std::int32_t>(at - places_.begin());
  };
  parallel_blocks(parts, 1, threads, [&](const Block& block) {
    const std::int32_t first = key_at(block.begin);
    const std::int32_t end = key_at(block.end);
    for (std::size_t i = 0; i < rows; ++i) {
      const std::size_t row = order.empty() ? i : order[i];
      const std::int32_t key = keys[row];
      if (key < first || key >= end || (events.filters[row] & layout_.filters) == 0) continue;
      Place& place = places_[static_cast<std::size_t>(key)];
      copy_row(events, row, place.begin + place.size++);
    }
  });
  parallel_blocks(keys.keys, kKeysABlock, threads, [&](const Block& block) {
    static thread_local std::vector<std::int32_t> seen;
    for (std::size_t key = block.begin; key < block.end; ++key) {
      add_up(places_[key]);
      total_from(places_[key], 0, seen);
    }
  });
}

}  // namespace penchant::features
