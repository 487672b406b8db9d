// LambdaMART (Burges, "From RankNet to LambdaRank to LambdaMART", MSR-TR-2010-82): pairs of a query
// push each other apart by the logistic loss, times what exchanging them would change of NDCG. And
// the pairwise loss alone.

#include <algorithm>
#include <cmath>

#include "penchant/base/error.h"
#include "penchant/ranking/objectives.h"
#include "penchant/ranking/query_objective.h"

namespace penchant::ranking {
namespace {

class LambdaMart final : public QueryObjective {
 public:
  LambdaMart(Labels labels, const ObjectiveParams& params)
      : QueryObjective(std::move(labels), params, "lambdamart"),
        truncation_(static_cast<std::size_t>(std::max(params.truncation, 0))),
        normalize_(params.normalize) {
    check_argument(params.truncation >= 1, "truncation must be at least 1");
    for (std::size_t q = 0; q < queries(); ++q) ideal_.push_back(ideal_dcg(q, truncation_));
  }

 private:
  void query_derivatives(const Query& query, std::span<double> gradients,
                         std::span<double> hessians, const Step& /*step*/) const override {
    const double ideal = ideal_[query.number];
    if (ideal <= 0) return;
    static thread_local std::vector<std::uint32_t> order;
    rank(query, order);
    const double spread = query.scores[order.front()] - query.scores[order.back()];
    double sum = 0;
    // Pairs below the cut change no DCG that is looked at.
    for (std::size_t i = 0; i < std::min(truncation_, query.size); ++i) {
      for (std::size_t j = i + 1; j < query.size; ++j) {
        const bool first = gain(query.begin + order[i]) > gain(query.begin + order[j]);
        if (!first && gain(query.begin + order[i]) == gain(query.begin + order[j])) continue;
        const std::size_t high = first ? order[i] : order[j];
        const std::size_t low = first ? order[j] : order[i];
        const double apart = query.scores[high] - query.scores[low];
        double change = (gain(query.begin + high) - gain(query.begin + low)) *
                        (discount(i) - discount(j)) / ideal;
        if (normalize_ && spread > 0) change /= 0.01 + std::abs(apart);
        const double p = 1 / (1 + std::exp(apart));  // of standing the wrong way round
        const double push = change * p;
        const double curve = push * (1 - p);
        gradients[high] -= push;
        gradients[low] += push;
        hessians[high] += curve;
        hessians[low] += curve;
        sum += 2 * push;
      }
    }
    if (!normalize_ || sum <= 0) return;
    // Long queries have more pairs; they count by the logarithm of their lambdas.
    const double scale = std::log2(1 + sum) / sum;
    for (double& one : gradients) one *= scale;
    for (double& one : hessians) one *= scale;
  }

  std::size_t truncation_;
  bool normalize_;
  std::vector<double> ideal_;  // [queries], at the truncation
};

// log(1 + exp(-(high - low))) over all pairs of different labels.
class Pairwise final : public QueryObjective {
 public:
  Pairwise(Labels labels, const ObjectiveParams& params)
      : QueryObjective(std::move(labels), params, "pairwise") {}

 private:
  void query_derivatives(const Query& query, std::span<double> gradients,
                         std::span<double> hessians, const Step& /*step*/) const override {
    for (std::size_t i = 0; i < query.size; ++i) {
      for (std::size_t j = i + 1; j < query.size; ++j) {
        const double a = label(query.begin + i);
        const double b = label(query.begin + j);
        if (a == b) continue;
        const std::size_t high = a > b ? i : j;
        const std::size_t low = a > b ? j : i;
        const double p = 1 / (1 + std::exp(query.scores[high] - query.scores[low]));
        gradients[high] -= p;
        gradients[low] += p;
        hessians[high] += p * (1 - p);
        hessians[low] += p * (1 - p);
      }
    }
  }
};

}  // namespace

Made make_lambdamart(Labels labels, const ObjectiveParams& params) {
  return std::make_unique<LambdaMart>(std::move(labels), params);
}

Made make_pairwise(Labels labels, const ObjectiveParams& params) {
  return std::make_unique<Pairwise>(std::move(labels), params);
}

}  // namespace penchant::ranking
