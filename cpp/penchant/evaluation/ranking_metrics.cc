#include "penchant/evaluation/ranking_metrics.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/evaluation/factor_rows.h"
#include "penchant/evaluation/row_values.h"
#include "penchant/evaluation/score_rows.h"

namespace penchant::evaluation {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kRowsPerBlock = 8;
// Blocks a thread between two calls of the progress: enough to keep threads busy, few enough for
// Ctrl-C. Rows don't touch each other, so that slices change nothing.
constexpr std::size_t kBlocksPerSlice = 16;

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
                    const EvaluationOptions& options, const FactorScores& factors) {
  check_argument(!(options.mask_seen && options.seen_are_negatives),
                 "evaluate: masked items can't be negatives of the AUC");
  check_people(people, metrics, options.mask_seen);
  const Plan plan(people, metrics, options);
  const bool scanned = can_scan(plan, factors);
  BestPositions shown(people.num_items, plan.longest);
  Evaluation out;
  out.per_subject.assign(metrics.size(), std::vector<double>(people.rows, kUndefined));
  const std::size_t block_rows = scanned ? FactorScan::kQueries : kRowsPerBlock;
  const auto threads = static_cast<std::size_t>(resolve_threads(options.threads));
  const std::size_t slice = options.progress ? block_rows * kBlocksPerSlice * threads : people.rows;
  for (std::size_t begin = 0; begin < people.rows; begin += slice) {
    const std::size_t end = std::min(people.rows, begin + slice);
    parallel_blocks(end - begin, block_rows, options.threads, [&](const Block& block) {
      ScoreRows by_scores(plan, shown, scorer);
      if (scanned) {
        FactorRows by_factors(plan, shown, factors, by_scores);
        by_factors.evaluate(begin + block.begin, begin + block.end, out.per_subject);
        return;
      }
      for (std::size_t row = begin + block.begin; row < begin + block.end; ++row) {
        by_scores.evaluate(row, out.per_subject);
      }
    });
    if (options.progress) options.progress(end, people.rows);
  }
  for (std::size_t m = 0; m < metrics.size(); ++m) {
    out.values.push_back(is_per_subject(metrics[m]) ? mean_of_defined(out.per_subject[m])
                                                    : shown.coverage(metrics[m].k));
  }
  return out;
}

}  // namespace penchant::evaluation
