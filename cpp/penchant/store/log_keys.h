#pragma once

// What lies where in a log's RocksDB (docs/decision_log.md describes it):
//
//   'r' number           a record
//   't' tag number       that the record carries the tag; no value
//   'g' block number     the same of several records that were appended together and whose tags
//                        differ in their last kBlockBits bits alone: `number` is that of the first
//                        record of the append, the value lists what to add to both, TagEntry each
//   "first"              number of the oldest record that is kept
//
// Numbers in keys are big-endian, so that bytes sort as they do. Groups are what makes tags cheap:
// a key of its own for each of 10,000 records costs more than the records.

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/store/log.h"

namespace penchant::store {

inline constexpr std::string_view kFirstKey = "first";
inline constexpr std::uint32_t kBlockBits = 10;

using RecordKey = std::array<char, 9>;
using TagKey = std::array<char, 17>;

[[nodiscard]] RecordKey record_key(std::uint64_t number);
[[nodiscard]] TagKey tag_key(std::uint64_t tag, std::uint64_t number);
[[nodiscard]] TagKey group_key(std::uint64_t tag, std::uint64_t number);
[[nodiscard]] std::uint64_t read_number(std::string_view bytes);  // up to 8, big-endian

template <std::size_t size>
[[nodiscard]] std::string_view bytes_of(const std::array<char, size>& key) {
  return {key.data(), key.size()};
}

[[nodiscard]] inline bool is_record_key(std::string_view key) {
  return key.size() == sizeof(RecordKey) && key[0] == 'r';
}

// The tags of one append, sorted, before the number of its first record is known.
class TagBatch {
 public:
  // Throws kInvalidArgument on more than 2^32 records.
  explicit TagBatch(std::span<const Tag> tags);

  using Put = std::function<void(std::string_view key, std::string_view value)>;
  void write(std::uint64_t first, const Put& put) const;

 private:
  struct Entry {
    std::uint64_t tag = 0;
    std::uint32_t record = 0;  // of the append
  };
  std::vector<Entry> entries_;
};

// Numbers of a group's records that carry the tag, appended. False: the value is no group's.
[[nodiscard]] bool read_group(std::uint64_t tag, std::uint64_t first, std::string_view value,
                              std::vector<std::uint64_t>& numbers);

// Whether all that the key says is of records before `first`.
[[nodiscard]] bool only_before(std::string_view key, std::string_view value, std::uint64_t first);

}  // namespace penchant::store
