#pragma once

// What a thread found of keys when it last looked, for as long as that stays true: requests ask
// again of the same keys at nearly the same time, and most of these nothing has happened to since,
// nor has a window's edge passed one of their events.
//
//   KeyMemory memory(keys, places, words);
//   memory.find(key, edition, time);             // its words, or null: look, and then
//   memory.keep(key, edition, {after, until}, places, words);
//
// Each key has one place, which it shares with others where there are many: who came last stays. A
// key lies in consecutive cache lines.

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/matrix.h"

namespace penchant::features {

class KeyMemory {
 public:
  static constexpr std::size_t kMostKeys = std::size_t{1} << 15;

  // Times t with after < t <= until.
  struct Span {
    std::int64_t after = 0;
    std::int64_t until = 0;
  };

  // keys: how many there may be, 0: nothing is remembered.
  KeyMemory(std::size_t keys, std::size_t places, std::size_t words)
      : places_(places), words_(kHead + (places + 1) / 2) {
    stride_ = (words_ + words + 7) / 8 * 8;
    if (keys > 0) slots_.resize(std::min(std::bit_ceil(keys), kMostKeys) * stride_);
    mask_ = keys > 0 ? slots_.size() / stride_ - 1 : 0;
  }

  [[nodiscard]] bool remembers() const { return !slots_.empty(); }
  void prefetch(std::int32_t key) const {
    if (key < 0 || slots_.empty()) return;
    const std::uint64_t* const slot = slot_of(key);
    for (std::size_t line = 0; line < stride_; line += 8) __builtin_prefetch(slot + line);
  }

  // The key's words at that time, if nothing has changed since: valid until `keep`.
  [[nodiscard]] const std::uint64_t* find(std::int32_t key, std::uint32_t edition,
                                          std::int64_t time) const {
    if (key < 0 || slots_.empty()) return nullptr;
    const std::uint64_t* const slot = slot_of(key);
    const Head head = head_of(slot);
    const bool known = head.key == key + std::int64_t{1} && head.edition == edition &&
                       head.span.after < time && time <= head.span.until;
    return known ? slot + words_ : nullptr;
  }
  // Where a place of the key was, whenever that was; kNone where nothing is known.
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  [[nodiscard]] std::uint32_t place(std::int32_t key, std::size_t p) const {
    if (key < 0 || slots_.empty()) return kNone;
    const std::uint64_t* const slot = slot_of(key);
    if (head_of(slot).key != key + std::int64_t{1}) return kNone;
    return static_cast<std::uint32_t>(slot[kHead + p / 2] >> 32 * (p % 2));
  }
  // place(p), and word(w) of so many words.
  template <class Place, class Word>
  void keep(std::int32_t key, std::uint32_t edition, Span span, std::size_t words,
            const Place& place, const Word& word) {
    if (key < 0 || slots_.empty()) return;
    std::uint64_t* const slot = slots_.data() + place_of(key);
    const Head head{static_cast<std::uint32_t>(key) + 1, edition, span};
    std::ranges::copy(std::bit_cast<std::array<std::uint64_t, kHead>>(head), slot);
    std::fill(slot + kHead, slot + words_, 0);
    for (std::size_t p = 0; p < places_; ++p) {
      slot[kHead + p / 2] |= static_cast<std::uint64_t>(place(p)) << 32 * (p % 2);
    }
    for (std::size_t w = 0; w < words; ++w) slot[words_ + w] = word(w);
  }

 private:
  struct Head {
    std::uint32_t key = 0;  // one more than it is; 0: nothing
    std::uint32_t edition = 0;
    Span span;
  };
  static constexpr std::size_t kHead = sizeof(Head) / 8;
  static_assert(sizeof(Head) == 8 * kHead);

  [[nodiscard]] std::size_t place_of(std::int32_t key) const {
    return (static_cast<std::size_t>(key) & mask_) * stride_;
  }
  [[nodiscard]] const std::uint64_t* slot_of(std::int32_t key) const {
    return slots_.data() + place_of(key);
  }
  [[nodiscard]] static Head head_of(const std::uint64_t* slot) {
    std::array<std::uint64_t, kHead> words{};
    std::copy_n(slot, kHead, words.begin());
    return std::bit_cast<Head>(words);
  }

  std::size_t places_;
  std::size_t words_;   // where they begin in a slot
  std::size_t stride_;  // whole cache lines
  std::size_t mask_ = 0;
  AlignedVector<std::uint64_t> slots_;
};

}  // namespace penchant::features
