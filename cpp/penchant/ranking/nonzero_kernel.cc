#include "penchant/ranking/nonzero_kernel.h"

#include <bit>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/ranking/nonzero_kernel.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace penchant::ranking::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
std::size_t cells(const T* row, std::size_t n, std::int32_t* index, T* value) {
  const hn::ScalableTag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t found = 0;
  const auto take = [&](std::size_t at) {
    index[found] = static_cast<std::int32_t>(at);
    value[found++] = row[at];
  };
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    // Not Ne, which is false for NaN on some targets.
    const auto mask = hn::Not(hn::Eq(hn::LoadU(d, row + i), hn::Zero(d)));
    if (hn::AllFalse(d, mask)) continue;
    std::uint8_t bytes[8] = {};
    hn::StoreMaskBits(d, mask, bytes);
    std::uint64_t bits = 0;
    std::memcpy(&bits, bytes, sizeof(bits));
    for (; bits != 0; bits &= bits - 1) take(i + static_cast<std::size_t>(std::countr_zero(bits)));
  }
  for (; i < n; ++i) {
    if (row[i] != T{0}) take(i);
  }
  return found;
}

std::size_t float_cells(const float* row, std::size_t n, std::int32_t* index, float* value) {
  return cells(row, n, index, value);
}

std::size_t double_cells(const double* row, std::size_t n, std::int32_t* index, double* value) {
  return cells(row, n, index, value);
}

}  // namespace penchant::ranking::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace penchant::ranking {

HWY_EXPORT(float_cells);
HWY_EXPORT(double_cells);

std::size_t nonzero_cells(const float* row, std::size_t n, std::int32_t* index, float* value) {
  return HWY_DYNAMIC_DISPATCH(float_cells)(row, n, index, value);
}

std::size_t nonzero_cells(const double* row, std::size_t n, std::int32_t* index, double* value) {
  return HWY_DYNAMIC_DISPATCH(double_cells)(row, n, index, value);
}

}  // namespace penchant::ranking
#endif  // HWY_ONCE
