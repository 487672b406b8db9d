#include "penchant/models/training_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/models/training_kernels.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace penchant::models::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Wide = hn::CappedTag<float, 16>;

void fused_axpy_kernel(float factor, const float* HWY_RESTRICT x, float* HWY_RESTRICT y,
                       std::size_t n) {
  const Wide d;
  const std::size_t width = hn::Lanes(d);
  const auto scale = hn::Set(d, factor);
  std::size_t j = 0;
  for (; j + width <= n; j += width) {
    hn::StoreU(hn::MulAdd(scale, hn::LoadU(d, x + j), hn::LoadU(d, y + j)), d, y + j);
  }
  for (; j < n; ++j) y[j] += factor * x[j];
}

void scatter_lanes_kernel(const std::int32_t* index, const float* value, std::size_t n,
                          const float* HWY_RESTRICT lanes, float* HWY_RESTRICT y) {
  const Wide d;
  const std::size_t width = hn::Lanes(d);
  for (std::size_t k = 0; k < n; ++k) {
    float* to = y + static_cast<std::size_t>(index[k]) * 16;
    const auto factor = hn::Set(d, value[k]);
    for (std::size_t t = 0; t < 16; t += width) {
      hn::StoreU(hn::MulAdd(factor, hn::LoadU(d, lanes + t), hn::LoadU(d, to + t)), d, to + t);
    }
  }
}

void gather_lanes_kernel(const std::int32_t* index, const float* value, std::size_t n,
                         const float* HWY_RESTRICT x, float* HWY_RESTRICT lanes) {
  const Wide d;
  const std::size_t width = hn::Lanes(d);
  for (std::size_t t = 0; t < 16; t += width) hn::StoreU(hn::Zero(d), d, lanes + t);
  for (std::size_t k = 0; k < n; ++k) {
    const float* from = x + static_cast<std::size_t>(index[k]) * 16;
    const auto factor = hn::Set(d, value[k]);
    for (std::size_t t = 0; t < 16; t += width) {
      hn::StoreU(hn::MulAdd(factor, hn::LoadU(d, from + t), hn::LoadU(d, lanes + t)), d, lanes + t);
    }
  }
}

}  // namespace penchant::models::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace penchant::models {

HWY_EXPORT(fused_axpy_kernel);
HWY_EXPORT(scatter_lanes_kernel);
HWY_EXPORT(gather_lanes_kernel);

void fused_axpy(float factor, const float* x, float* y, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(fused_axpy_kernel)(factor, x, y, n);
}

void scatter_lanes(const std::int32_t* index, const float* value, std::size_t n, const float* lanes,
                   float* y) {
  HWY_DYNAMIC_DISPATCH(scatter_lanes_kernel)(index, value, n, lanes, y);
}

void gather_lanes(const std::int32_t* index, const float* value, std::size_t n, const float* x,
                  float* lanes) {
  HWY_DYNAMIC_DISPATCH(gather_lanes_kernel)(index, value, n, x, lanes);
}

}  // namespace penchant::models
#endif  // HWY_ONCE
