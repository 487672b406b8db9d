#include "penchant/evaluation/factor_rows.h"

#include <algorithm>
#include <limits>

#include "penchant/base/kernels.h"
#include "penchant/base/rank_kernels.h"

namespace penchant::evaluation {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kLeastShare = 16;  // a list must be no longer than this part of the catalogue

}  // namespace

bool can_scan(const Plan& plan, const FactorScores& factors) {
  return factors.scan != nullptr && factors.scan->usable() &&
         factors.scan->rows().rows == plan.people.num_items &&
         plan.longest <= plan.people.num_items / kLeastShare;
}

FactorRows::FactorRows(const Plan& plan, BestPositions& shown, const FactorScores& factors,
                       ScoreRows& others)
    : plan_(plan), factors_(factors), others_(others), values_(plan, shown) {}

void FactorRows::evaluate(std::size_t begin, std::size_t end,
                          std::vector<std::vector<double>>& out) {
  people_.resize(end - begin);
  std::size_t count = 0;
  for (std::size_t row = begin; row < end; ++row) {
    if (plan_.truth_size(row) == 0) continue;
    if (read(row, people_[count])) {
      ++count;
    } else {
      others_.evaluate(row, out);
    }
  }
  queries_.clear();
  for (std::size_t i = 0; i < count; ++i) queries_.push_back(query_of(people_[i]));
  answers_.resize(count);
  factors_.scan->run(queries_, answers_);
  for (std::size_t i = 0; i < count; ++i) {
    const Person& person = people_[i];
    RowFacts facts;
    if (plan_.any_auc) facts.auc = auc_of(person, answers_[i].twice_below);
    if (plan_.any_full_mrr) facts.full_rank = full_rank_of(person, answers_[i].before);
    facts.list = answers_[i].best;
    values_.write(person.row, facts, out);
  }
}

bool FactorRows::read(std::size_t row, Person& person) {
  const auto truth = plan_.people.truth.row(row);
  person.row = row;
  person.vector.resize(factors_.scan->rows().columns);
  if (truth.size() > kMostThresholds || !factors_.vector(row, person.vector) ||
      !factors_.scan->accepts(person.vector)) {
    return false;
  }
  person.positives.clear();
  if (!plan_.any_auc && !plan_.any_full_mrr) return true;
  score(truth, person.vector);
  person.pivot = {};
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const Scored right{scores_[i], truth[i].value};
    if (i == 0 || ranks_before(right, person.pivot)) person.pivot = right;
  }
  if (plan_.any_auc) {
    person.positives = scores_;
    std::ranges::sort(person.positives);
  } else if (!truth.empty()) {
    person.positives = {person.pivot.score};
  }
  return true;
}

FactorScan::Query FactorRows::query_of(const Person& person) const {
  FactorScan::Query query;
  query.vector = person.vector;
  query.k = plan_.longest;
  query.skipped = plan_.masked(person.row);
  query.thresholds = person.positives;
  query.pivot = person.pivot;
  query.count_before = plan_.any_full_mrr && !person.positives.empty();
  return query;
}

double FactorRows::auc_of(const Person& person, std::int64_t twice) {
  plan_.excluded(person.row, excluded_);
  const std::size_t negatives = plan_.people.num_items - excluded_.size();
  if (person.positives.empty() || negatives == 0) return kUndefined;
  score(excluded_, person.vector);
  for (const float score : scores_) twice -= twice_above(person.positives, score);
  return auc_of_counts(twice, person.positives.size(), negatives);
}

double FactorRows::full_rank_of(const Person& person, std::int64_t before) {
  if (person.positives.empty()) return 0.0;
  const auto masked = plan_.masked(person.row);
  score(masked, person.vector);
  for (std::size_t i = 0; i < masked.size(); ++i) {
    if (ranks_before({scores_[i], masked[i].value}, person.pivot)) --before;
  }
  return 1.0 / static_cast<double>(before + 1);
}

void FactorRows::score(std::span<const ItemIndex> items, std::span<const float> vector) {
  rows_.clear();
  for (const ItemIndex item : items) rows_.push_back(item.value);
  scores_.resize(items.size());
  dot_gathered(factors_.scan->rows(), rows_, vector, scores_);
}

}  // namespace penchant::evaluation
