#include <algorithm>

#include "penchant/base/kernels.h"
#include "penchant/base/top_k.h"
#include "penchant/engine/stages.h"

namespace penchant::engine {

void blend_all(const Workspace& work, std::span<float> scores) {
  std::fill(scores.begin(), scores.end(), 0.0F);
  for (std::size_t s = 0; s < work.features.size(); ++s) {
    if (!work.features[s].empty()) axpy(work.weight(s), work.features[s], scores);
  }
}

void OrderStage::run(Workspace& work) const {
  work.blend.resize(work.assets->num_items());
  blend_all(work, work.blend);
  std::size_t wanted = depth_.value_or(work.k);
  if (!depth_ && reranks(work)) wanted = std::max(wanted, work.assets->ranker->depth);
  TopK best(std::min(wanted, work.candidates.size()));
  for (const std::int32_t item : work.candidates) {
    // A candidate that only sources of weight zero put forward is left to Fill.
    const float score = work.blend[static_cast<std::size_t>(item)];
    if (score > 0) best.push(score, item);
  }
  work.chosen.clear();
  work.reranked.clear();  // a thread's workspace may come from a bundle with a ranker
  for (const Scored& hit : best.take_sorted()) {
    work.chosen.push_back({ItemIndex(hit.index), hit.score});
  }
}

}  // namespace penchant::engine
