#pragma once

// The k best of a stream of scores, ties by the smaller index, NaN never chosen.
//
//   TopK best(10);
//   for (int i = 0; i < n; ++i) best.push(scores[i], i);
//   for (const Scored& hit : best.take_sorted()) ...

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace penchant {

struct Scored {
  float score = 0;
  std::int32_t index = -1;
};

// The one order of results everywhere: higher score first, then the smaller index.
[[nodiscard]] constexpr bool ranks_before(const Scored& a, const Scored& b) {
  return a.score > b.score || (a.score == b.score && a.index < b.index);
}

class TopK {
 public:
  explicit TopK(std::size_t k);

  void push(float score, std::int32_t index) {
    if (score < floor_ || score != score) return;
    offer({score, index});
  }
  // Pushes scores[i] as index first + i.
  void push_all(std::span<const float> scores, std::int32_t first = 0);

  [[nodiscard]] float floor() const { return floor_; }  // scores below can't enter

  // Best first; leaves the collector empty, ready for reuse. O(k log k).
  [[nodiscard]] std::vector<Scored> take_sorted();

 private:
  void offer(Scored hit);

  std::size_t k_;
  float floor_;
  std::vector<Scored> heap_;  // the worst kept hit at the front
};

// chosen[i] = 1 for the k best positive scores among those with skipped[i] == 0, in the order of
// ranks_before; other entries of `chosen` stay as they are. Scores must be finite and in [0, 1].
// Faster than TopK when k is in the hundreds and only membership is wanted: O(n), by counting.
void mark_best(std::span<const float> scores, std::span<const std::uint8_t> skipped, std::size_t k,
               std::span<std::uint8_t> chosen);

}  // namespace penchant
