// Products of bytes in the vectors of whichever target Highway compiles for: included once a target,
// after highway.h, by the files that hold kernels over bytes.

#if defined(PENCHANT_BASE_BYTE_PRODUCTS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef PENCHANT_BASE_BYTE_PRODUCTS_INL_H
#undef PENCHANT_BASE_BYTE_PRODUCTS_INL_H
#else
#define PENCHANT_BASE_BYTE_PRODUCTS_INL_H
#endif

#include <cstddef>
#include <cstdint>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace penchant::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Highway 1.0.3 has no product of bytes. On x86 it is two instructions (and one where AVX-512 VNNI
// is a target), elsewhere bytes are widened first.
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
using Bytes = hn::FixedTag<std::uint8_t, 32>;
using SignedBytes = hn::FixedTag<std::int8_t, 32>;
using Sums = hn::FixedTag<std::int32_t, 8>;
HWY_INLINE hn::Vec<Sums> add_products(hn::Vec<Sums> sum, hn::Vec<Bytes> u, hn::Vec<SignedBytes> q) {
#if HWY_TARGET == HWY_AVX3_DL
  return hn::Vec<Sums>{_mm256_dpbusd_epi32(sum.raw, u.raw, q.raw)};
#else
  const __m256i pairs = _mm256_maddubs_epi16(u.raw, q.raw);
  const __m256i fours = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
  return hn::Vec<Sums>{_mm256_add_epi32(sum.raw, fours)};
#endif
}
#elif HWY_TARGET == HWY_SSE4 || HWY_TARGET == HWY_SSSE3
using Bytes = hn::FixedTag<std::uint8_t, 16>;
using SignedBytes = hn::FixedTag<std::int8_t, 16>;
using Sums = hn::FixedTag<std::int32_t, 4>;
HWY_INLINE hn::Vec<Sums> add_products(hn::Vec<Sums> sum, hn::Vec<Bytes> u, hn::Vec<SignedBytes> q) {
  const __m128i pairs = _mm_maddubs_epi16(u.raw, q.raw);
  const __m128i fours = _mm_madd_epi16(pairs, _mm_set1_epi16(1));
  return hn::Vec<Sums>{_mm_add_epi32(sum.raw, fours)};
}
#else
using Bytes = hn::FixedTag<std::uint8_t, 16>;
using SignedBytes = hn::FixedTag<std::int8_t, 16>;
using Sums = hn::FixedTag<std::int32_t, 4>;
HWY_INLINE hn::Vec<Sums> add_products(hn::Vec<Sums> sum, hn::Vec<Bytes> u, hn::Vec<SignedBytes> q) {
  const hn::FixedTag<std::int16_t, 8> wide;
  const hn::Half<Bytes> half_u;
  const hn::Half<SignedBytes> half_q;
  auto other = hn::Zero(Sums());
  sum = hn::ReorderWidenMulAccumulate(Sums(), hn::PromoteTo(wide, hn::LowerHalf(half_u, u)),
                                      hn::PromoteTo(wide, hn::LowerHalf(half_q, q)), sum, other);
  sum = hn::ReorderWidenMulAccumulate(Sums(), hn::PromoteTo(wide, hn::UpperHalf(half_u, u)),
                                      hn::PromoteTo(wide, hn::UpperHalf(half_q, q)), sum, other);
  return hn::Add(sum, other);
}
#endif

using Quad = hn::FixedTag<std::int32_t, 4>;
constexpr std::size_t kWidth = hn::MaxLanes(Bytes());

template <class V>
HWY_INLINE hn::Vec<Quad> fold(V sum) {
  if constexpr (hn::MaxLanes(Sums()) == 8) {
    return hn::Add(hn::LowerHalf(Quad(), sum), hn::UpperHalf(Quad(), sum));
  } else {
    return sum;
  }
}

// The four lanes of each of four vectors added up, side by side.
HWY_INLINE hn::Vec<Quad> add_lanes(hn::Vec<Quad> a, hn::Vec<Quad> b, hn::Vec<Quad> c,
                                   hn::Vec<Quad> e) {
  const Quad d;
  const auto u = hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b));
  const auto w = hn::Add(hn::InterleaveLower(d, c, e), hn::InterleaveUpper(d, c, e));
  return hn::Add(hn::ConcatLowerLower(d, w, u), hn::ConcatUpperUpper(d, w, u));
}

// Sums of u * q over `columns` (a multiple of 32) for four rows; what u - 128 would have given is
// less 128 * the sum of q.
HWY_INLINE hn::Vec<Quad> four_products(const std::uint8_t* const* rows, const std::int8_t* query,
                                       std::size_t columns) {
  auto a = hn::Zero(Sums());
  auto b = hn::Zero(Sums());
  auto c = hn::Zero(Sums());
  auto e = hn::Zero(Sums());
  for (std::size_t j = 0; j < columns; j += kWidth) {
    const auto q = hn::LoadU(SignedBytes(), query + j);
    a = add_products(a, hn::LoadU(Bytes(), rows[0] + j), q);
    b = add_products(b, hn::LoadU(Bytes(), rows[1] + j), q);
    c = add_products(c, hn::LoadU(Bytes(), rows[2] + j), q);
    e = add_products(e, hn::LoadU(Bytes(), rows[3] + j), q);
  }
  return add_lanes(fold(a), fold(b), fold(c), fold(e));
}

}  // namespace penchant::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // PENCHANT_BASE_BYTE_PRODUCTS_INL_H
