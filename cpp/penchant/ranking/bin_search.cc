#include "penchant/ranking/bin_search.h"

#include <cmath>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/ranking/bin_search.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace penchant::ranking::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Eight vectors are searched at once, so that one's gather hides another's wait.
template <class T>
void find(const BoundTable<T>& table, const T* values, std::size_t count, std::uint8_t* bins) {
  const hn::ScalableTag<T> d;
  const hn::RebindToSigned<decltype(d)> di;
  using Int = hn::TFromD<decltype(di)>;
  constexpr std::size_t kAtOnce = 8;
  const std::size_t lanes = hn::Lanes(d);
  const T* bound = table.bound.data();
  std::size_t i = 0;
  HWY_ALIGN Int found[kAtOnce * hn::MaxLanes(d)];
  const auto missing = hn::Set(di, Int{255});
  for (; i + kAtOnce * lanes <= count; i += kAtOnce * lanes) {
    hn::Vec<decltype(d)> x[kAtOnce];
    hn::Vec<decltype(di)> at[kAtOnce];
#pragma GCC unroll 8
    for (std::size_t k = 0; k < kAtOnce; ++k) {
      x[k] = hn::LoadU(d, values + i + k * lanes);
      at[k] = hn::Zero(di);
    }
    for (std::uint32_t step = table.first_step; step != 0; step /= 2) {
      const auto add = hn::Set(di, static_cast<Int>(step));
      const T* base = bound + step - 1;
#pragma GCC unroll 8
      for (std::size_t k = 0; k < kAtOnce; ++k) {
        const auto below = hn::Lt(hn::GatherIndex(d, base, at[k]), x[k]);
        at[k] = hn::Add(at[k], hn::IfThenElseZero(hn::RebindMask(di, below), add));
      }
    }
#pragma GCC unroll 8
    for (std::size_t k = 0; k < kAtOnce; ++k) {
      const auto nan = hn::RebindMask(di, hn::IsNaN(x[k]));
      hn::Store(hn::IfThenElse(nan, missing, at[k]), di, found + k * lanes);
    }
    for (std::size_t k = 0; k < kAtOnce * lanes; ++k) {
      bins[i + k] = static_cast<std::uint8_t>(found[k]);
    }
  }
  for (; i < count; ++i) {
    std::uint32_t at = 0;
    for (std::uint32_t step = table.first_step; step != 0; step /= 2) {
      at += bound[at + step - 1] < values[i] ? step : 0;
    }
    bins[i] = std::isnan(values[i]) ? std::uint8_t{255} : static_cast<std::uint8_t>(at);
  }
}

void find_floats(const BoundTable<float>& table, const float* values, std::size_t count,
                 std::uint8_t* bins) {
  find(table, values, count, bins);
}

void find_doubles(const BoundTable<double>& table, const double* values, std::size_t count,
                  std::uint8_t* bins) {
  find(table, values, count, bins);
}

}  // namespace penchant::ranking::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace penchant::ranking {

HWY_EXPORT(find_floats);
HWY_EXPORT(find_doubles);

template <class T>
BoundTable<T> make_bound_table(const std::vector<double>& bounds) {
  BoundTable<T> table;
  table.bound.fill(std::numeric_limits<T>::infinity());
  for (std::size_t b = 0; b < bounds.size(); ++b) {
    T rounded = static_cast<T>(bounds[b]);
    if (static_cast<double>(rounded) > bounds[b]) {
      rounded = std::nextafter(rounded, -std::numeric_limits<T>::infinity());
    }
    table.bound[b] = rounded;
  }
  if (!bounds.empty()) {
    table.first_step = 1;
    while (table.first_step * 2 <= bounds.size()) table.first_step *= 2;
  }
  return table;
}

template BoundTable<float> make_bound_table(const std::vector<double>& bounds);
template BoundTable<double> make_bound_table(const std::vector<double>& bounds);

void find_bins(const BoundTable<float>& table, const float* values, std::size_t count,
               std::uint8_t* bins) {
  HWY_DYNAMIC_DISPATCH(find_floats)(table, values, count, bins);
}

void find_bins(const BoundTable<double>& table, const double* values, std::size_t count,
               std::uint8_t* bins) {
  HWY_DYNAMIC_DISPATCH(find_doubles)(table, values, count, bins);
}

}  // namespace penchant::ranking
#endif  // HWY_ONCE
