#include "penchant/retrieval/measure.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/retrieval/exact_search.h"
#include "penchant/retrieval/hnsw_search.h"

namespace penchant::retrieval {
namespace {

constexpr std::size_t kTop = 10;
constexpr int kLeastEffort = 16;
constexpr int kMostEffort = 1024;
// Visiting a row of the graph costs about this many rows of a scan (a jump in memory, the tables).
constexpr double kVisitCost = 4;

struct Tally {
  std::int64_t found = 0;
  std::int64_t wanted = 0;
  std::uint64_t visited = 0;
};

Tally walk_all(const HnswGraph& graph, const VectorStore& store,
               std::span<const std::int32_t> starts, MatrixView<const float> queries,
               std::span<const Scored> truth, int ef, int threads) {
  std::vector<Tally> tallies(queries.rows);
  parallel_blocks(queries.rows, 8, threads, [&](const Block& block) {
    for (std::size_t q = block.begin; q < block.end; ++q) {
      const Walk walk =
          walk_graph(graph, store, queries.row(q), static_cast<std::size_t>(ef), starts);
      const auto top = walk.pool.first(std::min(kTop, walk.pool.size()));
      Tally& tally = tallies[q];
      tally.visited = walk.visited;
      for (const Scored& wanted : truth.subspan(q * kTop, kTop)) {
        if (wanted.index < 0) continue;
        ++tally.wanted;
        tally.found += std::any_of(top.begin(), top.end(),
                                   [&](const Scored& hit) { return hit.index == wanted.index; });
      }
    }
  });
  Tally sum;
  for (const Tally& tally : tallies) {
    sum.found += tally.found;
    sum.wanted += tally.wanted;
    sum.visited += tally.visited;
  }
  return sum;
}

std::string rounded(double value) { return concat(std::round(value * 10000) / 10000); }

}  // namespace

IndexReport measure_graph(const HnswGraph& graph, const VectorStore& store,
                          std::span<const std::int32_t> starts, MatrixView<const float> queries,
                          std::optional<std::span<const std::int32_t>> rows, double target_recall,
                          int threads) {
  IndexReport report;
  report.kind = "hnsw";
  report.queries = static_cast<std::int64_t>(queries.rows);
  std::vector<Scored> truth(queries.rows * kTop);
  exact_search(store, queries, rows, kTop, threads, truth);
  for (int ef = kLeastEffort; ef <= kMostEffort; ef *= 2) {
    const Tally tally = walk_all(graph, store, starts, queries, truth, ef, threads);
    const double recall =
        tally.wanted == 0 ? 1.0
                          : static_cast<double>(tally.found) / static_cast<double>(tally.wanted);
    report.efforts.push_back({ef, recall,
                              static_cast<double>(tally.visited) /
                                  static_cast<double>(std::max<std::size_t>(1, queries.rows))});
    if (recall >= target_recall) break;
  }
  report.ef = report.efforts.back().ef;
  report.recall_at_10 = report.efforts.back().recall_at_10;
  return report;
}

bool scan_serves_better(IndexReport& report, std::size_t rows, double target_recall) {
  const MeasuredEffort& best = report.efforts.back();
  if (best.recall_at_10 < target_recall) {
    report.reason = concat("recall@10 of the graph stays at ", rounded(best.recall_at_10),
                           " at ef ", best.ef, ", below ", rounded(target_recall));
    return true;
  }
  if (best.visited * kVisitCost >= static_cast<double>(rows)) {
    report.reason =
        concat("the graph visits ", std::round(best.visited), " of ", rows, " rows for recall@10 ",
               rounded(best.recall_at_10), "; a scan costs no more");
    return true;
  }
  report.reason = concat("recall@10 ", rounded(best.recall_at_10), " at ef ", best.ef, " visiting ",
                         std::round(best.visited), " of ", rows, " rows");
  return false;
}

}  // namespace penchant::retrieval
