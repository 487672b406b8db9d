#pragma once

// Rankings from a row of scores, whatever made them. Internal to the evaluation.

#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/top_k.h"
#include "penchant/evaluation/row_values.h"

namespace penchant::evaluation {

// Evaluates rows one after the other with buffers of its own.
class ScoreRows {
 public:
  ScoreRows(const Plan& plan, BestPositions& shown, const Scorer& scorer);

  // Writes out[metric][row] of every metric; leaves NaN where there is no truth.
  void evaluate(std::size_t row, std::vector<std::vector<double>>& out);

 private:
  void fill(std::size_t row);
  [[nodiscard]] double auc_of(std::size_t row);
  [[nodiscard]] std::span<const Scored> list();

  const Plan& plan_;
  const Scorer& scorer_;
  RowValues values_;
  TopK top_;
  std::vector<float> scores_;
  std::vector<Scored> list_;
  std::vector<std::uint32_t> positions_;
  std::vector<float> positives_;
  std::vector<ItemIndex> excluded_;
};

}  // namespace penchant::evaluation
