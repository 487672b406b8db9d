#include "penchant/ranking/query_objective.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "penchant/base/error.h"
#include "penchant/ranking/objectives.h"
#include "penchant/ranking/rank_kernel.h"

namespace penchant::ranking {
namespace {

constexpr std::size_t kQueriesAtOnce = 64;
constexpr std::size_t kLabels = 32;  // with gains 2^label - 1
constexpr std::size_t kMostPositions = 100'000;

struct PositionSum {
  double gradient = 0;
  double hessian = 0;
  double rows = 0;
};

}  // namespace

QueryObjective::QueryObjective(Labels labels, const ObjectiveParams& params, const char* name)
    : labels_(std::move(labels)),
      gains_(params.label_gains),
      ndcg_at_(static_cast<std::size_t>(std::max(params.ndcg_at, 0))),
      position_rate_(params.position_rate),
      position_l2_(params.position_l2) {
  check_groups(labels_, name);
  check_argument(params.ndcg_at >= 1, "ndcg_at must be at least 1");
  if (gains_.empty()) {
    for (std::size_t l = 0; l < kLabels; ++l) {
      gains_.push_back(std::ldexp(1.0, static_cast<int>(l)) - 1);
    }
  }
  for (std::size_t l = 0; l < gains_.size(); ++l) {
    check_argument(
        std::isfinite(gains_[l]) && gains_[l] >= 0 && (l == 0 || gains_[l] >= gains_[l - 1]),
        "label_gains must be finite, not negative and not descend");
  }
  for (std::size_t i = 0; i < labels_.target.size(); ++i) {
    const float y = labels_.target[i];
    check_argument(y >= 0 && y == std::floor(y) && y < static_cast<float>(gains_.size()), "y, row ",
                   i, ": '", name, "' wants whole labels from 0 to ", gains_.size() - 1,
                   "; give label_gains for more");
  }
  std::size_t longest = 0;
  for (std::size_t q = 0; q < queries(); ++q) {
    longest = std::max(longest, query_at(q, {}).size);
  }
  for (std::size_t k = 0; k < longest; ++k) {
    discounts_.push_back(1 / std::log2(2.0 + static_cast<double>(k)));
  }
  for (std::size_t q = 0; q < queries(); ++q) ideal_.push_back(ideal_dcg(q, ndcg_at_));
  start_positions(params);
}

void QueryObjective::start_positions(const ObjectiveParams& params) {
  const auto& position = labels_.position;
  if (position.empty()) return;
  check_argument(position.size() == labels_.target.size(), position.size(), " positions for ",
                 labels_.target.size(), " rows");
  check_argument(params.position_rate >= 0 && std::isfinite(params.position_rate) &&
                     params.position_l2 >= 0 && std::isfinite(params.position_l2),
                 "position_rate and position_l2 must be finite and not negative");
  const auto [least, most] = std::minmax_element(position.begin(), position.end());
  check_argument(*least >= 0 && static_cast<std::size_t>(*most) < kMostPositions,
                 "positions must be 0 to ", kMostPositions - 1);
  bias_ = params.position_bias;
  const std::size_t positions = static_cast<std::size_t>(*most) + 1;
  if (bias_.empty()) bias_.resize(positions);
  check_argument(bias_.size() >= positions, bias_.size(), " biases for ", positions, " positions");
}

QueryObjective::Query QueryObjective::query_at(std::size_t q,
                                               std::span<const double> scores) const {
  Query query;
  query.number = q;
  query.begin = static_cast<std::size_t>(labels_.group_begin[q]);
  query.size = static_cast<std::size_t>(labels_.group_begin[q + 1]) - query.begin;
  if (!scores.empty()) query.scores = scores.subspan(query.begin, query.size);
  return query;
}

double QueryObjective::ideal_dcg(std::size_t q, std::size_t k) const {
  const Query query = query_at(q, {});
  std::vector<double> gains(query.size);
  for (std::size_t i = 0; i < query.size; ++i) gains[i] = gain(query.begin + i);
  std::sort(gains.begin(), gains.end(), std::greater<>());
  double sum = 0;
  for (std::size_t i = 0; i < std::min(k, query.size); ++i) sum += gains[i] * discount(i);
  return sum;
}

void QueryObjective::rank(const Query& query, std::vector<std::uint32_t>& order) {
  order.resize(query.size);
  if (query.size <= kMostCounted) {
    return rank_by_counting(query.scores.data(), query.size, order.data());
  }
  struct Ranked {
    double score;
    std::uint32_t row;
  };
  static thread_local std::vector<Ranked> ranked;  // beside its score a row is sorted twice as fast
  ranked.resize(query.size);
  for (std::size_t i = 0; i < query.size; ++i) {
    ranked[i] = {query.scores[i], static_cast<std::uint32_t>(i)};
  }
  std::sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) {
    return a.score != b.score ? a.score > b.score : a.row < b.row;
  });
  for (std::size_t i = 0; i < query.size; ++i) order[i] = ranked[i].row;
}

void QueryObjective::derivatives(std::span<const double> scores, std::span<float> gradients,
                                 std::span<float> hessians, const Step& step) const {
  parallel_blocks(queries(), kQueriesAtOnce, step.threads, [&](const Block& block) {
    std::vector<double> g;
    std::vector<double> h;
    std::vector<double> shown;
    for (std::size_t q = block.begin; q < block.end; ++q) {
      Query query = query_at(q, scores);
      if (!bias_.empty()) {
        shown.assign(query.scores.begin(), query.scores.end());
        for (std::size_t i = 0; i < query.size; ++i) {
          shown[i] += bias_[static_cast<std::size_t>(labels_.position[query.begin + i])];
        }
        query.scores = shown;
      }
      g.assign(query.size, 0.0);
      h.assign(query.size, 0.0);
      query_derivatives(query, g, h, step);
      for (std::size_t i = 0; i < query.size; ++i) {
        const double weight = weight_of(labels_, query.begin + i);
        gradients[query.begin + i] = static_cast<float>(g[i] * weight);
        hessians[query.begin + i] = static_cast<float>(h[i] * weight);
      }
    }
  });
}

void QueryObjective::learn(std::span<const float> gradients, std::span<const float> hessians,
                           const Step& step) {
  if (bias_.empty()) return;
  const std::size_t rows = labels_.position.size();
  // Where there are many positions, blocks grow with them: the sums stay smaller than the rows.
  const std::size_t size = std::max(kObjectiveBlock, 16 * bias_.size());
  std::vector<std::vector<PositionSum>> parts((rows + size - 1) / size);
  parallel_blocks(rows, size, step.threads, [&](const Block& block) {
    auto& sums = parts[block.number];
    sums.resize(bias_.size());
    for (std::size_t i = block.begin; i < block.end; ++i) {
      PositionSum& sum = sums[static_cast<std::size_t>(labels_.position[i])];
      sum.gradient += static_cast<double>(gradients[i]);
      sum.hessian += static_cast<double>(hessians[i]);
      sum.rows += 1;
    }
  });
  for (std::size_t p = 0; p < bias_.size(); ++p) {
    PositionSum all;
    for (const auto& sums : parts) {
      all.gradient += sums[p].gradient;
      all.hessian += sums[p].hessian;
      all.rows += sums[p].rows;
    }
    const double held = position_l2_ * all.rows;
    bias_[p] -= position_rate_ * (all.gradient + held * bias_[p]) / (all.hessian + held + 0.001);
  }
}

double QueryObjective::loss(std::span<const double> scores, int threads) const {
  const double sum = parallel_sum(queries(), kQueriesAtOnce, threads, [&](const Block& block) {
    std::vector<std::uint32_t> order;
    double ndcg = 0;
    for (std::size_t q = block.begin; q < block.end; ++q) {
      if (ideal_[q] <= 0) continue;
      const Query query = query_at(q, scores);
      rank(query, order);
      double dcg = 0;
      for (std::size_t k = 0; k < std::min(ndcg_at_, query.size); ++k) {
        dcg += gain(query.begin + order[k]) * discount(k);
      }
      ndcg += dcg / ideal_[q];
    }
    return ndcg;
  });
  const auto counted = std::count_if(ideal_.begin(), ideal_.end(), [](double d) { return d > 0; });
  return counted == 0 ? 0 : -sum / static_cast<double>(counted);
}

}  // namespace penchant::ranking
