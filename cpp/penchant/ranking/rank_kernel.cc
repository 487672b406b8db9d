#include "penchant/ranking/rank_kernel.h"

#include <algorithm>
#include <array>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/ranking/rank_kernel.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace penchant::ranking::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void rank_kernel(const double* scores, std::size_t count, std::uint32_t* order) {
  const hn::ScalableTag<double> d;
  constexpr std::size_t kRoom = kMostCounted + hn::MaxLanes(d);
  const std::size_t lanes = hn::Lanes(d);
  HWY_ALIGN std::array<double, kRoom> padded;
  HWY_ALIGN std::array<double, kRoom> above;  // scores that are higher
  std::copy_n(scores, count, padded.begin());
  std::fill_n(padded.begin() + static_cast<std::ptrdiff_t>(count), lanes,
              std::numeric_limits<double>::infinity());
  const auto one = hn::Set(d, 1.0);
  for (std::size_t i = 0; i < count; i += lanes) {
    const auto mine = hn::Load(d, padded.data() + i);
    auto higher = hn::Zero(d);
    for (std::size_t j = 0; j < count; ++j) {
      higher = hn::Add(higher, hn::IfThenElseZero(hn::Gt(hn::Set(d, padded[j]), mine), one));
    }
    hn::Store(higher, d, above.data() + i);
  }
  constexpr std::uint32_t kFree = std::numeric_limits<std::uint32_t>::max();
  std::fill_n(order, count, kFree);
  for (std::size_t i = 0; i < count; ++i) {
    auto rank = static_cast<std::size_t>(above[i]);
    while (order[rank] != kFree) ++rank;  // those before it with the same score
    order[rank] = static_cast<std::uint32_t>(i);
  }
}

}  // namespace penchant::ranking::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace penchant::ranking {

HWY_EXPORT(rank_kernel);

void rank_by_counting(const double* scores, std::size_t count, std::uint32_t* order) {
  HWY_DYNAMIC_DISPATCH(rank_kernel)(scores, count, order);
}

}  // namespace penchant::ranking
#endif  // HWY_ONCE
