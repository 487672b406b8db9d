#include "penchant/bandits/normal_kernels.h"

#include <array>

#include "penchant/bandits/normal.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/bandits/normal_kernels.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace penchant::bandits::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr std::size_t kLanes = 8;
using Lanes8 = hn::CappedTag<double, kLanes>;
using Vector = hn::Vec<Lanes8>;

// Hermite's cubic on [0, 1] from values and slopes at its ends.
HWY_INLINE Vector cubic(Vector t, Vector from, Vector slope_from, Vector to, Vector slope_to) {
  const auto rise = hn::Sub(to, from);
  const auto bend = hn::Sub(slope_from, rise);
  const auto twist = hn::Sub(hn::Add(slope_from, slope_to), hn::Add(rise, rise));
  const auto before = hn::Sub(t, hn::Set(Lanes8(), 1.0));
  const auto curved = hn::Sub(hn::Mul(hn::Mul(before, t), twist), hn::Mul(t, bend));
  return hn::Add(from, hn::Mul(t, hn::Add(slope_from, curved)));
}

double below_kernel(const double* table, const double* mean, const double* reciprocal,
                    std::size_t count, double at, double* ratio) {
  const Lanes8 d;
  const hn::RebindToSigned<Lanes8> di;
  const std::size_t width = hn::Lanes(d);
  constexpr double kLeast = 1e-12;
  constexpr std::size_t kStride = 8 * kLanes;  // arms between looks at the product
  alignas(64) std::array<double, kLanes> lane;
  lane.fill(1.0);
  const auto knot_width = hn::Set(d, 1.0 / kNormalPerUnit);
  const auto whole = [&] {
    return ((lane[0] * lane[4]) * (lane[2] * lane[6])) *
           ((lane[1] * lane[5]) * (lane[3] * lane[7]));
  };
  for (std::size_t begin = 0; begin < count; begin += kStride) {
    const std::size_t end = begin + kStride < count ? begin + kStride : count;
    for (std::size_t l = 0; l < kLanes; l += width) {
      auto product = hn::Load(d, lane.data() + l);
      for (std::size_t a = begin + l; a < end; a += kLanes) {
        const auto r = hn::LoadU(d, reciprocal + a);
        auto z = hn::Mul(hn::Sub(hn::Set(d, at), hn::LoadU(d, mean + a)), r);
        z = hn::Min(hn::Max(z, hn::Set(d, -kNormalEnd)), hn::Set(d, kNormalEnd));
        const auto place = hn::Mul(hn::Add(z, hn::Set(d, kNormalEnd)),
                                   hn::Set(d, static_cast<double>(kNormalPerUnit)));
        const auto last = hn::Set(d, static_cast<double>(kNormalKnots - 2));
        const auto knot = hn::Min(hn::Floor(place), last);
        const auto t = hn::Sub(place, knot);
        const auto index = hn::ShiftLeft<1>(hn::ConvertTo(di, knot));
        const auto c0 = hn::GatherIndex(d, table, index);
        const auto f0 = hn::GatherIndex(d, table + 1, index);
        const auto c1 = hn::GatherIndex(d, table + 2, index);
        const auto f1 = hn::GatherIndex(d, table + 3, index);
        const auto cdf = cubic(t, c0, hn::Mul(f0, knot_width), c1, hn::Mul(f1, knot_width));
        product = hn::Mul(product, cdf);
        if (ratio == nullptr) continue;
        const auto z0 = hn::Sub(hn::Mul(knot, knot_width), hn::Set(d, kNormalEnd));
        const auto z1 = hn::Add(z0, knot_width);
        const auto slope0 = hn::Neg(hn::Mul(hn::Mul(z0, f0), knot_width));
        const auto slope1 = hn::Neg(hn::Mul(hn::Mul(z1, f1), knot_width));
        const auto density = hn::Mul(cubic(t, f0, slope0, f1, slope1), r);
        hn::StoreU(hn::Div(density, cdf), d, ratio + a);
      }
      hn::Store(product, d, lane.data() + l);
    }
    if (!(whole() > kLeast)) return 0;
  }
  return whole();
}

}  // namespace penchant::bandits::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace penchant::bandits {

HWY_EXPORT(below_kernel);

void NormalArms::add(double arm_mean, double arm_reciprocal) {
  mean.push_back(arm_mean);
  reciprocal.push_back(arm_reciprocal);
}

void NormalArms::pad() {
  constexpr double kBelowEverything = -1e30;
  while (mean.size() % 8 != 0) add(kBelowEverything, 1.0);
}

double normals_below(const NormalArms& arms, double t, double* ratio) {
  return HWY_DYNAMIC_DISPATCH(below_kernel)(&normal_knots()->cdf, arms.mean.data(),
                                            arms.reciprocal.data(), arms.mean.size(), t, ratio);
}

}  // namespace penchant::bandits
#endif  // HWY_ONCE
