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
    std::uint64_t at = hashes_[i] & mask_;
    while (slots_[at] >= 0) at = (at + 1) & mask_;
    slots_[at] = static_cast<std::int32_t>(i);
  }
}

void IdentifierTable::reserve(std::size_t identifiers) {
  const std::size_t slots = std::bit_ceil(identifiers * 2);
  if (slots > slots_.size()) grow(slots);
}

std::int32_t IdentifierTable::find(std::size_t name_space, std::string_view value,
                                   std::uint64_t hash) const {
  for (std::uint64_t at = hash & mask_; slots_[at] >= 0; at = (at + 1) & mask_) {
    const std::int32_t id = slots_[at];
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
  spaces_.push_back(static_cast<std::uint8_t>(name_space));
  bytes_.insert(bytes_.end(), value.begin(), value.end());
  offsets_.push_back(static_cast<std::int64_t>(bytes_.size()));
  hashes_.push_back(hash);
  firsts_.push_back(std::numeric_limits<std::int64_t>::max());
  std::uint64_t at = hash & mask_;
  while (slots_[at] >= 0) at = (at + 1) & mask_;
  slots_[at] = id;
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
  return spaces_.capacity() + offsets_.capacity() * sizeof(std::int64_t) + bytes_.capacity() +
         hashes_.capacity() * sizeof(std::uint64_t) + firsts_.capacity() * sizeof(std::int64_t) +
         slots_.capacity() * sizeof(std::int32_t);
}

}  // namespace penchant::identity
