#include <algorithm>
#include <cmath>

#include "penchant/base/top_k.h"
#include "penchant/engine/stages.h"

namespace penchant::engine {

void normalize_scores(std::span<float> scores) {
  float best = 0;
  for (const float score : scores) best = std::max(best, score);
  for (float& score : scores) score = score > 0 ? std::sqrt(score / best) : 0.0F;
}

void RetrieveStage::run(Workspace& work) const {
  const std::vector<Source>& sources = work.assets->sources;
  const std::size_t num_items = work.assets->num_items();
  work.answered.assign(sources.size(), 0);
  work.features.resize(sources.size());
  std::vector<std::uint8_t> chosen(num_items, 0);
  for (std::size_t s = 0; s < sources.size(); ++s) {
    const models::Model& model = *sources[s].model;
    if (!model.can_score(work.query)) {
      work.features[s].clear();
      continue;
    }
    work.answered[s] = 1;
    std::vector<float>& scores = work.features[s];
    scores.resize(num_items);
    model.score_all(work.query, scores);
    normalize_scores(scores);
    TopK best(std::min(num_items, std::max(quota_.value_or(sources[s].quota), work.request->k)));
    for (std::size_t i = 0; i < num_items; ++i) {
      if (work.excluded[i] == 0 && scores[i] > 0)
        best.push(scores[i], static_cast<std::int32_t>(i));
    }
    for (const Scored& hit : best.take_sorted()) chosen[static_cast<std::size_t>(hit.index)] = 1;
  }
  work.candidates.clear();
  for (std::size_t i = 0; i < num_items; ++i) {
    if (chosen[i] != 0) work.candidates.push_back(static_cast<std::int32_t>(i));
  }
}

}  // namespace penchant::engine
