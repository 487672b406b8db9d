#pragma once

// The walk over a finished graph: greedily down the upper levels, then best-first on the ground
// with a sorted pool of the `ef` best rows met so far, until every one of them has been expanded.
// It scores all unmet neighbours of a row in one call, so that their vectors are fetched together.
//
//   const Walk walk = walk_graph(graph, store, query, 128);
//   walk.pool[0].index                              // the nearest row that was met
//
// Each row is met once (a table of epochs, one a thread) and a step up the levels must improve the
// score, so a walk ends whatever the graph holds. Scores are those of the store, hence the pool is
// the same on every CPU. Algorithms 2 and 5 of Malkov & Yashunin; the pool is that of Fu et al.,
// "Fast approximate nearest neighbor search with the navigating spreading-out graph", 2019.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/top_k.h"
#include "penchant/retrieval/hnsw_graph.h"
#include "penchant/retrieval/vector_store.h"

namespace penchant::retrieval {

struct Walk {
  std::span<const Scored> pool;  // best first, at most ef; valid until this thread's next walk
  std::size_t visited = 0;       // rows scored
};

// query: store.stride() floats, prepared by the store. ef >= 1. starts: rows to begin from besides
// the graph's own entry.
[[nodiscard]] Walk walk_graph(const HnswGraph& graph, const VectorStore& store,
                              std::span<const float> query, std::size_t ef,
                              std::span<const std::int32_t> starts = {});

// Good places to begin for the inner product: the longest rows, ascending, as any query's largest
// products are mostly among them and a walk over neighbours by angle may miss them. None for other
// metrics.
[[nodiscard]] std::vector<std::int32_t> walk_starts(const VectorStore& store);

}  // namespace penchant::retrieval
