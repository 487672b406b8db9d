#include <algorithm>

#include "penchant/base/top_k.h"
#include "penchant/engine/stages.h"

namespace penchant::engine {
namespace {

using models::Evidence;

// The best that any source has to go on, of those that `counts` says.
template <class Counts>
Evidence best_evidence(const Workspace& work, const Counts& counts) {
  Evidence best = Evidence::kNothing;
  for (std::size_t s = 0; s < work.evidence.size(); ++s) {
    if (counts(s)) best = std::max(best, work.evidence[s]);
  }
  return best;
}

// Why the answer is not personal, or nothing.
std::string fallback_of(const Workspace& work) {
  if (best_evidence(work, [](std::size_t) { return true; }) > Evidence::kEveryone) return "";
  if (!work.request->subject) return "anonymous";
  return work.query.user.known() ? "no_history" : "unknown_subject";
}

// The rung of the ladder that answers; docs/pipeline.md explains them.
std::string_view level_of(const Workspace& work) {
  switch (best_counting_evidence(work)) {
    case Evidence::kHistory:
      return work.has_stored_history ? "history" : "context";
    case Evidence::kAttributes:
      return "attributes";
    case Evidence::kSegment:
      return "segment";
    case Evidence::kEveryone:
    case Evidence::kNothing:
      break;
  }
  return "popularity";
}

}  // namespace

Evidence best_counting_evidence(const Workspace& work) {
  return best_evidence(work, [&](std::size_t s) { return work.weight(s) > 0; });
}

void FillStage::run(Workspace& work) const {
  work.fallback = fallback_of(work);
  work.level = level_of(work);
  const std::size_t wanted = std::min(work.k, work.allowed);
  if (work.chosen.size() >= wanted) return;
  std::vector<std::uint8_t> taken = work.excluded;
  for (const Candidate& hit : work.chosen) taken[static_cast<std::size_t>(hit.item.value)] = 1;
  TopK best(wanted - work.chosen.size());
  const auto popularity = work.assets->context->popularity.span();
  for (std::size_t i = 0; i < popularity.size(); ++i) {
    if (taken[i] == 0) best.push(popularity[i], static_cast<std::int32_t>(i));
  }
  // A ranker's scores may be below zero; what fills up is never above them.
  const float score = work.chosen.empty() ? 0.0F : std::min(0.0F, work.chosen.back().score);
  for (const Scored& hit : best.take_sorted()) work.chosen.push_back({ItemIndex(hit.index), score});
}

}  // namespace penchant::engine
