#pragma once

// The best-first walk itself, for any way of scoring rows: what searching (hnsw_search.cc) and
// building (hnsw_build.cc) share. Internal to retrieval.
//
//   Walker walker;                               // one a thread; keeps its tables
//   walker.start(graph.rows(), ef);
//   walker.offer(entry, scorer);
//   walker.expand(graph, 0, scorer);             // until every row of the pool was expanded
//   walker.pool().key(i).row()
//
// A scorer has score(rows, scores) and prefetch(row).

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

#include <hwy/cache_control.h>

#include "penchant/base/code_kernels.h"
#include "penchant/base/top_k.h"
#include "penchant/retrieval/hnsw_graph.h"

namespace penchant::retrieval {

inline constexpr std::size_t kMaxDegree = 2 * kMaxM;

// Which rows this walk has met: a row is met when its mark equals the walk's epoch, so that nothing
// needs clearing but once in 255 walks. A byte a row, to stay in a near cache.
class MetTable {
 public:
  void start(std::size_t rows) {
    if (marks_.size() < rows) marks_.resize(rows, 0);
    if (++epoch_ == 0) {
      std::fill(marks_.begin(), marks_.end(), std::uint8_t{0});
      epoch_ = 1;
    }
  }
  // 1 when `row` is met for the first time, from now on 0; a number, so that the caller needs no
  // branch (which neighbours are new is close to random).
  [[nodiscard]] std::size_t first(std::int32_t row) {
    std::uint8_t& mark = marks_[static_cast<std::size_t>(row)];
    const auto is_first = static_cast<std::size_t>(mark != epoch_);
    mark = epoch_;
    return is_first;
  }

 private:
  std::vector<std::uint8_t> marks_;
  std::uint8_t epoch_ = 0;
};

// A hit as one number that is larger for the hit that ranks before: the score's bits, turned so
// that they order as the score does, over the complement of the row, over whether it waits to be
// expanded. One comparison instead of two.
class HitKey {
 public:
  HitKey() = default;
  HitKey(float score, std::int32_t row) {
    const auto bits = std::bit_cast<std::uint32_t>(score + 0.0F);  // -0 becomes 0
    const std::uint32_t ordered = (bits & kSign) != 0 ? ~bits : bits | kSign;
    key_ = (std::uint64_t{ordered} << 32) | (~(static_cast<std::uint32_t>(row) << 1));
  }
  [[nodiscard]] std::int32_t row() const {
    return static_cast<std::int32_t>(~static_cast<std::uint32_t>(key_) >> 1);
  }
  [[nodiscard]] float score() const {
    const auto ordered = static_cast<std::uint32_t>(key_ >> 32);
    return std::bit_cast<float>((ordered & kSign) != 0 ? ordered ^ kSign : ~ordered);
  }
  [[nodiscard]] Scored hit() const { return {score(), row()}; }
  [[nodiscard]] bool waits() const { return (key_ & 1) != 0; }
  void set_expanded() { key_ &= ~std::uint64_t{1}; }
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
    if (entries_.size() < capacity + 1) entries_.resize(capacity + 1);
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const HitKey& operator[](std::size_t at) const { return entries_[at]; }
  void set_expanded(std::size_t at) { entries_[at].set_expanded(); }
  [[nodiscard]] bool full() const { return size_ == capacity_; }
  [[nodiscard]] float worst() const { return entries_[size_ - 1].score(); }

  // Where the hit went, or capacity if it is not among the best.
  std::size_t insert(HitKey hit) {
    if (size_ == capacity_ && !hit.ranks_before(entries_[size_ - 1])) return capacity_;
    const std::size_t at = place_of(hit);
    std::memmove(entries_.data() + at + 1, entries_.data() + at, (size_ - at) * sizeof(HitKey));
    entries_[at] = hit;
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

  std::vector<HitKey> entries_;  // one more than the capacity, so that the last can be moved out
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
};

class Walker {
 public:
  void start(std::size_t rows, std::size_t ef) {
    met_.start(rows);
    pool_.start(ef);
    visited_ = 0;
    allowed_ = {};
  }
  // Of a search among `allowed` rows (by row; 0 for rows that may not be hits) also the best `keep`
  // of all those that were scored, in hits(). Call after start.
  void allow_only(std::span<const std::uint8_t> allowed, std::size_t keep) {
    allowed_ = allowed;
    hits_.start(keep);
  }
  [[nodiscard]] const Pool& pool() const { return pool_; }
  [[nodiscard]] const Pool& hits() const { return hits_; }
  [[nodiscard]] std::size_t visited() const { return visited_; }  // rows scored

  // The best row met by steps that each improve the score, from `level` down to above `floor`.
  template <class Scorer>
  [[nodiscard]] Scored descend(const HnswGraph& graph, Scored best, int level, int floor,
                               const Scorer& scorer) {
    for (; level > floor; --level) {
      for (bool improved = true; improved;) {
        improved = false;
        const auto list = graph.neighbours(best.index, level);
        const auto count =
            static_cast<std::size_t>(std::find(list.begin(), list.end(), -1) - list.begin());
        for (const std::int32_t next : list.first(count)) scorer.prefetch(next);
        scorer.score(list.first(count), std::span(scores_).first(count));
        visited_ += count;
        for (std::size_t i = 0; i < count; ++i) {
          if (scores_[i] > best.score) {
            best = {scores_[i], list[i]};
            improved = true;
          }
        }
      }
    }
    return best;
  }

  void put(const Scored& hit) {
    (void)met_.first(hit.index);
    (void)pool_.insert(HitKey(hit.score, hit.index));
    if (is_hit(hit.index)) (void)hits_.insert(HitKey(hit.score, hit.index));
  }

  // Scores rows that were not met before and offers them to the pool; any number of rows.
  template <class Scorer>
  void offer(std::span<const std::int32_t> rows, const Scorer& scorer) {
    while (!rows.empty()) {
      const std::size_t count = std::min(rows.size(), kMaxDegree);
      (void)meet(rows.first(count), scorer);
      rows = rows.subspan(count);
    }
  }

  // Expands rows of the pool, best first, until none waits.
  template <class Scorer>
  void expand(const HnswGraph& graph, int level, const Scorer& scorer) {
    for (std::size_t at = 0; at < pool_.size();) {
      pool_.set_expanded(at);
      const std::size_t nearest = meet(graph.neighbours(pool_[at].row(), level), scorer);
      at = std::min(at + 1, nearest);
      while (at < pool_.size() && !pool_[at].waits()) ++at;
      if (at < pool_.size()) prefetch_list(graph, pool_[at].row(), level);
    }
  }

 private:
  // The first place in the pool that one of the new rows took, or beyond it.
  template <class Scorer>
  std::size_t meet(std::span<const std::int32_t> list, const Scorer& scorer) {
    std::size_t count = 0;
    for (const std::int32_t next : list) {
      if (next < 0) break;
      rows_[count] = next;
      count += met_.first(next);
    }
    for (std::size_t i = 0; i < count; ++i) scorer.prefetch(rows_[i]);
    scorer.score(std::span(rows_).first(count), std::span(scores_).first(count));
    visited_ += count;
    std::size_t nearest = std::numeric_limits<std::size_t>::max();
    for (std::size_t i = 0; i < count; ++i) {
      nearest = std::min(nearest, pool_.insert(HitKey(scores_[i], rows_[i])));
    }
    if (!allowed_.empty()) {
      for (std::size_t i = 0; i < count; ++i) {
        if (is_hit(rows_[i])) (void)hits_.insert(HitKey(scores_[i], rows_[i]));
      }
    }
    return nearest;
  }

  [[nodiscard]] bool is_hit(std::int32_t row) const {
    return !allowed_.empty() && allowed_[static_cast<std::size_t>(row)] != 0;
  }

  static void prefetch_list(const HnswGraph& graph, std::int32_t row, int level) {
    constexpr std::size_t kCacheLine = 16;  // indices
    const auto list = graph.neighbours(row, level);
    for (std::size_t i = 0; i < list.size(); i += kCacheLine) hwy::Prefetch(list.data() + i);
  }

  MetTable met_;
  Pool pool_;
  Pool hits_;
  std::span<const std::uint8_t> allowed_;
  std::array<std::int32_t, kMaxDegree + 1> rows_;
  std::array<float, kMaxDegree> scores_;
  std::size_t visited_ = 0;
};

// Scores from codes.
class CodeScorer {
 public:
  CodeScorer(const CodeView& codes, const CodeQueryView& query) : codes_(codes), query_(query) {}
  void score(std::span<const std::int32_t> rows, std::span<float> scores) const {
    score_codes_gathered(codes_, rows, query_, false, scores);
  }
  void prefetch(std::int32_t row) const {
    const std::uint8_t* at = codes_.bytes + static_cast<std::size_t>(row) * codes_.stride;
    for (std::size_t j = 0; j < codes_.stride; j += 64) hwy::Prefetch(at + j);
  }

 private:
  CodeView codes_;
  CodeQueryView query_;
};

}  // namespace penchant::retrieval
