#include <utility>

#include "penchant/engine/stages.h"

namespace penchant::engine {

void ExploreStage::run(Workspace& work) const {
  if (work.chooser == nullptr || work.chosen.empty()) return;
  const std::vector<std::uint32_t> order = work.chooser->choose(work);
  std::vector<Candidate> chosen;
  std::vector<std::uint32_t> reranked;
  for (const std::uint32_t at : order) {
    chosen.push_back(work.chosen.at(at));
    reranked.push_back(at < work.reranked.size() ? work.reranked[at] : kNotReranked);
  }
  if (work.reranked.empty()) reranked.clear();
  work.chosen = std::move(chosen);
  work.reranked = std::move(reranked);
}

}  // namespace penchant::engine
