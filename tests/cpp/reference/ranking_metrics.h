#pragma once

// The metrics written as their definitions read: the whole catalogue sorted, every pair compared.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <vector>

#include "penchant/evaluation/metric.h"

namespace penchant::reference {

struct Person {
  std::vector<float> scores;
  std::set<std::int32_t> truth;
  std::set<std::int32_t> seen;
  int unknown_truth = 0;
};

inline bool recommendable(float score) {
  return score > -std::numeric_limits<float>::infinity();  // NaN is not
}

inline std::vector<std::int32_t> ranking(const Person& person, bool mask_seen) {
  std::vector<std::int32_t> order;
  for (std::size_t i = 0; i < person.scores.size(); ++i) {
    const auto item = static_cast<std::int32_t>(i);
    if (recommendable(person.scores[i]) && !(mask_seen && person.seen.contains(item))) {
      order.push_back(item);
    }
  }
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return person.scores[static_cast<std::size_t>(a)] > person.scores[static_cast<std::size_t>(b)];
  });
  return order;
}

inline double pairwise_auc(const Person& person, bool seen_are_negatives) {
  double right = 0;
  double pairs = 0;
  const auto score_of = [&](std::int32_t item) {
    const float score = person.scores[static_cast<std::size_t>(item)];
    return std::isnan(score) ? -std::numeric_limits<float>::infinity() : score;
  };
  for (const std::int32_t positive : person.truth) {
    for (std::size_t i = 0; i < person.scores.size(); ++i) {
      const auto item = static_cast<std::int32_t>(i);
      if (person.truth.contains(item)) continue;
      if (person.seen.contains(item) && !seen_are_negatives) continue;
      pairs += 1;
      if (score_of(positive) > score_of(item)) right += 1;
      if (score_of(positive) == score_of(item)) right += 0.5;
    }
  }
  return pairs == 0 ? std::numeric_limits<double>::quiet_NaN() : right / pairs;
}

inline double subject_metric(const evaluation::Metric& metric, const Person& person, bool mask_seen,
                             const std::vector<double>& popularity, double population,
                             bool seen_are_negatives = false) {
  using evaluation::MetricKind;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::size_t truth_size =
      person.truth.size() + static_cast<std::size_t>(person.unknown_truth);
  if (truth_size == 0) return nan;
  if (metric.kind == MetricKind::kAuc) return pairwise_auc(person, seen_are_negatives);
  const std::vector<std::int32_t> order = ranking(person, mask_seen);
  const std::size_t k = metric.k == 0 ? order.size() : static_cast<std::size_t>(metric.k);
  const std::size_t length = std::min(k, order.size());
  double hits = 0;
  double precisions = 0;
  double gain = 0;
  double first_hit = 0;
  double surprise = 0;
  for (std::size_t r = 1; r <= length; ++r) {
    const std::int32_t item = order[r - 1];
    const double pop = std::max(1.0, popularity[static_cast<std::size_t>(item)]);
    surprise += -std::log2(pop / population);
    if (!person.truth.contains(item)) continue;
    hits += 1;
    precisions += hits / static_cast<double>(r);
    gain += 1.0 / std::log2(static_cast<double>(r) + 1.0);
    if (first_hit == 0) first_hit = 1.0 / static_cast<double>(r);
  }
  double ideal = 0;
  for (std::size_t r = 1; r <= std::min(k, truth_size); ++r) {
    ideal += 1.0 / std::log2(static_cast<double>(r) + 1.0);
  }
  switch (metric.kind) {
    case MetricKind::kPrecision:
      return hits / static_cast<double>(k);
    case MetricKind::kRecall:
      return hits / static_cast<double>(truth_size);
    case MetricKind::kHitRate:
      return hits > 0 ? 1.0 : 0.0;
    case MetricKind::kMap:
      return precisions / static_cast<double>(std::min(k, truth_size));
    case MetricKind::kNdcg:
      return gain / ideal;
    case MetricKind::kMrr:
      return first_hit;
    case MetricKind::kNovelty:
      return length == 0 ? nan : surprise / static_cast<double>(length);
    default:
      return nan;
  }
}

inline double coverage(const std::vector<Person>& people, std::size_t num_items, std::size_t k,
                       bool mask_seen) {
  std::set<std::int32_t> shown;
  for (const Person& person : people) {
    if (person.truth.empty() && person.unknown_truth == 0) continue;
    const auto order = ranking(person, mask_seen);
    for (std::size_t r = 0; r < std::min(k, order.size()); ++r) shown.insert(order[r]);
  }
  return static_cast<double>(shown.size()) / static_cast<double>(num_items);
}

}  // namespace penchant::reference
