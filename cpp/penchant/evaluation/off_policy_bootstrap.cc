#include "penchant/evaluation/off_policy_bootstrap.h"

#include <algorithm>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/evaluation/off_policy_bootstrap.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

// Shared by every target's copy of the kernels.
#ifndef PENCHANT_OFF_POLICY_BOOTSTRAP_LAYOUT
#define PENCHANT_OFF_POLICY_BOOTSTRAP_LAYOUT
namespace penchant::evaluation {

constexpr std::size_t kTile = 128;         // resamples side by side: eight counters of 128 bits
constexpr std::size_t kSteps = 8;          // counters a row and tile
constexpr std::size_t kRowsAtOnce = 16;    // whose counts stay in the first cache; even
constexpr std::size_t kPair = 2 * kSteps;  // counters of two rows, made together
constexpr std::size_t kThresholds = 5;
constexpr std::uint8_t kThreshold[kThresholds] = {94, 189, 235, 251, 255};

struct PoissonKey {
  std::uint64_t seed;
  std::uint32_t stream;
};

}  // namespace penchant::evaluation
#endif

HWY_BEFORE_NAMESPACE();
namespace penchant::evaluation::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Words = hn::CappedTag<std::uint32_t, kPair>;
using Bytes = hn::CappedTag<std::int8_t, 64>;
using Reals = hn::CappedTag<double, 8>;

// High and low halves of the products of all lanes.
template <class V>
HWY_INLINE void multiply_wide(V a, V factor, V& high, V& low) {
  const Words d;
  const hn::RepartitionToWide<Words> wide;
  const auto even = hn::MulEven(a, factor);
  const auto odd = hn::MulEven(hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(wide, a))), factor);
  low = hn::OddEven(hn::BitCast(d, hn::ShiftLeft<32>(odd)), hn::BitCast(d, even));
  high = hn::OddEven(hn::BitCast(d, odd), hn::BitCast(d, hn::ShiftRight<32>(even)));
}

// Philox4x32-10 as in base/random.h, of an even row and the next: word j of step s of the first
// lands at words[j * kPair + s], of the second at words[j * kPair + kSteps + s].
HWY_INLINE void pair_words(const PoissonKey& key, std::uint64_t row, std::size_t tile,
                           std::uint32_t* HWY_RESTRICT words) {
  const Words d;
  const auto left_factor = hn::Set(d, 0xD2511F53U);
  const auto right_factor = hn::Set(d, 0xCD9E8D57U);
  for (std::size_t s = 0; s < kPair; s += hn::Lanes(d)) {
    const auto place = hn::Iota(d, static_cast<std::uint32_t>(s));
    auto c0 = hn::Add(hn::Set(d, static_cast<std::uint32_t>(row)), hn::ShiftRight<3>(place));
    auto c1 = hn::Set(d, static_cast<std::uint32_t>(row >> 32));
    auto c2 = hn::Add(hn::Set(d, static_cast<std::uint32_t>(tile * kSteps)),
                      hn::And(place, hn::Set(d, kSteps - 1)));
    auto c3 = hn::Set(d, key.stream);
    auto key0 = static_cast<std::uint32_t>(key.seed);
    auto key1 = static_cast<std::uint32_t>(key.seed >> 32);
    for (int round = 0; round < 10; ++round) {
      auto left_high = c0;
      auto left_low = c0;
      auto right_high = c0;
      auto right_low = c0;
      multiply_wide(c0, left_factor, left_high, left_low);
      multiply_wide(c2, right_factor, right_high, right_low);
      c0 = hn::Xor(hn::Xor(right_high, c1), hn::Set(d, key0));
      c1 = right_low;
      c2 = hn::Xor(hn::Xor(left_high, c3), hn::Set(d, key1));
      c3 = left_low;
      key0 += 0x9E3779B9U;
      key1 += 0xBB67AE85U;
    }
    hn::Store(c0, d, words + s);
    hn::Store(c1, d, words + kPair + s);
    hn::Store(c2, d, words + 2 * kPair + s);
    hn::Store(c3, d, words + 3 * kPair + s);
  }
}

// Eight bits a count, in the order they lie in memory, which is that of the resamples; counts
// [2][kTile] of the two rows, of which the first `resamples` are asked for.
HWY_INLINE void pair_counts(const std::uint32_t* HWY_RESTRICT words, std::size_t resamples,
                            double* HWY_RESTRICT counts) {
  const Bytes d;
  const Reals real;
  const hn::Rebind<std::int32_t, Reals> whole;
  const hn::Rebind<std::int8_t, Reals> narrow;
  constexpr std::size_t kWordBytes = 4 * kSteps;  // of one word of a row's counters
  alignas(64) std::int8_t taken[2 * kTile];
  const auto* bits = reinterpret_cast<const std::int8_t*>(words);
  const auto flip = hn::Set(d, static_cast<std::int8_t>(-0x80));  // signed order from unsigned
  for (std::size_t i = 0; i < 2 * kTile; i += hn::Lanes(d)) {
    const auto value = hn::Xor(hn::Load(d, bits + i), flip);
    auto count = hn::Zero(d);
    for (const std::uint8_t threshold : kThreshold) {
      const auto below = hn::Set(d, static_cast<std::int8_t>((threshold - 1) ^ 0x80));
      count = hn::Sub(count, hn::VecFromMask(d, hn::Gt(value, below)));
    }
    hn::Store(count, d, taken + i);
  }
  for (std::size_t i = 0; i < 2 * kTile; i += hn::Lanes(real)) {
    const std::size_t row = i / kWordBytes % 2;
    const std::size_t at = i / (2 * kWordBytes) * kWordBytes + i % kWordBytes;
    if (at >= resamples) continue;
    const auto wide = hn::PromoteTo(whole, hn::Load(narrow, taken + i));
    hn::Store(hn::PromoteTo(real, wide), real, counts + row * kTile + at);
  }
}

// Adds counts[r][resample] * table[r][column] of the rows to sums[column][resample], for four
// columns or two; a lane belongs to a resample, so the order of additions is that of the rows.
template <std::size_t kColumns>
HWY_INLINE void add_columns(const double* HWY_RESTRICT counts, const double* HWY_RESTRICT table,
                            std::size_t rows, std::size_t columns, std::size_t resamples,
                            double* HWY_RESTRICT sums) {
  const Reals d;
  for (std::size_t i = 0; i < resamples; i += hn::Lanes(d)) {
    auto s0 = hn::Load(d, sums + i);
    auto s1 = hn::Load(d, sums + kTile + i);
    auto s2 = s0;
    auto s3 = s0;
    if constexpr (kColumns == 4) {
      s2 = hn::Load(d, sums + 2 * kTile + i);
      s3 = hn::Load(d, sums + 3 * kTile + i);
    }
    const double* value = table;
    for (std::size_t r = 0; r < rows; ++r, value += columns) {
      const auto count = hn::Load(d, counts + r * kTile + i);
      s0 = hn::Add(s0, hn::Mul(count, hn::Set(d, value[0])));
      s1 = hn::Add(s1, hn::Mul(count, hn::Set(d, value[1])));
      if constexpr (kColumns == 4) {
        s2 = hn::Add(s2, hn::Mul(count, hn::Set(d, value[2])));
        s3 = hn::Add(s3, hn::Mul(count, hn::Set(d, value[3])));
      }
    }
    hn::Store(s0, d, sums + i);
    hn::Store(s1, d, sums + kTile + i);
    if constexpr (kColumns == 4) {
      hn::Store(s2, d, sums + 2 * kTile + i);
      hn::Store(s3, d, sums + 3 * kTile + i);
    }
  }
}

// Adds to sums [columns][kTile], of an even number of columns, the table's rows first_row (even)
// and following, for the tile's first `resamples`.
void add_rows_kernel(const PoissonKey& key, std::uint64_t first_row, std::size_t tile,
                     std::size_t resamples, const double* table, std::size_t rows,
                     std::size_t columns, double* sums) {
  alignas(64) std::uint32_t words[kTile / 2];
  alignas(64) double counts[kRowsAtOnce * kTile];
  for (std::size_t begin = 0; begin < rows; begin += kRowsAtOnce) {
    const std::size_t here = std::min(kRowsAtOnce, rows - begin);
    for (std::size_t r = 0; r < here; r += 2) {
      pair_words(key, first_row + begin + r, tile, words);
      pair_counts(words, resamples, counts + r * kTile);
    }
    const double* values = table + begin * columns;
    std::size_t c = 0;
    for (; c + 4 <= columns; c += 4) {
      add_columns<4>(counts, values + c, here, columns, resamples, sums + c * kTile);
    }
    if (c < columns) {
      add_columns<2>(counts, values + c, here, columns, resamples, sums + c * kTile);
    }
  }
}

}  // namespace penchant::evaluation::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "penchant/base/error.h"

namespace penchant::evaluation {

HWY_EXPORT(add_rows_kernel);

namespace {
constexpr std::uint32_t kStreamPoisson = 0x0B008;  // separates these draws from other uses
constexpr int kMostResamples = 1'000'000;
}  // namespace

std::uint8_t poisson_count(std::uint8_t bits) {
  return static_cast<std::uint8_t>(std::count_if(kThreshold, kThreshold + kThresholds,
                                                 [&](std::uint8_t from) { return bits >= from; }));
}

Interval percentile_interval(double value, std::vector<double>& draws, double confidence) {
  if (draws.empty()) {
    constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
    return {value, kUndefined, kUndefined};
  }
  std::sort(draws.begin(), draws.end());
  const auto quantile = [&](double share) {
    const auto last = static_cast<double>(draws.size() - 1);
    const double place = std::clamp(share * (last + 2) - 1, 0.0, last);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, draws.size() - 1);
    return draws[below] + (place - static_cast<double>(below)) * (draws[above] - draws[below]);
  };
  const double tail = (1 - confidence) / 2;
  return {value, quantile(tail), quantile(1 - tail)};
}

PoissonSums::PoissonSums(std::size_t columns, const PoissonOptions& options)
    : columns_(columns), seed_(options.seed) {
  check_argument(options.resamples >= 1 && options.resamples <= kMostResamples,
                 "resamples must be from 1 to ", kMostResamples, "; it is ", options.resamples);
  check_argument(columns % 2 == 0, "PoissonSums: the columns must be even in number");
  resamples_ = static_cast<std::size_t>(options.resamples);
  sums_.resize((resamples_ + kTile - 1) / kTile * columns * kTile);
}

void PoissonSums::add(std::uint64_t first_row, MatrixView<const double> table) {
  check_argument(first_row % 2 == 0 && table.columns == columns_,
                 "PoissonSums: rows must begin at an even one, with ", columns_, " columns");
  const PoissonKey key{seed_, kStreamPoisson};
  for (std::size_t tile = 0; tile * kTile < resamples_; ++tile) {
    const std::size_t here = std::min(kTile, resamples_ - tile * kTile);
    HWY_DYNAMIC_DISPATCH(add_rows_kernel)
    (key, first_row, tile, here, table.data, table.rows, columns_,
     sums_.data() + tile * columns_ * kTile);
  }
}

void PoissonSums::merge(const PoissonSums& other) {
  for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] += other.sums_[i];
}

double PoissonSums::sum(std::size_t resample, std::size_t column) const {
  return sums_[(resample / kTile * columns_ + column) * kTile + resample % kTile];
}

}  // namespace penchant::evaluation
#endif  // HWY_ONCE
