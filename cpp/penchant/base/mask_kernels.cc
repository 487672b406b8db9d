#include "penchant/base/mask_kernels.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/base/mask_kernels.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace penchant::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Bit i of words[i / 64] says whether mask[i] is not 0; size: a multiple of 64.
void mask_bits_kernel(const std::uint8_t* mask, std::size_t size, std::uint64_t* words) {
  const hn::CappedTag<std::uint8_t, 64> d;
  const auto zero = hn::Zero(d);
  auto* out = reinterpret_cast<std::uint8_t*>(words);
  for (std::size_t i = 0; i < size; i += hn::Lanes(d)) {
    std::uint8_t bits[8] = {};
    const std::size_t bytes = hn::StoreMaskBits(d, hn::Ne(hn::LoadU(d, mask + i), zero), bits);
    std::memcpy(out + i / 8, bits, bytes);
  }
}

}  // namespace penchant::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "penchant/base/error.h"

namespace penchant {
HWY_EXPORT(mask_bits_kernel);

namespace {

static_assert(std::endian::native == std::endian::little, "the first byte is the lowest");
constexpr std::size_t kWords = 64;  // made at a time

// visit(i, bits) for each 64 entries from i on.
template <class Visit>
void visit_words(std::span<const std::uint8_t> mask, const Visit& visit) {
  std::array<std::uint64_t, kWords> words;
  const std::size_t whole = mask.size() / 64;
  for (std::size_t begin = 0; begin < whole; begin += kWords) {
    const std::size_t count = std::min(kWords, whole - begin);
    HWY_DYNAMIC_DISPATCH(mask_bits_kernel)(mask.data() + begin * 64, count * 64, words.data());
    for (std::size_t i = 0; i < count; ++i) visit((begin + i) * 64, words[i]);
  }
  if (mask.size() % 64 == 0) return;
  std::array<std::uint8_t, 64> rest{};
  std::memcpy(rest.data(), mask.data() + whole * 64, mask.size() % 64);
  HWY_DYNAMIC_DISPATCH(mask_bits_kernel)(rest.data(), 64, words.data());
  visit(whole * 64, words[0]);
}

// Which of eight bits are set, in order; further entries are 0.
struct Places {
  std::array<std::array<std::uint8_t, 8>, 256> of{};
  constexpr Places() {
    for (std::size_t bits = 0; bits < 256; ++bits) {
      std::size_t at = 0;
      for (std::uint8_t place = 0; place < 8; ++place) {
        if (((bits >> place) & 1U) != 0) of[bits][at++] = place;
      }
    }
  }
};
constexpr Places kPlaces;

// With more of 64 set it is cheaper to look up eight at a time than to go from one to the next.
constexpr int kDense = 6;

}  // namespace

std::size_t count_of_mask(std::span<const std::uint8_t> mask) {
  std::size_t count = 0;
  visit_words(mask, [&](std::size_t, std::uint64_t bits) {
    count += static_cast<std::size_t>(std::popcount(bits));
  });
  return count;
}

std::size_t places_of_mask(std::span<const std::uint8_t> mask, std::span<std::int32_t> places) {
  std::int32_t* to = places.data();
  const std::int32_t* const end = to + places.size();
  visit_words(mask, [&](std::size_t i, std::uint64_t bits) {
    const int set = std::popcount(bits);
    check_argument(to + set + kMaskRoom <= end, "places_of_mask: room for ", places.size(),
                   " places, and there are more");
    auto first = static_cast<std::int32_t>(i);
    if (set <= kDense) {
      for (; bits != 0; bits &= bits - 1) *to++ = first + std::countr_zero(bits);
      return;
    }
    for (; bits != 0; bits >>= 8, first += 8) {
      const auto eight = static_cast<std::size_t>(bits & 0xff);
      const auto set_places = kPlaces.of[eight];  // a copy, or each store might change it
      for (std::size_t j = 0; j < 8; ++j) to[j] = first + set_places[j];
      to += std::popcount(eight);
    }
  });
  return static_cast<std::size_t>(to - places.data());
}

}  // namespace penchant
#endif  // HWY_ONCE
