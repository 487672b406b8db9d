#include "penchant/ranking/logistic_kernel.h"

#include <algorithm>
#include <array>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/ranking/logistic_kernel.cc"
// In this order: every target passes over what follows foreach_target.h.
// clang-format off
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace penchant::ranking::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// A last block that is not full is filled up, so that every row goes the same way.
void logistic_kernel(const double* scores, const float* targets, const float* weights,
                     std::size_t count, float* HWY_RESTRICT gradients,
                     float* HWY_RESTRICT hessians) {
  constexpr std::size_t kBlock = 512;
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto one = hn::Set(d, 1.0F);
  HWY_ALIGN std::array<float, kBlock> x{};
  HWY_ALIGN std::array<float, kBlock> first{};
  HWY_ALIGN std::array<float, kBlock> second{};
  for (std::size_t begin = 0; begin < count; begin += kBlock) {
    const std::size_t size = std::min(kBlock, count - begin);
    for (std::size_t i = 0; i < size; ++i) {
      x[i] = static_cast<float>(scores[begin + i]);
      first[i] = targets[begin + i];
    }
    for (std::size_t i = 0; i < size; i += lanes) {
      const auto z = hn::Clamp(hn::Load(d, x.data() + i), hn::Set(d, -60.0F), hn::Set(d, 60.0F));
      const auto p = hn::Div(one, hn::Add(one, hn::Exp(d, hn::Neg(z))));
      hn::Store(hn::Sub(p, hn::Load(d, first.data() + i)), d, first.data() + i);
      hn::Store(hn::Mul(p, hn::Sub(one, p)), d, second.data() + i);
    }
    for (std::size_t i = 0; i < size; ++i) {
      const float weight = weights == nullptr ? 1.0F : weights[begin + i];
      gradients[begin + i] = first[i] * weight;
      hessians[begin + i] = second[i] * weight;
    }
  }
}

}  // namespace penchant::ranking::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace penchant::ranking {

HWY_EXPORT(logistic_kernel);

void logistic_pairs(const double* scores, const float* targets, const float* weights,
                    std::size_t count, float* gradients, float* hessians) {
  HWY_DYNAMIC_DISPATCH(logistic_kernel)
  (scores, targets, weights, count, gradients, hessians);
}

}  // namespace penchant::ranking
#endif  // HWY_ONCE
