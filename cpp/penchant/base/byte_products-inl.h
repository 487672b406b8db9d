// Products of bytes in the vectors of whichever target Highway compiles for: included once a
// target, after highway.h, by the files that hold kernels over bytes.
//
// Highway 1.0.3 has no product of bytes but one of sixteen-bit integers, two neighbours added up.
// So a row's bytes are taken as the even ones and the odd ones, each by one cheap instruction, and
// a query is kept in that order.

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

using Quad = hn::FixedTag<std::int32_t, 4>;

#if HWY_HAVE_SCALABLE
// Vectors of unknown length can't be kept in arrays; the products are plain there.
HWY_INLINE hn::Vec<Quad> four_products(const std::uint8_t* const* rows, const std::int16_t* query,
                                       std::size_t columns) {
  alignas(16) std::int32_t sums[4] = {};
  for (std::size_t r = 0; r < 4; ++r) {
    for (std::size_t j = 0; j < columns / 2; ++j) {
      sums[r] += rows[r][2 * j] * query[j] + rows[r][2 * j + 1] * query[columns / 2 + j];
    }
  }
  return hn::Load(Quad(), sums);
}
#else
using Pairs = hn::CappedTag<std::uint16_t, 16>;  // 32 bytes, or what the target has
using Products = hn::RebindToSigned<Pairs>;
using Sums = hn::Repartition<std::int32_t, Pairs>;
constexpr std::size_t kPairs = hn::MaxLanes(Pairs());

HWY_INLINE hn::Vec<Sums> add_products(hn::Vec<Sums> sum, const std::uint8_t* row,
                                      hn::Vec<Products> even, hn::Vec<Products> odd) {
  const Pairs d;
  const auto both = hn::BitCast(d, hn::LoadU(hn::Repartition<std::uint8_t, Pairs>(), row));
  const auto low = hn::BitCast(Products(), hn::And(both, hn::Set(d, std::uint16_t{0xff})));
  const auto high = hn::BitCast(Products(), hn::ShiftRight<8>(both));
  auto other = hn::Zero(Sums());
  sum = hn::ReorderWidenMulAccumulate(Sums(), low, even, sum, other);
  sum = hn::ReorderWidenMulAccumulate(Sums(), high, odd, sum, other);
  return hn::Add(sum, other);  // on x86 `other` stays 0 and this is nothing
}

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

// Sums of u * q over `columns` (a multiple of 32) for four rows. query: [columns], the even
// columns' and then the odd ones'.
HWY_INLINE hn::Vec<Quad> four_products(const std::uint8_t* const* rows, const std::int16_t* query,
                                       std::size_t columns) {
  auto a = hn::Zero(Sums());
  auto b = hn::Zero(Sums());
  auto c = hn::Zero(Sums());
  auto e = hn::Zero(Sums());
  for (std::size_t j = 0; j < columns / 2; j += kPairs) {
    const auto even = hn::LoadU(Products(), query + j);
    const auto odd = hn::LoadU(Products(), query + columns / 2 + j);
    a = add_products(a, rows[0] + 2 * j, even, odd);
    b = add_products(b, rows[1] + 2 * j, even, odd);
    c = add_products(c, rows[2] + 2 * j, even, odd);
    e = add_products(e, rows[3] + 2 * j, even, odd);
  }
  return add_lanes(fold(a), fold(b), fold(c), fold(e));
}
#endif  // HWY_HAVE_SCALABLE

}  // namespace penchant::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // PENCHANT_BASE_BYTE_PRODUCTS_INL_H
