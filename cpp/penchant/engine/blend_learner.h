#pragma once

// Learns how much each source of a funnel counts, from what people did in a held-out window.
//
//   BlendProblem problem(engine->assets().sources.size());
//   problem.add(*engine, subject, truth, exclude_seen);     // once a subject of the window
//   std::vector<float> weights = learn_blend(problem, prior, {});
//
// It maximizes mean NDCG@20 by coordinate ascent from the prior, less a penalty on the squared log2
// distance from the prior that fades with the number of subjects: with little data the prior
// stands, with much the data speaks. (Direct optimization of a rank metric over few weights:
// Metzler & Croft, Information Retrieval 2007.) Deterministic at any number of threads.

#include <cstdint>
#include <span>
#include <vector>

#include "penchant/engine/engine.h"

namespace penchant::engine {

class BlendProblem {
 public:
  explicit BlendProblem(std::size_t sources) : sources_(sources) {}

  // Runs the engine's own retrieval for each subject (external ids) in parallel and keeps the
  // features of the candidates. `truth` row r: catalogue items that r went on to take. Rows whose
  // truth is empty (after dropping what was seen, if exclude_seen) are left out.
  void add(const Engine& engine, std::span<const ExternalId> subjects,
           std::span<const std::vector<ItemIndex>> truth, bool exclude_seen, int threads);

  [[nodiscard]] std::size_t rows() const { return rows_.size(); }
  [[nodiscard]] std::size_t sources() const { return sources_; }
  // Mean NDCG@20 over the rows for these weights.
  [[nodiscard]] double objective(std::span<const float> weights, int threads) const;

 private:
  struct Row {
    std::vector<float> features;      // [candidates][sources]
    std::vector<std::uint8_t> right;  // [candidates]
    double ideal = 0;                 // the best DCG possible
  };
  [[nodiscard]] double ndcg(const Row& row, std::span<const float> weights) const;

  std::size_t sources_;
  std::vector<Row> rows_;
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
