#pragma once

// The walk over a finished graph: greedily down the upper levels, then best-first on the ground
// with a sorted pool of the `ef` best rows met so far, until every one of them has been expanded.
// All unmet neighbours of a row are scored in one call, so that their vectors are fetched together.
//
//   const Walk walk = walk_graph({graph, store, &codes, starts}, query, {.ef = 128, .keep = 10});
//   walk.hits[0].index                              // the nearest row that was met
//
// With codes the walk reads those, and the head of the pool is scored again from the floats;
// without it reads floats. Either way what is found and its scores are the same on every CPU. Each
// row is met once (a table of epochs, one a thread) and a step up the levels must improve the
// score, so a walk ends whatever the graph holds. Algorithms 2 and 5 of Malkov & Yashunin; the pool
// is that of Fu et al., "Fast approximate nearest neighbor search with the navigating spreading-out
// graph", 2019.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/top_k.h"
#include "penchant/retrieval/code_store.h"
#include "penchant/retrieval/hnsw_graph.h"
#include "penchant/retrieval/vector_store.h"

namespace penchant::retrieval {

struct WalkGround {
  const HnswGraph& graph;
  const VectorStore& store;
  const CodeStore* codes = nullptr;
  std::span<const std::int32_t> starts = {};  // to begin from, besides the graph's own entry
};

struct WalkOptions {
  std::size_t ef = 0;    // rows in the pool, >= 1
  std::size_t keep = 0;  // hits wanted, of the best; as many as the pool holds at most
  // By row, whether it may be a hit, of all that are scored; the walk passes through the others.
  // Empty: every row, of the pool.
  std::span<const std::uint8_t> allowed = {};
};

struct Walk {
  std::span<const Scored> hits;  // best first; valid until this thread's next walk
  std::size_t visited = 0;       // rows scored
};

// query: store.stride() floats, prepared by the store.
[[nodiscard]] Walk walk_graph(const WalkGround& ground, std::span<const float> query,
                              const WalkOptions& options);

// Good places to begin for the inner product: the longest rows, ascending, as any query's largest
// products are mostly among them and a walk over neighbours by angle may miss them. None for other
// metrics.
[[nodiscard]] std::vector<std::int32_t> walk_starts(const VectorStore& store);

}  // namespace penchant::retrieval
