#include "penchant/bandits/sums_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/bandits/sums_kernels.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace penchant::bandits::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Products of 32-bit numbers: the even halves of 64-bit lanes hold them.
void add_products_kernel(const std::int32_t* HWY_RESTRICT x, std::size_t n, std::int64_t sign,
                         std::int64_t* HWY_RESTRICT low) {
  const hn::ScalableTag<std::int64_t> d;
  const hn::RepartitionToNarrow<decltype(d)> pairs;
  const hn::Rebind<std::int32_t, decltype(d)> narrow;
  const std::size_t width = hn::Lanes(d);
  for (std::size_t i = 0; i < n; low += ++i) {
    const std::int64_t left = sign * x[i];
    if (left == 0) continue;
    const auto factor = hn::BitCast(pairs, hn::Set(d, left));
    std::size_t j = 0;
    for (; j + width <= i + 1; j += width) {
      const auto right = hn::PromoteTo(d, hn::LoadU(narrow, x + j));
      const auto product = hn::MulEven(hn::BitCast(pairs, right), factor);
      hn::StoreU(hn::Add(hn::LoadU(d, low + j), product), d, low + j);
    }
    for (; j <= i; ++j) low[j] += left * x[j];
  }
}

}  // namespace penchant::bandits::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace penchant::bandits {

HWY_EXPORT(add_products_kernel);

void add_products(const std::int32_t* x, std::size_t n, std::int64_t sign, std::int64_t* low) {
  HWY_DYNAMIC_DISPATCH(add_products_kernel)(x, n, sign, low);
}

}  // namespace penchant::bandits
#endif  // HWY_ONCE
