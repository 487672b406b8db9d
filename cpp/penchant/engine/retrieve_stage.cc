#include <algorithm>

#include "penchant/base/kernels.h"
#include "penchant/base/top_k.h"
#include "penchant/engine/stages.h"

namespace penchant::engine {
namespace {

// The feature of source `s` for this query; computed where it is not the same for everyone.
std::span<const float> feature_of(Workspace& work, std::size_t s) {
  const Source& source = work.assets->sources[s];
  if (!source.constant_feature.empty()) return source.constant_feature;
  std::vector<float>& scores = work.scores[s];
  scores.resize(work.assets->num_items());
  source.model->score_all(work.query, scores);
  scale_to_roots(scores);
  return scores;
}

}  // namespace

void RetrieveStage::run(Workspace& work) const {
  const std::vector<Source>& sources = work.assets->sources;
  const std::size_t num_items = work.assets->num_items();
  work.evidence.assign(sources.size(), models::Evidence::kNothing);
  work.features.assign(sources.size(), {});
  work.scores.resize(sources.size());
  work.chosen_by_any.assign(num_items, 0);
  for (std::size_t s = 0; s < sources.size(); ++s) {
    work.evidence[s] = sources[s].model->evidence(work.query);
    if (work.evidence[s] == models::Evidence::kNothing) continue;
    const bool counts = work.weight(s) > 0;
    const bool ranks = work.assets->ranker && work.assets->ranker->needs_source[s] != 0;
    if (!counts && !ranks && !all_sources_ && !work.request->explain) continue;
    work.features[s] = feature_of(work, s);
    if (!counts) continue;
    const std::size_t quota = std::max(quota_.value_or(sources[s].quota), work.k);
    mark_best(work.features[s], work.excluded, quota, work.chosen_by_any);
  }
  work.candidates.clear();
  for (std::size_t i = 0; i < num_items; ++i) {
    if (work.chosen_by_any[i] != 0) work.candidates.push_back(static_cast<std::int32_t>(i));
  }
}

}  // namespace penchant::engine
