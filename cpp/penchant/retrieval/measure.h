#pragma once

// What an approximate index is worth: recall against exact search at rising effort, and the least
// effort that is enough. No clock: cost is counted in rows visited.
//
//   const Truth truth = exact_truth(store, queries, rows_in_graph, threads);
//   IndexReport report = measure(queries, truth, graph_efforts(), 0.99, threads,
//                                [&](std::size_t q, std::size_t k, int effort) -> Found {...});

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "penchant/base/matrix.h"
#include "penchant/base/top_k.h"
#include "penchant/retrieval/vector_index.h"
#include "penchant/retrieval/vector_store.h"

namespace penchant::retrieval {

inline constexpr std::size_t kManyHits = 100;  // the second depth at which recall is measured

// The kManyHits best rows of each query.
struct Truth {
  std::vector<Scored> hits;
  [[nodiscard]] std::span<const Scored> of(std::size_t query, std::size_t k) const {
    return std::span(hits).subspan(query * kManyHits, k);
  }
};

// queries: [q, store.stride()], prepared. rows: those that may be found, ascending; nullopt: all.
[[nodiscard]] Truth exact_truth(const VectorStore& store, MatrixView<const float> queries,
                                std::optional<std::span<const std::int32_t>> rows, int threads);

struct Found {
  std::vector<std::int32_t> rows;  // at most k
  std::size_t visited = 0;
};
using Find = std::function<Found(std::size_t query, std::size_t k, int effort)>;

// The pool of a walk for k hits by default.
[[nodiscard]] constexpr int default_pool(int ef, std::size_t k) {
  return ef < static_cast<int>(2 * k) ? static_cast<int>(2 * k) : ef;
}

// Efforts rise by doubling from `least` to `most`, until one reaches the target at ten hits.
[[nodiscard]] IndexReport measure(std::size_t queries, const Truth& truth, int least, int most,
                                  double target_recall, int threads, const Find& find);

struct ScanKind {
  bool bytes = false;     // reads a byte a coordinate, else floats
  bool products = false;  // of inner products, where long rows win
};

// Whether a scan of all rows serves better than the graph: the target was missed, or what a walk
// visits, each row a jump in memory, costs more than a scan that reads `report.scan_visited` rows
// in order. Fills report.reason.
[[nodiscard]] bool scan_serves_better(IndexReport& report, std::size_t rows, ScanKind scans,
                                      double target_recall);

}  // namespace penchant::retrieval
