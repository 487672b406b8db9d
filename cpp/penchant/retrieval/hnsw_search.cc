#include "penchant/retrieval/hnsw_search.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include <hwy/cache_control.h>

#include "penchant/base/kernels.h"

namespace penchant::retrieval {
namespace {

constexpr std::size_t kMaxDegree = 2 * kMaxM;
constexpr std::size_t kMostStarts = 256;

// Which rows this walk has met: a row is met when its mark equals the walk's epoch, so that nothing
// needs clearing between walks.
class MetTable {
 public:
  void start(std::size_t rows) {
    if (marks_.size() < rows) marks_.resize(rows, 0);
    if (++epoch_ == 0) {
      std::fill(marks_.begin(), marks_.end(), std::uint16_t{0});
      epoch_ = 1;
    }
  }
  // 1 when `row` is met for the first time, from now on 0; a number, so that the caller needs no
  // branch (which neighbours are new is close to random).
  [[nodiscard]] std::size_t first(std::int32_t row) {
    std::uint16_t& mark = marks_[static_cast<std::size_t>(row)];
    const auto is_first = static_cast<std::size_t>(mark != epoch_);
    mark = epoch_;
    return is_first;
  }

 private:
  std::vector<std::uint16_t> marks_;
  std::uint16_t epoch_ = 0;
};

// A hit as one number that is larger for the hit that ranks before: the score's bits, turned so
// that they order as the score does, over the complement of the row. One comparison instead of two.
class HitKey {
 public:
  HitKey() = default;
  HitKey(float score, std::int32_t row) {
    const auto bits = std::bit_cast<std::uint32_t>(score + 0.0F);  // -0 becomes 0
    const std::uint32_t ordered = (bits & kSign) != 0 ? ~bits : bits | kSign;
    key_ = (std::uint64_t{ordered} << 32) | ~static_cast<std::uint32_t>(row);
  }
  [[nodiscard]] std::int32_t row() const {
    return static_cast<std::int32_t>(~static_cast<std::uint32_t>(key_));
  }
  [[nodiscard]] Scored hit() const {
    const auto ordered = static_cast<std::uint32_t>(key_ >> 32);
    return {std::bit_cast<float>((ordered & kSign) != 0 ? ordered ^ kSign : ~ordered), row()};
  }
  [[nodiscard]] bool ranks_before(HitKey other) const { return key_ > other.key_; }

 private:
  static constexpr std::uint32_t kSign = 0x80000000;
  std::uint64_t key_ = 0;
};

// The best rows so far, sorted, each expanded or not.
class Pool {
 public:
  void start(std::size_t capacity) {
    capacity_ = capacity;
    size_ = 0;
    if (entries_.size() < capacity) {
      entries_.resize(capacity);
      expanded_.resize(capacity);
    }
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::int32_t row(std::size_t at) const { return entries_[at].row(); }
  [[nodiscard]] bool expanded(std::size_t at) const { return expanded_[at] != 0; }
  void set_expanded(std::size_t at) { expanded_[at] = 1; }
  [[nodiscard]] std::span<const Scored> sorted() {
    hits_.clear();
    for (std::size_t i = 0; i < size_; ++i) hits_.push_back(entries_[i].hit());
    return hits_;
  }

  // Where the hit went, or capacity if it is not among the best.
  std::size_t insert(HitKey hit) {
    if (size_ == capacity_ && !hit.ranks_before(entries_[size_ - 1])) return capacity_;
    const std::size_t at = place_of(hit);
    const std::size_t moved = (size_ < capacity_ ? size_ : capacity_ - 1) - at;
    std::memmove(entries_.data() + at + 1, entries_.data() + at, moved * sizeof(HitKey));
    std::memmove(expanded_.data() + at + 1, expanded_.data() + at, moved);
    entries_[at] = hit;
    expanded_[at] = 0;
    if (size_ < capacity_) ++size_;
    return at;
  }

 private:
  // The first entry that ranks after the hit; a binary search whose steps are selects, as where a
  // hit falls can't be predicted.
  [[nodiscard]] std::size_t place_of(HitKey hit) const {
    const HitKey* base = entries_.data();
    for (std::size_t left = size_; left > 0;) {
      const std::size_t half = (left + 1) / 2;
      base += base[half - 1].ranks_before(hit) ? half : 0;
      left -= half;
    }
    return static_cast<std::size_t>(base - entries_.data());
  }

  std::vector<HitKey> entries_;
  std::vector<std::uint8_t> expanded_;
  std::vector<Scored> hits_;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
};

struct Scratch {
  MetTable met;
  Pool pool;
  std::array<std::int32_t, kMaxDegree> rows;
  std::array<float, kMaxDegree> scores;
};

Scratch& scratch() {
  thread_local Scratch mine;
  return mine;
}

// The best row of the upper levels, as a start on the ground.
Scored descend(const HnswGraph& graph, const VectorStore& store, std::span<const float> query,
               Scratch& s, std::size_t& visited) {
  Scored best{0, graph.entry()};
  store.score_gathered({&best.index, 1}, query, {&best.score, 1});
  ++visited;
  for (int level = graph.level(best.index); level > 0; --level) {
    for (bool improved = true; improved;) {
      improved = false;
      const auto list = graph.neighbours(best.index, level);
      const auto count =
          static_cast<std::size_t>(std::find(list.begin(), list.end(), -1) - list.begin());
      store.score_gathered(list.first(count), query, std::span(s.scores).first(count));
      visited += count;
      for (std::size_t i = 0; i < count; ++i) {
        if (s.scores[i] > best.score) {
          best = {s.scores[i], list[i]};
          improved = true;
        }
      }
    }
  }
  return best;
}

struct Meeting {
  std::size_t count;    // rows met for the first time, and scored
  std::size_t nearest;  // the first place in the pool that one of them took, or beyond it
};

// Scores the rows of a list that were not met before and offers them to the pool.
Meeting meet(std::span<const std::int32_t> list, const VectorStore& store,
             std::span<const float> query, Scratch& s) {
  std::size_t count = 0;
  for (const std::int32_t next : list) {
    if (next < 0) break;
    s.rows[count] = next;
    count += s.met.first(next);
  }
  store.score_gathered(std::span(s.rows).first(count), query, std::span(s.scores).first(count));
  std::size_t nearest = std::numeric_limits<std::size_t>::max();
  for (std::size_t i = 0; i < count; ++i) {
    nearest = std::min(nearest, s.pool.insert(HitKey(s.scores[i], s.rows[i])));
  }
  return {count, nearest};
}

void prefetch_list(const HnswGraph& graph, std::int32_t row) {
  constexpr std::size_t kCacheLine = 16;  // indices
  const auto list = graph.neighbours(row, 0);
  for (std::size_t i = 0; i < list.size(); i += kCacheLine) hwy::Prefetch(list.data() + i);
}

}  // namespace

std::vector<std::int32_t> walk_starts(const VectorStore& store) {
  if (store.metric() != Metric::kInnerProduct) return {};
  TopK longest(std::min(kMostStarts, store.live_count() / 16));
  for (std::size_t i = 0; i < store.rows(); ++i) {
    const auto index = static_cast<std::int32_t>(i);
    if (store.any_removed() && store.is_removed(index)) continue;
    longest.push(dot(store.view().row(i), store.view().row(i)), index);
  }
  std::vector<std::int32_t> rows;
  for (const Scored& hit : longest.take_sorted()) {
    if (hit.score > 0) rows.push_back(hit.index);
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

Walk walk_graph(const HnswGraph& graph, const VectorStore& store, std::span<const float> query,
                std::size_t ef, std::span<const std::int32_t> starts) {
  if (graph.entry() < 0) return {};
  Scratch& s = scratch();
  std::size_t visited = 0;
  const Scored start = descend(graph, store, query, s, visited);
  s.met.start(graph.rows());
  s.pool.start(ef);
  s.pool.insert(HitKey(start.score, start.index));
  (void)s.met.first(start.index);
  for (; !starts.empty(); starts = starts.subspan(std::min(starts.size(), kMaxDegree))) {
    visited += meet(starts.first(std::min(starts.size(), kMaxDegree)), store, query, s).count;
  }
  for (std::size_t at = 0; at < s.pool.size();) {
    s.pool.set_expanded(at);
    const Meeting meeting = meet(graph.neighbours(s.pool.row(at), 0), store, query, s);
    visited += meeting.count;
    at = std::min(at + 1, meeting.nearest);
    while (at < s.pool.size() && s.pool.expanded(at)) ++at;
    if (at < s.pool.size()) prefetch_list(graph, s.pool.row(at));
  }
  return {s.pool.sorted(), visited};
}

}  // namespace penchant::retrieval
