#include "penchant/features/code_rows.h"

#include <algorithm>

namespace penchant::features {

// The slot of the code, or the free one where it belongs.
std::size_t CodeRows::slot_of(std::int32_t code) const {
  constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15ULL;
  const std::size_t mask = slots_.size() - 1;
  auto at = static_cast<std::size_t>(static_cast<std::uint32_t>(code) * kGolden >> 32U) & mask;
  while (slots_[at].code >= 0 && slots_[at].code != code) at = (at + 1) & mask;
  return at;
}

std::int32_t CodeRows::last(std::int32_t code) const {
  return slots_.empty() ? -1 : slots_[slot_of(code)].row;
}

void CodeRows::put(std::int32_t code, std::int32_t row) {
  if (2 * (taken_ + 1) > slots_.size()) {
    std::vector<Slot> old(std::max<std::size_t>(64, 2 * slots_.size()));
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.code >= 0) slots_[slot_of(slot.code)] = slot;
    }
  }
  Slot& slot = slots_[slot_of(code)];
  taken_ += slot.code < 0 ? 1 : 0;
  slot = {code, row};
}

std::size_t CodeRows::count(std::size_t begin, std::size_t end, std::int32_t bound) const {
  std::size_t out = 0;
  for (const Stretch& one : stretches_) {
    const std::size_t low = std::max(begin, one.first);
    const std::size_t high = std::min(end, one.first + one.rows.size());
    if (low < high) out += one.rows.count(low - one.first, high - one.first, bound);
  }
  return out;
}

// The nearer to the end, the shorter, so that what comes late costs little of it.
void CodeRows::index(std::span<const std::int32_t> previous) {
  stretches_.clear();
  for (std::size_t first = 0; first < previous.size();) {
    const std::size_t left = previous.size() - first;
    const std::size_t size = left <= 2 * kLeast ? left : left - left / 8;
    stretches_.push_back({first, BelowCounter(previous.subspan(first, size))});
    first += size;
  }
}

void CodeRows::grow(std::span<const std::int32_t> previous) {
  ++calm_;
  std::size_t first = indexed();
  const std::size_t waiting = previous.size() - first;
  if (waiting < kLeast || calm_ < waiting / 2) return;
  // Together with what lies before, where that isn't much more.
  while (!stretches_.empty()) {
    const std::size_t before = stretches_.back().first;
    const std::size_t together = previous.size() - before;
    if (together > kMost || together > 3 * (previous.size() - first)) break;
    first = before;
    stretches_.pop_back();
  }
  stretches_.push_back({first, BelowCounter(previous.subspan(first))});
}

void CodeRows::changed_from(std::size_t row) {
  calm_ = 0;
  while (indexed() > row) stretches_.pop_back();
}

std::size_t CodeRows::bytes() const {
  std::size_t out = sizeof *this + slots_.capacity() * sizeof(Slot);
  for (const Stretch& one : stretches_) out += sizeof one + one.rows.bytes();
  return out;
}

}  // namespace penchant::features
