#include "penchant/ranking/lambda_kernel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/ranking/lambda_kernel.cc"
// In this order: every target passes over what follows foreach_target.h.
// clang-format off
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace penchant::ranking::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, kLambdaRoom>;
using Vector = hn::Vec<Floats>;

struct Sums {
  Vector push;  // signed: up for the document itself
  Vector hessian;
  Vector all;
};

// kAlike: every pair of different gains weighs one. kNear: an exponential a document will do
// instead of one a pair.
template <bool kAlike, bool kNear>
class Pusher {
 public:
  Pusher(const LambdaQuery& query, const LambdaScale& scale) : query_(query), scale_(scale) {}

  double run() {
    const Floats d;
    if constexpr (kNear) {
      // The last vector ends within the room behind the second list.
      const std::size_t slots = query_.better + kLambdaRoom + query_.least;
      for (std::size_t i = 0; i < slots; i += hn::Lanes(d)) {
        const auto power = hn::Exp(d, hn::LoadU(d, query_.score + i));
        hn::StoreU(hn::MulAdd(power, hn::LoadU(d, query_.rest + i), power), d, query_.power + i);
      }
    }
    auto all = hn::Zero(d);
    for (std::size_t rank = 0; rank < query_.slots.size(); ++rank) {
      const std::size_t slot = query_.slots[rank];
      Sums sums{hn::Zero(d), hn::Zero(d), all};
      const std::size_t least = query_.better + kLambdaRoom;
      // Of the ranks up to this one, as many are above the least gain.
      const std::size_t above = slot < query_.better ? slot + 1 : rank - (slot - least);
      push(slot, above, query_.better, sums);
      if (slot < query_.better) {
        push(slot, least + (rank + 1 - above), least + query_.least, sums);
      }
      query_.gradient[slot] -= hn::GetLane(hn::SumOfLanes(d, sums.push));
      query_.hessian[slot] += hn::GetLane(hn::SumOfLanes(d, sums.hessian));
      all = sums.all;
    }
    return 2.0 * static_cast<double>(hn::GetLane(hn::SumOfLanes(d, all)));
  }

 private:
  // One document against the slots [begin, end), which rank below it.
  HWY_INLINE void push(std::size_t slot, std::size_t begin, std::size_t end, Sums& sums) const {
    const Floats d;
    const std::size_t lanes = hn::Lanes(d);
    const auto score = hn::Set(d, query_.score[slot]);
    const auto rest = hn::Set(d, query_.rest[slot]);
    const auto gain = hn::Set(d, query_.gain[slot]);
    const auto discount = hn::Set(d, query_.discount[slot]);
    [[maybe_unused]] const auto power = hn::Set(d, kNear ? query_.power[slot] : 0.0F);
    for (std::size_t i = begin; i < end; i += lanes) {
      const auto difference = hn::Sub(gain, hn::LoadU(d, query_.gain + i));
      auto counts = hn::Ne(difference, hn::Zero(d));
      if (end - i < lanes) counts = hn::And(counts, hn::FirstN(d, end - i));
      const auto distance = hn::Add(hn::Sub(score, hn::LoadU(d, query_.score + i)),
                                    hn::Sub(rest, hn::LoadU(d, query_.rest + i)));
      const auto apart = hn::Max(distance, hn::Zero(d));
      const auto right = hn::Gt(difference, hn::Zero(d));
      // p = wrong / odds and 1 - p = correct / odds.
      Vector odds;
      Vector wrong;
      Vector correct;
      if constexpr (kNear) {
        const auto below = hn::LoadU(d, query_.power + i);
        odds = hn::Add(power, below);
        wrong = hn::IfThenElse(right, below, power);
        correct = hn::IfThenElse(right, power, below);
      } else {
        // Farther apart p is 0 or 1 for all that a float can tell, and no product overflows.
        const auto ratio = hn::Exp(d, hn::Min(apart, hn::Set(d, 60.0F)));
        odds = hn::Add(hn::Set(d, 1.0F), ratio);
        wrong = hn::IfThenElse(right, hn::Set(d, 1.0F), ratio);
        correct = hn::IfThenElse(right, ratio, hn::Set(d, 1.0F));
      }
      Vector t;
      Vector other;  // 1 - p
      if constexpr (kAlike) {
        const auto inverse = hn::Div(hn::Set(d, 1.0F), odds);
        t = hn::Mul(wrong, inverse);
        other = hn::Mul(correct, inverse);
      } else {
        // One division for both: 1 / (odds far).
        const auto far = hn::MulAdd(hn::Set(d, scale_.rise), apart, hn::Set(d, scale_.fixed));
        const auto inverse = hn::Div(hn::Set(d, 1.0F), hn::Mul(odds, far));
        const auto change = hn::Mul(hn::Mul(hn::Abs(difference), hn::Set(d, scale_.change)),
                                    hn::Sub(discount, hn::LoadU(d, query_.discount + i)));
        t = hn::Mul(hn::Mul(change, wrong), inverse);
        other = hn::Mul(hn::Mul(correct, far), inverse);
      }
      t = hn::IfThenElseZero(counts, t);
      const auto curve = hn::Mul(t, other);
      const auto signed_t = hn::CopySign(t, difference);
      hn::StoreU(hn::Add(hn::LoadU(d, query_.gradient + i), signed_t), d, query_.gradient + i);
      hn::StoreU(hn::Add(hn::LoadU(d, query_.hessian + i), curve), d, query_.hessian + i);
      sums.push = hn::Add(sums.push, signed_t);
      sums.hessian = hn::Add(sums.hessian, curve);
      sums.all = hn::Add(sums.all, t);
    }
  }

  const LambdaQuery& query_;
  const LambdaScale& scale_;
};

double push_weighed(const LambdaQuery& query, const LambdaScale& scale) {
  return query.near ? Pusher<false, true>(query, scale).run()
                    : Pusher<false, false>(query, scale).run();
}

double push_alike(const LambdaQuery& query) {
  return query.near ? Pusher<true, true>(query, {}).run() : Pusher<true, false>(query, {}).run();
}

}  // namespace penchant::ranking::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace penchant::ranking {

HWY_EXPORT(push_weighed);
HWY_EXPORT(push_alike);

double push_pairs(const LambdaQuery& query, const LambdaScale& scale) {
  return HWY_DYNAMIC_DISPATCH(push_weighed)(query, scale);
}

void push_pairs_alike(const LambdaQuery& query) {
  static_cast<void>(HWY_DYNAMIC_DISPATCH(push_alike)(query));
}

}  // namespace penchant::ranking
#endif  // HWY_ONCE
