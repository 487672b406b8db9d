#pragma once

// Where identifiers come in: raw texts become the short values that are kept. Behind the door there
// are no raw addresses, and with a key no raw values at all.
//
//   Door door(options, "secret");
//   Door::Batch batch = door.read({.name_space = 1, .offsets = offsets, .bytes = bytes}, threads);
//   batch.reading(row); batch.value(row);                       // 16 bytes of HMAC-SHA-256
//
// Kept is: without a key, the normalized text, or the first 16 bytes of SHA-256 of an email; with
// one, the first 16 bytes of HMAC-SHA-256(key, namespace 0x00 what would be kept otherwise), where
// an email counts with its whole SHA-256. So a hashed_email meets its email either way. Two of 10^9
// identifiers share 16 bytes with a chance below 10^-20.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/identity/normalize.h"
#include "penchant/identity/options.h"

namespace penchant::identity {

inline constexpr std::size_t kDigestBytes = 16;  // kept of each

// Texts as Arrow lays them: row i is bytes[offsets[i], offsets[i + 1]). An empty one is absent.
struct TextColumn {
  std::size_t name_space = 0;  // of the options
  std::span<const std::int64_t> offsets;
  std::span<const char> bytes;

  [[nodiscard]] std::size_t rows() const { return offsets.empty() ? 0 : offsets.size() - 1; }
  [[nodiscard]] std::string_view text(std::size_t row) const {
    const auto begin = static_cast<std::size_t>(offsets[row]);
    return {bytes.data() + begin, static_cast<std::size_t>(offsets[row + 1]) - begin};
  }
};
// Throws kInvalidArgument where offsets don't ascend within the bytes.
void check(const TextColumn& column);

class Door {
 public:
  // What a column became. Rows in blocks, each with bytes of its own.
  class Batch {
   public:
    [[nodiscard]] Reading reading(std::size_t row) const {
      return blocks_[row / kRows].readings[row % kRows];
    }
    [[nodiscard]] std::string_view value(std::size_t row) const {
      const Block& block = blocks_[row / kRows];
      const std::size_t at = row % kRows;
      const std::uint32_t begin = at == 0 ? 0 : block.ends[at - 1];
      return {block.bytes.data() + begin, block.ends[at] - begin};
    }
    [[nodiscard]] std::uint64_t hash(std::size_t row) const {
      return blocks_[row / kRows].hashes[row % kRows];
    }

   private:
    friend class Door;
    static constexpr std::size_t kRows = 4096;
    struct Block {
      std::string bytes;
      std::vector<std::uint32_t> ends;
      std::vector<std::uint64_t> hashes;
      std::vector<Reading> readings;
    };
    std::vector<Block> blocks_;
  };

  Door(Options options, std::string_view key);
  ~Door();
  Door(Door&&) noexcept;
  Door& operator=(Door&&) noexcept;

  // O(bytes), on `threads` threads (0: all); the same at any number of them.
  [[nodiscard]] Batch read(const TextColumn& column, int threads) const;
  // One value; fills `out` when kRead.
  [[nodiscard]] Reading read(std::size_t name_space, std::string_view raw, std::string& out) const;

  // Whether what is kept of a value is that of one that identifies nobody.
  [[nodiscard]] bool blocks(std::size_t name_space, std::string_view kept) const;

  // 16 hexadecimal digits that tell whether a key is the one that made a state, or "" without one.
  [[nodiscard]] std::string key_check() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Whether values of the namespace are kept as digests.
[[nodiscard]] bool kept_as_digest(const Options& options, std::size_t name_space, bool keyed);
// The namespace whose identifiers these are: itself, or its same_as.
[[nodiscard]] std::size_t home(const Options& options, std::size_t name_space);
// The hash by which identifiers are found and ties among links fall.
[[nodiscard]] std::uint64_t hash_of(std::string_view name_space, std::string_view value);

}  // namespace penchant::identity
