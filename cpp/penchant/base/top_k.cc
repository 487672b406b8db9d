#include "penchant/base/top_k.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

namespace penchant {
namespace {
constexpr float kLowest = -std::numeric_limits<float>::infinity();
}

TopK::TopK(std::size_t k)
    : k_(k), floor_(k == 0 ? std::numeric_limits<float>::infinity() : kLowest) {
  heap_.reserve(std::min<std::size_t>(k, 1024));
}

void TopK::offer(Scored hit) {
  if (heap_.size() < k_) {
    heap_.push_back(hit);
    std::push_heap(heap_.begin(), heap_.end(), ranks_before);
    if (heap_.size() == k_) floor_ = heap_.front().score;
    return;
  }
  if (k_ == 0 || !ranks_before(hit, heap_.front())) return;
  std::pop_heap(heap_.begin(), heap_.end(), ranks_before);
  heap_.back() = hit;
  std::push_heap(heap_.begin(), heap_.end(), ranks_before);
  floor_ = heap_.front().score;
}

void TopK::push_all(std::span<const float> scores, std::int32_t first) {
  for (std::size_t i = 0; i < scores.size(); ++i) {
    push(scores[i], first + static_cast<std::int32_t>(i));
  }
}

std::vector<Scored> TopK::take_sorted() {
  std::sort_heap(heap_.begin(), heap_.end(), ranks_before);
  floor_ = k_ == 0 ? std::numeric_limits<float>::infinity() : kLowest;
  std::vector<Scored> out = std::move(heap_);
  heap_.clear();
  return out;
}

void mark_best(std::span<const float> scores, std::span<const std::uint8_t> skipped, std::size_t k,
               std::span<std::uint8_t> chosen) {
  // The bits of non-negative floats sort as the numbers do; their high bits make the buckets.
  constexpr int kShift = 18;
  constexpr std::uint32_t kTop = std::bit_cast<std::uint32_t>(1.0F) >> kShift;
  std::array<std::uint32_t, kTop + 1> counts{};
  const auto bucket = [&](std::size_t i) {
    return std::min(std::bit_cast<std::uint32_t>(scores[i]) >> kShift, kTop);
  };
  const auto counted = [&](std::size_t i) { return skipped[i] == 0 && scores[i] > 0; };
  for (std::size_t i = 0; i < scores.size(); ++i) counts[bucket(i)] += counted(i) ? 1 : 0;
  // Whole buckets from the top while they fit; the first that does not is ranked exactly.
  std::size_t room = k;
  std::uint32_t edge = kTop + 1;
  while (edge > 0 && counts[edge - 1] <= room) room -= counts[--edge];
  std::vector<Scored> last;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (!counted(i)) continue;
    const std::uint32_t b = bucket(i);
    if (b >= edge) chosen[i] = 1;
    if (b + 1 == edge) last.push_back({scores[i], static_cast<std::int32_t>(i)});
  }
  if (room == 0 || last.empty()) return;
  std::nth_element(last.begin(), last.begin() + static_cast<std::ptrdiff_t>(room), last.end(),
                   ranks_before);
  for (std::size_t r = 0; r < room; ++r) chosen[static_cast<std::size_t>(last[r].index)] = 1;
}

}  // namespace penchant
