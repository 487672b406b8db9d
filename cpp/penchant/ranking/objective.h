#pragma once

// What boosting minimizes: a loss of scores against targets, with its first two derivatives.
//
//   const auto objective = make_objective("logistic", {.target = y}, {});
//   objective->derivatives(scores, gradients, hessians, {.iteration = 0, .threads = 2});
//
// An objective is bound to the rows it was made for; the held-out rows have one of their own.
// Scores and derivatives lie by output: [outputs, rows].

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "penchant/ranking/forest_data.h"

namespace penchant::ranking {

struct Labels {
  std::vector<float> target{};              // [rows]
  std::vector<float> weight{};              // [rows], from 0 up; empty: ones
  std::vector<std::int64_t> group_begin{};  // [queries + 1]; for the ranking objectives
  std::vector<std::int32_t> position{};     // [rows], where a row was shown, from 0 up; or empty
};

struct ObjectiveParams {
  int classes = 1;                    // softmax
  double huber_delta = 1;             // where huber turns from squares to lines
  double quantile = 0.5;              // of "quantile"
  int truncation = 30;                // lambdamart: pairs with one of the first so many
  bool normalize = true;              // lambdamart: a query's derivatives by its lambdas' sum
  std::vector<double> label_gains{};  // lambdamart and NDCG; empty: 2^label - 1
  int ndcg_at = 10;                   // of the loss that is watched
  std::uint64_t seed = 0;             // xendcg
  // Labels that are clicks: how fast the bias of a position is learned, what holds it back, and
  // where it starts, [positions] or empty.
  double position_rate = 0.1;
  double position_l2 = 0;
  std::vector<double> position_bias{};
};

struct Step {
  std::uint32_t iteration = 0;
  int threads = 0;
};

class Objective {
 public:
  virtual ~Objective() = default;
  Objective() = default;
  Objective(const Objective&) = delete;
  Objective& operator=(const Objective&) = delete;

  [[nodiscard]] virtual std::size_t outputs() const { return 1; }
  [[nodiscard]] virtual Link link() const { return Link::kIdentity; }
  // The best constant score of each output.
  [[nodiscard]] virtual std::vector<double> start() const = 0;
  // Hessians must not be negative.
  virtual void derivatives(std::span<const double> scores, std::span<float> gradients,
                           std::span<float> hessians, const Step& step) const = 0;
  // What an objective learns beside the trees, once a step from the derivatives it gave.
  virtual void learn(std::span<const float> /*gradients*/, std::span<const float> /*hessians*/,
                     const Step& /*step*/) {}
  // Lower is better; NDCG counts negative.
  [[nodiscard]] virtual double loss(std::span<const double> scores, int threads) const = 0;
  [[nodiscard]] virtual const char* loss_name() const = 0;

  // Losses whose second derivative says nothing set a leaf's value from its rows instead.
  [[nodiscard]] virtual bool refits_leaves() const { return false; }
  // rows: of one leaf, in any order.
  [[nodiscard]] virtual double leaf_value(std::span<const std::uint32_t> /*rows*/,
                                          std::span<const double> /*scores*/) const {
    return 0;
  }

  // What a place adds to the score of a row that is shown there, [positions]; see Labels::position.
  [[nodiscard]] virtual std::span<const double> position_bias() const { return {}; }
};

// Names: logistic, l2, l1, huber, quantile, poisson, softmax, lambdamart, xendcg, pairwise. Throws
// kInvalidArgument on unknown names, on labels that the objective can't take (it says which) and on
// parameters.
[[nodiscard]] std::unique_ptr<Objective> make_objective(const std::string& name, Labels labels,
                                                        const ObjectiveParams& params);

}  // namespace penchant::ranking
