#include "penchant/engine/blend_learner.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "penchant/base/parallel.h"
#include "penchant/base/top_k.h"
#include "penchant/engine/stages.h"

namespace penchant::engine {
namespace {

constexpr std::size_t kCut = 20;         // NDCG@20
constexpr std::size_t kPerSource = 100;  // candidates a source puts forward while learning
constexpr std::size_t kBlockRows = 8;
constexpr float kSmallestWeight = 1.0F / 64;  // below, a weight counts as this in the penalty
constexpr double kWorthwhile = 1e-6;          // an improvement smaller than this is noise
constexpr int kMostRounds = 50;

double discount(std::size_t rank) { return 1.0 / std::log2(static_cast<double>(rank) + 2.0); }

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

void BlendProblem::add(const Engine& engine, std::span<const ExternalId> subjects,
                       std::span<const std::vector<ItemIndex>> truth, bool exclude_seen,
                       int threads) {
  check_argument(engine.assets().sources.size() == sources_, "the engine has ",
                 engine.assets().sources.size(), " sources, the problem ", sources_);
  check_argument(subjects.size() == truth.size(), "one list of items a subject is needed");
  std::vector<Row> rows(subjects.size());
  parallel_blocks(subjects.size(), kBlockRows, threads, [&](const Block& block) {
    Workspace work;
    for (std::size_t r = block.begin; r < block.end; ++r) {
      Request request;
      request.subject = subjects[r];
      request.k = kCut;
      request.exclude_seen = exclude_seen;
      work.assets = &engine.assets();
      work.request = &request;
      ResolveStage().run(work);
      RetrieveStage(kPerSource).run(work);
      Row& row = rows[r];
      std::size_t right = 0;
      for (const ItemIndex item : truth[r]) {
        right += work.excluded[static_cast<std::size_t>(item.value)] == 0 ? 1 : 0;
      }
      for (std::size_t i = 0; i < std::min(kCut, right); ++i) row.ideal += discount(i);
      if (right == 0) continue;
      for (const std::int32_t item : work.candidates) {
        for (std::size_t s = 0; s < sources_; ++s) {
          row.features.push_back(
              work.features[s].empty() ? 0.0F : work.features[s][static_cast<std::size_t>(item)]);
        }
        row.right.push_back(
            std::binary_search(truth[r].begin(), truth[r].end(), ItemIndex(item)) ? 1 : 0);
      }
    }
  });
  for (Row& row : rows) {
    if (row.ideal > 0) rows_.push_back(std::move(row));
  }
}

double BlendProblem::ndcg(const Row& row, std::span<const float> weights) const {
  TopK best(kCut);
  for (std::size_t c = 0; c < row.right.size(); ++c) {
    float score = 0;
    for (std::size_t s = 0; s < sources_; ++s) score += weights[s] * row.features[c * sources_ + s];
    best.push(score, static_cast<std::int32_t>(c));
  }
  const std::vector<Scored> hits = best.take_sorted();
  double gain = 0;
  for (std::size_t rank = 0; rank < hits.size(); ++rank) {
    if (row.right[static_cast<std::size_t>(hits[rank].index)] != 0) gain += discount(rank);
  }
  return gain / row.ideal;
}

double BlendProblem::objective(std::span<const float> weights, int threads) const {
  if (rows_.empty()) return 0;
  const double sum = parallel_sum(rows_.size(), kBlockRows, threads, [&](const Block& block) {
    double part = 0;
    for (std::size_t r = block.begin; r < block.end; ++r) part += ndcg(rows_[r], weights);
    return part;
  });
  return sum / static_cast<double>(rows_.size());
}

std::vector<float> learn_blend(const BlendProblem& problem, std::span<const float> prior,
                               const BlendOptions& options) {
  check_argument(prior.size() == problem.sources(), "the prior has ", prior.size(), " weights for ",
                 problem.sources(), " sources");
  check_argument(std::any_of(prior.begin(), prior.end(), [](float w) { return w > 0; }),
                 "the prior needs a positive weight");
  std::vector<float> weights(prior.begin(), prior.end());
  const auto value = [&](std::span<const float> w) {
    const double rows = static_cast<double>(std::max<std::size_t>(1, problem.rows()));
    return problem.objective(w, options.threads) -
           options.prior_strength * penalty(w, prior) / rows;
  };
  constexpr std::array<float, 3> kSteps = {4.0F, 2.0F, 1.4142135F};
  double best = problem.rows() > 0 ? value(weights) : 0;
  for (const float step : kSteps) {
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

}  // namespace penchant::engine
