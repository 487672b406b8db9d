#pragma once

// Learns how much each source of a funnel counts, from what people did in a held-out window.
//
//   BlendProblem problem(engine->assets().sources.size());
//   problem.add(*engine, subject, truth, exclude_seen);     // once a subject of the window
//   std::vector<float> weights = learn_blend(problem, prior, {});
//
// The search is models/ranking_problem.h's, for mean NDCG@20; what belongs here is the candidates
// and their features, which are the engine's own.

#include <cstdint>
#include <span>
#include <vector>

#include "penchant/engine/engine.h"
#include "penchant/models/ranking_problem.h"

namespace penchant::engine {

class BlendProblem {
 public:
  explicit BlendProblem(std::size_t sources) : problem_(sources) {}

  // Runs the engine's own retrieval for each subject (external ids) in parallel and keeps the
  // features of the candidates. `truth` row r: catalogue items that r went on to take. Rows whose
  // truth is empty (after dropping what was seen, if exclude_seen) are left out. `attributes`:
  // none, or a row a subject of what their requests say.
  void add(const Engine& engine, std::span<const ExternalId> subjects,
           std::span<const std::vector<ItemIndex>> truth, bool exclude_seen, int threads,
           const data::AttributeTable& attributes = {});

  [[nodiscard]] std::size_t rows() const { return problem_.rows(); }
  [[nodiscard]] std::size_t sources() const { return problem_.sources(); }
  // Mean NDCG@20 over the rows for these weights.
  [[nodiscard]] double objective(std::span<const float> weights, int threads) const {
    return problem_.objective(weights, threads);
  }
  [[nodiscard]] const models::RankingProblem& problem() const { return problem_; }

 private:
  models::RankingProblem problem_;
};

struct BlendOptions {
  double prior_strength = 1.0;  // of the penalty; 0 trusts the window alone
  int threads = 0;
};

// Weights with the largest at 1, none negative; the prior itself when there are no rows.
[[nodiscard]] std::vector<float> learn_blend(const BlendProblem& problem,
                                             std::span<const float> prior,
                                             const BlendOptions& options);

}  // namespace penchant::engine
