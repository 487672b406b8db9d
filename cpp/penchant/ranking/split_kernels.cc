#include "penchant/ranking/split_kernels.h"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/ranking/split_kernels.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace penchant::ranking::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Doubles = hn::ScalableTag<double>;
using V = hn::Vec<Doubles>;

HWY_INLINE V shrunk(Doubles d, V gradient, V l1) {
  return hn::Max(hn::Sub(hn::Abs(gradient), l1), hn::Zero(d));
}

// a^2 / b + c^2 / e with one division.
HWY_INLINE V gain_of(V a, V b, V c, V e) {
  const V sum = hn::Add(hn::Mul(hn::Mul(a, a), e), hn::Mul(hn::Mul(c, c), b));
  return hn::Div(sum, hn::Mul(b, e));
}

BestGain best_gain_kernel(const GainInput& in) {
  const Doubles d;
  const std::size_t lanes = hn::Lanes(d);
  const V total_gradient = hn::Set(d, in.total_gradient);
  const V total_hessian = hn::Set(d, in.total_hessian);
  const V l1 = hn::Set(d, in.l1);
  const V l2 = hn::Set(d, in.l2);
  V best = hn::Set(d, -1.0);
  V where = hn::Zero(d);
  V at = hn::Iota(d, static_cast<double>(in.begin));
  const V step = hn::Set(d, static_cast<double>(lanes));
  const auto look = [&](V g, V h) {
    const V left = shrunk(d, g, l1);
    const V right = shrunk(d, hn::Sub(total_gradient, g), l1);
    return gain_of(left, hn::Add(h, l2), right, hn::Add(hn::Sub(total_hessian, h), l2));
  };
  const hn::RebindToSigned<Doubles> whole;
  const V gradient_scale = hn::Set(d, in.scales.gradient);
  const V hessian_scale = hn::Set(d, in.scales.hessian);
  std::size_t i = in.begin;
  for (; i + lanes <= in.end; i += lanes) {
    const V g = hn::Mul(hn::ConvertTo(d, hn::LoadU(whole, in.gradient + i)), gradient_scale);
    const V h = hn::Mul(hn::ConvertTo(d, hn::LoadU(whole, in.hessian + i)), hessian_scale);
    const V gain = look(g, h);
    const auto higher = hn::Gt(gain, best);
    best = hn::IfThenElse(higher, gain, best);
    where = hn::IfThenElse(higher, at, where);
    at = hn::Add(at, step);
  }
  HWY_ALIGN double gains[hn::MaxLanes(d)];
  HWY_ALIGN double places[hn::MaxLanes(d)];
  hn::Store(best, d, gains);
  hn::Store(where, d, places);
  BestGain out;
  for (std::size_t k = 0; k < lanes; ++k) {
    const auto place = static_cast<std::size_t>(places[k]);
    if (gains[k] > out.gain || (gains[k] == out.gain && gains[k] >= 0 && place < out.at)) {
      out = {gains[k], place};
    }
  }
  for (; i < in.end; ++i) {
    const double one = gain_at(in, i);
    if (one > out.gain) out = {one, i};
  }
  return out;
}

}  // namespace penchant::ranking::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace penchant::ranking {

HWY_EXPORT(best_gain_kernel);

double gain_at(const GainInput& in, std::size_t at) {
  const double g = static_cast<double>(in.gradient[at]) * in.scales.gradient;
  const double h = static_cast<double>(in.hessian[at]) * in.scales.hessian;
  const double a = std::max(std::abs(g) - in.l1, 0.0);
  const double b = h + in.l2;
  const double c = std::max(std::abs(in.total_gradient - g) - in.l1, 0.0);
  const double e = (in.total_hessian - h) + in.l2;
  return (a * a * e + c * c * b) / (b * e);
}

BestGain best_gain(const GainInput& input) { return HWY_DYNAMIC_DISPATCH(best_gain_kernel)(input); }

}  // namespace penchant::ranking
#endif  // HWY_ONCE
