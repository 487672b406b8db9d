#include "penchant/evaluation/ranking_metrics.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/base/top_k.h"
#include "penchant/evaluation/subject_metrics.h"

namespace penchant::evaluation {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
constexpr float kUnlisted = -std::numeric_limits<float>::infinity();
constexpr std::size_t kRowsPerBlock = 8;

std::size_t position(ItemIndex item) { return static_cast<std::size_t>(item.value); }

void check_lists(const ItemLists& lists, std::size_t rows, std::size_t num_items,
                 std::string_view name) {
  if (lists.offsets.empty()) {
    check_argument(lists.items.empty(), "evaluate: '", name, "' has items but no offsets");
    return;
  }
  check_argument(lists.offsets.size() == rows + 1, "evaluate: '", name, "' has ",
                 lists.offsets.size(), " offsets; there must be ", rows + 1, " for ", rows,
                 " subjects");
  check_argument(lists.offsets.front() == 0 &&
                     lists.offsets.back() == static_cast<std::int64_t>(lists.items.size()) &&
                     std::is_sorted(lists.offsets.begin(), lists.offsets.end()),
                 "evaluate: offsets of '", name, "' must rise from 0 to the number of items");
  for (std::size_t i = 0; i < rows; ++i) {
    std::int64_t previous = -1;
    for (const ItemIndex item : lists.row(i)) {
      check_argument(item.value > previous && position(item) < num_items, "evaluate: '", name,
                     "', subject ", i, ": item ", item.value,
                     " is out of order or outside the catalogue of ", num_items);
      previous = item.value;
    }
  }
}

void check_people(const People& people, std::span<const Metric> metrics, bool mask_seen) {
  check_lists(people.truth, people.rows, people.num_items, "truth");
  check_lists(people.seen, people.rows, people.num_items, "seen");
  check_argument(people.unknown_truth.empty() || people.unknown_truth.size() == people.rows,
                 "evaluate: 'unknown_truth' needs one count a subject");
  check_argument(std::all_of(people.unknown_truth.begin(), people.unknown_truth.end(),
                             [](std::int32_t n) { return n >= 0; }),
                 "evaluate: 'unknown_truth' holds a negative count");
  for (const Metric& metric : metrics) {
    if (metric.kind != MetricKind::kNovelty) continue;
    check_argument(people.popularity.size() == people.num_items && people.population > 0,
                   "evaluate: novelty needs the popularity of each item and the population");
  }
  if (!mask_seen) return;
  std::vector<ItemIndex> both;
  for (std::size_t i = 0; i < people.rows; ++i) {
    both.clear();
    std::ranges::set_intersection(people.truth.row(i), people.seen.row(i),
                                  std::back_inserter(both));
    check_argument(both.empty(), "evaluate: subject ", i,
                   " has masked items in the truth; drop them first");
  }
}

// For every item the best position (from 0) at which any list shows it: answers coverage at every
// cut. A minimum does not depend on the order in which threads arrive.
class BestPositions {
 public:
  BestPositions(std::size_t num_items, std::int32_t longest) : best_(num_items), longest_(longest) {
    for (auto& each : best_) each.store(longest_, std::memory_order_relaxed);
  }

  void show(std::span<const Scored> list) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      auto& slot = best_[static_cast<std::size_t>(list[i].index)];
      const auto rank = static_cast<std::int32_t>(i);
      std::int32_t known = slot.load(std::memory_order_relaxed);
      while (rank < known && !slot.compare_exchange_weak(known, rank, std::memory_order_relaxed)) {
      }
    }
  }

  [[nodiscard]] double coverage(std::int32_t k) const {
    const auto shown = std::count_if(best_.begin(), best_.end(), [&](const auto& each) {
      return each.load(std::memory_order_relaxed) < std::min(k, longest_);
    });
    return best_.empty() ? kUndefined
                         : static_cast<double>(shown) / static_cast<double>(best_.size());
  }

 private:
  std::vector<std::atomic<std::int32_t>> best_;
  std::int32_t longest_;
};

// What all rows share; const while they run, but for the best positions.
struct Plan {
  const People& people;
  std::span<const Metric> metrics;
  const Scorer& scorer;
  EvaluationOptions options;
  std::size_t longest = 0;  // the longest list that a metric asks for
  bool any_auc = false;
  bool any_full_mrr = false;
  Discounts discounts;
  std::vector<double> surprise;  // [num_items] -log2(popularity / population); novelty only

  Plan(const People& the_people, std::span<const Metric> the_metrics, const Scorer& the_scorer,
       const EvaluationOptions& the_options)
      : people(the_people),
        metrics(the_metrics),
        scorer(the_scorer),
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

  static std::size_t longest_cut(std::span<const Metric> metrics) {
    std::int32_t longest = 0;
    for (const Metric& metric : metrics) longest = std::max(longest, metric.k);
    return static_cast<std::size_t>(longest);
  }
};

// Evaluates rows one after the other with buffers of its own.
class RowEvaluator {
 public:
  RowEvaluator(const Plan& plan, BestPositions& shown)
      : plan_(plan),
        shown_(shown),
        scores_(plan.people.num_items),
        top_(std::min(plan.longest, plan.people.num_items)) {}

  // Writes out[metric][row] of every metric.
  void evaluate(std::size_t row, std::vector<std::vector<double>>& out) {
    const auto truth = plan_.people.truth.row(row);
    const std::size_t unknown = plan_.people.unknown_truth.empty()
                                    ? 0
                                    : static_cast<std::size_t>(plan_.people.unknown_truth[row]);
    const std::size_t truth_size = truth.size() + unknown;
    if (truth_size == 0) return;  // stays NaN, and its list shows nothing
    fill(row);
    const double auc_value = plan_.any_auc ? auc_of(truth, plan_.people.seen.row(row)) : 0.0;
    if (plan_.options.mask_seen) {
      for (const ItemIndex item : plan_.people.seen.row(row)) scores_[position(item)] = kUnlisted;
    }
    const double full_rank = plan_.any_full_mrr ? reciprocal_rank(scores_, truth) : 0.0;
    list(truth);
    for (std::size_t m = 0; m < plan_.metrics.size(); ++m) {
      const Metric& metric = plan_.metrics[m];
      if (metric.kind == MetricKind::kAuc) {
        out[m][row] = auc_value;
      } else if (metric.kind == MetricKind::kMrr && metric.k == 0) {
        out[m][row] = full_rank;
      } else {
        out[m][row] = list_value(metric, truth_size);
      }
    }
  }

 private:
  void fill(std::size_t row) {
    plan_.scorer(row, scores_);
    for (float& score : scores_) score = score == score ? score : kUnlisted;
  }

  double auc_of(std::span<const ItemIndex> truth, std::span<const ItemIndex> seen) {
    positives_.clear();
    for (const ItemIndex item : truth) positives_.push_back(scores_[position(item)]);
    std::sort(positives_.begin(), positives_.end());
    excluded_.clear();
    std::ranges::set_union(truth, plan_.options.seen_are_negatives ? truth : seen,
                           std::back_inserter(excluded_));
    return auc(scores_, positives_, excluded_);
  }

  void list(std::span<const ItemIndex> truth) {
    if (plan_.longest == 0) return;
    for (std::size_t i = 0; i < scores_.size(); ++i) {
      if (scores_[i] > kUnlisted) top_.push(scores_[i], static_cast<std::int32_t>(i));
    }
    list_ = top_.take_sorted();
    hits_.assign(list_.size(), 0);
    for (std::size_t i = 0; i < list_.size(); ++i) {
      hits_[i] = std::ranges::binary_search(truth, ItemIndex{list_[i].index}) ? 1 : 0;
    }
    shown_.show(list_);
  }

  [[nodiscard]] double list_value(const Metric& metric, std::size_t truth_size) const {
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
        return novelty(k);
      case MetricKind::kAuc:
      case MetricKind::kCoverage:
        break;
    }
    return kUndefined;
  }

  [[nodiscard]] double novelty(std::size_t k) const {
    const std::size_t length = std::min(k, list_.size());
    double sum = 0;
    for (std::size_t i = 0; i < length; ++i) {
      sum += plan_.surprise[static_cast<std::size_t>(list_[i].index)];
    }
    return length == 0 ? kUndefined : sum / static_cast<double>(length);
  }

  const Plan& plan_;
  BestPositions& shown_;
  std::vector<float> scores_;
  TopK top_;
  std::vector<Scored> list_;
  std::vector<std::uint8_t> hits_;
  std::vector<float> positives_;
  std::vector<ItemIndex> excluded_;
};

double mean_of_defined(std::span<const double> values) {
  double sum = 0;
  std::size_t defined = 0;
  for (const double value : values) {
    if (std::isnan(value)) continue;
    sum += value;
    ++defined;
  }
  return defined == 0 ? kUndefined : sum / static_cast<double>(defined);
}

}  // namespace

Evaluation evaluate(const People& people, std::span<const Metric> metrics, const Scorer& scorer,
                    const EvaluationOptions& options) {
  check_argument(!(options.mask_seen && options.seen_are_negatives),
                 "evaluate: masked items can't be negatives of the AUC");
  check_people(people, metrics, options.mask_seen);
  const Plan plan(people, metrics, scorer, options);
  BestPositions shown(people.num_items, static_cast<std::int32_t>(plan.longest));
  Evaluation out;
  out.per_subject.assign(metrics.size(), std::vector<double>(people.rows, kUndefined));
  parallel_blocks(people.rows, kRowsPerBlock, options.threads, [&](const Block& block) {
    RowEvaluator evaluator(plan, shown);
    for (std::size_t row = block.begin; row < block.end; ++row) {
      evaluator.evaluate(row, out.per_subject);
    }
  });
  for (std::size_t m = 0; m < metrics.size(); ++m) {
    out.values.push_back(is_per_subject(metrics[m]) ? mean_of_defined(out.per_subject[m])
                                                    : shown.coverage(metrics[m].k));
  }
  return out;
}

}  // namespace penchant::evaluation
