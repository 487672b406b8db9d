#pragma once

// How much each of several scores counts in a weighted sum, learned from what people did.
//
//   RankingProblem problem(sources, parse_ranking_metric("ndcg@20"));
//   problem.add(std::move(row));                              // once a person
//   std::vector<float> weights = learn_weights(problem, prior, {});
//
// learn_weights maximizes the mean metric by coordinate ascent from the prior, less a penalty on
// the squared log2 distance from the prior that fades with the number of people: with little data
// the prior stands, with much the data speaks. (Direct optimization of a rank metric over few
// weights: Metzler & Croft, Information Retrieval 2007.) Deterministic at any number of threads.
// Shared by the funnel's learner (engine/blend_learner.h) and by Blend (blend.h).

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace penchant::models {

struct RankingMetric {
  enum class Gain : std::uint8_t { kNdcg, kRecall, kMap };
  Gain gain = Gain::kNdcg;
  std::size_t cut = 20;  // 1 to 1000
};

// "ndcg@20", "recall@10", "map@10"; defined as in docs/metrics.md. Throws kInvalidArgument.
[[nodiscard]] RankingMetric parse_ranking_metric(std::string_view name);

// One person's candidates.
struct RankingRow {
  std::vector<float> features;      // [candidates][sources]
  std::vector<std::uint8_t> right;  // [candidates]
  std::size_t total_right = 0;      // right items in the catalogue, candidates or not
};

class RankingProblem {
 public:
  explicit RankingProblem(std::size_t sources, RankingMetric metric = {})
      : sources_(sources), metric_(metric) {}

  // A row with nothing right says nothing and is left out.
  void add(RankingRow row);

  [[nodiscard]] std::size_t rows() const { return rows_.size(); }
  [[nodiscard]] std::size_t sources() const { return sources_; }
  [[nodiscard]] const RankingMetric& metric() const { return metric_; }
  // The mean metric over the rows for these weights.
  [[nodiscard]] double objective(std::span<const float> weights, int threads) const;

 private:
  [[nodiscard]] double value(const RankingRow& row, std::span<const float> weights) const;

  std::size_t sources_;
  RankingMetric metric_;
  std::vector<RankingRow> rows_;
};

struct WeightSearch {
  double prior_strength = 1.0;  // of the penalty; 0 trusts the rows alone
  int threads = 0;
  std::vector<float> steps = {4.0F, 2.0F, 1.4142135F};  // factors tried, in this order
};

// Weights with the largest at 1, none negative; the prior itself when there are no rows.
[[nodiscard]] std::vector<float> learn_weights(const RankingProblem& problem,
                                               std::span<const float> prior,
                                               const WeightSearch& search);

}  // namespace penchant::models
