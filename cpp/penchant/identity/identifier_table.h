#pragma once

// Identifiers by number: a namespace and what is kept of the value, found by both.
//
//   const std::int32_t a = table.add(0, "17", hash_of("login", "17"));
//   table.find(0, "17", hash);                                   // a, or -1
//
// Numbers follow the order of arrival; nothing outside may depend on them.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "penchant/identity/options.h"

namespace penchant::identity {

class IdentifierTable {
 public:
  explicit IdentifierTable(const Options& options);

  // The identifier, added when it is new. Amortized O(1). Throws kInvalidArgument beyond 2^31 - 2.
  std::int32_t add(std::size_t name_space, std::string_view value, std::uint64_t hash);
  [[nodiscard]] std::int32_t find(std::size_t name_space, std::string_view value,
                                  std::uint64_t hash) const;
  void prefetch(std::uint64_t hash) const { __builtin_prefetch(&slots_[hash & mask_]); }
  // Both tables of slots and columns, at once.
  void reserve(std::size_t identifiers);

  [[nodiscard]] std::size_t size() const { return spaces_.size(); }
  [[nodiscard]] std::size_t name_space(std::int32_t id) const {
    return spaces_[static_cast<std::size_t>(id)];
  }
  [[nodiscard]] std::string_view value(std::int32_t id) const {
    const auto i = static_cast<std::size_t>(id);
    return {bytes_.data() + offsets_[i], static_cast<std::size_t>(offsets_[i + 1] - offsets_[i])};
  }
  [[nodiscard]] std::uint64_t hash(std::int32_t id) const {
    return hashes_[static_cast<std::size_t>(id)];
  }
  // Microseconds of the first record that had it; the smallest int64 where it has no time.
  [[nodiscard]] std::int64_t first(std::int32_t id) const {
    return firsts_[static_cast<std::size_t>(id)];
  }
  void set_first(std::int32_t id, std::int64_t time) {
    firsts_[static_cast<std::size_t>(id)] = time;
  }

  // By namespace (in the order of the options), then by bytes: whatever the order of arrival.
  [[nodiscard]] bool before(std::int32_t a, std::int32_t b) const;
  // Which of two names a subject: priority, then first seen, then `before`.
  [[nodiscard]] bool leads(std::int32_t a, std::int32_t b) const;

  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  void grow(std::size_t slots);

  std::vector<int> priorities_;  // by namespace
  std::vector<std::uint8_t> spaces_;
  std::vector<std::int64_t> offsets_{0};
  std::vector<char> bytes_;
  std::vector<std::uint64_t> hashes_;
  std::vector<std::int64_t> firsts_;
  std::vector<std::int32_t> slots_;  // open addressing, -1: free; a power of two, at most half full
  std::uint64_t mask_ = 0;
};

}  // namespace penchant::identity
