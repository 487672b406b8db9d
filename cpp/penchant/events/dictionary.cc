#include "penchant/events/dictionary.h"

#include <limits>

#include <xxhash.h>

#include "penchant/base/error.h"

namespace penchant::events {
namespace {

constexpr std::size_t kFirstPlaces = 16;

std::uint32_t hash_of(std::string_view text) {
  return static_cast<std::uint32_t>(XXH3_64bits(text.data(), text.size()) >> 32);
}

}  // namespace

std::int32_t Dictionary::find(std::string_view text) const {
  if (places_.empty()) return -1;
  const std::size_t mask = places_.size() - 1;
  const std::uint32_t hash = hash_of(text);
  for (std::size_t at = hash & mask; places_[at] >= 0; at = (at + 1) & mask) {
    const std::int32_t code = places_[at];
    if (hashes_[static_cast<std::size_t>(code)] == hash && this->text(code) == text) return code;
  }
  return -1;
}

std::int32_t Dictionary::add(std::string_view text) {
  // Half full at most.
  if (places_.size() < 2 * (size() + 1)) grow();
  const std::size_t mask = places_.size() - 1;
  const std::uint32_t hash = hash_of(text);
  std::size_t at = hash & mask;
  for (; places_[at] >= 0; at = (at + 1) & mask) {
    const std::int32_t code = places_[at];
    if (hashes_[static_cast<std::size_t>(code)] == hash && this->text(code) == text) return code;
  }
  check_argument(size() < static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()),
                 "dictionary: more than 2^31 - 1 texts");
  const auto code = static_cast<std::int32_t>(size());
  bytes_.insert(bytes_.end(), text.begin(), text.end());
  offsets_.push_back(static_cast<std::int64_t>(bytes_.size()));
  hashes_.push_back(hash);
  places_[at] = code;
  return code;
}

void Dictionary::grow() {
  places_.assign(places_.empty() ? kFirstPlaces : 2 * places_.size(), -1);
  const std::size_t mask = places_.size() - 1;
  for (std::size_t code = 0; code < hashes_.size(); ++code) {
    std::size_t at = hashes_[code] & mask;
    while (places_[at] >= 0) at = (at + 1) & mask;
    places_[at] = static_cast<std::int32_t>(code);
  }
}

}  // namespace penchant::events
