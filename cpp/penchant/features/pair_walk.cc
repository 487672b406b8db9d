#include "penchant/features/pair_walk.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace penchant::features {
namespace {

using Kind = Feature::Kind;
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

}  // namespace

PairWalk::PairWalk(const State& state, std::size_t shift) : state_(state) {
  const Plan& plan = state.plan();
  for (std::size_t f = 0; f < plan.features().size(); ++f) {
    const Feature& feature = plan.features()[f];
    if (!feature.of_events() || !feature.by.pair() || feature.netted() || feature.shift != shift)
      continue;
    series_ = plan.access()[f].series;
    auto at = std::ranges::find(targets_, feature.by, &Target::by);
    if (at == targets_.end())
      at = targets_.insert(at, {.by = feature.by, .code = 0, .sums = {}, .slot_of = {}, .met = {}});
    at->code = plan.access()[f].code;
    at->sums.push_back(
        {.feature = f, .totals = {}, .times = {}, .fading = Fading(feature.half_life)});
  }
  for (Target& target : targets_) {
    const bool same = target.by.item == By::Item::kSame;
    target.slot_of.assign(
        same ? state.items().items : state.items().codes[target.by.attribute].values, kNoCode);
  }
}

std::int32_t PairWalk::target_of(const Target& target, std::int32_t item) const {
  if (item < 0 || target.by.item == By::Item::kSame) return item;
  return state_.items().codes[target.by.attribute].of_item[static_cast<std::size_t>(item)];
}

void PairWalk::walk(std::int32_t subject, std::int64_t time) {
  time_ = time;
  for (Target& target : targets_) {
    for (const std::int32_t code : target.met) {
      target.slot_of[static_cast<std::size_t>(code)] = kNoCode;
    }
    target.met.clear();
    for (Sum& sum : target.sums) {
      sum.totals.clear();
      sum.times.clear();
    }
  }
  if (subject < 0) return;
  const auto list = state_.series(series_).list(static_cast<std::size_t>(subject));
  const std::size_t end = list.before(time);
  for (std::size_t row = 0; row < end; ++row) {
    for (Target& target : targets_) {
      const std::int32_t code = target_of(target, list.code(target.code, row));
      if (code < 0) continue;
      std::int32_t& slot = target.slot_of[static_cast<std::size_t>(code)];
      if (slot < 0) {
        slot = static_cast<std::int32_t>(target.met.size());
        target.met.push_back(code);
        for (Sum& sum : target.sums) {
          sum.totals.push_back(kNoNumber);
          sum.times.push_back(kNoNumber);
        }
      }
      for (Sum& sum : target.sums) add(sum, list, row, static_cast<std::size_t>(slot));
    }
  }
}

void PairWalk::add(Sum& sum, const Series::List& list, std::size_t row, std::size_t slot) const {
  const Feature& feature = state_.plan().features()[sum.feature];
  const std::int64_t time = list.time(row);
  if ((list.filters(row) >> feature.filter & 1U) == 0) return;
  if (feature.window > 0 && time < time_ - feature.window) return;
  std::int64_t& total = sum.totals[slot];
  std::int64_t& last = sum.times[slot];
  const std::int64_t value = list.value(state_.plan().access()[sum.feature].value, row);
  const std::int64_t sofar = total == kNoNumber ? 0 : total;
  switch (feature.kind) {
    case Kind::kCount:
    case Kind::kRecency:
      total = sofar + 1;
      break;
    case Kind::kKnown:
      total = sofar + (value == kNoNumber ? 0 : 1);
      break;
    case Kind::kSum:
      if (value != kNoNumber) total = added(sofar, value);
      break;
    case Kind::kLowest:
    case Kind::kHighest:
      if (value == kNoNumber) return;
      if (total == kNoNumber || (feature.kind == Kind::kLowest) == (value < total)) total = value;
      break;
    case Kind::kFirstSeen:
      if (total == kNoNumber) total = time;
      break;
    case Kind::kDecayed: {
      if (value == kNoNumber) return;
      const DecayedSum decayed{feature.half_life};
      total = added(last == kNoNumber ? 0 : decayed.advance(sofar, last, time),
                    decayed.term(value, time));
      break;
    }
    default:
      return;
  }
  last = time;
}

double PairWalk::value(Sum& sum, std::int32_t slot) const {
  const Feature& feature = state_.plan().features()[sum.feature];
  const std::int64_t total = slot < 0 ? kNoNumber : sum.totals[static_cast<std::size_t>(slot)];
  const std::int64_t last = slot < 0 ? kNoNumber : sum.times[static_cast<std::size_t>(slot)];
  const auto unit = static_cast<double>(feature.unit);
  switch (feature.kind) {
    case Kind::kCount:
    case Kind::kKnown:
      return total == kNoNumber ? 0 : static_cast<double>(total);
    case Kind::kSum:
      return total == kNoNumber ? 0 : static_cast<double>(total) / kUnit;
    case Kind::kLowest:
    case Kind::kHighest:
      return total == kNoNumber ? kUnknown : static_cast<double>(total) / kUnit;
    case Kind::kRecency:
      return last == kNoNumber ? kUnknown : static_cast<double>(time_ - last) / unit;
    case Kind::kFirstSeen:
      return total == kNoNumber ? kUnknown : static_cast<double>(time_ - total) / unit;
    case Kind::kDecayed:
      return last == kNoNumber ? 0 : sum.fading.at(total, last, time_);
    default:
      return kUnknown;
  }
}

void PairWalk::write(std::span<const std::int32_t> items, std::span<double* const> columns,
                     std::size_t first, std::size_t count) {
  slots_.resize(count);
  for (Target& target : targets_) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::int32_t code = items.empty() ? kNoCode : target_of(target, items[i]);
      slots_[i] = code < 0 ? kNoCode : target.slot_of[static_cast<std::size_t>(code)];
    }
    for (Sum& sum : target.sums) {
      double* const out = columns[sum.feature] + first;
      const double none = value(sum, kNoCode);
      for (std::size_t i = 0; i < count; ++i) out[i] = slots_[i] < 0 ? none : value(sum, slots_[i]);
    }
  }
}

}  // namespace penchant::features
