#include "penchant/base/rank_kernels.h"

#include <algorithm>
#include <bit>
#include <cmath>
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

template <class D>
HWY_INLINE std::uint32_t bits_of(D d, hn::Mask<D> mask) {
  std::uint8_t bytes[8] = {};
  hn::StoreMaskBits(d, mask, bytes);
  return static_cast<std::uint32_t>(bytes[0]) | static_cast<std::uint32_t>(bytes[1]) << 8;
}

template <class D>
HWY_INLINE std::int64_t total_of(D d, hn::Vec<D> counts) {
  alignas(64) std::int32_t lane[16] = {};
  hn::Store(counts, d, lane);
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
      twice -= total_of(Counts(), c0) + total_of(Counts(), c1);
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
      twice -= total_of(Counts(), c0);
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
    std::uint32_t bits = bits_of(d, hn::Ge(hn::LoadU(d, scores + i), least));
    for (; bits != 0; bits &= bits - 1) {
      positions[found++] = static_cast<std::uint32_t>(i) + std::countr_zero(bits);
    }
  }
  for (; i < n; ++i) {
    if (scores[i] >= floor) positions[found++] = static_cast<std::uint32_t>(i);
  }
  return found;
}

// Rows [from, to) one by one: the tail of a tile, and where vectors have no fixed width.
HWY_INLINE void scan_rows(const Bands& bands, std::size_t from, std::size_t to,
                          BandCounts& counts) {
  const auto thresholds = bands.thresholds;
  for (std::size_t i = from; i < to; ++i) {
    const auto product = static_cast<float>(bands.products[i]);
    const float high = (product + bands.slack) * bands.scales[i];
    const float low = (product - bands.slack) * bands.scales[i];
    if (high >= bands.floor) {
      counts.candidate_rows[counts.candidates++] = static_cast<std::uint16_t>(i);
    }
    if (thresholds.empty()) continue;
    const auto first = std::upper_bound(thresholds.begin(), thresholds.end(), high);
    if (first == std::lower_bound(thresholds.begin(), thresholds.end(), low)) {
      counts.below += thresholds.end() - first;
      counts.above += first == thresholds.end() ? 1 : 0;
    } else {
      counts.unsure_rows[counts.unsure++] = static_cast<std::uint16_t>(i);
    }
  }
}

#if HWY_HAVE_SCALABLE || HWY_TARGET == HWY_SCALAR

void codes_kernel(const float* scores, std::size_t n, float origin, float steps,
                  std::int16_t* codes) {
  for (std::size_t i = 0; i < n; ++i) {
    const float step = std::nearbyint((scores[i] - origin) * steps);
    codes[i] = static_cast<std::int16_t>(std::clamp(step, -32767.0F, 32767.0F));
  }
}

void scan_kernel(const Bands& bands, BandCounts& counts) {
  counts.unsure = counts.candidates = 0;
  scan_rows(bands, 0, bands.products.size(), counts);
}

#else

// Two vectors of scores make one of codes.
using Scores = hn::CappedTag<float, 8>;
using Products = hn::RebindToSigned<Scores>;
using Codes = hn::Repartition<std::int16_t, Scores>;

HWY_INLINE hn::Vec<Codes> codes_of(hn::Vec<Scores> a, hn::Vec<Scores> b, hn::Vec<Scores> origin,
                                   hn::Vec<Scores> steps) {
  const Scores d;
  const auto limit = hn::Set(d, 32767.0F);
  const auto code = [&](hn::Vec<Scores> v) HWY_ATTR {
    const auto step = hn::Mul(hn::Sub(v, origin), steps);
    return hn::NearestInt(hn::Max(hn::Min(step, limit), hn::Neg(limit)));
  };
  return hn::ReorderDemote2To(Codes(), code(a), code(b));
}

// The row of a lane of codes_of: each 16-byte part holds four of the first, four of the second.
HWY_INLINE std::size_t row_of_lane(std::size_t lane) {
  const std::size_t row = lane / 8 * 4 + lane % 4;
  return lane % 8 < 4 ? row : row + hn::Lanes(Scores());
}

void codes_kernel(const float* scores, std::size_t n, float origin, float steps,
                  std::int16_t* codes) {
  const Scores d;
  const std::size_t width = hn::Lanes(d);
  alignas(32) float in[8] = {};
  alignas(32) std::int16_t out[16];
  for (std::size_t i = 0; i < n; i += width) {
    const std::size_t count = std::min(width, n - i);
    std::copy_n(scores + i, count, in);
    const auto v = hn::Load(d, in);
    hn::Store(codes_of(v, v, hn::Set(d, origin), hn::Set(d, steps)), Codes(), out);
    for (std::size_t lane = 0; lane < 2 * width; ++lane) {
      const std::size_t row = row_of_lane(lane);
      if (row < count) codes[i + row] = out[lane];
    }
  }
}

void scan_kernel(const Bands& bands, BandCounts& counts) {
  const Scores d;
  const Products di;
  const Codes d16;
  constexpr std::size_t kWidth = hn::MaxLanes(Scores());
  constexpr std::size_t kStep = 2 * kWidth;
  const std::size_t n = bands.thresholds.size();
  const auto slack = hn::Set(d, bands.slack);
  const auto floor = hn::Set(d, bands.floor);
  const auto lowest = hn::Set(d, n == 0 ? bands.floor : std::min(bands.floor, bands.thresholds[0]));
  const auto origin = hn::Set(d, n == 0 ? 0.0F : bands.codes->origin);
  const auto steps = hn::Set(d, n == 0 ? 0.0F : bands.codes->steps);
  const auto all = hn::Set(d16, static_cast<std::int16_t>(-static_cast<int>(n)));
  const auto ones = hn::Set(d16, std::int16_t{1});
  auto below = hn::Zero(di);  // minus the pairs; of each vector's lanes only the sum matters
  auto above = hn::Zero(di);
  auto below_rest = hn::Zero(di);
  auto above_rest = hn::Zero(di);
  std::int64_t under_all = 0;
  std::size_t unsure = 0;
  std::size_t candidates = 0;
  std::size_t i = 0;
  for (; i + kStep <= bands.products.size(); i += kStep) {
    const auto p0 = hn::ConvertTo(d, hn::LoadU(di, bands.products.data() + i));
    const auto p1 = hn::ConvertTo(d, hn::LoadU(di, bands.products.data() + i + kWidth));
    const auto scale0 = hn::LoadU(d, bands.scales.data() + i);
    const auto scale1 = hn::LoadU(d, bands.scales.data() + i + kWidth);
    const auto high0 = hn::Mul(hn::Add(p0, slack), scale0);
    const auto high1 = hn::Mul(hn::Add(p1, slack), scale1);
    if (hn::AllTrue(d, hn::Lt(hn::Max(high0, high1), lowest))) {
      under_all += kStep;  // most of a catalogue is below all that matters
      continue;
    }
    std::uint32_t bits = bits_of(d, hn::Ge(high0, floor)) | bits_of(d, hn::Ge(high1, floor))
                                                                << kWidth;
    for (; bits != 0; bits &= bits - 1) {
      counts.candidate_rows[candidates++] =
          static_cast<std::uint16_t>(i + static_cast<std::size_t>(std::countr_zero(bits)));
    }
    if (n == 0) continue;
    const auto low = codes_of(hn::Mul(hn::Sub(p0, slack), scale0),
                              hn::Mul(hn::Sub(p1, slack), scale1), origin, steps);
    const auto high = codes_of(high0, high1, origin, steps);
    auto under = hn::Zero(d16);  // minus the thresholds that the row is surely below
    auto over = hn::Zero(d16);   // minus those it is surely above
    for (const std::int16_t each : bands.codes->thresholds) {
      const auto threshold = hn::Set(d16, each);
      under = hn::Add(under, hn::VecFromMask(d16, hn::Lt(high, threshold)));
      over = hn::Add(over, hn::VecFromMask(d16, hn::Gt(low, threshold)));
    }
    const auto sure = hn::Eq(hn::Add(under, over), all);
    under = hn::IfThenElseZero(sure, under);
    below = hn::ReorderWidenMulAccumulate(di, under, ones, below, below_rest);
    over = hn::VecFromMask(d16, hn::Eq(over, all));
    above = hn::ReorderWidenMulAccumulate(di, over, ones, above, above_rest);
    for (bits = bits_of(d16, hn::Not(sure)); bits != 0; bits &= bits - 1) {
      counts.unsure_rows[unsure++] = static_cast<std::uint16_t>(
          i + row_of_lane(static_cast<std::size_t>(std::countr_zero(bits))));
    }
  }
  counts.below +=
      under_all * static_cast<std::int64_t>(n) - total_of(di, below) - total_of(di, below_rest);
  counts.above -= total_of(di, above) + total_of(di, above_rest);
  counts.unsure = unsure;
  counts.candidates = candidates;
  scan_rows(bands, i, bands.products.size(), counts);
}

#endif

}  // namespace penchant::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "penchant/base/error.h"

namespace penchant {

HWY_EXPORT(twice_below_kernel);
HWY_EXPORT(select_kernel);
HWY_EXPORT(codes_kernel);
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

BandCodes band_codes(std::span<const float> thresholds, float coarse) {
  BandCodes out;
  if (thresholds.empty()) return out;
  // In halves, so that nothing overflows.
  const float half = thresholds.back() / 2 - thresholds.front() / 2;
  out.origin = thresholds.front() / 2 + thresholds.back() / 2;
  out.steps = 30000.0F / std::max({half, coarse, 1e-30F});
  out.thresholds.resize(thresholds.size());
  HWY_DYNAMIC_DISPATCH(codes_kernel)
  (thresholds.data(), thresholds.size(), out.origin, out.steps, out.thresholds.data());
  return out;
}

void scan_bands(const Bands& bands, BandCounts& counts) {
  check_argument(bands.products.size() == bands.scales.size() && bands.products.size() <= kBandRows,
                 "scan_bands: ", bands.products.size(), " products, ", bands.scales.size(),
                 " scales");
  check_argument(
      bands.thresholds.empty() ||
          (bands.codes != nullptr && bands.codes->thresholds.size() == bands.thresholds.size() &&
           bands.thresholds.size() <= kMostThresholds),
      "scan_bands: ", bands.thresholds.size(), " thresholds, but not their codes");
  HWY_DYNAMIC_DISPATCH(scan_kernel)(bands, counts);
}

}  // namespace penchant
#endif  // HWY_ONCE
