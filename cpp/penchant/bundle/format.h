#pragma once

// The bytes of the format outside the JSON: the fixed prefix, checksums, names, shapes, alignment.
// The document is docs/bundle_format/v1.md; reader.cc and writer.cc share what is here.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/bundle/bundle.h"

namespace penchant::bundle {

inline constexpr std::size_t kPrefixBytes = 64;
inline constexpr std::size_t kMaxNameBytes = 200;
inline constexpr std::size_t kMaxRank = 8;
inline constexpr std::size_t kMaxDepth = 32;  // of nested arrays and objects in the JSON header

// XXH3-64, seed 0.
[[nodiscard]] std::uint64_t checksum(std::span<const std::byte> bytes);

// 16 lower-case hex digits, and back (nullopt on anything else).
[[nodiscard]] std::string to_hex(std::uint64_t value);
[[nodiscard]] std::optional<std::uint64_t> from_hex(std::string_view digits);

[[nodiscard]] std::optional<DType> dtype_from_name(std::string_view name);
[[nodiscard]] bool is_valid_name(std::string_view name);

// Bytes of an array, nullopt when that overflows. Zero dimensions count as one while multiplying,
// so that [2^63, 2^63, 0] does not pass as empty.
[[nodiscard]] std::optional<std::uint64_t> array_bytes(std::span<const std::uint64_t> shape,
                                                       DType dtype);

// The next multiple of kAlignment. `position` must be below 2^64 - kAlignment.
[[nodiscard]] constexpr std::uint64_t align_up(std::uint64_t position) {
  return (position + kAlignment - 1) / kAlignment * kAlignment;
}

// The first kPrefixBytes of a file, but for the magic, the reserved zeros and its own checksum.
struct Prefix {
  std::uint32_t version = kFormatVersion;
  std::uint32_t oldest_reader = 1;  // the oldest format version whose readers may read the file
  std::uint64_t header_bytes = 0;   // of the JSON that follows
  std::uint64_t header_checksum = 0;
  std::uint64_t file_bytes = 0;
};

void encode_prefix(const Prefix& prefix, std::span<std::byte, kPrefixBytes> out);

// Checks all that the prefix alone and the size of the file can tell. Throws kCorruptBundle.
[[nodiscard]] Prefix decode_prefix(std::span<const std::byte> file);

}  // namespace penchant::bundle
