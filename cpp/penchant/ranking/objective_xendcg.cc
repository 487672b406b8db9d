// XE-NDCG (Bruch, "An alternative cross entropy loss for learning-to-rank", WWW 2021): softmax over
// a query against a distribution of its labels, drawn anew each step; its bound converges to NDCG.
//
// Trees take a step of g / h by row, but the rows of a query hang together: with p the softmax and
// D = diag(p (1 - p)), the matrix of second derivatives is H = D + E, E_ij = -p_i p_j. Gradients
// are given as D (D^-1 - D^-1 E D^-1 + D^-1 E D^-1 E D^-1) g, the first terms of D H^-1 g, so that
// over the diagonal they are nearly Newton's step.

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
      phi[i] = gradients[i];  // from here on the last term
    }
    for (int terms = 0; terms < 2; ++terms) add_term(p, phi, gradients);
  }

  // -E D^-1 times the last term: of row i, p_i times the sum of the others' term / (1 - p).
  static void add_term(std::span<const double> p, std::span<double> term,
                       std::span<double> gradients) {
    double sum = 0;
    for (std::size_t i = 0; i < p.size(); ++i) {
      term[i] /= 1 - p[i];
      sum += term[i];
    }
    for (std::size_t i = 0; i < p.size(); ++i) {
      term[i] = p[i] * (sum - term[i]);
      gradients[i] += term[i];
    }
  }

  Philox random_;
};

}  // namespace

Made make_xendcg(Labels labels, const ObjectiveParams& params) {
  return std::make_unique<XeNdcg>(std::move(labels), params);
}

}  // namespace penchant::ranking
