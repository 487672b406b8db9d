#pragma once

// What is watched on held-out rows instead of the loss that is descended.
//
//   const Metric metric = make_metric("auc", {.target = y}, Link::kSigmoid, 1, {});
//   metric.loss(metric.value(scores, 2));
//
//   log_loss, accuracy    classes: labels are their numbers
//   auc                   two classes; equal scores count half (Mann and Whitney, 1947)
//   mse, rmse, mae        numbers, against the prediction after the link
//   ndcg@k, map@k, mrr@k  within queries, at params.ndcg_at where no k is given. A row is relevant
//                         to map and mrr when its label is above 0. Means over the queries that
//                         have such a row; equal scores rank in the order of rows.
//
// Weights count in all but the last line. O(rows), times log rows where rows are put in order.

#include <functional>
#include <span>
#include <string>

#include "penchant/ranking/objective.h"

namespace penchant::ranking {

struct Metric {
  std::string name;
  bool higher_is_better = false;
  // Of raw scores, [outputs, rows].
  std::function<double(std::span<const double> scores, int threads)> value;

  [[nodiscard]] double loss(double at) const { return higher_is_better ? -at : at; }
};

// Throws kInvalidArgument on unknown names and on labels that the metric can't take.
[[nodiscard]] Metric make_metric(const std::string& name, Labels labels, Link link,
                                 std::size_t outputs, const ObjectiveParams& params);

}  // namespace penchant::ranking
