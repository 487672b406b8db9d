#pragma once

// Rankings from vectors, without computing most scores. Internal to the evaluation.

#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/factor_scan.h"
#include "penchant/evaluation/row_values.h"
#include "penchant/evaluation/score_rows.h"

namespace penchant::evaluation {

// Whether scanning can answer this plan, and pays: not when lists are a good part of the catalogue.
[[nodiscard]] bool can_scan(const Plan& plan, const FactorScores& factors);

// Evaluates a block of rows at once. What ScoreRows would write, bit for bit: scores that matter
// are computed as they are served, and everything counted is an integer.
class FactorRows {
 public:
  // Rows that have no vector (or one that can't be scanned) go to `others`.
  FactorRows(const Plan& plan, BestPositions& shown, const FactorScores& factors,
             ScoreRows& others);

  // At most FactorScan::kQueries rows.
  void evaluate(std::size_t begin, std::size_t end, std::vector<std::vector<double>>& out);

 private:
  struct Person {
    std::size_t row = 0;
    std::vector<float> vector;
    std::vector<float> positives;  // scores of the truth, ascending
    Scored pivot;                  // the best of the truth
  };

  [[nodiscard]] bool read(std::size_t row, Person& person);
  [[nodiscard]] FactorScan::Query query_of(const Person& person) const;
  [[nodiscard]] double auc_of(const Person& person, std::int64_t twice);
  [[nodiscard]] double full_rank_of(const Person& person, std::int64_t before);
  void score(std::span<const ItemIndex> items, std::span<const float> vector);

  const Plan& plan_;
  const FactorScores& factors_;
  ScoreRows& others_;
  RowValues values_;
  std::vector<Person> people_;
  std::vector<FactorScan::Query> queries_;
  std::vector<FactorScan::Answer> answers_;
  std::vector<ItemIndex> excluded_;
  std::vector<std::int32_t> rows_;
  std::vector<float> scores_;
};

}  // namespace penchant::evaluation
