#pragma once

// The inside of VectorIndex, shared by the files that build, search and store it.

#include <optional>
#include <shared_mutex>
#include <utility>

#include "penchant/retrieval/hnsw_graph.h"
#include "penchant/retrieval/vector_index.h"
#include "penchant/retrieval/vector_store.h"

namespace penchant::retrieval {

struct VectorIndex::Impl {
  Impl(const IndexParams& given, VectorStore vectors) : params(given), store(std::move(vectors)) {}

  IndexParams params;
  IndexReport report;
  VectorStore store;
  std::optional<HnswGraph> graph;    // none: flat
  std::vector<std::int32_t> starts;  // of walks; follows the store
  mutable std::shared_mutex lock;    // searches share it; add and remove hold it alone
};

// Throws kInvalidArgument on values out of range.
void check_params(const IndexParams& params);

}  // namespace penchant::retrieval
