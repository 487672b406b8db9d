#pragma once

// Identifiers by number: a namespace and what is kept of the value, found by both.
//
//   const std::int32_t a = table.add(0, "17", hash_of("login", "17"));
//   table.find(0, "17", hash);                                   // a, or -1
//
// Numbers follow the order of arrival; nothing outside may depend on them.

#include <cstddef>
#include <cstdint>
#include <limits>
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
  // What find() will read first, and, where that has arrived, what it reads next.
  void prefetch(std::uint64_t hash) const { __builtin_prefetch(&slots_[hash & mask_]); }
  void prefetch_entry(std::uint64_t hash) const {
    const std::int32_t id = slots_[hash & mask_];
    if (id >= 0) __builtin_prefetch(&entries_[static_cast<std::size_t>(id)]);
  }
  void prefetch_value(std::uint64_t hash) const {
    const std::int32_t id = slots_[hash & mask_];
    if (id >= 0) __builtin_prefetch(bytes_.data() + at(id).begin);
  }
  // Both tables of slots and columns, at once.
  void reserve(std::size_t identifiers);

  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::size_t name_space(std::int32_t id) const { return at(id).space; }
  [[nodiscard]] std::string_view value(std::int32_t id) const {
    return {bytes_.data() + at(id).begin, at(id).length};
  }
  [[nodiscard]] std::uint64_t hash(std::int32_t id) const { return at(id).hash; }
  // Microseconds of the first record that had it; the smallest int64 where it has no time.
  [[nodiscard]] std::int64_t first(std::int32_t id) const { return at(id).first; }
  void set_first(std::int32_t id, std::int64_t time) {
    entries_[static_cast<std::size_t>(id)].first = time;
  }

  // By namespace (in the order of the options), then by bytes: whatever the order of arrival.
  [[nodiscard]] bool before(std::int32_t a, std::int32_t b) const;
  // Which of two names a subject: priority, then first seen, then `before`.
  [[nodiscard]] bool leads(std::int32_t a, std::int32_t b) const;

  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  // Half a cache line: a lookup touches one, and the value.
  struct Entry {
    std::uint64_t hash = 0;
    std::int64_t first = std::numeric_limits<std::int64_t>::max();
    std::uint64_t begin = 0;  // of bytes_
    std::uint32_t length = 0;
    std::uint32_t space = 0;
  };

  [[nodiscard]] const Entry& at(std::int32_t id) const {
    return entries_[static_cast<std::size_t>(id)];
  }
  void grow(std::size_t slots);

  std::vector<int> priorities_;  // by namespace
  std::vector<Entry> entries_;
  std::vector<char> bytes_;
  std::vector<std::int32_t> slots_;  // open addressing, -1: free; a power of two, at most half full
  std::uint64_t mask_ = 0;
};

}  // namespace penchant::identity
