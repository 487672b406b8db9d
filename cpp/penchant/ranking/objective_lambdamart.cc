// LambdaMART (Burges, "From RankNet to LambdaRank to LambdaMART", MSR-TR-2010-82): pairs of a query
// push each other apart by the logistic loss, times what exchanging them would change of NDCG. And
// the pairwise loss alone.

#include <algorithm>
#include <cmath>

#include "penchant/base/error.h"
#include "penchant/base/matrix.h"
#include "penchant/ranking/lambda_kernel.h"
#include "penchant/ranking/objectives.h"
#include "penchant/ranking/query_objective.h"

namespace penchant::ranking {
namespace {

// A query laid out for the kernel.
class RankedQuery {
 public:
  // worth(i): of the query's row i. top: ranks that are paired with all below.
  template <class Worth, class Discount>
  LambdaQuery lay_out(const std::vector<std::uint32_t>& order, std::span<const double> scores,
                      std::size_t top, const Worth& worth, const Discount& discount) {
    const std::size_t size = order.size();
    double least = worth(0);
    for (std::size_t i = 1; i < size; ++i) least = std::min(least, worth(i));
    std::size_t better = 0;
    for (std::size_t i = 0; i < size; ++i) better += worth(i) > least ? 1 : 0;
    for (auto* numbers : {&score_, &rest_, &gain_, &discount_, &power_, &gradient_, &hessian_}) {
      numbers->assign(size + 2 * kLambdaRoom, 0.0F);
    }
    slots_.resize(size);
    std::size_t next_better = 0;
    std::size_t next_least = better + kLambdaRoom;
    const double highest = scores[order[0]];
    for (std::size_t rank = 0; rank < size; ++rank) {
      const std::size_t row = order[rank];
      const std::size_t slot = worth(row) > least ? next_better++ : next_least++;
      slots_[rank] = static_cast<std::uint32_t>(slot);
      const double score = scores[row] - highest;
      score_[slot] = static_cast<float>(score);
      rest_[slot] = static_cast<float>(score - static_cast<double>(score_[slot]));
      gain_[slot] = static_cast<float>(worth(row) - least);
      discount_[slot] = static_cast<float>(discount(rank));
    }
    return {.better = better,
            .least = size - better,
            .slots = std::span(slots_).first(std::min(top, size)),
            .score = score_.data(),
            .rest = rest_.data(),
            .gain = gain_.data(),
            .discount = discount_.data(),
            .power = power_.data(),
            .near = highest - scores[order.back()] <= kLambdaNear,
            .gradient = gradient_.data(),
            .hessian = hessian_.data()};
  }

  void give_back(const std::vector<std::uint32_t>& order, double scale, std::span<double> gradients,
                 std::span<double> hessians) const {
    for (std::size_t rank = 0; rank < order.size(); ++rank) {
      gradients[order[rank]] = scale * static_cast<double>(gradient_[slots_[rank]]);
      hessians[order[rank]] = scale * static_cast<double>(hessian_[slots_[rank]]);
    }
  }

 private:
  std::vector<std::uint32_t> slots_;  // [ranks]
  AlignedVector<float> score_;        // [slots] each
  AlignedVector<float> rest_;
  AlignedVector<float> gain_;
  AlignedVector<float> discount_;
  AlignedVector<float> power_;
  AlignedVector<float> gradient_;
  AlignedVector<float> hessian_;
};

// What a thread keeps between queries.
struct Scratch {
  std::vector<std::uint32_t> order;
  RankedQuery ranked;
};

Scratch& scratch() {
  static thread_local Scratch kept;
  return kept;
}

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
    auto& [order, ranked] = scratch();
    rank(query, order);
    // Pairs below the cut change no DCG that is looked at.
    const LambdaQuery pairs = ranked.lay_out(
        order, query.scores, truncation_, [&](std::size_t i) { return gain(query.begin + i); },
        [&](std::size_t place) { return discount(place); });
    LambdaScale scale{.change = static_cast<float>(1 / ideal)};
    if (normalize_ && query.scores[order.front()] > query.scores[order.back()]) {
      scale.fixed = 0.01F;
      scale.rise = 1;
    }
    const double sum = push_pairs(pairs, scale);
    // Long queries have more pairs; they count by the logarithm of their lambdas.
    const double part = normalize_ && sum > 0 ? std::log2(1 + sum) / sum : 1;
    ranked.give_back(order, part, gradients, hessians);
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
    auto& [order, ranked] = scratch();
    rank(query, order);
    push_pairs_alike(ranked.lay_out(
        order, query.scores, query.size, [&](std::size_t i) { return label(query.begin + i); },
        [](std::size_t) { return 0.0; }));
    ranked.give_back(order, 1, gradients, hessians);
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
