#include "penchant/features/below_counter.h"

#include <algorithm>
#include <bit>

namespace penchant::features {

BelowCounter::BelowCounter(std::span<const std::int32_t> values) : size_(values.size()) {
  constexpr std::size_t kBits = 64 * kWords;
  std::vector<std::uint32_t> rows(size_);
  std::uint32_t most = 0;
  for (std::size_t i = 0; i < size_; ++i) {
    rows[i] = static_cast<std::uint32_t>(values[i] + 1);
    most = std::max(most, rows[i]);
  }
  std::vector<std::uint32_t> next(size_);
  levels_.resize(static_cast<std::size_t>(std::bit_width(most)));
  for (std::size_t l = 0; l < levels_.size(); ++l) {
    Level& level = levels_[l];
    const std::size_t shift = levels_.size() - 1 - l;
    level.lines.resize(size_ / kBits + 1);
    std::size_t ones = 0;
    for (std::size_t i = 0; i < size_; ++i) ones += rows[i] >> shift & 1U;
    level.zeros = size_ - ones;
    std::size_t zero = 0;
    std::size_t one = level.zeros;
    for (std::size_t n = 0; n < level.lines.size(); ++n) {
      Line& line = level.lines[n];
      line.before = one - level.zeros;
      const std::size_t end = std::min(size_, (n + 1) * kBits);
      for (std::size_t i = n * kBits; i < end; ++i) {
        const std::uint64_t bit = rows[i] >> shift & 1U;
        line.words[i % kBits / 64] |= bit << (i % 64);
        next[bit == 0 ? zero : one] = rows[i];
        zero += 1 - bit;
        one += bit;
      }
    }
    std::swap(rows, next);
  }
}

std::size_t BelowCounter::Level::ones_before(std::size_t row) const {
  const Line& line = lines[row / (64 * kWords)];
  const std::size_t bits = row % (64 * kWords);
  std::size_t out = line.before;
  for (std::size_t w = 0; w < bits / 64; ++w) {
    out += static_cast<std::size_t>(std::popcount(line.words[w]));
  }
  if (bits % 64 == 0) return out;
  return out + static_cast<std::size_t>(std::popcount(line.words[bits / 64] << (64 - bits % 64)));
}

std::size_t BelowCounter::count(std::size_t begin, std::size_t end, std::int32_t bound) const {
  if (end <= begin || bound < 0) return 0;
  const auto below = static_cast<std::uint32_t>(bound) + 1;
  if (static_cast<std::size_t>(std::bit_width(below)) > levels_.size()) return end - begin;
  std::size_t out = 0;
  for (std::size_t l = 0; l < levels_.size() && begin < end; ++l) {
    const Level& level = levels_[l];
    const std::size_t first = level.ones_before(begin);
    const std::size_t last = level.ones_before(end);
    if ((below >> (levels_.size() - 1 - l) & 1U) != 0) {
      out += (end - last) - (begin - first);
      begin = level.zeros + first;
      end = level.zeros + last;
    } else {
      begin -= first;
      end -= last;
    }
  }
  return out;
}

std::size_t BelowCounter::bytes() const {
  std::size_t out = sizeof *this + levels_.capacity() * sizeof(Level);
  for (const Level& level : levels_) out += level.lines.capacity() * sizeof(Line);
  return out;
}

}  // namespace penchant::features
