#include <algorithm>

#include "penchant/engine/stages.h"

namespace penchant::engine {

bool reranks(const Workspace& work) {
  return work.assets->ranker && best_counting_evidence(work) == models::Evidence::kHistory;
}

void RerankStage::run(Workspace& work) const {
  if (!reranks(work) || work.chosen.empty()) return;
  const Ranker& ranker = *work.assets->ranker;
  const std::size_t columns = ranker.features.size();
  const std::size_t count = work.chosen.size();
  work.rows.resize(count * columns);
  work.rank_scores.resize(count);
  ranker.features.fill(work, work.chosen, work.rows, ranker.wanted);
  ranker.forest->predict_raw(MatrixView<const float>{work.rows.data(), count, columns},
                             std::span<double>(work.rank_scores), 1);
  work.probabilities.clear();
  if (ranker.calibration) {
    work.probabilities = work.rank_scores;
    ranker.calibration->apply(work.probabilities, 1);
  }
  // Equal scores stay in the order of the blend.
  for (std::size_t i = 0; i < count; ++i) work.reranked.push_back(static_cast<std::uint32_t>(i));
  const auto before = [&](std::uint32_t a, std::uint32_t b) {
    const double x = work.rank_scores[a];
    const double y = work.rank_scores[b];
    return x > y || (x == y && a < b);
  };
  const std::size_t shown = keep_all_ ? count : std::min(count, work.k);
  std::partial_sort(work.reranked.begin(),
                    work.reranked.begin() + static_cast<std::ptrdiff_t>(shown), work.reranked.end(),
                    before);
  work.reranked.resize(shown);
  work.by_blend = work.chosen;
  work.chosen.clear();
  for (const std::uint32_t i : work.reranked) {
    work.chosen.push_back({work.by_blend[i].item, static_cast<float>(work.rank_scores[i])});
  }
}

}  // namespace penchant::engine
