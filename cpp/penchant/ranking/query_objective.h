#pragma once

// What the ranking objectives share: queries, their NDCG, and one query after the other.
//
// Where labels are clicks, rows that stood high have more of them whatever they are worth. With
// Labels::position a row's click is taken to follow score + bias[position], so that position
// explains its part and the score the rest; the biases descend the same loss, a Newton step for
// each tree (the additive model of LightGBM 4's `position`):
//
//   bias[p] -= rate (sum of g + l2 n bias[p]) / (sum of h + l2 n + 0.001),  over the n rows at p

#include "penchant/ranking/objective.h"

namespace penchant::ranking {

class QueryObjective : public Objective {
 public:
  // Labels are whole numbers from 0 up, at most 31 unless label_gains lists more.
  QueryObjective(Labels labels, const ObjectiveParams& params, const char* name);

  [[nodiscard]] std::vector<double> start() const override { return {0.0}; }
  void derivatives(std::span<const double> scores, std::span<float> gradients,
                   std::span<float> hessians, const Step& step) const final;
  void learn(std::span<const float> gradients, std::span<const float> hessians,
             const Step& step) final;
  [[nodiscard]] std::span<const double> position_bias() const final { return bias_; }
  // Minus the mean NDCG at params.ndcg_at (Jarvelin and Kekalainen, 2002) over the queries that
  // have a row of some gain; equal scores rank in the order of rows.
  [[nodiscard]] double loss(std::span<const double> scores, int threads) const final;
  [[nodiscard]] const char* loss_name() const final { return "minus_ndcg"; }

 protected:
  struct Query {
    std::size_t number = 0;
    std::size_t begin = 0;  // its rows
    std::size_t size = 0;
    std::span<const double> scores;
  };

  // Fills the query's derivatives [size], which are zero; weights come after.
  virtual void query_derivatives(const Query& query, std::span<double> gradients,
                                 std::span<double> hessians, const Step& step) const = 0;

  [[nodiscard]] double label(std::size_t row) const {
    return static_cast<double>(labels_.target[row]);
  }
  [[nodiscard]] double gain(std::size_t row) const {
    return gains_[static_cast<std::size_t>(labels_.target[row])];
  }
  [[nodiscard]] std::size_t queries() const { return labels_.group_begin.size() - 1; }
  // Rows of a query, the highest score first.
  static void rank(const Query& query, std::vector<std::uint32_t>& order);
  // 1 / log2(2 + position)
  [[nodiscard]] double discount(std::size_t position) const { return discounts_[position]; }
  // The highest DCG at k that a query can have.
  [[nodiscard]] double ideal_dcg(std::size_t query, std::size_t k) const;

 private:
  [[nodiscard]] Query query_at(std::size_t q, std::span<const double> scores) const;
  void start_positions(const ObjectiveParams& params);

  Labels labels_;
  std::vector<double> gains_;
  std::vector<double> discounts_;
  std::size_t ndcg_at_;
  std::vector<double> ideal_;  // [queries], at ndcg_at
  std::vector<double> bias_;   // [positions]
  double position_rate_;
  double position_l2_;
};

}  // namespace penchant::ranking
