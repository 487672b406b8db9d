#pragma once

// Gradient boosting: trees one after the other, each fitted to the derivatives of the loss at the
// scores so far (Friedman, "Greedy function approximation", Annals of Statistics 2001).
//
//   const BinMapper mapper = BinMapper::fit(rows, {}, {});
//   const auto bins = BinnedMatrix::of(rows, mapper, {});
//   const auto objective = make_objective("logistic", {.target = y}, {});
//   Trainer trainer(mapper, bins, *objective, {.trees = 100});
//   trainer.run({});
//   const Forest forest(trainer.finish());
//
// The same bits at any number of threads. Scores are kept in double and added to in the order of
// trees, as Forest adds: scores() are the forest's predictions of the training rows, bit for bit.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "penchant/ranking/binned_matrix.h"
#include "penchant/ranking/forest_data.h"
#include "penchant/ranking/metric.h"
#include "penchant/ranking/objective.h"
#include "penchant/ranking/tree_grower.h"

namespace penchant::ranking {

struct TrainParams {
  int trees = 100;  // boosting steps; a step grows one tree an output
  double learning_rate = 0.1;
  double row_fraction = 1;  // drawn anew for each step
  // Instead, where other_rate > 0: rows of large gradients and some of the others (see
  // row_sampling.h), after 1 / learning_rate steps on all rows.
  double top_rate = 0;
  double other_rate = 0;
  double feature_fraction = 1;  // drawn anew for each tree
  std::uint64_t seed = 0;
  int early_stopping = 0;  // steps without a lower loss on the held-out rows; 0: never
  TreeParams tree{};
};

// What to go on from, instead of the best constant score.
struct Start {
  // Its trees come first in the forest that is made; those of before count as steps, so that the
  // same rows, parameters and seed give the trees that one longer run would have. null: scores that
  // no forest gives, which the forest made corrects.
  const ForestData* forest = nullptr;
  std::span<const double> scores;  // [outputs, rows], raw
};

// Rows to watch the loss on; not learned from.
struct HeldOut {
  const BinnedMatrix* bins = nullptr;
  const Objective* objective = nullptr;  // may be null where there is a metric
  const Metric* metric = nullptr;        // watched instead of the objective's loss
  std::span<const double> scores{};      // [outputs, rows] to start from, as Start::scores
};

// After each step; what it throws ends the training. `loss`: of the held-out rows, if there are;
// lower is better.
using TrainProgress = std::function<void(int done, int trees, std::optional<double> loss)>;

class Trainer {
 public:
  // Keeps references to all it is given.
  Trainer(const BinMapper& mapper, const BinnedMatrix& bins, Objective& objective,
          const TrainParams& params);
  ~Trainer();
  Trainer(Trainer&&) noexcept;

  // Before hold_out. Throws kInvalidArgument on a forest that the new trees can't follow: of other
  // features or outputs, of another link, one that rounds its inputs.
  void start_from(const Start& start);
  void hold_out(const HeldOut& held_out);
  // Throws kInvalidArgument where a leaf leaves all bounds (1e300), which only a learning rate or
  // derivatives far off can do.
  void run(const TrainProgress& progress);

  [[nodiscard]] std::span<const double> scores() const;     // [outputs, rows]
  [[nodiscard]] const std::vector<double>& losses() const;  // [steps] of the held-out rows
  // Steps that the forest keeps, those of Start::forest too: all, or up to the lowest loss when
  // stopping early.
  [[nodiscard]] int best_step() const;
  [[nodiscard]] ForestData finish() &&;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penchant::ranking
