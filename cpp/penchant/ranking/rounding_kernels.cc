#include "penchant/ranking/rounding_kernels.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/ranking/rounding_kernels.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace penchant::ranking::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Halves = hn::ScalableTag<std::uint32_t>;
using Words = hn::ScalableTag<std::uint64_t>;
using W = hn::Vec<Words>;

DerivativeRange range_kernel(const float* gradients, const float* hessians, std::size_t count) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  auto gradient = hn::Zero(d);
  auto most = hn::Set(d, hessians[0]);
  auto least = most;
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    gradient = hn::Max(gradient, hn::Abs(hn::LoadU(d, gradients + i)));
    const auto h = hn::LoadU(d, hessians + i);
    most = hn::Max(most, h);
    least = hn::Min(least, h);
  }
  DerivativeRange range{hn::GetLane(hn::MaxOfLanes(d, gradient)),
                        hn::GetLane(hn::MaxOfLanes(d, most)),
                        hn::GetLane(hn::MinOfLanes(d, least))};
  for (; i < count; ++i) {
    range.gradient = std::max(range.gradient, std::abs(gradients[i]));
    range.hessian = std::max(range.hessian, hessians[i]);
    range.least_hessian = std::min(range.least_hessian, hessians[i]);
  }
  return range;
}

// One round of Philox4x32 on numbers in the low halves of words; the high halves are anything.
HWY_INLINE void philox_round(W& c0, W& c1, W& c2, W& c3, W key0, W key1) {
  const Words d;
  const Halves half;
  const W left = hn::MulEven(hn::BitCast(half, hn::Set(d, 0xD2511F53U)), hn::BitCast(half, c0));
  const W right = hn::MulEven(hn::BitCast(half, hn::Set(d, 0xCD9E8D57U)), hn::BitCast(half, c2));
  c0 = hn::Xor(hn::Xor(hn::ShiftRight<32>(right), c1), key0);
  c2 = hn::Xor(hn::Xor(hn::ShiftRight<32>(left), c3), key1);
  c1 = right;
  c3 = left;
}

// Random bits of 4 * Lanes(Words) rows, in their order.
HWY_INLINE void draw(const RoundingRule& rule, std::size_t row, std::uint32_t* HWY_RESTRICT bits) {
  const Words d;
  const W entity = hn::Add(hn::Iota(d, 0), hn::Set(d, row / 4));
  W c0 = entity;
  W c1 = hn::ShiftRight<32>(entity);
  W c2 = hn::Set(d, rule.iteration);
  W c3 = hn::Set(d, kStreamRounding);
  auto key0 = static_cast<std::uint32_t>(rule.seed);
  auto key1 = static_cast<std::uint32_t>(rule.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    philox_round(c0, c1, c2, c3, hn::Set(d, key0), hn::Set(d, key1));
    key0 += 0x9E3779B9U;
    key1 += 0xBB67AE85U;
  }
  const W low = hn::Set(d, 0xffffffffU);
  const W first = hn::Or(hn::And(c0, low), hn::ShiftLeft<32>(c1));
  const W second = hn::Or(hn::And(c2, low), hn::ShiftLeft<32>(c3));
  static_assert(std::endian::native == std::endian::little);
  hn::StoreInterleaved2(first, second, d, reinterpret_cast<std::uint64_t*>(bits));
}

void round_kernel(const RoundingRule& rule, const float* gradients, const float* hessians,
                  std::size_t first_row, std::size_t count, Entry* out) {
  const Floats d;
  const Halves u;
  const hn::RebindToSigned<Halves> s;
  constexpr std::size_t kMost = 4 * hn::MaxLanes(Words());
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t step = 2 * lanes;  // = 4 * Lanes(Words)
  HWY_ALIGN std::array<std::uint32_t, kMost> bits;
  HWY_ALIGN std::array<float, kMost> g{};
  HWY_ALIGN std::array<float, kMost> h{};
  HWY_ALIGN std::array<std::uint32_t, 2 * kMost> entries;
  const auto fraction = hn::Set(d, 0x1p-16F);
  for (std::size_t begin = 0; begin < count; begin += step) {
    const std::size_t size = std::min(step, count - begin);
    std::copy_n(gradients + begin, size, g.begin());
    std::copy_n(hessians + begin, size, h.begin());
    draw(rule, first_row + begin, bits.data());
    for (std::size_t i = 0; i < step; i += lanes) {
      const auto lot = hn::Load(u, bits.data() + i);
      const auto low = hn::And(lot, hn::Set(u, 0xffffU));
      const auto high = hn::ShiftRight<16>(lot);
      const auto rounded = [&](const float* from, float scale, auto random, float most) {
        const auto moved = hn::Add(hn::Mul(hn::Load(d, from + i), hn::Set(d, scale)),
                                   hn::Mul(hn::ConvertTo(d, hn::BitCast(s, random)), fraction));
        return hn::ConvertTo(s, hn::Min(hn::Floor(moved), hn::Set(d, most)));
      };
      const auto x = hn::BitCast(u, rounded(g.data(), rule.gradient, low, kMostGradient));
      const auto y = rule.hessian > 0
                         ? hn::BitCast(u, rounded(h.data(), rule.hessian, high, kMostHessian))
                         : hn::Set(u, 1);
      const auto row =
          hn::Add(hn::Iota(u, 0), hn::Set(u, static_cast<std::uint32_t>(first_row + begin + i)));
      const auto pair = hn::Or(hn::And(x, hn::Set(u, 0xffffU)), hn::ShiftLeft<16>(y));
      hn::StoreInterleaved2(row, pair, u, entries.data() + 2 * i);
    }
    std::memcpy(static_cast<void*>(out + begin), entries.data(), size * sizeof(Entry));
  }
}

}  // namespace penchant::ranking::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace penchant::ranking {

HWY_EXPORT(range_kernel);
HWY_EXPORT(round_kernel);

DerivativeRange derivative_range(const float* gradients, const float* hessians, std::size_t count) {
  return HWY_DYNAMIC_DISPATCH(range_kernel)(gradients, hessians, count);
}

void round_rows(const RoundingRule& rule, const float* gradients, const float* hessians,
                std::size_t first_row, std::size_t count, Entry* out) {
  HWY_DYNAMIC_DISPATCH(round_kernel)(rule, gradients, hessians, first_row, count, out);
}

}  // namespace penchant::ranking
#endif  // HWY_ONCE
