#include "penchant/bundle/format.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include <xxhash.h>

namespace penchant::bundle {
namespace {

static_assert(std::endian::native == std::endian::little, "sections are mapped as they lie");

// A high first byte, so that no text is taken for a bundle, and CR LF, so that a transfer which
// "repairs" line ends is noticed at once (the idea is PNG's).
constexpr std::array<unsigned char, 8> kMagic = {0x89, 'P', 'N', 'C', 'H', '\r', '\n', 0x1A};

// Where the fields of the prefix lie.
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kOldestReaderAt = 12;
constexpr std::size_t kHeaderBytesAt = 16;
constexpr std::size_t kHeaderChecksumAt = 24;
constexpr std::size_t kFileBytesAt = 32;
constexpr std::size_t kReservedAt = 40;
constexpr std::size_t kPrefixChecksumAt = 56;

template <class T>
T load(std::span<const std::byte> bytes, std::size_t at) {
  T value{};
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

template <class T>
void store(std::span<std::byte> bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

template <class... Parts>
[[noreturn]] void corrupt(const Parts&... message) {
  fail(ErrorKind::kCorruptBundle, concat(message...));
}

void check_versions(const Prefix& prefix) {
  if (prefix.oldest_reader > kFormatVersion) {
    corrupt("the file needs a reader of bundle format ", prefix.oldest_reader,
            " or newer; this build reads ", kOldestReadable, " to ", kFormatVersion,
            ": upgrade penchant");
  }
  if (prefix.version < kOldestReadable || prefix.oldest_reader < 1 ||
      prefix.oldest_reader > prefix.version) {
    corrupt("bundle format ", prefix.version, " with oldest reader ", prefix.oldest_reader,
            " does not exist; this build reads ", kOldestReadable, " to ", kFormatVersion);
  }
}

}  // namespace

std::uint64_t checksum(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::string to_hex(std::uint64_t value) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out(16, '0');
  for (std::size_t i = 16; i-- > 0; value >>= 4) out[i] = kDigits[value & 15];
  return out;
}

std::optional<std::uint64_t> from_hex(std::string_view digits) {
  if (digits.size() != 16) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : digits) {
    const bool decimal = c >= '0' && c <= '9';
    if (!decimal && !(c >= 'a' && c <= 'f')) return std::nullopt;
    value = value << 4 | static_cast<std::uint64_t>(decimal ? c - '0' : c - 'a' + 10);
  }
  return value;
}

std::string_view dtype_name(DType dtype) {
  switch (dtype) {
    case DType::kUint8:
      return "u8";
    case DType::kInt32:
      return "i32";
    case DType::kInt64:
      return "i64";
    case DType::kFloat32:
      return "f32";
    case DType::kFloat64:
      return "f64";
  }
  return "unknown";
}

std::size_t dtype_size(DType dtype) {
  switch (dtype) {
    case DType::kUint8:
      return 1;
    case DType::kInt32:
    case DType::kFloat32:
      return 4;
    case DType::kInt64:
    case DType::kFloat64:
      return 8;
  }
  return 1;
}

std::optional<DType> dtype_from_name(std::string_view name) {
  for (const DType dtype :
       {DType::kUint8, DType::kInt32, DType::kInt64, DType::kFloat32, DType::kFloat64}) {
    if (dtype_name(dtype) == name) return dtype;
  }
  return std::nullopt;
}

bool is_valid_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '/' ||
                  c == '.' || c == '-';
         });
}

std::optional<std::uint64_t> array_bytes(std::span<const std::uint64_t> shape, DType dtype) {
  std::uint64_t product = dtype_size(dtype);
  bool empty = false;
  for (const std::uint64_t dimension : shape) {
    empty = empty || dimension == 0;
    if (__builtin_mul_overflow(product, std::max<std::uint64_t>(dimension, 1), &product)) {
      return std::nullopt;
    }
  }
  return empty ? 0 : product;
}

void encode_prefix(const Prefix& prefix, std::span<std::byte, kPrefixBytes> out) {
  std::fill(out.begin(), out.end(), std::byte{0});
  std::memcpy(out.data(), kMagic.data(), kMagic.size());
  store(out, kVersionAt, prefix.version);
  store(out, kOldestReaderAt, prefix.oldest_reader);
  store(out, kHeaderBytesAt, prefix.header_bytes);
  store(out, kHeaderChecksumAt, prefix.header_checksum);
  store(out, kFileBytesAt, prefix.file_bytes);
  store(out, kPrefixChecksumAt, checksum(out.first(kPrefixChecksumAt)));
}

Prefix decode_prefix(std::span<const std::byte> file) {
  if (file.size() < kMagic.size() || std::memcmp(file.data(), kMagic.data(), kMagic.size()) != 0) {
    corrupt("not a Penchant bundle: the first ", kMagic.size(), " bytes are not its signature");
  }
  if (file.size() < kPrefixBytes) {
    corrupt("the file is truncated: ", file.size(), " bytes, fewer than the prefix's ",
            kPrefixBytes);
  }
  Prefix prefix;
  prefix.version = load<std::uint32_t>(file, kVersionAt);
  prefix.oldest_reader = load<std::uint32_t>(file, kOldestReaderAt);
  // Before the checksum: a later format may lay out the rest of the prefix as it likes.
  check_versions(prefix);
  if (load<std::uint64_t>(file, kPrefixChecksumAt) != checksum(file.first(kPrefixChecksumAt))) {
    corrupt("the checksum of the prefix differs: the file is damaged");
  }
  const auto reserved = file.subspan(kReservedAt, kPrefixChecksumAt - kReservedAt);
  if (!std::all_of(reserved.begin(), reserved.end(),
                   [](std::byte b) { return b == std::byte{0}; })) {
    corrupt("bytes ", kReservedAt, " to ", kPrefixChecksumAt, " of the prefix are not zero");
  }
  prefix.header_bytes = load<std::uint64_t>(file, kHeaderBytesAt);
  prefix.header_checksum = load<std::uint64_t>(file, kHeaderChecksumAt);
  prefix.file_bytes = load<std::uint64_t>(file, kFileBytesAt);
  if (prefix.file_bytes != file.size()) {
    corrupt("the file is ", file.size() < prefix.file_bytes ? "truncated" : "too long", ": ",
            file.size(), " bytes instead of ", prefix.file_bytes);
  }
  if (prefix.header_bytes > kMaxHeaderBytes) {
    corrupt("the header claims ", prefix.header_bytes, " bytes; at most ", kMaxHeaderBytes,
            " are allowed");
  }
  if (prefix.header_bytes > file.size() - kPrefixBytes) {
    corrupt("the header claims ", prefix.header_bytes, " bytes; the file has ",
            file.size() - kPrefixBytes, " after its prefix");
  }
  return prefix;
}

}  // namespace penchant::bundle
