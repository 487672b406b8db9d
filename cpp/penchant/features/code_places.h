#pragma once

// Codes and a place for each, in the order in which they were first met: a hash table of open
// addressing that is emptied at once and used again, for sets that are small beside all codes.
//
//   CodePlaces places(1024);                  // so many codes at most
//   const std::size_t at = places.put(code);  // where it is, or comes to be
//   places.find(other);                       // kNone: not there

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace penchant::features {

class CodePlaces {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  explicit CodePlaces(std::size_t most) : slots_(std::bit_ceil(2 * most + 2)) {
    codes_.reserve(most);
  }

  // O(1).
  void clear() {
    codes_.clear();
    if (++round_ != 0) return;
    for (Slot& slot : slots_) slot.round = 0;  // after 2^32 rounds
    round_ = 1;
  }
  [[nodiscard]] std::uint32_t find(std::int32_t code) const {
    const Slot& slot = slots_[slot_of(code)];
    return slot.round == round_ ? slot.place : kNone;
  }
  std::uint32_t put(std::int32_t code) {
    Slot& slot = slots_[slot_of(code)];
    if (slot.round == round_) return slot.place;
    slot = {.round = round_, .code = code, .place = static_cast<std::uint32_t>(codes_.size())};
    codes_.push_back(code);
    return slot.place;
  }
  [[nodiscard]] std::size_t size() const { return codes_.size(); }
  // The code of a place.
  [[nodiscard]] std::int32_t code(std::size_t place) const { return codes_[place]; }

 private:
  struct Slot {
    std::uint32_t round = 0;
    std::int32_t code = 0;
    std::uint32_t place = 0;
  };

  // The slot of the code, or the free one where it belongs.
  [[nodiscard]] std::size_t slot_of(std::int32_t code) const {
    constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15ULL;
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = static_cast<std::size_t>(static_cast<std::uint32_t>(code) * kGolden >> 40U);
    for (at &= mask; slots_[at].round == round_ && slots_[at].code != code; at = (at + 1) & mask) {
    }
    return at;
  }

  std::vector<Slot> slots_;  // a power of two, at most half of them taken
  std::vector<std::int32_t> codes_;
  std::uint32_t round_ = 1;
};

}  // namespace penchant::features
