#include "penchant/identity/link_set.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "penchant/base/error.h"

namespace penchant::identity {
namespace {

constexpr std::size_t kMost = std::numeric_limits<std::int32_t>::max() - 1;
constexpr std::size_t kFewestSlots = 64;

// Two rounds of a 64-bit finalizer (MurmurHash3's): neighbours among numbers lie far apart.
std::uint64_t mixed(std::int32_t a, std::int32_t b) {
  std::uint64_t x = static_cast<std::uint64_t>(a) << 32 | static_cast<std::uint32_t>(b);
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  return x ^ x >> 33;
}

template <class T>
std::size_t bytes_of(const std::vector<T>& values) {
  return values.capacity() * sizeof(T);
}

}  // namespace

std::int32_t EventNames::add(std::string_view name) {
  check_argument(size() < kMost, "an identity holds at most ", kMost, " events");
  bytes_.insert(bytes_.end(), name.begin(), name.end());
  offsets_.push_back(static_cast<std::int64_t>(bytes_.size()));
  return static_cast<std::int32_t>(size()) - 1;
}

std::string_view EventNames::name(std::int32_t event) const {
  if (event < 0) return {};
  const auto i = static_cast<std::size_t>(event);
  return {bytes_.data() + offsets_[i], static_cast<std::size_t>(offsets_[i + 1] - offsets_[i])};
}

int EventNames::compare(std::int32_t a, std::int32_t b) const {
  if (a == b) return 0;
  const int order = name(a).compare(name(b));
  if (order != 0) return order;
  return (a >= 0) - (b >= 0) == 0 ? 0 : (a < 0 ? -1 : 1);  // no event before an empty name
}

std::size_t EventNames::memory_bytes() const { return bytes_of(offsets_) + bytes_.capacity(); }

void LinkSet::reserve(std::size_t links) {
  const std::size_t slots = std::bit_ceil(links * 2 + 1);
  if (slots > slots_.size()) grow_slots(slots);
}

void LinkSet::grow_slots(std::size_t slots) {
  slots_.assign(slots, -1);
  const std::size_t mask = slots - 1;
  for (std::size_t i = 0; i < size(); ++i) {
    std::size_t slot = mixed(links_[i].a, links_[i].b) & mask;
    while (slots_[slot] >= 0) slot = (slot + 1) & mask;
    slots_[slot] = static_cast<std::int32_t>(i);
  }
}

std::int32_t LinkSet::find(std::int32_t a, std::int32_t b) const {
  if (slots_.empty()) return -1;
  if (a > b) std::swap(a, b);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t slot = mixed(a, b) & mask; slots_[slot] >= 0; slot = (slot + 1) & mask) {
    const std::int32_t link = slots_[slot];
    if (at(link).a == a && at(link).b == b) return link;
  }
  return -1;
}

std::int32_t LinkSet::add(std::int32_t a, std::int32_t b) {
  if (a > b) std::swap(a, b);
  const std::int32_t known = find(a, b);
  if (known >= 0) return known;
  check_argument(size() < kMost, "an identity holds at most ", kMost, " links");
  if ((size() + 1) * 2 > slots_.size()) grow_slots(std::max(kFewestSlots, slots_.size() * 2));
  const auto link = static_cast<std::int32_t>(size());
  Link& added = links_.emplace_back();
  added.a = a;
  added.b = b;
  added.next_a = std::exchange(heads_[index(a)], link);
  added.next_b = std::exchange(heads_[index(b)], link);
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = mixed(a, b) & mask;
  while (slots_[slot] >= 0) slot = (slot + 1) & mask;
  slots_[slot] = link;
  return link;
}

std::size_t LinkSet::memory_bytes() const {
  return bytes_of(links_) + bytes_of(heads_) + bytes_of(slots_);
}

}  // namespace penchant::identity
