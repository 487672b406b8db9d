#pragma once

// From one person's ranking to the values of all metrics, however the ranking was found. Internal
// to the evaluation: ranking_metrics.h is the way in.
//
//   const Plan plan(people, metrics, options);
//   BestPositions shown(people.num_items, plan.longest);
//   RowValues values(plan, shown);                    // one a thread
//   values.write(row, {auc, full_rank, list}, out);   // out[metric][row]

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/top_k.h"
#include "penchant/evaluation/ranking_metrics.h"
#include "penchant/evaluation/subject_metrics.h"

namespace penchant::evaluation {

// What all rows share; const while they run.
struct Plan {
  const People& people;
  std::span<const Metric> metrics;
  const EvaluationOptions& options;
  std::size_t longest = 0;  // the longest list that a metric asks for
  bool any_auc = false;
  bool any_full_mrr = false;
  Discounts discounts;
  std::vector<double> surprise;  // [num_items] -log2(popularity / population); novelty only

  Plan(const People& the_people, std::span<const Metric> the_metrics,
       const EvaluationOptions& the_options);

  [[nodiscard]] std::size_t truth_size(std::size_t row) const;  // with what the catalogue lacks
  [[nodiscard]] std::span<const ItemIndex> masked(std::size_t row) const;  // in no list
  // The items that are no negatives of the AUC, ascending; the truth is among them.
  void excluded(std::size_t row, std::vector<ItemIndex>& out) const;
};

// For every item the best position (from 0) at which any list shows it: answers coverage at every
// cut. A minimum does not depend on the order in which threads arrive.
class BestPositions {
 public:
  BestPositions(std::size_t num_items, std::size_t longest);
  void show(std::span<const Scored> list);
  [[nodiscard]] double coverage(std::int32_t k) const;

 private:
  std::vector<std::atomic<std::int32_t>> best_;
  std::int32_t longest_;
};

// What the metrics need of a ranking.
struct RowFacts {
  double auc = 0;                // where one is asked for
  double full_rank = 0;          // 1 / rank of the first right item over the whole catalogue
  std::span<const Scored> list;  // the first `longest` recommendable items
};

class RowValues {
 public:
  RowValues(const Plan& plan, BestPositions& shown) : plan_(plan), shown_(shown) {}
  void write(std::size_t row, const RowFacts& facts, std::vector<std::vector<double>>& out);

 private:
  [[nodiscard]] double list_value(const Metric& metric, std::span<const Scored> list,
                                  std::size_t truth_size) const;
  [[nodiscard]] double novelty(std::span<const Scored> list, std::size_t k) const;

  const Plan& plan_;
  BestPositions& shown_;
  std::vector<std::uint8_t> hits_;
};

}  // namespace penchant::evaluation
