#pragma once

// Full-catalogue ranking metrics, one value a person. Definitions with their edge cases:
// docs/metrics.md.
//
//   const std::vector<Metric> metrics{parse_metric("map@10"), parse_metric("auc")};
//   Evaluation result = evaluate(people, metrics, scorer, {.mask_seen = true});
//   Interval map = bootstrap_mean(result.per_subject[0], {.seed = 7});   // bootstrap.h
//
// Nothing is sampled: every item of the catalogue competes. One row of scores a thread is all the
// memory it takes, and the result is the same bits at any number of threads. Models whose scores
// are inner products say so with FactorScores: the same values, to the bit, several times faster.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "penchant/base/factor_scan.h"
#include "penchant/base/ids.h"
#include "penchant/evaluation/metric.h"

namespace penchant::evaluation {

// Ragged rows of items: row i is items[offsets[i] .. offsets[i + 1]), ascending, distinct.
// Does not own; without offsets, every row is empty.
struct ItemLists {
  std::span<const std::int64_t> offsets;  // [rows + 1], from 0 to items.size()
  std::span<const ItemIndex> items;

  [[nodiscard]] std::span<const ItemIndex> row(std::size_t i) const {
    if (offsets.empty()) return {};
    return items.subspan(static_cast<std::size_t>(offsets[i]),
                         static_cast<std::size_t>(offsets[i + 1] - offsets[i]));
  }
};

// The people to evaluate, and what is right for each. Does not own.
struct People {
  std::size_t rows = 0;
  std::size_t num_items = 0;  // size of the catalogue
  ItemLists truth;            // what counts as right; holds no masked item
  ItemLists seen;             // items of training: by default, no negatives of the AUC
  // [rows] or empty: right items that the catalogue lacks. They divide recall, MAP and the ideal
  // of NDCG; no model can find them.
  std::span<const std::int32_t> unknown_truth;
  // [num_items], needed by novelty only: how many of `population` subjects have the item.
  std::span<const double> popularity;
  double population = 0;
};

// Fills scores[num_items] for row `row` of the people, higher is better; called from many threads
// at once. An item at NaN or -infinity is not recommendable: it is in no list, and last in the AUC.
using Scorer = std::function<void(std::size_t row, std::span<float> scores)>;

// For scorers that are dot_rows(scan->rows(), vector of the row). Optional, does not own.
struct FactorScores {
  const FactorScan* scan = nullptr;
  // Writes the row's vector; false where the scorer does something else (a newcomer's fallback).
  std::function<bool(std::size_t row, std::span<float> vector)> vector;
};

struct EvaluationOptions {
  bool mask_seen = true;  // seen items are in no list
  // Seen items that are not in the truth are negatives of the AUC. Not together with mask_seen:
  // what can't be recommended can't be wrongly recommended either.
  bool seen_are_negatives = false;
  int threads = 0;  // 0: all the machine has
  // Called now and then on the calling thread with the rows done; may throw to stop (Ctrl-C does).
  std::function<void(std::size_t done, std::size_t total)> progress = {};
};

struct Evaluation {
  // [metric][row]; NaN where there is no truth, or the metric is undefined (no negatives for the
  // AUC, an empty list for novelty), and everywhere for coverage.
  std::vector<std::vector<double>> per_subject;
  // [metric]: the mean over the rows where it is defined (NaN if nowhere). Coverage: the share of
  // the catalogue that is in the list of anyone with truth.
  std::vector<double> values;
};

// Ties go to the smaller index in lists and count one half in the AUC. Throws kInvalidArgument when
// shapes disagree, or lists are not ascending, leave the catalogue, or hold masked truth.
[[nodiscard]] Evaluation evaluate(const People& people, std::span<const Metric> metrics,
                                  const Scorer& scorer, const EvaluationOptions& options,
                                  const FactorScores& factors = {});

}  // namespace penchant::evaluation
