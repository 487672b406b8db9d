// What is read of a key's rows: those of the series below, then its own.

#include <algorithm>
#include <array>
#include <cstring>

#include "penchant/features/series.h"

namespace penchant::features {

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
  const std::size_t group = (end - 1) / kMarked;
  const std::size_t from = std::max(begin, group * kMarked);
  const std::size_t marked = from > begin ? marks_[group * counted_.size() + flag.mark] : 0;
  return marked + bits_in(flags_[flag.plane].data() + from, end - from, flag.bit);
}

// A group's flags are loaded once, as eight words without those of other rows: what is added is the
// same work for any number of rows.
void Series::add_flags(std::span<const std::size_t> measures, std::size_t begin, std::size_t end,
                       std::span<std::uint32_t* const> out, std::size_t at) const {
  constexpr std::size_t kWords = kMarked / 8;
  if (end <= begin) return;
  const std::size_t group = (end - 1) / kMarked;
  const std::size_t from = std::max(begin, group * kMarked);
  const std::size_t rows = end - from;
  const std::uint32_t* const marks =
      from > begin ? marks_.data() + group * counted_.size() : nullptr;
  std::array<std::uint64_t, kWords> words;
  std::size_t plane = flags_.size();
  for (std::size_t k = 0; k < measures.size(); ++k) {
    const Flag& flag = flag_[measures[k]];
    if (flag.plane != plane) {
      plane = flag.plane;
      std::memcpy(words.data(), flags_[plane].data() + from, sizeof words);
      for (std::size_t w = 0; w < kWords; ++w) {
        const std::size_t kept = 8 * std::min<std::size_t>(rows - std::min(rows, 8 * w), 8);
        words[w] &= kept == 0 ? 0 : ~std::uint64_t{0} >> (64 - kept);
      }
    }
    std::uint64_t sums = 0;
    for (std::size_t w = 0; w < kWords; ++w) sums += words[w] >> flag.bit & kOnes;
    out[k][at] +=
        static_cast<std::uint32_t>(sums * kOnes >> 56) + (marks == nullptr ? 0 : marks[flag.mark]);
  }
}

std::int64_t Series::last_flag(const Flag& flag, std::size_t begin, std::size_t end) const {
  const std::uint8_t* const bytes = flags_[flag.plane].data();
  const auto found = [&](std::size_t from, std::size_t to) {
    while (to > from && (bytes[to - 1] >> flag.bit & 1U) == 0) --to;
    return to;
  };
  if (end <= begin) return -1;
  std::size_t group = (end - 1) / kMarked;
  std::size_t from = std::max(begin, group * kMarked);
  std::size_t to = found(from, end);
  if (to == from && from > begin) {
    // The last group of which something is counted: the first that begins with as many.
    const auto marked = [&](std::size_t g) { return marks_[g * counted_.size() + flag.mark]; };
    const std::uint32_t most = marked(group);
    if (most == 0) return -1;
    std::size_t low = begin / kMarked + 1;
    while (low < group) {
      const std::size_t middle = low + (group - low) / 2;
      if (marked(middle) == most) {
        group = middle;
      } else {
        low = middle + 1;
      }
    }
    from = std::max(begin, (group - 1) * kMarked);
    to = found(from, group * kMarked);
  }
  return to == from ? -1 : static_cast<std::int64_t>(to - 1 - begin);
}

std::size_t Series::first_flag(const Flag& flag, std::size_t begin, std::size_t row,
                               std::size_t end) const {
  const std::size_t near = std::min(end, row + kMarked);
  for (std::size_t i = row; i < near; ++i) {
    if (flagged(flag, i)) return i;
  }
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

// Only of groups whose first row is the list's, but not its first.
void Series::mark_from(const Place& place, std::size_t row) {
  if (counted_.empty()) return;
  const std::size_t first =
      std::max((place.begin + row + kMarked - 1) / kMarked, place.begin / kMarked + 1);
  for (std::size_t g = first; g * kMarked < place.begin + place.size; ++g) {
    for (const Flag& flag : counted_) {
      marks_[g * counted_.size() + flag.mark] =
          static_cast<std::uint32_t>(flags_before(flag, place.begin, g * kMarked));
    }
  }
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
  if (end <= least || this->time(end - 1) < time) return end;
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
  const Series::Flag& flag = series_->flag_[m];
  if (end <= begin) return 0;
  if (end - begin <= kMarked && (begin >= cut_ || end <= cut_)) {
    return bits_in(owner(begin).flags_[flag.plane].data() + at(begin), end - begin, flag.bit);
  }
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
    const std::size_t last = at(row);
    for (const auto& plane : of.flags_) __builtin_prefetch(plane.data() + last);
    if (row >= kMarked) {
      __builtin_prefetch(of.marks_.data() + last / kMarked * of.counted_.size());
    }
  };
  ask(rows - 1);
  if (cut_ > 0 && rows > cut_) ask(cut_ - 1);
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
