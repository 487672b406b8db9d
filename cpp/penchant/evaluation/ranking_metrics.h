#pragma once

// Full-catalogue ranking metrics, one value a person, and what follows from them: means with
// bootstrap intervals, paired comparison. Definitions with their edge cases: docs/metrics.md.
//
//   Evaluation result = evaluate(truth, seen, num_items, metrics, scorer, options);
//   Interval mean = bootstrap_mean(result.per_subject[0], 0.95, seed);

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/ids.h"

namespace penchant::evaluation {

enum class MetricKind : std::uint8_t {
  kPrecision, kRecall, kHitRate, kMap, kNdcg, kMrr, kAuc, kCoverage, kNovelty
};

struct Metric {
  MetricKind kind;
  int k = 0;  // 0: no cut (auc, mrr without @)
};

// "map@10", "ndcg@20", "mrr", "auc", "coverage@10", "novelty@10"... Throws kInvalidArgument with the
// known names.
[[nodiscard]] Metric parse_metric(std::string_view name);
[[nodiscard]] std::string metric_name(const Metric& metric);

// Ragged rows of items: row i is items[offsets[i] .. offsets[i + 1]), ascending, distinct.
struct ItemLists {
  std::vector<std::int64_t> offsets{0};
  std::vector<ItemIndex> items;
  [[nodiscard]] std::size_t size() const { return offsets.size() - 1; }
  [[nodiscard]] std::span<const ItemIndex> row(std::size_t i) const {
    return {items.data() + offsets[i], static_cast<std::size_t>(offsets[i + 1] - offsets[i])};
  }
};

// Fills scores[num_items] for the evaluated subject `row`; called from many threads at once.
using Scorer = std::function<void(std::size_t row, std::span<float> scores)>;

struct EvaluationOptions {
  int threads = 0;
};

struct Evaluation {
  std::vector<Metric> metrics;
  std::vector<std::vector<double>> per_subject;  // [metric][row]; NaN where undefined (empty truth)
  std::vector<double> values;  // mean over rows where defined; coverage is over all rows at once
};

// Ranks the whole catalogue for every row: items in masked.row(i) are taken out (never recommended,
// and neither positives nor negatives of the AUC); ties by the smaller index in lists, as one half
// in the AUC. `truth` holds what counts as right, masked items already dropped by the caller;
// `truth_size[i]` >= truth.row(i).size() counts also right items that the catalogue lacks (they
// divide recall and the ideal, no model can find them). `popularity[item]` (events or users, > 0
// counted of `population`) feeds novelty.
[[nodiscard]] Evaluation evaluate(const ItemLists& truth, std::span<const std::int32_t> truth_size,
                                  const ItemLists& masked, std::size_t num_items,
                                  std::span<const double> popularity, double population,
                                  std::span<const Metric> metrics, const Scorer& scorer,
                                  const EvaluationOptions& options);

struct Interval {
  double value = 0;
  double low = 0;
  double high = 0;
};

// Percentile bootstrap of the mean over subjects, `resamples` draws keyed by (seed, draw); NaN rows
// are left out. Deterministic at any thread count.
[[nodiscard]] Interval bootstrap_mean(std::span<const double> values, double confidence,
                                      std::uint64_t seed, int resamples, int threads);

}  // namespace penchant::evaluation
