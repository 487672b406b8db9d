#include <algorithm>

#include "penchant/base/top_k.h"
#include "penchant/engine/stages.h"

namespace penchant::engine {
namespace {

// Why the answer is not personal, or nothing.
std::string fallback_of(const Workspace& work) {
  for (std::size_t s = 0; s < work.answered.size(); ++s) {
    if (work.answered[s] != 0 && work.assets->sources[s].model->personal()) return "";
  }
  if (!work.request->subject) return "anonymous";
  return work.query.user.known() ? "no_history" : "unknown_subject";
}

}  // namespace

void FillStage::run(Workspace& work) const {
  work.fallback = fallback_of(work);
  const std::size_t wanted = std::min(work.request->k, work.allowed);
  if (work.chosen.size() >= wanted) return;
  std::vector<std::uint8_t> taken = work.excluded;
  for (const Candidate& hit : work.chosen) taken[static_cast<std::size_t>(hit.item.value)] = 1;
  TopK best(wanted - work.chosen.size());
  const auto popularity = work.assets->context->popularity.span();
  for (std::size_t i = 0; i < popularity.size(); ++i) {
    if (taken[i] == 0) best.push(popularity[i], static_cast<std::int32_t>(i));
  }
  for (const Scored& hit : best.take_sorted()) work.chosen.push_back({ItemIndex(hit.index), 0.0F});
}

}  // namespace penchant::engine
