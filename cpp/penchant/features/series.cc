#include "penchant/features/series.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <mutex>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/base/portable_math.h"
#include "penchant/features/floor_div.h"

namespace penchant::features {
namespace {

constexpr std::size_t kKeysABlock = 256;
constexpr std::size_t kGroupsABlock = 1024;
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

double DecayedSum::left(std::int64_t span, std::int64_t time) const {
  const std::int64_t begin = span * (half_life * kSpanHalfLives);
  return portable_exp2(-(static_cast<double>(time - begin) / static_cast<double>(half_life)));
}

double DecayedSum::at(std::int64_t sum, std::int64_t last, std::int64_t time) const {
  return static_cast<double>(sum) / kDecayedScale * left(span(last), time);
}

double Fading::at(std::int64_t sum, std::int64_t last, std::int64_t time) {
  const std::int64_t span = decayed_.span(last);
  if (span != span_ || time != time_) {
    left_ = decayed_.left(span, time);
    span_ = span;
    time_ = time;
  }
  return static_cast<double>(sum) / kDecayedScale * left_;
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
    if (measure.kind == Measure::Kind::kDecayed) decayed_.push_back(m);
    if (measure.kind == Measure::Kind::kDistinct) distinct_.push_back(m);
    if (measure.kind == Measure::Kind::kKnown && measure.value != Measure::kOne)
      known_.push_back(m);
  }
  code_rows_.resize(distinct_.size());
  windowed_.resize(layout_.measures.size());
  for (const std::size_t m : layout_.windowed) windowed_[m] = true;
  wide_.resize(wide);
  narrow_.resize(narrow);
  place_flags();
  resize(0);
}

Series Series::over(const Series& base) {
  Series out(base.layout_);
  out.base_ = &base;
  out.rows_ = base.rows_;
  out.latest_ = base.latest_;
  out.places_.resize(base.keys());
  out.cuts_.resize(base.keys());
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
  // Groups are read whole.
  for (auto& column : flags_) grow(column, rows + kMarked);
  grow(marks_, (rows / kMarked + 1) * counted_.size());
}

std::size_t Series::bytes() const {
  const auto of = [](const auto& columns, std::size_t width) {
    std::size_t out = 0;
    for (const auto& column : columns) out += column.capacity() * width;
    return out;
  };
  std::size_t indexed = 0;
  for (const auto& keys : code_rows_) {
    for (const auto& [key, rows] : keys) indexed += rows.bytes();
  }
  return places_.capacity() * sizeof(Place) + cuts_.capacity() * 4 + of(wide_, 8) + of(narrow_, 4) +
         of(flags_, 1) + marks_.capacity() * sizeof(Mark) + indexed;
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

// Rows of a key, and the running total of one measure to be written.
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

void run_bounds(const Run& run, bool lowest, std::int64_t total, std::int64_t* out) {
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

// last: the time of the row before, that of the first one where there is none.
void run_decayed(const Run& run, const DecayedSum& decayed, std::int64_t total, std::int64_t last,
                 std::int64_t* out) {
  std::int64_t span = decayed.span(last);
  for (std::size_t i = run.first; i < run.size; ++i) {
    const std::int64_t own = decayed.span(run.times[i]);
    total = DecayedSum::passed(total, own - span);
    span = own;
    if (run.counts(i) && run.value(i) != kNoNumber) {
      total = added(total, decayed.term_in(span, run.value(i), run.times[i]));
    }
    out[i] = total;
  }
}

// Which row had the code before, and whether none did. `seen` is room for where codes were last; it
// comes and goes filled with -1.
void run_distinct(const Run& run, const std::int32_t* codes, std::int32_t* previous,
                  std::uint8_t* flags, unsigned bit, std::vector<std::int32_t>& seen) {
  const bool looked = run.size <= kLookedThrough;  // a short list is looked through
  const auto last_of = [&](std::size_t row) {
    for (std::size_t i = row; i-- > 0;) {
      if (codes[i] == codes[row] && run.counts(i)) return static_cast<std::int32_t>(i);
    }
    return -1;
  };
  for (std::size_t i = 0; i < run.size; ++i) {
    previous[i] = static_cast<std::int32_t>(i);  // counts nowhere
    if (codes[i] < 0 || !run.counts(i)) continue;
    const auto code = static_cast<std::size_t>(codes[i]);
    if (looked) {
      previous[i] = last_of(i);
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

// What a column says of the row before own row `row`.
std::int64_t Series::wide_before(std::size_t key, std::size_t column, std::size_t row,
                                 std::int64_t none) const {
  if (row > 0) return wide_[column][places_[key].begin + row - 1];
  const std::size_t cut = cut_of(key);
  return cut == 0 ? none : base_->wide_[column][base_->places_[key].begin + cut - 1];
}

// Totals of the own rows from `first` on, where they depend on the rows before.
void Series::total_from(std::size_t key, std::size_t first) {
  using Kind = Measure::Kind;
  const Place& place = places_[key];
  for (std::size_t m = 0; m < layout_.measures.size() && first < place.size; ++m) {
    const Measure& measure = layout_.measures[m];
    const bool bound = measure.kind == Kind::kLowest || measure.kind == Kind::kHighest;
    if (!bound && measure.kind != Kind::kDecayed) continue;
    const std::int64_t* const kept =
        measure.kept == Measure::kOne ? nullptr : wide_[1 + measure.kept].data() + place.begin;
    const Run run{wide_[0].data() + place.begin,
                  flags_[measure.filter / 8].data() + place.begin,
                  static_cast<unsigned>(measure.filter % 8),
                  kept,
                  first,
                  place.size};
    std::int64_t* const out = wide_[column_[m]].data() + place.begin;
    const std::int64_t total = wide_before(key, column_[m], first, bound ? kNoNumber : 0);
    if (bound) {
      run_bounds(run, measure.kind == Kind::kLowest, total, out);
    } else {
      const std::int64_t last = wide_before(key, 0, first, run.times[first]);
      run_decayed(run, DecayedSum{measure.half_life}, total, last, out);
    }
  }
}

// Of a series that lies over none, whose rows have no flags yet but their filters.
void Series::total_up(std::size_t key, std::vector<std::int32_t>& seen) {
  const Place& place = places_[key];
  add_up(place);
  for (const std::size_t m : distinct_) {
    const Measure& measure = layout_.measures[m];
    const Run run{nullptr,
                  flags_[measure.filter / 8].data() + place.begin,
                  static_cast<unsigned>(measure.filter % 8),
                  nullptr,
                  0,
                  place.size};
    run_distinct(run, narrow_[measure.code].data() + place.begin,
                 narrow_[previous_[m]].data() + place.begin,
                 flags_[flag_[m].plane].data() + place.begin, flag_[m].bit, seen);
    if (place.size >= kManyCodes) index_codes(key, m);
  }
  total_from(key, 0);
}

// Of a key with many own rows.
void Series::index_codes(std::size_t key, std::size_t m) {
  const Measure& measure = layout_.measures[m];
  const Place& place = places_[key];
  const Flag filter{measure.filter / 8, static_cast<unsigned>(measure.filter % 8), 0};
  const std::int32_t* const codes = narrow_[measure.code].data() + place.begin;
  const std::int32_t* const previous = narrow_[previous_[m]].data() + place.begin;
  CodeRows rows;
  for (std::size_t i = 0; i < place.size; ++i) {
    if (codes[i] < 0 || !flagged(filter, place.begin + i)) continue;
    rows.put(codes[i], static_cast<std::int32_t>(cut_of(key) + i));
  }
  if (windowed_[m]) rows.index({previous, place.size});
  static std::mutex mutex;  // keys are built side by side
  const std::lock_guard lock(mutex);
  code_rows_[previous_[m] - layout_.codes.size()].insert_or_assign(key, std::move(rows));
}

void Series::build(const PreparedEvents& events, const KeyColumn& keys,
                   std::span<const std::uint32_t> order, int threads) {
  places_.assign(keys.keys, {});
  const std::size_t rows = events.times.size();
  if (rows > 0) latest_ = order.empty() ? events.times.back() : events.times[order.back()];
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
    for (std::size_t key = block.begin; key < block.end; ++key) total_up(key, seen);
  });
  // The rows of a mark may be of several keys.
  parallel_blocks(used / kMarked + 1, kGroupsABlock, threads,
                  [&](const Block& block) { mark_rows(block.begin, block.end); });
  parallel_blocks(keys.keys, kKeysABlock, threads, [&](const Block& block) {
    for (std::size_t key = block.begin; key < block.end; ++key) mark_before(places_[key], 0);
  });
}

}  // namespace penchant::features
