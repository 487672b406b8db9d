#include "penchant/base/rank_kernels.h"

#include <algorithm>
#include <bit>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/base/rank_kernels.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace penchant::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using Counts = hn::RebindToSigned<Floats>;

// -1 where the mask is set, so that subtracting counts.
template <class Mask>
HWY_INLINE hn::Vec<Counts> minus_one(Mask mask) {
  return hn::BitCast(Counts(), hn::VecFromMask(Floats(), mask));
}

template <class Mask>
HWY_INLINE std::uint32_t bits_of(Mask mask) {
  std::uint8_t bytes[8] = {};
  hn::StoreMaskBits(Floats(), mask, bytes);
  return static_cast<std::uint32_t>(bytes[0]) | static_cast<std::uint32_t>(bytes[1]) << 8;
}

HWY_INLINE std::int64_t total_of(hn::Vec<Counts> counts) {
  alignas(64) std::int32_t lane[16] = {};
  hn::Store(counts, Counts(), lane);
  std::int64_t sum = 0;
  for (const std::int32_t each : lane) sum += each;
  return sum;
}

std::int64_t twice_below_kernel(const float* scores, std::size_t n, const float* thresholds,
                                std::size_t num_thresholds) {
  const Floats d;
  const std::size_t width = hn::Lanes(d);
  constexpr std::size_t kTile = 4096;  // stays in the first-level cache
  std::int64_t twice = 0;
  for (std::size_t begin = 0; begin < n; begin += kTile) {
    const std::size_t end = std::min(n, begin + kTile);
    std::size_t t = 0;
    const auto count_from = [&](std::size_t from, float threshold) HWY_ATTR {
      for (std::size_t i = from; i < end; ++i) {
        twice += (scores[i] < threshold ? 1 : 0) + (scores[i] <= threshold ? 1 : 0);
      }
    };
    for (; t + 2 <= num_thresholds; t += 2) {  // two at once halve the loads
      const auto t0 = hn::Set(d, thresholds[t]);
      const auto t1 = hn::Set(d, thresholds[t + 1]);
      auto c0 = hn::Zero(Counts());
      auto c1 = hn::Zero(Counts());
      std::size_t i = begin;
      for (; i + width <= end; i += width) {
        const auto s = hn::LoadU(d, scores + i);
        c0 = hn::Add(c0, hn::Add(minus_one(hn::Lt(s, t0)), minus_one(hn::Le(s, t0))));
        c1 = hn::Add(c1, hn::Add(minus_one(hn::Lt(s, t1)), minus_one(hn::Le(s, t1))));
      }
      twice -= total_of(c0) + total_of(c1);
      count_from(i, thresholds[t]);
      count_from(i, thresholds[t + 1]);
    }
    if (t < num_thresholds) {
      const auto t0 = hn::Set(d, thresholds[t]);
      auto c0 = hn::Zero(Counts());
      std::size_t i = begin;
      for (; i + width <= end; i += width) {
        const auto s = hn::LoadU(d, scores + i);
        c0 = hn::Add(c0, hn::Add(minus_one(hn::Lt(s, t0)), minus_one(hn::Le(s, t0))));
      }
      twice -= total_of(c0);
      count_from(i, thresholds[t]);
    }
  }
  return twice;
}

std::size_t select_kernel(const float* scores, std::size_t n, float floor,
                          std::uint32_t* positions) {
  const Floats d;
  const std::size_t width = hn::Lanes(d);
  const auto least = hn::Set(d, floor);
  std::size_t found = 0;
  std::size_t i = 0;
  for (; i + width <= n; i += width) {
    std::uint32_t bits = bits_of(hn::Ge(hn::LoadU(d, scores + i), least));
    for (; bits != 0; bits &= bits - 1) {
      positions[found++] = static_cast<std::uint32_t>(i) + std::countr_zero(bits);
    }
  }
  for (; i < n; ++i) {
    if (scores[i] >= floor) positions[found++] = static_cast<std::uint32_t>(i);
  }
  return found;
}

void scan_kernel(const Bands& bands, BandCounts& counts) {
  const Floats d;
  const Counts di;
  const std::size_t width = hn::Lanes(d);
  const float* thresholds = bands.thresholds.data();
  const std::size_t n = bands.thresholds.size();
  const float infinity = std::numeric_limits<float>::infinity();
  const auto slack = hn::Set(d, bands.slack);
  const auto floor = hn::Set(d, bands.floor);
  const auto lowest = hn::Set(d, std::min(bands.floor, n == 0 ? infinity : thresholds[0]));
  const auto last = hn::Set(d, n == 0 ? infinity : thresholds[n - 1]);
  auto below = hn::Zero(di);
  auto above = hn::Zero(di);
  std::int64_t under_all = 0;
  std::size_t unsure = 0;
  std::size_t candidates = 0;
  for (std::size_t i = 0; i < bands.products.size(); i += width) {
    const auto product = hn::ConvertTo(d, hn::LoadU(di, bands.products.data() + i));
    const auto scale = hn::LoadU(d, bands.scales.data() + i);
    const auto middle = hn::Mul(product, scale);
    const auto half = hn::Mul(slack, scale);
    const auto high = hn::Add(middle, half);
    if (hn::AllTrue(d, hn::Lt(high, lowest))) {  // most of a catalogue is below all that matters
      under_all += static_cast<std::int64_t>(width);
      continue;
    }
    const auto low = hn::Sub(middle, half);
    for (std::uint32_t bits = bits_of(hn::Ge(high, floor)); bits != 0; bits &= bits - 1) {
      counts.candidate_rows[candidates++] =
          static_cast<std::uint16_t>(i + static_cast<std::size_t>(std::countr_zero(bits)));
    }
    if (n == 0) continue;
    auto surely = hn::Zero(di);    // minus the thresholds above the whole band
    auto possibly = hn::Zero(di);  // minus the thresholds not below the whole band
    for (std::size_t t = 0; t < n; ++t) {
      const auto threshold = hn::Set(d, thresholds[t]);
      surely = hn::Add(surely, minus_one(hn::Lt(high, threshold)));
      possibly = hn::Add(possibly, minus_one(hn::Le(low, threshold)));
    }
    const auto sure = hn::Eq(surely, possibly);
    below = hn::Sub(below, hn::IfThenElseZero(sure, surely));
    const auto top = hn::BitCast(di, hn::VecFromMask(d, hn::Gt(low, last)));
    above = hn::Sub(above, hn::IfThenElseZero(sure, top));
    const auto open = hn::MaskFromVec(hn::BitCast(d, hn::VecFromMask(di, hn::Not(sure))));
    for (std::uint32_t bits = bits_of(open); bits != 0; bits &= bits - 1) {
      counts.unsure_rows[unsure++] =
          static_cast<std::uint16_t>(i + static_cast<std::size_t>(std::countr_zero(bits)));
    }
  }
  counts.below += under_all * static_cast<std::int64_t>(n) + total_of(below);
  counts.above += total_of(above);
  counts.unsure = unsure;
  counts.candidates = candidates;
}

}  // namespace penchant::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "penchant/base/error.h"

namespace penchant {

HWY_EXPORT(twice_below_kernel);
HWY_EXPORT(select_kernel);
HWY_EXPORT(scan_kernel);

std::int64_t twice_below(std::span<const float> scores, std::span<const float> thresholds) {
  return HWY_DYNAMIC_DISPATCH(twice_below_kernel)(scores.data(), scores.size(), thresholds.data(),
                                                  thresholds.size());
}

std::size_t select_not_below(std::span<const float> scores, float floor,
                             std::span<std::uint32_t> positions) {
  check_argument(positions.size() >= scores.size(), "select_not_below: room for ", positions.size(),
                 " positions of ", scores.size());
  return HWY_DYNAMIC_DISPATCH(select_kernel)(scores.data(), scores.size(), floor, positions.data());
}

void scan_bands(const Bands& bands, BandCounts& counts) {
  check_argument(bands.products.size() == bands.scales.size() &&
                     bands.products.size() <= kBandRows && bands.products.size() % 16 == 0,
                 "scan_bands: ", bands.products.size(), " products, ", bands.scales.size(),
                 " scales");
  HWY_DYNAMIC_DISPATCH(scan_kernel)(bands, counts);
}

}  // namespace penchant
#endif  // HWY_ONCE
