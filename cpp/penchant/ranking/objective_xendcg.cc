// XE-NDCG (Bruch, "An alternative cross entropy loss for learning-to-rank", WWW 2021): softmax over
// a query against a distribution of its labels, drawn anew each step; its bound converges to NDCG.

#include <algorithm>
#include <cmath>

#include "penchant/base/random.h"
#include "penchant/ranking/objectives.h"
#include "penchant/ranking/query_objective.h"

namespace penchant::ranking {
namespace {

constexpr std::uint32_t kStreamLabels = 0x786e6463;  // "xndc"

class XeNdcg final : public QueryObjective {
 public:
  XeNdcg(Labels labels, const ObjectiveParams& params)
      : QueryObjective(std::move(labels), params, "xendcg"), random_(params.seed, kStreamLabels) {}

 private:
  void query_derivatives(const Query& query, std::span<double> gradients,
                         std::span<double> hessians, const Step& step) const override {
    if (query.size < 2) return;
    static thread_local std::vector<double> p;
    static thread_local std::vector<double> phi;
    p.resize(query.size);
    phi.resize(query.size);
    const double highest = *std::max_element(query.scores.begin(), query.scores.end());
    double sum = 0;
    double total = 0;
    for (std::size_t i = 0; i < query.size; ++i) {
      p[i] = std::exp(query.scores[i] - highest);
      sum += p[i];
      // 2^label - gamma, gamma uniform on [0, 1].
      phi[i] = gain(query.begin + i) + 1 - random_.uniform(query.begin + i, step.iteration);
      total += phi[i];
    }
    for (std::size_t i = 0; i < query.size; ++i) {
      p[i] = std::min(p[i] / sum, 1 - 1e-12);
      gradients[i] = p[i] - phi[i] / total;
      hessians[i] = p[i] * (1 - p[i]);
    }
  }

  Philox random_;
};

}  // namespace

Made make_xendcg(Labels labels, const ObjectiveParams& params) {
  return std::make_unique<XeNdcg>(std::move(labels), params);
}

}  // namespace penchant::ranking
