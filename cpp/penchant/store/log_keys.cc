#include "penchant/store/log_keys.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "penchant/base/error.h"

namespace penchant::store {
namespace {

// In a group's value, little-endian.
struct TagEntry {
  std::uint16_t tag = 0;     // the last kBlockBits
  std::uint32_t record = 0;  // of the append, ascending
};
constexpr std::size_t kEntryBytes = sizeof(std::uint16_t) + sizeof(std::uint32_t);

void put_number(char* at, std::uint64_t number) {
  for (std::size_t i = 0; i < 8; ++i) {
    at[i] = static_cast<char>((number >> (56 - 8 * i)) & 0xff);
  }
}

TagKey key_of_two(char prefix, std::uint64_t one, std::uint64_t two) {
  TagKey key{prefix};
  put_number(key.data() + 1, one);
  put_number(key.data() + 9, two);
  return key;
}

std::uint64_t block_of(std::uint64_t tag) { return tag >> kBlockBits; }
std::uint16_t last_bits(std::uint64_t tag) {
  return static_cast<std::uint16_t>(tag & ((std::uint64_t{1} << kBlockBits) - 1));
}

void append_entry(std::string& out, const TagEntry& entry) {
  const std::size_t at = out.size();
  out.resize(at + kEntryBytes);
  std::memcpy(out.data() + at, &entry.tag, sizeof entry.tag);
  std::memcpy(out.data() + at + sizeof entry.tag, &entry.record, sizeof entry.record);
}

TagEntry entry_at(std::string_view value, std::size_t at) {
  TagEntry entry;
  std::memcpy(&entry.tag, value.data() + at, sizeof entry.tag);
  std::memcpy(&entry.record, value.data() + at + sizeof entry.tag, sizeof entry.record);
  return entry;
}

bool holds_entries(std::string_view value) {
  return !value.empty() && value.size() % kEntryBytes == 0;
}

}  // namespace

RecordKey record_key(std::uint64_t number) {
  RecordKey key{'r'};
  put_number(key.data() + 1, number);
  return key;
}

TagKey tag_key(std::uint64_t tag, std::uint64_t number) { return key_of_two('t', tag, number); }

TagKey group_key(std::uint64_t tag, std::uint64_t number) {
  return key_of_two('g', block_of(tag), number);
}

std::uint64_t read_number(std::string_view bytes) {
  std::uint64_t out = 0;
  for (const char byte : bytes) out = out << 8 | static_cast<unsigned char>(byte);
  return out;
}

TagBatch::TagBatch(std::span<const Tag> tags) {
  check_argument(tags.size() <= std::numeric_limits<std::uint32_t>::max(), tags.size(),
                 " records at once; at most 2^32 are allowed");
  entries_.reserve(tags.size());
  for (std::size_t r = 0; r < tags.size(); ++r) {
    if (tags[r]) entries_.push_back({*tags[r], static_cast<std::uint32_t>(r)});
  }
  // By block, and within it as the records come.
  std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
    const std::uint64_t one = block_of(a.tag);
    const std::uint64_t two = block_of(b.tag);
    return one != two ? one < two : a.record < b.record;
  });
}

void TagBatch::write(std::uint64_t first, const Put& put) const {
  std::string value;
  for (std::size_t begin = 0; begin < entries_.size();) {
    const std::uint64_t tag = entries_[begin].tag;
    std::size_t end = begin + 1;
    while (end < entries_.size() && block_of(entries_[end].tag) == block_of(tag)) ++end;
    if (end == begin + 1) {
      put(bytes_of(tag_key(tag, first + entries_[begin].record)), {});
    } else {
      value.clear();
      for (std::size_t e = begin; e < end; ++e) {
        append_entry(value, {last_bits(entries_[e].tag), entries_[e].record});
      }
      put(bytes_of(group_key(tag, first)), value);
    }
    begin = end;
  }
}

bool read_group(std::uint64_t tag, std::uint64_t first, std::string_view value,
                std::vector<std::uint64_t>& numbers) {
  if (!holds_entries(value)) return false;
  for (std::size_t at = 0; at < value.size(); at += kEntryBytes) {
    const TagEntry entry = entry_at(value, at);
    if (entry.tag == last_bits(tag)) numbers.push_back(first + entry.record);
  }
  return true;
}

bool only_before(std::string_view key, std::string_view value, std::uint64_t first) {
  if (key.size() != sizeof(TagKey)) return false;
  const std::uint64_t number = read_number(key.substr(9));
  if (key[0] == 't') return number < first;
  if (key[0] != 'g' || !holds_entries(value)) return false;
  return number + entry_at(value, value.size() - kEntryBytes).record < first;
}

}  // namespace penchant::store
