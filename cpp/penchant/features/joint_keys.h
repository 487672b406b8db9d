#pragma once

// Keys of two codes at once (a country and an item), numbered as they come.
//
//   JointKeys keys;
//   keys.add(country, item);    // its number, a new one where it is new
//   keys.find(country, item);   // kNoCode where it never came

#include <cstddef>
#include <cstdint>
#include <vector>

namespace penchant::features {

class JointKeys {
 public:
  // Those of `base`, which has to stay as it is for as long, and what comes.
  [[nodiscard]] static JointKeys over(const JointKeys& base);

  // Numbers are from 0 on. Codes are from 0 on, too; kNoCode where one is not. O(1), expected.
  [[nodiscard]] std::int32_t find(std::int32_t first, std::int32_t second) const;
  std::int32_t add(std::int32_t first, std::int32_t second);

  [[nodiscard]] std::size_t size() const { return base_size_ + own_; }
  // Of what it holds itself.
  [[nodiscard]] std::size_t bytes() const { return slots_.size() * sizeof(Slot); }

 private:
  struct Slot {
    std::uint64_t pair = kFree;
    std::int32_t number = 0;
  };
  static constexpr std::uint64_t kFree = ~std::uint64_t{0};

  // Where the pair is, or is to be put. There must be a free slot.
  [[nodiscard]] std::size_t place_of(std::uint64_t pair) const;
  void grow();

  const JointKeys* base_ = nullptr;
  std::size_t base_size_ = 0;
  std::size_t own_ = 0;
  std::vector<Slot> slots_;  // a power of two of them, less than three quarters in use
};

}  // namespace penchant::features
