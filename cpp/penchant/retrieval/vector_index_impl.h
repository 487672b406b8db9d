#pragma once

// The inside of VectorIndex, shared by the files that build, search and store it.

#include <optional>
#include <shared_mutex>
#include <utility>

#include "penchant/retrieval/byte_scan.h"
#include "penchant/retrieval/code_store.h"
#include "penchant/retrieval/filter.h"
#include "penchant/retrieval/hnsw_build.h"
#include "penchant/retrieval/hnsw_graph.h"
#include "penchant/retrieval/inverted_lists.h"
#include "penchant/retrieval/vector_index.h"
#include "penchant/retrieval/vector_store.h"

namespace penchant::retrieval {

struct VectorIndex::Impl {
  Impl(const IndexParams& given, VectorStore vectors) : params(given), store(std::move(vectors)) {}

  IndexParams params;
  IndexReport report;
  VectorStore store;
  std::optional<HnswGraph> graph;      // hnsw
  std::optional<CodeStore> codes;      // hnsw, int8: what a walk reads
  std::optional<InvertedLists> lists;  // ivf
  std::optional<ByteScan> bytes;       // flat, int8
  std::vector<std::int32_t> starts;    // of walks; follows the store
  mutable FilterList filters;          // that follow the index
  mutable std::shared_mutex lock;      // searches share it; add and remove hold it alone
};

// Makes what is derived from the store and not kept in a bundle: the starts of walks, codes less
// `centre`, a flat index's bytes.
void derive(VectorIndex::Impl& impl, std::vector<float> centre);

// Builds what params.kind asks for over the store, and measures it; fills the report.
void build_kind(VectorIndex::Impl& impl, MatrixView<const float> queries, const Progress& progress);

[[nodiscard]] BuildParams build_params(const IndexParams& params);

// Throws kInvalidArgument on values out of range.
void check_params(const IndexParams& params);

}  // namespace penchant::retrieval
