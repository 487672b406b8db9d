#include "penchant/base/top_k.h"

#include <algorithm>
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

}  // namespace penchant
