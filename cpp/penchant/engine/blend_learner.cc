#include "penchant/engine/blend_learner.h"

#include <algorithm>

#include "penchant/base/parallel.h"
#include "penchant/engine/stages.h"

namespace penchant::engine {
namespace {

constexpr std::size_t kPerSource = 100;  // candidates a source puts forward while learning
constexpr std::size_t kBlockRows = 8;

models::RankingRow row_of(const Workspace& work, std::span<const ItemIndex> truth) {
  models::RankingRow row;
  for (const ItemIndex item : truth) {
    row.total_right += work.excluded[static_cast<std::size_t>(item.value)] == 0 ? 1 : 0;
  }
  if (row.total_right == 0) return row;
  for (const std::int32_t item : work.candidates) {
    for (const std::span<const float> feature : work.features) {
      row.features.push_back(feature.empty() ? 0.0F : feature[static_cast<std::size_t>(item)]);
    }
    row.right.push_back(std::binary_search(truth.begin(), truth.end(), ItemIndex(item)) ? 1 : 0);
  }
  return row;
}

}  // namespace

void BlendProblem::add(const Engine& engine, std::span<const ExternalId> subjects,
                       std::span<const std::vector<ItemIndex>> truth, bool exclude_seen,
                       int threads, const data::AttributeTable& attributes) {
  check_argument(engine.assets().sources.size() == sources(), "the engine has ",
                 engine.assets().sources.size(), " sources, the problem ", sources());
  check_argument(subjects.size() == truth.size(), "one list of items a subject is needed");
  check_argument(attributes.empty() || attributes.rows() == subjects.size(),
                 "one row of attributes a subject is needed");
  std::vector<models::RankingRow> rows(subjects.size());
  parallel_blocks(subjects.size(), kBlockRows, threads, [&](const Block& block) {
    Workspace work;
    for (std::size_t r = block.begin; r < block.end; ++r) {
      Request request;
      request.subject = subjects[r];
      request.k = problem_.metric().cut;
      request.exclude_seen = exclude_seen;
      attributes.read(UserIndex(static_cast<std::int32_t>(r)), request.context.attributes);
      work.begin(engine.assets(), request);
      ResolveStage().run(work);
      RetrieveStage(kPerSource).run(work);
      rows[r] = row_of(work, truth[r]);
    }
  });
  for (models::RankingRow& row : rows) problem_.add(std::move(row));
}

std::vector<float> learn_blend(const BlendProblem& problem, std::span<const float> prior,
                               const BlendOptions& options) {
  return models::learn_weights(
      problem.problem(), prior,
      {.prior_strength = options.prior_strength, .threads = options.threads});
}

}  // namespace penchant::engine
