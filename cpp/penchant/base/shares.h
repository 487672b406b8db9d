#pragma once

// Pieces of work that threads take from, each its own share first and then what others have left:
// in loop after loop over the same data a thread finds most of it in its own cache.
//
//   Shares shares(blocks, threads);
//   while (auto b = shares.take(thread)) ...       // on every thread

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <optional>

namespace penchant {

class Shares {
 public:
  // Pieces 0 to count - 1 in neighbouring shares of about the same size, one a thread.
  Shares(std::size_t count, std::size_t threads)
      : shares_(std::clamp<std::size_t>(threads, 1, kMost)) {
    for (std::size_t s = 0; s < shares_; ++s) {
      parts_[s].next.store(count * s / shares_, std::memory_order_relaxed);
      parts_[s].end = count * (s + 1) / shares_;
    }
  }

  // Each piece once. None: all are taken.
  [[nodiscard]] std::optional<std::size_t> take(std::size_t thread) {
    for (std::size_t k = 0; k < shares_; ++k) {
      Part& part = parts_[(thread + k) % shares_];
      if (!part.has_more()) continue;
      const std::size_t piece = part.next.fetch_add(1, std::memory_order_relaxed);
      if (piece < part.end) return piece;
    }
    return std::nullopt;
  }

  [[nodiscard]] bool has_more() const {
    return std::any_of(parts_.begin(), parts_.begin() + shares_,
                       [](const Part& part) { return part.has_more(); });
  }

  // Nothing more is to be had.
  void stop() {
    for (std::size_t s = 0; s < shares_; ++s) parts_[s].next.store(parts_[s].end);
  }

 private:
  static constexpr std::size_t kMost = 8;

  struct alignas(64) Part {
    [[nodiscard]] bool has_more() const { return next.load(std::memory_order_relaxed) < end; }

    std::atomic<std::size_t> next{0};
    std::size_t end = 0;
  };

  std::size_t shares_;
  std::array<Part, kMost> parts_;
};

}  // namespace penchant
