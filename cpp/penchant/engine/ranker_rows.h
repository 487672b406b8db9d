#pragma once

// The table that a ranker learns from: what an engine over earlier data would have put in order,
// and what people then took.
//
//   const RankerTable table = ranker_rows(*engine, features, options, subjects, truth);
//
// The rows are those that RerankStage would fill for the same request, by the same functions.

#include <cstdint>
#include <span>
#include <vector>

#include "penchant/engine/candidate_features.h"
#include "penchant/engine/engine.h"

namespace penchant::engine {

struct RankerTable {
  std::vector<float> values;                 // [rows, features], row-major
  std::vector<float> labels;                 // [rows], 1: taken, 0: not
  std::vector<std::int64_t> group_begin{0};  // [groups + 1], into rows
  std::vector<std::int32_t> subject;         // [groups], which of the subjects asked for
};

struct RankerRowsOptions {
  std::size_t depth = 100;  // candidates of a group, the best by the blend
  bool exclude_seen = false;
  bool keep_all = false;  // also groups of which nothing was taken
  int threads = 0;        // 0: all; the table does not depend on it
};

// Asks `engine` for each subject and keeps the candidates' features. `truth` row r: catalogue items
// that subject r went on to take, ascending. Left out are subjects without a history and, unless
// all are kept, those none of whose candidates were taken: they say nothing of an order.
// `contexts`: what their requests say, one a subject or none at all.
[[nodiscard]] RankerTable ranker_rows(const Engine& engine, const CandidateFeatures& features,
                                      const RankerRowsOptions& options,
                                      std::span<const ExternalId> subjects,
                                      std::span<const std::vector<ItemIndex>> truth,
                                      std::span<const Context> contexts = {});

// Candidates of one request as the engine's ranker sees them, best first by the blend.
struct CandidateRows {
  std::vector<ItemIndex> items;
  std::vector<float> values;   // [items, features], row-major
  std::vector<double> scores;  // [items], the ranker's
};

// All its features, also those that the forest does not ask for. Empty for a request that is not
// reranked. Throws kNotFound when the engine has no ranker.
[[nodiscard]] CandidateRows candidate_rows(const Engine& engine, const Request& request);

}  // namespace penchant::engine
