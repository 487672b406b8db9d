#include "penchant/evaluation/subject_metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "penchant/base/rank_kernels.h"
#include "penchant/base/top_k.h"

namespace penchant::evaluation {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
constexpr float kUnlisted = -std::numeric_limits<float>::infinity();

Hits first(Hits hits, std::size_t k) { return hits.first(std::min(k, hits.size())); }

double count(Hits hits) {
  std::size_t found = 0;
  for (const std::uint8_t hit : hits) found += hit;
  return static_cast<double>(found);
}

// Up to so many positives, comparing each with every score beats a binary search a score: the
// comparisons are independent of each other and run several at a time.
constexpr std::size_t kFewPositives = 256;

// Sum over scores of twice_above, whichever way is the faster.
std::int64_t twice_above_all(std::span<const float> sorted_positives,
                             std::span<const float> scores) {
  if (sorted_positives.size() <= kFewPositives) return twice_below(scores, sorted_positives);
  std::int64_t twice = 0;
  for (const float score : scores) twice += twice_above(sorted_positives, score);
  return twice;
}

}  // namespace

Discounts::Discounts(std::size_t longest) : gains_(longest), sums_(longest + 1, 0.0) {
  for (std::size_t i = 0; i < longest; ++i) {
    gains_[i] = 1.0 / std::log2(static_cast<double>(i) + 2.0);
    sums_[i + 1] = sums_[i] + gains_[i];
  }
}

double precision_at(Hits hits, std::size_t k) {
  return count(first(hits, k)) / static_cast<double>(k);
}

double recall_at(Hits hits, std::size_t k, std::size_t truth_size) {
  return count(first(hits, k)) / static_cast<double>(truth_size);
}

double hit_rate_at(Hits hits, std::size_t k) { return count(first(hits, k)) > 0 ? 1.0 : 0.0; }

double average_precision_at(Hits hits, std::size_t k, std::size_t truth_size) {
  double sum = 0;
  double found = 0;
  const Hits list = first(hits, k);
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i] == 0) continue;
    found += 1;
    sum += found / static_cast<double>(i + 1);
  }
  return sum / static_cast<double>(std::min(k, truth_size));
}

double ndcg_at(Hits hits, std::size_t k, std::size_t truth_size, const Discounts& discounts) {
  double sum = 0;
  const Hits list = first(hits, k);
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i] != 0) sum += discounts.gain(i);
  }
  return sum / discounts.ideal(std::min(k, truth_size));
}

double reciprocal_rank_at(Hits hits, std::size_t k) {
  const Hits list = first(hits, k);
  const auto found = std::find(list.begin(), list.end(), std::uint8_t{1});
  return found == list.end() ? 0.0 : 1.0 / static_cast<double>(found - list.begin() + 1);
}

std::int64_t twice_above(std::span<const float> sorted_positives, float score) {
  // Branch-free lower bound: the processor would mispredict every other comparison.
  const float* base = sorted_positives.data();
  std::size_t length = sorted_positives.size();
  while (length > 1) {
    const std::size_t half = length / 2;
    base += base[half - 1] < score ? half : 0;
    length -= half;
  }
  base += *base < score ? 1 : 0;
  const float* end = sorted_positives.data() + sorted_positives.size();
  const std::int64_t not_below = end - base;
  if (base == end || *base != score) return 2 * not_below;
  return not_below + (end - std::upper_bound(base, end, score));
}

double auc_of_counts(std::int64_t twice, std::size_t positives, std::size_t negatives) {
  return static_cast<double>(twice) / 2.0 /
         (static_cast<double>(positives) * static_cast<double>(negatives));
}

double auc(std::span<const float> scores, std::span<const float> sorted_positives,
           std::span<const ItemIndex> excluded) {
  const std::size_t negatives = scores.size() - excluded.size();
  if (sorted_positives.empty() || negatives == 0) return kUndefined;
  // Over all items, less the excluded: the long loop needs no test of who is a negative.
  std::int64_t twice = twice_above_all(sorted_positives, scores);
  for (const ItemIndex item : excluded) {
    twice -= twice_above(sorted_positives, scores[static_cast<std::size_t>(item.value)]);
  }
  return auc_of_counts(twice, sorted_positives.size(), negatives);
}

double reciprocal_rank(std::span<const float> scores, std::span<const ItemIndex> truth) {
  Scored best{kUnlisted, -1};
  for (const ItemIndex item : truth) {
    // Ascending items: on equal scores the first, the smaller index, stays.
    const float score = scores[static_cast<std::size_t>(item.value)];
    if (score > best.score) best = {score, item.value};
  }
  if (best.index < 0) return 0.0;
  const auto position = static_cast<std::size_t>(best.index);
  std::int64_t before = 0;
  for (std::size_t i = 0; i < position; ++i) before += scores[i] >= best.score ? 1 : 0;
  for (std::size_t i = position + 1; i < scores.size(); ++i) {
    before += scores[i] > best.score ? 1 : 0;
  }
  return 1.0 / static_cast<double>(before + 1);
}

}  // namespace penchant::evaluation
