#include "penchant/store/snapshot_file.h"

#include <array>
#include <cstring>
#include <fstream>

#include <xxhash.h>

#include "penchant/base/error.h"
#include "penchant/bundle/atomic_file.h"

namespace penchant::store {
namespace {

constexpr std::array<char, 8> kSignature{'P', 'N', 'C', 'H', 'S', 'N', 'P', '1'};

struct Head {
  std::array<char, 8> signature{};
  std::uint64_t sequence = 0;
  std::uint64_t size = 0;
  std::uint64_t checksum = 0;  // of the three before and the bytes
};
static_assert(sizeof(Head) == 32);

std::uint64_t checksum_of(const Head& head, std::string_view bytes) {
  const std::uint64_t seed = XXH3_64bits(&head, offsetof(Head, checksum));
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace

void write_snapshot_file(const std::filesystem::path& path, std::string_view bytes,
                         std::uint64_t sequence) {
  Head head{.signature = kSignature, .sequence = sequence, .size = bytes.size()};
  head.checksum = checksum_of(head, bytes);
  bundle::AtomicFile file(path);
  file.write(std::as_bytes(std::span(&head, 1)));
  file.write(std::as_bytes(std::span(bytes)));
  file.commit();
}

std::optional<Snapshot> read_snapshot_file(const std::filesystem::path& path) {
  std::error_code problem;
  const std::uintmax_t size = std::filesystem::file_size(path, problem);
  if (problem == std::errc::no_such_file_or_directory) return std::nullopt;
  if (problem) {
    fail(ErrorKind::kIo, concat("snapshot '", path.string(), "': ", problem.message()));
  }
  std::ifstream file(path, std::ios::binary);
  Head head;
  Snapshot out;
  bool whole = size >= sizeof head &&
               file.read(reinterpret_cast<char*>(&head), sizeof head).good() &&
               head.signature == kSignature && head.size == size - sizeof head;
  if (whole) {
    out.bytes.resize(head.size);
    out.sequence = head.sequence;
    file.read(out.bytes.data(), static_cast<std::streamsize>(head.size));
    whole = static_cast<std::uint64_t>(file.gcount()) == head.size &&
            head.checksum == checksum_of(head, out.bytes);
  }
  if (!whole) {
    fail(ErrorKind::kBadData,
         concat("snapshot '", path.string(),
                "' is damaged or none of ours; remove it, and the log is replayed from its start"));
  }
  return out;
}

}  // namespace penchant::store
