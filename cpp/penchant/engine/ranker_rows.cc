#include "penchant/engine/ranker_rows.h"

#include <algorithm>

#include "penchant/base/parallel.h"
#include "penchant/engine/stages.h"

namespace penchant::engine {
namespace {

constexpr std::size_t kBlockRows = 16;

// Leaves the candidates that a ranker would be asked about in work.chosen; false where it would
// not be asked.
bool find_candidates(Workspace& work, const Assets& assets, const Request& request,
                     std::size_t depth) {
  work.begin(assets, request);
  ResolveStage().run(work);
  RetrieveStage::scoring_all_sources().run(work);
  if (best_counting_evidence(work) != models::Evidence::kHistory) return false;
  OrderStage(std::max(depth, request.k)).run(work);
  return !work.chosen.empty();
}

void append(RankerTable& out, const RankerTable& part) {
  const std::int64_t first = out.group_begin.back();
  out.values.insert(out.values.end(), part.values.begin(), part.values.end());
  out.labels.insert(out.labels.end(), part.labels.begin(), part.labels.end());
  out.subject.insert(out.subject.end(), part.subject.begin(), part.subject.end());
  for (std::size_t g = 1; g < part.group_begin.size(); ++g) {
    out.group_begin.push_back(first + part.group_begin[g]);
  }
}

}  // namespace

RankerTable ranker_rows(const Engine& engine, const CandidateFeatures& features,
                        const RankerRowsOptions& options, std::span<const ExternalId> subjects,
                        std::span<const std::vector<ItemIndex>> truth,
                        std::span<const Context> contexts) {
  check_argument(subjects.size() == truth.size(), "one list of items a subject is needed");
  check_argument(contexts.empty() || contexts.size() == subjects.size(),
                 "one context a subject is needed, or none");
  std::vector<RankerTable> parts((subjects.size() + kBlockRows - 1) / kBlockRows);
  parallel_blocks(subjects.size(), kBlockRows, options.threads, [&](const Block& block) {
    Workspace work;
    RankerTable& part = parts[block.number];
    for (std::size_t r = block.begin; r < block.end; ++r) {
      Request request;
      request.subject = subjects[r];
      request.exclude_seen = options.exclude_seen;
      if (!contexts.empty()) request.context = contexts[r];
      if (!find_candidates(work, engine.assets(), request, options.depth)) continue;
      const auto taken = [&](const Candidate& candidate) {
        return std::binary_search(truth[r].begin(), truth[r].end(), candidate.item);
      };
      const bool any = std::any_of(work.chosen.begin(), work.chosen.end(), taken);
      if (!any && !options.keep_all) continue;
      const std::size_t first = part.values.size();
      part.values.resize(first + work.chosen.size() * features.size());
      features.fill(work, work.chosen, std::span(part.values).subspan(first));
      for (const Candidate& candidate : work.chosen) {
        part.labels.push_back(taken(candidate) ? 1.0F : 0.0F);
      }
      part.group_begin.push_back(static_cast<std::int64_t>(part.labels.size()));
      part.subject.push_back(static_cast<std::int32_t>(r));
    }
  });
  RankerTable out;
  for (const RankerTable& part : parts) append(out, part);
  return out;
}

CandidateRows candidate_rows(const Engine& engine, const Request& request) {
  const auto& ranker = engine.assets().ranker;
  if (!ranker) fail(ErrorKind::kNotFound, "this funnel has no ranker");
  Workspace work;
  CandidateRows out;
  if (!find_candidates(work, engine.assets(), request, ranker->depth)) return out;
  const std::size_t columns = ranker->features.size();
  out.values.resize(work.chosen.size() * columns);
  ranker->features.fill(work, work.chosen, out.values);
  for (const Candidate& candidate : work.chosen) out.items.push_back(candidate.item);
  out.scores.resize(out.items.size());
  ranker->forest->predict_raw(MatrixView<const float>{out.values.data(), out.items.size(), columns},
                              std::span<double>(out.scores), 1);
  return out;
}

}  // namespace penchant::engine
