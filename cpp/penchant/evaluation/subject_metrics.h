#pragma once

// The formulas, for one person. A list is what was recommended, seen as hits: hits[r] is 1 when
// the item at rank r + 1 is in the truth. It may be shorter than k (fewer items left).
//
//   const Discounts discounts(20);
//   double value = ndcg_at(hits, 20, truth_size, discounts);
//
// truth_size counts every right item, also those the catalogue lacks and no list can hold; it must
// be at least 1 (a person without truth has no value at all).

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/ids.h"

namespace penchant::evaluation {

using Hits = std::span<const std::uint8_t>;

// 1 / log2(rank + 1) and its running sums, for ranks 1 .. longest.
class Discounts {
 public:
  explicit Discounts(std::size_t longest);
  [[nodiscard]] double gain(std::size_t position) const { return gains_[position]; }  // from 0
  [[nodiscard]] double ideal(std::size_t count) const { return sums_[count]; }  // of `count` hits

 private:
  std::vector<double> gains_;  // [longest]
  std::vector<double> sums_;   // [longest + 1]
};

[[nodiscard]] double precision_at(Hits hits, std::size_t k);
[[nodiscard]] double recall_at(Hits hits, std::size_t k, std::size_t truth_size);
[[nodiscard]] double hit_rate_at(Hits hits, std::size_t k);

// (1 / min(k, truth_size)) * sum over hits at rank r <= k of precision@r.
[[nodiscard]] double average_precision_at(Hits hits, std::size_t k, std::size_t truth_size);

// DCG@k over that of min(k, truth_size) hits in front; discounts must reach k or the list's end.
[[nodiscard]] double ndcg_at(Hits hits, std::size_t k, std::size_t truth_size,
                             const Discounts& discounts);

// 1 / rank of the first hit within k, else 0.
[[nodiscard]] double reciprocal_rank_at(Hits hits, std::size_t k);

// Area under the ROC curve: the share of (positive, negative) pairs in the right order, a tie
// counts one half. Negatives are all items of `scores` but those of `excluded` (ascending,
// distinct; must hold the positives too). Exact: counts are integers. NaN scores must have been
// replaced by -infinity. `sorted_positives` are the positives' scores, ascending.
// NaN when there is no positive or no negative. O(items * log(positives)), or with few positives
// O(items * positives) at several a cycle.
[[nodiscard]] double auc(std::span<const float> scores, std::span<const float> sorted_positives,
                         std::span<const ItemIndex> excluded);

// The same from a count: the sum of twice_above over the negatives.
[[nodiscard]] double auc_of_counts(std::int64_t twice, std::size_t positives,
                                   std::size_t negatives);

// Twice the number of positives that rank above `score`, ties counted once (half of twice).
// sorted_positives must not be empty.
[[nodiscard]] std::int64_t twice_above(std::span<const float> sorted_positives, float score);

// 1 / (1 + number of items that rank before the best of `truth`), over the whole of `scores`; items
// at -infinity are not in the ranking. 0 when none of the truth is.
[[nodiscard]] double reciprocal_rank(std::span<const float> scores,
                                     std::span<const ItemIndex> truth);

}  // namespace penchant::evaluation
