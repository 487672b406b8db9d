#pragma once

// Texts by dense codes, in the order of their first coming; each distinct one is kept once.
//
//   Dictionary items;
//   items.add("85123A");   // 0
//   items.find("22423");   // -1
//   items.text(0);         // "85123A"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace penchant::events {

class Dictionary {
 public:
  Dictionary() : offsets_{0} {}

  // O(length). Throws kInvalidArgument beyond 2^31 - 1 texts.
  std::int32_t add(std::string_view text);
  [[nodiscard]] std::int32_t find(std::string_view text) const;  // -1: unknown
  [[nodiscard]] std::string_view text(std::int32_t code) const {
    const auto at = static_cast<std::size_t>(code);
    return {bytes_.data() + offsets_[at],
            static_cast<std::size_t>(offsets_[at + 1] - offsets_[at])};
  }
  [[nodiscard]] std::size_t size() const { return offsets_.size() - 1; }

  // Text i is bytes()[offsets()[i], offsets()[i + 1]).
  [[nodiscard]] std::span<const std::int64_t> offsets() const { return offsets_; }
  [[nodiscard]] std::span<const char> bytes() const { return bytes_; }

 private:
  void grow();

  std::vector<std::int64_t> offsets_;
  std::vector<char> bytes_;
  std::vector<std::uint32_t> hashes_;  // of each text
  std::vector<std::int32_t> places_;   // open addressing; -1: free
};

}  // namespace penchant::events
