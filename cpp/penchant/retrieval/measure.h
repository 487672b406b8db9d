#pragma once

// What a graph is worth: recall of the walk against exact search at rising effort, and the least
// effort that is enough. No clock: cost is counted in rows visited.
//
//   IndexReport report = measure_graph(graph, store, queries, rows_in_graph, 0.99, threads);

#include <cstdint>
#include <optional>
#include <span>

#include "penchant/base/matrix.h"
#include "penchant/retrieval/hnsw_graph.h"
#include "penchant/retrieval/vector_index.h"
#include "penchant/retrieval/vector_store.h"

namespace penchant::retrieval {

// queries: [q, store.stride()], prepared. rows: those that the graph holds, ascending; nullopt:
// all. Efforts double from 16 to 1024, until one reaches the target.
[[nodiscard]] IndexReport measure_graph(const HnswGraph& graph, const VectorStore& store,
                                        std::span<const std::int32_t> starts,
                                        MatrixView<const float> queries,
                                        std::optional<std::span<const std::int32_t>> rows,
                                        double target_recall, int threads);

// Whether a scan of all rows serves better: the target was missed, or the walk visits so many rows,
// each a jump in memory, that reading them all in order costs no more. Fills report.reason.
[[nodiscard]] bool scan_serves_better(IndexReport& report, std::size_t rows, double target_recall);

}  // namespace penchant::retrieval
