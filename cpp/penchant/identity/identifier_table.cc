#include "penchant/identity/identifier_table.h"

#include <bit>
#include <limits>

#include "penchant/base/error.h"

namespace penchant::identity {
namespace {

constexpr std::size_t kMost = std::numeric_limits<std::int32_t>::max() - 1;
constexpr std::size_t kFewestSlots = 64;

}  // namespace

IdentifierTable::IdentifierTable(const Options& options) {
  for (const Namespace& one : options.namespaces) priorities_.push_back(one.priority);
  grow(kFewestSlots);
}

void IdentifierTable::grow(std::size_t slots) {
  slots_.assign(slots, -1);
  mask_ = slots - 1;
  for (std::size_t i = 0; i < size(); ++i) {
    std::uint64_t slot = entries_[i].hash & mask_;
    while (slots_[slot] >= 0) slot = (slot + 1) & mask_;
    slots_[slot] = static_cast<std::int32_t>(i);
  }
}

void IdentifierTable::reserve(std::size_t identifiers) {
  const std::size_t slots = std::bit_ceil(identifiers * 2);
  if (slots > slots_.size()) grow(slots);
}

std::int32_t IdentifierTable::find(std::size_t name_space, std::string_view value,
                                   std::uint64_t hash) const {
  for (std::uint64_t slot = hash & mask_; slots_[slot] >= 0; slot = (slot + 1) & mask_) {
    const std::int32_t id = slots_[slot];
    if (this->hash(id) == hash && this->name_space(id) == name_space && this->value(id) == value) {
      return id;
    }
  }
  return -1;
}

std::int32_t IdentifierTable::add(std::size_t name_space, std::string_view value,
                                  std::uint64_t hash) {
  const std::int32_t known = find(name_space, value, hash);
  if (known >= 0) return known;
  check_argument(size() < kMost, "an identity holds at most ", kMost, " identifiers");
  if ((size() + 1) * 2 > slots_.size()) grow(slots_.size() * 2);
  const auto id = static_cast<std::int32_t>(size());
  Entry& added = entries_.emplace_back();
  added.hash = hash;
  added.begin = bytes_.size();
  added.length = static_cast<std::uint32_t>(value.size());
  added.space = static_cast<std::uint32_t>(name_space);
  bytes_.insert(bytes_.end(), value.begin(), value.end());
  std::uint64_t slot = hash & mask_;
  while (slots_[slot] >= 0) slot = (slot + 1) & mask_;
  slots_[slot] = id;
  return id;
}

bool IdentifierTable::before(std::int32_t a, std::int32_t b) const {
  if (name_space(a) != name_space(b)) return name_space(a) < name_space(b);
  return value(a) < value(b);
}

bool IdentifierTable::leads(std::int32_t a, std::int32_t b) const {
  const int own = priorities_[name_space(a)];
  const int other = priorities_[name_space(b)];
  if (own != other) return own < other;
  if (first(a) != first(b)) return first(a) < first(b);
  return before(a, b);
}

std::size_t IdentifierTable::memory_bytes() const {
  return entries_.capacity() * sizeof(Entry) + bytes_.capacity() +
         slots_.capacity() * sizeof(std::int32_t);
}

}  // namespace penchant::identity
