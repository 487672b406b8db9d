#include "penchant/ranking/partition_kernels.h"

#include <array>
#include <bit>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/ranking/partition_kernels.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace penchant::ranking::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// An entry is one word whose low half is the row.
static_assert(sizeof(Entry) == sizeof(std::uint64_t) && offsetof(Entry, row) == 0 &&
              std::endian::native == std::endian::little);

using Words = hn::ScalableTag<std::uint64_t>;
using V = hn::Vec<Words>;

HWY_INLINE V bytes_at(Words d, const std::uint8_t* bytes, V offsets) {
  const hn::RebindToSigned<Words> signed_d;
  const auto* base = reinterpret_cast<const std::uint64_t*>(bytes);
  return hn::And(hn::GatherOffset(d, base, hn::BitCast(signed_d, offsets)), hn::Set(d, 0xff));
}

struct ByLimit {
  std::uint64_t shift;
  std::uint64_t limit;
  template <class D>
  HWY_INLINE auto operator()(D d, V bins) const {
    const V moved = hn::And(hn::Add(bins, hn::Set(d, shift)), hn::Set(d, 0xff));
    const hn::RebindToSigned<D> signed_d;
    const auto beyond = hn::Set(signed_d, static_cast<std::int64_t>(limit) + 1);
    return hn::RebindMask(d, hn::Lt(hn::BitCast(signed_d, moved), beyond));
  }
};

struct ByTable {
  const std::uint8_t* left;  // with kColumnSlack
  template <class D>
  HWY_INLINE auto operator()(D d, V bins) const {
    return hn::Ne(bytes_at(d, left, bins), hn::Zero(d));
  }
};

// Every vector is written to both ends, its left lanes first: as many places are free between them
// as entries are still to come, so neither end writes over the other.
template <class GoesLeft>
std::size_t split(std::span<const Entry> entries, const std::uint8_t* column,
                  const GoesLeft& goes_left, const BinDecision& decision, Entry* out) {
  const Words d;
  const std::size_t lanes = hn::Lanes(d);
  const V low_half = hn::Set(d, 0xffffffffU);
  auto* const to = reinterpret_cast<std::uint64_t*>(out);
  const auto* const from = reinterpret_cast<const std::uint64_t*>(entries.data());
  std::size_t front = 0;
  std::size_t back = entries.size();  // one beyond
  std::size_t i = 0;
  for (; i + lanes <= entries.size(); i += lanes) {
    const V words = hn::LoadU(d, from + i);
    const auto left = goes_left(d, bytes_at(d, column, hn::And(words, low_half)));
    const std::size_t count = hn::CompressStore(words, left, d, to + front);
    front += count;
    back -= lanes - count;
    hn::CompressBlendedStore(words, hn::Not(left), d, to + back);
  }
  for (; i < entries.size(); ++i) {
    const bool left = decision.goes_left(column[entries[i].row]);
    out[left ? front : back - 1] = entries[i];
    front += left ? 1 : 0;
    back -= left ? 0 : 1;
  }
  return front;
}

std::size_t partition_kernel(std::span<const Entry> entries, const std::uint8_t* column,
                             const BinDecision& decision, Entry* out) {
  if (!decision.by_table) {
    return split(entries, column, ByLimit{decision.shift, decision.limit}, decision, out);
  }
  std::array<std::uint8_t, 256 + kColumnSlack> left{};
  std::memcpy(left.data(), decision.left.data(), decision.left.size());
  return split(entries, column, ByTable{left.data()}, decision, out);
}

}  // namespace penchant::ranking::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace penchant::ranking {

HWY_EXPORT(partition_kernel);

std::size_t partition_block(std::span<const Entry> entries, const std::uint8_t* column,
                            const BinDecision& decision, Entry* out) {
  return HWY_DYNAMIC_DISPATCH(partition_kernel)(entries, column, decision, out);
}

}  // namespace penchant::ranking
#endif  // HWY_ONCE
