#include "penchant/base/code_kernels.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/base/code_kernels.cc"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include "penchant/base/byte_products-inl.h"

HWY_BEFORE_NAMESPACE();
namespace penchant::HWY_NAMESPACE {

using Floats = hn::FixedTag<float, 4>;
using TwoFloats = hn::FixedTag<float, 2>;

HWY_INLINE const float* tail_of(const std::uint8_t* row, std::size_t stride) {
  return reinterpret_cast<const float*>(row + stride) - 2;
}

HWY_INLINE hn::Vec<Floats> four_scores(const std::uint8_t* const* rows, std::size_t stride,
                                       std::size_t used, const std::int16_t* query,
                                       hn::Vec<Quad> offset, hn::Vec<Floats> gain) {
  const Floats d;
  const TwoFloats pair;
  const auto products = hn::ConvertTo(d, hn::Sub(four_products(rows, query, used), offset));
  const auto low = hn::Combine(d, hn::LoadU(pair, tail_of(rows[1], stride)),
                               hn::LoadU(pair, tail_of(rows[0], stride)));
  const auto high = hn::Combine(d, hn::LoadU(pair, tail_of(rows[3], stride)),
                                hn::LoadU(pair, tail_of(rows[2], stride)));
  const auto scale = hn::ConcatEven(d, high, low);
  const auto bias = hn::ConcatOdd(d, high, low);
  return hn::Add(hn::Mul(hn::Mul(products, scale), gain), bias);
}

// at(i): the address of the i-th row; a last group of fewer than four repeats its last row.
template <class At>
HWY_INLINE void all_scores(const At& at, std::size_t count, std::size_t stride, std::size_t used,
                           const std::int16_t* query, std::int32_t offset, float gain, float* out) {
  const Floats d;
  const auto less = hn::Set(Quad(), offset);
  const auto factor = hn::Set(d, gain);
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const std::uint8_t* const rows[4] = {at(i), at(i + 1), at(i + 2), at(i + 3)};
    hn::StoreU(four_scores(rows, stride, used, query, less, factor), d, out + i);
  }
  if (i < count) {
    const std::size_t last = count - 1;
    const std::uint8_t* const rows[4] = {at(i), at(std::min(i + 1, last)),
                                         at(std::min(i + 2, last)), at(last)};
    alignas(16) float lane[4];
    hn::Store(four_scores(rows, stride, used, query, less, factor), d, lane);
    std::copy(lane, lane + (count - i), out + i);
  }
}

void score_codes_gathered_kernel(const std::uint8_t* codes, std::size_t stride, std::size_t used,
                                 const std::int32_t* rows, std::size_t count,
                                 const std::int16_t* query, std::int32_t offset, float gain,
                                 bool prefetch, float* out) {
  constexpr std::size_t kAhead = 12;
  constexpr std::size_t kCacheLine = 64;
  const auto at = [&](std::size_t i)
                      HWY_ATTR { return codes + static_cast<std::size_t>(rows[i]) * stride; };
  if (!prefetch) {
    all_scores(at, count, stride, used, query, offset, gain, out);
    return;
  }
  const auto fetch = [&](std::size_t i) HWY_ATTR {
    if (i >= count) return;
    for (std::size_t j = 0; j < stride; j += kCacheLine) hwy::Prefetch(at(i) + j);
  };
  for (std::size_t i = 0; i < kAhead; ++i) fetch(i);
  const auto at_and_ahead = [&](std::size_t i) HWY_ATTR {
    fetch(i + kAhead);
    return at(i);
  };
  all_scores(at_and_ahead, count, stride, used, query, offset, gain, out);
}

void score_codes_range_kernel(const std::uint8_t* first, std::size_t count, std::size_t stride,
                              std::size_t used, const std::int16_t* query, std::int32_t offset,
                              float gain, float* out) {
  all_scores([&](std::size_t i) HWY_ATTR { return first + i * stride; }, count, stride, used, query,
             offset, gain, out);
}

}  // namespace penchant::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace penchant {
HWY_EXPORT(score_codes_gathered_kernel);
HWY_EXPORT(score_codes_range_kernel);

void score_codes_gathered(const CodeView& codes, std::span<const std::int32_t> rows,
                          const CodeQueryView& query, bool prefetch, std::span<float> scores) {
  HWY_DYNAMIC_DISPATCH(score_codes_gathered_kernel)
  (codes.bytes, codes.stride, codes.used, rows.data(), rows.size(), query.integers, query.offset,
   query.gain, prefetch, scores.data());
}

void score_codes_range(const CodeView& codes, std::size_t first, const CodeQueryView& query,
                       std::span<float> scores) {
  HWY_DYNAMIC_DISPATCH(score_codes_range_kernel)
  (codes.bytes + first * codes.stride, scores.size(), codes.stride, codes.used, query.integers,
   query.offset, query.gain, scores.data());
}

}  // namespace penchant
#endif  // HWY_ONCE
