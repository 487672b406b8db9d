#pragma once

// What the objectives share, and the list of them. One file each: objective_<name>.cc.

#include <functional>

#include "penchant/base/parallel.h"
#include "penchant/ranking/objective.h"

namespace penchant::ranking {

inline constexpr std::size_t kObjectiveBlock = 8'192;  // rows

[[nodiscard]] inline double weight_of(const Labels& labels, std::size_t row) {
  return labels.weight.empty() ? 1.0 : static_cast<double>(labels.weight[row]);
}

// Sums value(row) weight(row) over the rows, in blocks and so in one order.
template <class Value>
[[nodiscard]] double weighted_sum(const Labels& labels, int threads, const Value& value) {
  return parallel_sum(labels.target.size(), kObjectiveBlock, threads, [&](const Block& block) {
    double sum = 0;
    for (std::size_t i = block.begin; i < block.end; ++i) sum += value(i) * weight_of(labels, i);
    return sum;
  });
}

[[nodiscard]] inline double total_weight(const Labels& labels) {
  return weighted_sum(labels, 1, [](std::size_t) { return 1.0; });
}

template <class Value>
[[nodiscard]] double weighted_mean(const Labels& labels, int threads, const Value& value) {
  return weighted_sum(labels, threads, value) / total_weight(labels);
}

// Sets derivatives row by row: pair(row) returns {first, second} of an unweighted row.
template <class Pair>
void fill_pairs(const Labels& labels, std::span<float> gradients, std::span<float> hessians,
                int threads, const Pair& pair) {
  parallel_blocks(labels.target.size(), kObjectiveBlock, threads, [&](const Block& block) {
    for (std::size_t i = block.begin; i < block.end; ++i) {
      const auto [g, h] = pair(i);
      const double weight = weight_of(labels, i);
      gradients[i] = static_cast<float>(g * weight);
      hessians[i] = static_cast<float>(h * weight);
    }
  });
}

// What every objective asks of labels; throws kInvalidArgument.
void check_labels(const Labels& labels);
void check_groups(const Labels& labels, const char* objective);

using Made = std::unique_ptr<Objective>;
[[nodiscard]] Made make_logistic(Labels labels, const ObjectiveParams& params);
[[nodiscard]] Made make_l2(Labels labels, const ObjectiveParams& params);
[[nodiscard]] Made make_l1(Labels labels, const ObjectiveParams& params);
[[nodiscard]] Made make_huber(Labels labels, const ObjectiveParams& params);
[[nodiscard]] Made make_quantile(Labels labels, const ObjectiveParams& params);
[[nodiscard]] Made make_poisson(Labels labels, const ObjectiveParams& params);
[[nodiscard]] Made make_softmax(Labels labels, const ObjectiveParams& params);
[[nodiscard]] Made make_lambdamart(Labels labels, const ObjectiveParams& params);
[[nodiscard]] Made make_xendcg(Labels labels, const ObjectiveParams& params);
[[nodiscard]] Made make_pairwise(Labels labels, const ObjectiveParams& params);

}  // namespace penchant::ranking
