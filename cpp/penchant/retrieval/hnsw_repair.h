#pragma once

// Takes rows out of a graph: every list that led to one of them is chosen anew from what it keeps
// and from the neighbours of those that left, by the rule that laid the graph (a row is linked
// unless an already linked one is nearer to it; algorithm 4 of Malkov & Yashunin). Afterwards no
// list mentions a removed row.
//
//   unlink_rows(graph, space, {17, 40});

#include <cstdint>
#include <span>

#include "penchant/retrieval/hnsw_build.h"
#include "penchant/retrieval/hnsw_graph.h"

namespace penchant::retrieval {

// gone: ascending, distinct; `live`: whether a row is in the graph after this, gone ones not.
void unlink_rows(HnswGraph& graph, const GraphSpace& space, std::span<const std::int32_t> gone,
                 std::span<const std::uint8_t> live, int threads);

}  // namespace penchant::retrieval
