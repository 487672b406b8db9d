#include "penchant/evaluation/row_values.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

namespace penchant::evaluation {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

std::size_t longest_cut(std::span<const Metric> metrics) {
  std::int32_t longest = 0;
  for (const Metric& metric : metrics) longest = std::max(longest, metric.k);
  return static_cast<std::size_t>(longest);
}

}  // namespace

Plan::Plan(const People& the_people, std::span<const Metric> the_metrics,
           const EvaluationOptions& the_options)
    : people(the_people),
      metrics(the_metrics),
      options(the_options),
      longest(longest_cut(the_metrics)),
      discounts(longest) {
  bool any_novelty = false;
  for (const Metric& metric : metrics) {
    any_auc |= metric.kind == MetricKind::kAuc;
    any_full_mrr |= metric.kind == MetricKind::kMrr && metric.k == 0;
    any_novelty |= metric.kind == MetricKind::kNovelty;
  }
  if (!any_novelty) return;
  for (const double popularity : people.popularity) {
    // An item of the catalogue that nobody is known to have surprises as if one person had it.
    surprise.push_back(-std::log2(std::max(popularity, 1.0) / people.population));
  }
}

std::size_t Plan::truth_size(std::size_t row) const {
  const std::size_t unknown =
      people.unknown_truth.empty() ? 0 : static_cast<std::size_t>(people.unknown_truth[row]);
  return people.truth.row(row).size() + unknown;
}

std::span<const ItemIndex> Plan::masked(std::size_t row) const {
  return options.mask_seen ? people.seen.row(row) : std::span<const ItemIndex>{};
}

void Plan::excluded(std::size_t row, std::vector<ItemIndex>& out) const {
  const auto truth = people.truth.row(row);
  out.clear();
  std::ranges::set_union(truth, options.seen_are_negatives ? truth : people.seen.row(row),
                         std::back_inserter(out));
}

BestPositions::BestPositions(std::size_t num_items, std::size_t longest)
    : best_(num_items), longest_(static_cast<std::int32_t>(longest)) {
  for (auto& each : best_) each.store(longest_, std::memory_order_relaxed);
}

void BestPositions::show(std::span<const Scored> list) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    auto& slot = best_[static_cast<std::size_t>(list[i].index)];
    const auto rank = static_cast<std::int32_t>(i);
    std::int32_t known = slot.load(std::memory_order_relaxed);
    while (rank < known && !slot.compare_exchange_weak(known, rank, std::memory_order_relaxed)) {
    }
  }
}

double BestPositions::coverage(std::int32_t k) const {
  const auto shown = std::count_if(best_.begin(), best_.end(), [&](const auto& each) {
    return each.load(std::memory_order_relaxed) < std::min(k, longest_);
  });
  return best_.empty() ? kUndefined
                       : static_cast<double>(shown) / static_cast<double>(best_.size());
}

void RowValues::write(std::size_t row, const RowFacts& facts,
                      std::vector<std::vector<double>>& out) {
  const auto truth = plan_.people.truth.row(row);
  hits_.assign(facts.list.size(), 0);
  for (std::size_t i = 0; i < facts.list.size(); ++i) {
    hits_[i] = std::ranges::binary_search(truth, ItemIndex{facts.list[i].index}) ? 1 : 0;
  }
  shown_.show(facts.list);
  for (std::size_t m = 0; m < plan_.metrics.size(); ++m) {
    const Metric& metric = plan_.metrics[m];
    if (metric.kind == MetricKind::kAuc) {
      out[m][row] = facts.auc;
    } else if (metric.kind == MetricKind::kMrr && metric.k == 0) {
      out[m][row] = facts.full_rank;
    } else {
      out[m][row] = list_value(metric, facts.list, plan_.truth_size(row));
    }
  }
}

double RowValues::list_value(const Metric& metric, std::span<const Scored> list,
                             std::size_t truth_size) const {
  const auto k = static_cast<std::size_t>(metric.k);
  switch (metric.kind) {
    case MetricKind::kPrecision:
      return precision_at(hits_, k);
    case MetricKind::kRecall:
      return recall_at(hits_, k, truth_size);
    case MetricKind::kHitRate:
      return hit_rate_at(hits_, k);
    case MetricKind::kMap:
      return average_precision_at(hits_, k, truth_size);
    case MetricKind::kNdcg:
      return ndcg_at(hits_, k, truth_size, plan_.discounts);
    case MetricKind::kMrr:
      return reciprocal_rank_at(hits_, k);
    case MetricKind::kNovelty:
      return novelty(list, k);
    case MetricKind::kAuc:
    case MetricKind::kCoverage:
      break;
  }
  return kUndefined;
}

double RowValues::novelty(std::span<const Scored> list, std::size_t k) const {
  const std::size_t length = std::min(k, list.size());
  double sum = 0;
  for (std::size_t i = 0; i < length; ++i) {
    sum += plan_.surprise[static_cast<std::size_t>(list[i].index)];
  }
  return length == 0 ? kUndefined : sum / static_cast<double>(length);
}

}  // namespace penchant::evaluation
