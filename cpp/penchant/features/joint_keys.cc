#include "penchant/features/joint_keys.h"

#include "penchant/features/event_batch.h"

namespace penchant::features {
namespace {

constexpr std::size_t kFewestSlots = 64;

std::uint64_t pair_of(std::int32_t first, std::int32_t second) {
  return static_cast<std::uint64_t>(static_cast<std::uint32_t>(first)) << 32 |
         static_cast<std::uint32_t>(second);
}

// Murmur3's finalizer: neighbours among codes lie far apart.
std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ x >> 33) * 0xff51afd7ed558ccdULL;
  x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53ULL;
  return x ^ x >> 33;
}

}  // namespace

JointKeys JointKeys::over(const JointKeys& base) {
  JointKeys out;
  out.base_ = &base;
  out.base_size_ = base.size();
  return out;
}

std::size_t JointKeys::place_of(std::uint64_t pair) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = mixed(pair) & mask;
  while (slots_[at].pair != kFree && slots_[at].pair != pair) at = (at + 1) & mask;
  return at;
}

std::int32_t JointKeys::find(std::int32_t first, std::int32_t second) const {
  if (first < 0 || second < 0) return kNoCode;
  if (base_ != nullptr) {
    if (const std::int32_t number = base_->find(first, second); number >= 0) return number;
  }
  if (slots_.empty()) return kNoCode;
  const std::uint64_t pair = pair_of(first, second);
  const Slot& slot = slots_[place_of(pair)];
  return slot.pair == pair ? slot.number : kNoCode;
}

std::int32_t JointKeys::add(std::int32_t first, std::int32_t second) {
  if (first < 0 || second < 0) return kNoCode;
  if (base_ != nullptr) {
    if (const std::int32_t number = base_->find(first, second); number >= 0) return number;
  }
  if (4 * (own_ + 1) > 3 * slots_.size()) grow();
  const std::uint64_t pair = pair_of(first, second);
  Slot& slot = slots_[place_of(pair)];
  if (slot.pair == kFree) slot = {pair, static_cast<std::int32_t>(base_size_ + own_++)};
  return slot.number;
}

void JointKeys::grow() {
  std::vector<Slot> old(slots_.empty() ? kFewestSlots : 2 * slots_.size());
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.pair != kFree) slots_[place_of(slot.pair)] = slot;
  }
}

}  // namespace penchant::features
