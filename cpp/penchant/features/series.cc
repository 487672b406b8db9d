#include "penchant/features/series.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/base/portable_math.h"
#include "penchant/features/floor_div.h"

namespace penchant::features {
namespace {

constexpr std::size_t kKeysABlock = 256;
constexpr std::uint32_t kFirstRoom = 4;
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

std::int64_t DecayedSum::term(std::int64_t value, std::int64_t time) const {
  const std::int64_t span = half_life * kSpanHalfLives;
  const std::int64_t begin = floor_div(time, span) * span;
  const double since = static_cast<double>(time - begin) / static_cast<double>(half_life);
  const double counts = static_cast<double>(value) / kUnit * portable_exp2(since) * kDecayedScale;
  if (!(std::abs(counts) < 9e18)) fail_sum();
  return static_cast<std::int64_t>(std::floor(counts + 0.5));
}

std::int64_t DecayedSum::advance(std::int64_t sum, std::int64_t from, std::int64_t to) const {
  const std::int64_t span = half_life * kSpanHalfLives;
  const std::int64_t spans = floor_div(to, span) - floor_div(from, span);
  if (spans <= 0 || sum == 0) return sum;
  const std::int64_t bits = std::min<std::int64_t>(spans, 8) * kSpanHalfLives;
  return bits >= 63 ? 0 : (sum >> bits) + (sum >> (bits - 1) & 1);
}

double DecayedSum::at(std::int64_t sum, std::int64_t last, std::int64_t time) const {
  const std::int64_t span = half_life * kSpanHalfLives;
  const std::int64_t begin = floor_div(last, span) * span;
  const double since = static_cast<double>(time - begin) / static_cast<double>(half_life);
  return static_cast<double>(sum) / kDecayedScale * portable_exp2(-since);
}

// --- lists --------------------------------------------------------------------------------------

std::size_t Series::List::before(std::int64_t time) const { return before(time, size_); }

std::size_t Series::List::before(std::int64_t time, std::size_t end) const {
  const std::int64_t* const first = series_->times().data() + begin_;
  std::size_t low = 0;
  for (std::size_t left = end; left > 0;) {
    const std::size_t half = left / 2;
    const bool below = first[low + half] < time;
    low = below ? low + half + 1 : low;
    left = below ? left - half - 1 : half;
  }
  return low;
}

std::int64_t Series::List::total(std::size_t m, std::size_t rows) const {
  const Measure& measure = series_->layout_.measures[m];
  if (rows == 0) {
    if (measure.kind == Measure::Kind::kLast) return -1;
    const bool bound =
        measure.kind == Measure::Kind::kLowest || measure.kind == Measure::Kind::kHighest;
    return bound ? kNoNumber : 0;
  }
  const std::size_t column = series_->column_[m];
  return measure.narrow() ? series_->narrow_[column][at(rows - 1)]
                          : series_->wide_[column][at(rows - 1)];
}

std::int32_t Series::List::previous(std::size_t m, std::size_t row) const {
  return series_->narrow_[series_->previous_[m]][at(row)];
}

// --- series -------------------------------------------------------------------------------------

Series::Series(SeriesLayout layout) : layout_(std::move(layout)) {
  std::size_t wide = 1 + layout_.values.size();
  std::size_t narrow = 1 + layout_.codes.size();
  for (const Measure& measure : layout_.measures) {
    column_.push_back(measure.narrow() ? narrow++ : wide++);
  }
  for (const Measure& measure : layout_.measures) {
    previous_.push_back(measure.kind == Measure::Kind::kDistinct ? narrow++ : 0);
  }
  wide_.resize(wide);
  narrow_.resize(narrow);
}

std::size_t Series::bytes() const {
  return places_.capacity() * sizeof(Place) + wide_.size() * wide_[0].capacity() * 8 +
         narrow_.size() * narrow_[0].capacity() * 4;
}

void Series::copy_row(const PreparedEvents& events, std::size_t row, std::size_t to) {
  wide_[0][to] = events.times[row];
  for (std::size_t v = 0; v < layout_.values.size(); ++v) {
    wide_[1 + v][to] = events.values[layout_.values[v]][row];
  }
  narrow_[0][to] = static_cast<std::int32_t>(events.filters[row]);
  for (std::size_t c = 0; c < layout_.codes.size(); ++c) {
    narrow_[1 + c][to] = events.codes[layout_.codes[c]][row];
  }
  copy_shares(events, row, to);
}

void Series::copy_shares(const PreparedEvents& events, std::size_t row, std::size_t to) {
  for (std::size_t m = 0; m < layout_.measures.size(); ++m) {
    const Measure& measure = layout_.measures[m];
    if (!measure.adds()) continue;
    const bool counts = (events.filters[row] >> measure.filter & 1U) != 0;
    const std::int64_t value =
        measure.value == Measure::kOne ? 1 : events.values[measure.value][row];
    const bool known = counts && value != kNoNumber;
    if (measure.kind == Measure::Kind::kSum) {
      wide_[column_[m]][to] = known ? value : 0;
    } else {
      narrow_[column_[m]][to] = known ? 1 : 0;
    }
  }
}

// Shares of a whole list become totals.
void Series::add_up(const Place& place) {
  for (std::size_t m = 0; m < layout_.measures.size(); ++m) {
    const Measure& measure = layout_.measures[m];
    if (!measure.adds()) continue;
    if (measure.kind == Measure::Kind::kSum) {
      std::int64_t* const sums = wide_[column_[m]].data() + place.begin;
      for (std::size_t i = 1; i < place.size; ++i) sums[i] = added(sums[i - 1], sums[i]);
    } else {
      std::int32_t* const counts = narrow_[column_[m]].data() + place.begin;
      for (std::size_t i = 1; i < place.size; ++i) counts[i] += counts[i - 1];
    }
  }
}

namespace {

// Rows of a list, and the running total of one measure to be written.
struct Run {
  const std::int64_t* times;
  const std::int32_t* filters;
  const std::int64_t* values;  // null: 1 each
  std::size_t first;
  std::size_t size;

  [[nodiscard]] bool counts(std::size_t row, std::size_t filter) const {
    return (static_cast<std::uint32_t>(filters[row]) >> filter & 1U) != 0;
  }
  [[nodiscard]] std::int64_t value(std::size_t row) const {
    return values == nullptr ? kUnit : values[row];
  }
};

template <class T, class Next>
void run_totals(const Run& run, std::size_t filter, T start, T* out, const Next& next) {
  T total = run.first > 0 ? out[run.first - 1] : start;
  for (std::size_t i = run.first; i < run.size; ++i) {
    if (run.counts(i, filter)) total = next(total, i);
    out[i] = total;
  }
}

void run_wide(const Run& run, const Measure& measure, std::int64_t* out) {
  const std::size_t filter = measure.filter;
  using Kind = Measure::Kind;
  if (measure.kind == Kind::kDecayed) {
    const DecayedSum decayed{measure.half_life};
    for (std::size_t i = run.first; i < run.size; ++i) {
      std::int64_t total = 0;
      if (i > 0) total = decayed.advance(out[i - 1], run.times[i - 1], run.times[i]);
      if (run.counts(i, filter) && run.value(i) != kNoNumber) {
        total = added(total, decayed.term(run.value(i), run.times[i]));
      }
      out[i] = total;
    }
  } else {
    const bool lowest = measure.kind == Kind::kLowest;
    run_totals<std::int64_t>(run, filter, kNoNumber, out, [&](std::int64_t total, std::size_t i) {
      const std::int64_t x = run.value(i);
      if (x == kNoNumber || total == kNoNumber) return total == kNoNumber ? x : total;
      return lowest ? std::min(total, x) : std::max(total, x);
    });
  }
}

// Codes that were seen once before: by number of row, -1 none.
std::int32_t last_of_code(const Run& run, std::size_t filter, const std::int32_t* codes,
                          std::size_t row) {
  for (std::size_t i = row; i-- > 0;) {
    if (codes[i] == codes[row] && run.counts(i, filter)) return static_cast<std::int32_t>(i);
  }
  return -1;
}

}  // namespace

// `seen` is room for where codes were last; it comes and goes filled with -1.
void Series::total_from(const Place& place, std::size_t first, std::vector<std::int32_t>& seen) {
  const auto at = static_cast<std::ptrdiff_t>(place.begin);
  Run run{wide_[0].data() + at, narrow_[0].data() + at, nullptr, first, place.size};
  for (std::size_t m = 0; m < layout_.measures.size(); ++m) {
    const Measure& measure = layout_.measures[m];
    using Kind = Measure::Kind;
    if (measure.adds()) continue;
    run.values = measure.kept == Measure::kOne ? nullptr : wide_[1 + measure.kept].data() + at;
    if (!measure.narrow()) {
      run_wide(run, measure, wide_[column_[m]].data() + at);
      continue;
    }
    std::int32_t* const out = narrow_[column_[m]].data() + at;
    if (measure.kind == Kind::kLast) {
      run_totals<std::int32_t>(run, measure.filter, -1, out, [](std::int32_t, std::size_t i) {
        return static_cast<std::int32_t>(i);
      });
    } else {
      const std::int32_t* const codes = narrow_[1 + measure.code].data() + at;
      std::int32_t* const previous = narrow_[previous_[m]].data() + at;
      const bool whole = first == 0;
      run_totals<std::int32_t>(run, measure.filter, 0, out, [&](std::int32_t total, std::size_t i) {
        if (codes[i] < 0) {
          previous[i] = static_cast<std::int32_t>(i);  // no code: counts nowhere
          return total;
        }
        const auto code = static_cast<std::size_t>(codes[i]);
        if (whole && code >= seen.size()) seen.resize(code + 1, -1);
        previous[i] = whole ? seen[code] : last_of_code(run, measure.filter, codes, i);
        if (whole) seen[code] = static_cast<std::int32_t>(i);
        return total + (previous[i] < 0 ? 1 : 0);
      });
      for (std::size_t i = 0; whole && i < run.size; ++i) {
        // Codes of rows that don't count may lie beyond.
        const auto code = static_cast<std::size_t>(codes[i]);
        if (codes[i] >= 0 && code < seen.size()) seen[code] = -1;
      }
    }
  }
}

void Series::build(const PreparedEvents& events, std::span<const std::int32_t> keys,
                   std::span<const std::uint32_t> order, std::size_t num_keys, int threads) {
  places_.assign(num_keys, {});
  const auto wanted = [&](std::size_t row) {
    return keys[row] >= 0 && (events.filters[row] & layout_.filters) != 0;
  };
  for (std::size_t row = 0; row < keys.size(); ++row) {
    if (wanted(row)) ++places_[static_cast<std::size_t>(keys[row])].room;
  }
  used_ = 0;
  for (Place& place : places_) {
    place.begin = used_;
    used_ += place.room;
  }
  rows_ = used_;
  for (auto& column : wide_) column.resize(used_);
  for (auto& column : narrow_) column.resize(used_);
  // A range of keys each, so that nobody writes where another does.
  const std::size_t parts = static_cast<std::size_t>(resolve_threads(threads));
  parallel_blocks(parts, 1, threads, [&](const Block& block) {
    const std::size_t first = used_ * block.begin / parts;
    const std::size_t end = used_ * block.end / parts;
    for (const std::uint32_t row : order) {
      if (!wanted(row)) continue;
      Place& place = places_[static_cast<std::size_t>(keys[row])];
      if (place.begin < first || place.begin >= end) continue;
      copy_row(events, row, place.begin + place.size++);
    }
  });
  parallel_blocks(num_keys, kKeysABlock, threads, [&](const Block& block) {
    static thread_local std::vector<std::int32_t> seen;
    for (std::size_t key = block.begin; key < block.end; ++key) {
      add_up(places_[key]);
      total_from(places_[key], 0, seen);
    }
  });
}

void Series::make_room(Place& place) {
  if (place.size < place.room) return;
  const std::uint32_t room = std::max(kFirstRoom, std::bit_ceil(place.room + 1));
  const auto kind = static_cast<std::size_t>(std::countr_zero(room));
  if (free_.size() <= kind) free_.resize(kind + 1);
  std::size_t to = used_;
  if (free_[kind].empty()) {
    used_ += room;
    for (auto& column : wide_) column.resize(used_);
    for (auto& column : narrow_) column.resize(used_);
  } else {
    to = free_[kind].back();
    free_[kind].pop_back();
  }
  const auto move = [&](auto& column) {
    std::copy_n(column.begin() + static_cast<std::ptrdiff_t>(place.begin), place.size,
                column.begin() + static_cast<std::ptrdiff_t>(to));
  };
  for (auto& column : wide_) move(column);
  for (auto& column : narrow_) move(column);
  // Rooms of a built series are of any size; those of a power of two are used again.
  if (place.room >= kFirstRoom && std::has_single_bit(place.room)) {
    free_[static_cast<std::size_t>(std::countr_zero(place.room))].push_back(place.begin);
  }
  place.begin = to;
  place.room = room;
}

void Series::open_gap(const Place& place, std::size_t row) {
  const auto shift = [&](auto& column) {
    const auto first = column.begin() + static_cast<std::ptrdiff_t>(place.begin);
    std::copy_backward(first + static_cast<std::ptrdiff_t>(row),
                       first + static_cast<std::ptrdiff_t>(place.size),
                       first + static_cast<std::ptrdiff_t>(place.size + 1));
  };
  for (auto& column : wide_) shift(column);
  for (auto& column : narrow_) shift(column);
}

// The share of `row` goes to its total and to all later ones.
void Series::add_from(const Place& place, std::size_t row) {
  for (std::size_t m = 0; m < layout_.measures.size(); ++m) {
    const Measure& measure = layout_.measures[m];
    if (!measure.adds()) continue;
    if (measure.kind == Measure::Kind::kSum) {
      std::int64_t* const sums = wide_[column_[m]].data() + place.begin;
      const std::int64_t share = sums[row];
      for (std::size_t i = row + 1; i < place.size; ++i) sums[i] = added(sums[i], share);
      if (row > 0) sums[row] = added(sums[row - 1], share);
    } else {
      std::int32_t* const counts = narrow_[column_[m]].data() + place.begin;
      const std::int32_t share = counts[row];
      for (std::size_t i = row + 1; i < place.size; ++i) counts[i] += share;
      if (row > 0) counts[row] += counts[row - 1];
    }
  }
}

void Series::insert(const PreparedEvents& events, std::size_t row, std::size_t key) {
  if ((events.filters[row] & layout_.filters) == 0) return;
  if (key >= places_.size()) places_.resize(key + 1);
  Place& place = places_[key];
  make_room(place);
  const std::size_t to = list(key).before(events.times[row] + 1);
  if (to < place.size) open_gap(place, to);
  ++place.size;
  ++rows_;
  copy_row(events, row, place.begin + to);
  add_from(place, to);
  static thread_local std::vector<std::int32_t> seen;
  // A gap in the middle moved rows that others point at.
  total_from(place, to + 1 == place.size ? to : 0, seen);
}

}  // namespace penchant::features
