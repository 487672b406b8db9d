#include "penchant/bandits/block_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/bandits/block_kernels.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace penchant::bandits::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Eight lanes as 1, 2 or 4 vectors; never wider than eight.
using Lanes8 = hn::CappedTag<double, kLanes>;

// Rows that are taken at once: as many sums as hide the latency of an addition, while they and
// their variances stay in the registers of AVX2.
constexpr std::size_t kRows = 6;

// kCount rows of x against one vector of arms. `x` and the outputs step by their strides.
template <std::size_t kCount>
HWY_INLINE void means(const double* HWY_RESTRICT theta, const double* HWY_RESTRICT x, std::size_t n,
                      double* HWY_RESTRICT mean, std::size_t stride) {
  const Lanes8 d;
  hn::Vec<Lanes8> sum[kCount];
#pragma GCC unroll 6
  for (std::size_t r = 0; r < kCount; ++r) sum[r] = hn::Zero(d);
  for (std::size_t j = 0; j < n; ++j) {
    const auto t = hn::LoadU(d, theta + j * kLanes);
#pragma GCC unroll 6
    for (std::size_t r = 0; r < kCount; ++r) {
      sum[r] = hn::Add(sum[r], hn::Mul(t, hn::Set(d, x[r * n + j])));
    }
  }
#pragma GCC unroll 6
  for (std::size_t r = 0; r < kCount; ++r) hn::StoreU(sum[r], d, mean + r * stride);
}

template <std::size_t kCount>
HWY_INLINE void variances(const double* HWY_RESTRICT inverse, const double* HWY_RESTRICT x,
                          std::size_t n, double* HWY_RESTRICT variance, std::size_t stride) {
  const Lanes8 d;
  hn::Vec<Lanes8> total[kCount];
#pragma GCC unroll 6
  for (std::size_t r = 0; r < kCount; ++r) total[r] = hn::Zero(d);
  const double* at = inverse;
  for (std::size_t i = 0; i < n; ++i) {
    hn::Vec<Lanes8> sum[kCount];
#pragma GCC unroll 6
    for (std::size_t r = 0; r < kCount; ++r) sum[r] = hn::Zero(d);
    for (std::size_t j = 0; j <= i; ++j, at += kLanes) {
      const auto m = hn::LoadU(d, at);
#pragma GCC unroll 6
      for (std::size_t r = 0; r < kCount; ++r) {
        sum[r] = hn::Add(sum[r], hn::Mul(m, hn::Set(d, x[r * n + j])));
      }
    }
#pragma GCC unroll 6
    for (std::size_t r = 0; r < kCount; ++r) {
      total[r] = hn::Add(total[r], hn::Mul(sum[r], sum[r]));
    }
  }
#pragma GCC unroll 6
  for (std::size_t r = 0; r < kCount; ++r) hn::StoreU(total[r], d, variance + r * stride);
}

template <std::size_t kCount>
HWY_INLINE void moments(const BlockView& block, const double* x, std::size_t n, double* mean,
                        double* variance, std::size_t stride) {
  const std::size_t width = hn::Lanes(Lanes8());
  for (std::size_t lane = 0; lane < kLanes; lane += width) {
    means<kCount>(block.theta + lane, x, n, mean + lane, stride);
    if (variance != nullptr) {
      variances<kCount>(block.inverse + lane, x, n, variance + lane, stride);
    }
  }
}

void moments_kernel(const BlockView* blocks, std::size_t count, const double* x, std::size_t rows,
                    std::size_t n, double* mean, double* variance) {
  const std::size_t stride = count * kLanes;
  for (std::size_t b = 0; b < count; ++b) {
    for (std::size_t row = 0; row < rows; row += kRows) {
      const double* from = x + row * n;
      double* m = mean + row * stride + b * kLanes;
      double* v = variance == nullptr ? nullptr : variance + row * stride + b * kLanes;
      switch (rows - row) {
        case 1:
          moments<1>(blocks[b], from, n, m, v, stride);
          break;
        case 2:
          moments<2>(blocks[b], from, n, m, v, stride);
          break;
        case 3:
          moments<3>(blocks[b], from, n, m, v, stride);
          break;
        case 4:
          moments<4>(blocks[b], from, n, m, v, stride);
          break;
        case 5:
          moments<5>(blocks[b], from, n, m, v, stride);
          break;
        default:
          moments<kRows>(blocks[b], from, n, m, v, stride);
      }
    }
  }
}

}  // namespace penchant::bandits::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace penchant::bandits {

HWY_EXPORT(moments_kernel);

void block_moments(std::span<const BlockView> blocks, const double* x, std::size_t rows,
                   std::size_t n, double* mean, double* variance) {
  HWY_DYNAMIC_DISPATCH(moments_kernel)(blocks.data(), blocks.size(), x, rows, n, mean, variance);
}

}  // namespace penchant::bandits
#endif  // HWY_ONCE
