#include "penchant/models/ranking_problem.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/base/top_k.h"

namespace penchant::models {
namespace {

constexpr std::size_t kBlockRows = 8;
constexpr std::size_t kMostCut = 1000;
constexpr float kSmallestWeight = 1.0F / 64;  // below, a weight counts as this in the penalty
constexpr double kWorthwhile = 1e-6;          // an improvement smaller than this is noise
constexpr int kMostRounds = 50;

double discount(std::size_t rank) { return 1.0 / std::log2(static_cast<double>(rank) + 2.0); }

// The metric's value before division, for hits at these ranks (from 0, ascending), and of a list
// that starts with `count` hits.
double gain_of(RankingMetric::Gain gain, std::span<const std::size_t> hit_ranks) {
  double sum = 0;
  for (std::size_t h = 0; h < hit_ranks.size(); ++h) {
    switch (gain) {
      case RankingMetric::Gain::kNdcg:
        sum += discount(hit_ranks[h]);
        break;
      case RankingMetric::Gain::kRecall:
        sum += 1;
        break;
      case RankingMetric::Gain::kMap:
        sum += static_cast<double>(h + 1) / static_cast<double>(hit_ranks[h] + 1);
        break;
    }
  }
  return sum;
}

double ideal_of(const RankingMetric& metric, std::size_t total_right) {
  const std::size_t reachable = std::min(metric.cut, total_right);
  if (metric.gain == RankingMetric::Gain::kRecall) return static_cast<double>(total_right);
  if (metric.gain == RankingMetric::Gain::kMap) return static_cast<double>(reachable);
  double sum = 0;
  for (std::size_t i = 0; i < reachable; ++i) sum += discount(i);
  return sum;
}

double penalty(std::span<const float> weights, std::span<const float> prior) {
  const float top = *std::max_element(weights.begin(), weights.end());
  const float prior_top = *std::max_element(prior.begin(), prior.end());
  double sum = 0;
  for (std::size_t s = 0; s < weights.size(); ++s) {
    const double now = std::log2(std::max(weights[s] / top, kSmallestWeight));
    const double before = std::log2(std::max(prior[s] / prior_top, kSmallestWeight));
    sum += (now - before) * (now - before);
  }
  return sum;
}

}  // namespace

RankingMetric parse_ranking_metric(std::string_view name) {
  RankingMetric out;
  const std::size_t at = name.find('@');
  const std::string_view gain = name.substr(0, at);
  if (gain == "ndcg") out.gain = RankingMetric::Gain::kNdcg;
  if (gain == "recall") out.gain = RankingMetric::Gain::kRecall;
  if (gain == "map") out.gain = RankingMetric::Gain::kMap;
  bool good = at != std::string_view::npos && (gain == "ndcg" || gain == "recall" || gain == "map");
  if (good) {
    const std::string_view digits = name.substr(at + 1);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), out.cut);
    good = error == std::errc() && end == digits.data() + digits.size() && out.cut >= 1 &&
           out.cut <= kMostCut;
  }
  check_argument(good, "metric must be 'ndcg@k', 'recall@k' or 'map@k' with k from 1 to ", kMostCut,
                 ", not '", name.substr(0, 64), "'");
  return out;
}

void RankingProblem::add(RankingRow row) {
  check_argument(row.features.size() == row.right.size() * sources_,
                 "a row needs one feature a candidate and source");
  if (row.total_right > 0) rows_.push_back(std::move(row));
}

double RankingProblem::value(const RankingRow& row, std::span<const float> weights) const {
  TopK best(metric_.cut);
  for (std::size_t c = 0; c < row.right.size(); ++c) {
    float score = 0;
    for (std::size_t s = 0; s < sources_; ++s) score += weights[s] * row.features[c * sources_ + s];
    best.push(score, static_cast<std::int32_t>(c));
  }
  const std::vector<Scored> list = best.take_sorted();
  std::vector<std::size_t> hit_ranks;
  for (std::size_t rank = 0; rank < list.size(); ++rank) {
    if (row.right[static_cast<std::size_t>(list[rank].index)] != 0) hit_ranks.push_back(rank);
  }
  return gain_of(metric_.gain, hit_ranks) / ideal_of(metric_, row.total_right);
}

double RankingProblem::objective(std::span<const float> weights, int threads) const {
  if (rows_.empty()) return 0;
  const double sum = parallel_sum(rows_.size(), kBlockRows, threads, [&](const Block& block) {
    double part = 0;
    for (std::size_t r = block.begin; r < block.end; ++r) part += value(rows_[r], weights);
    return part;
  });
  return sum / static_cast<double>(rows_.size());
}

std::vector<float> learn_weights(const RankingProblem& problem, std::span<const float> prior,
                                 const WeightSearch& search) {
  check_argument(prior.size() == problem.sources(), "the prior has ", prior.size(), " weights for ",
                 problem.sources(), " sources");
  check_argument(std::any_of(prior.begin(), prior.end(), [](float w) { return w > 0; }),
                 "the prior needs a positive weight");
  std::vector<float> weights(prior.begin(), prior.end());
  const auto value = [&](std::span<const float> w) {
    const double rows = static_cast<double>(std::max<std::size_t>(1, problem.rows()));
    return problem.objective(w, search.threads) - search.prior_strength * penalty(w, prior) / rows;
  };
  double best = problem.rows() > 0 ? value(weights) : 0;
  for (const float step : search.steps) {
    bool improved = problem.rows() > 0;
    for (int round = 0; improved && round < kMostRounds; ++round) {
      improved = false;
      for (std::size_t s = 0; s < weights.size(); ++s) {
        for (const float candidate : {weights[s] * step, weights[s] / step, 0.0F, prior[s]}) {
          if (candidate == weights[s]) continue;
          std::vector<float> trial = weights;
          trial[s] = candidate;
          if (*std::max_element(trial.begin(), trial.end()) <= 0) continue;
          const double reached = value(trial);
          if (reached <= best + kWorthwhile) continue;
          best = reached;
          weights = std::move(trial);
          improved = true;
        }
      }
    }
  }
  const float top = *std::max_element(weights.begin(), weights.end());
  for (float& w : weights) w /= top;
  return weights;
}

}  // namespace penchant::models
