#pragma once

// The names of the ranking metrics.
//
//   Metric metric = parse_metric("ndcg@20");   // {MetricKind::kNdcg, 20}
//   metric_name(metric);                        // "ndcg@20"
//
// Formulas, edge cases and sources of each: docs/metrics.md.

#include <cstdint>
#include <string>
#include <string_view>

namespace penchant::evaluation {

enum class MetricKind : std::uint8_t {
  kPrecision,
  kRecall,
  kHitRate,
  kMap,
  kNdcg,
  kMrr,
  kAuc,
  kCoverage,
  kNovelty,
};

struct Metric {
  MetricKind kind = MetricKind::kMap;
  std::int32_t k = 0;  // the cut of the list; 0: none (auc always, mrr unless "mrr@k")

  friend bool operator==(const Metric&, const Metric&) = default;
};

// Reads "map@10", "mrr", "mrr@10", "auc"...; upper case is the same as lower. Throws
// kInvalidArgument on an unknown name (the message lists the known ones), a missing or needless
// cut, or a cut outside 1 .. 1,000,000.
[[nodiscard]] Metric parse_metric(std::string_view name);

// The canonical name, which parse_metric reads back.
[[nodiscard]] std::string metric_name(const Metric& metric);

// One value a person and their mean (all but coverage, which belongs to the whole set of lists).
[[nodiscard]] constexpr bool is_per_subject(const Metric& metric) {
  return metric.kind != MetricKind::kCoverage;
}

}  // namespace penchant::evaluation
