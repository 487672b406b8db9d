#include "penchant/evaluation/score_rows.h"

#include <algorithm>
#include <limits>

#include "penchant/base/rank_kernels.h"

namespace penchant::evaluation {
namespace {

constexpr float kUnlisted = -std::numeric_limits<float>::infinity();
// Scores between two looks at what the list's end has risen to.
constexpr std::size_t kScoresPerStep = 1024;

std::size_t position(ItemIndex item) { return static_cast<std::size_t>(item.value); }

}  // namespace

ScoreRows::ScoreRows(const Plan& plan, BestPositions& shown, const Scorer& scorer)
    : plan_(plan),
      scorer_(scorer),
      values_(plan, shown),
      top_(std::min(plan.longest, plan.people.num_items)) {}

void ScoreRows::evaluate(std::size_t row, std::vector<std::vector<double>>& out) {
  if (plan_.truth_size(row) == 0) return;  // stays NaN, and its list shows nothing
  fill(row);
  RowFacts facts;
  if (plan_.any_auc) facts.auc = auc_of(row);
  for (const ItemIndex item : plan_.masked(row)) scores_[position(item)] = kUnlisted;
  if (plan_.any_full_mrr) facts.full_rank = reciprocal_rank(scores_, plan_.people.truth.row(row));
  facts.list = list();
  values_.write(row, facts, out);
}

void ScoreRows::fill(std::size_t row) {
  scores_.resize(plan_.people.num_items);
  scorer_(row, scores_);
  for (float& score : scores_) score = score == score ? score : kUnlisted;
}

double ScoreRows::auc_of(std::size_t row) {
  positives_.clear();
  for (const ItemIndex item : plan_.people.truth.row(row)) {
    positives_.push_back(scores_[position(item)]);
  }
  std::ranges::sort(positives_);
  plan_.excluded(row, excluded_);
  return auc(scores_, positives_, excluded_);
}

std::span<const Scored> ScoreRows::list() {
  if (plan_.longest == 0) return {};
  positions_.resize(kScoresPerStep);
  const std::span<const float> scores(scores_);
  for (std::size_t begin = 0; begin < scores.size(); begin += kScoresPerStep) {
    const auto part = scores.subspan(begin, std::min(kScoresPerStep, scores.size() - begin));
    const std::size_t found = select_not_below(part, top_.floor(), positions_);
    for (std::size_t i = 0; i < found; ++i) {
      const float score = part[positions_[i]];
      if (score > kUnlisted) {
        top_.push(score, static_cast<std::int32_t>(begin + positions_[i]));
      }
    }
  }
  list_ = top_.take_sorted();
  return list_;
}

}  // namespace penchant::evaluation
