#include "penchant/retrieval/measure.h"

#include <algorithm>
#include <cmath>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/retrieval/exact_search.h"

namespace penchant::retrieval {
namespace {

constexpr std::size_t kFewHits = 10;
// In rows of a scan by bytes: a row that a walk visits (a jump in memory, the tables), and a row of
// a scan by floats.
constexpr double kVisitCost = 8;
constexpr double kFloatCost = 4;

struct Tally {
  std::int64_t found = 0;
  std::int64_t wanted = 0;
  std::uint64_t visited = 0;

  [[nodiscard]] double recall() const {
    return wanted == 0 ? 1.0 : static_cast<double>(found) / static_cast<double>(wanted);
  }
};

Tally tally_all(std::size_t queries, const Truth& truth, std::size_t k, int effort, int threads,
                const Find& find) {
  std::vector<Tally> tallies(queries);
  parallel_blocks(queries, 8, threads, [&](const Block& block) {
    for (std::size_t q = block.begin; q < block.end; ++q) {
      Found found = find(q, k, effort);
      std::sort(found.rows.begin(), found.rows.end());
      Tally& tally = tallies[q];
      tally.visited = found.visited;
      for (const Scored& wanted : truth.of(q, k)) {
        if (wanted.index < 0) continue;
        ++tally.wanted;
        tally.found += std::binary_search(found.rows.begin(), found.rows.end(), wanted.index);
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

Truth exact_truth(const VectorStore& store, MatrixView<const float> queries,
                  std::optional<std::span<const std::int32_t>> rows, int threads) {
  Truth truth;
  truth.hits.resize(queries.rows * kManyHits);
  exact_search(store, queries, rows, kManyHits, threads, truth.hits);
  return truth;
}

IndexReport measure(std::size_t queries, const Truth& truth, int least, int most,
                    double target_recall, int threads, const Find& find) {
  IndexReport report;
  report.queries = static_cast<std::int64_t>(queries);
  const auto mean = [&](std::uint64_t visited) {
    return static_cast<double>(visited) / static_cast<double>(std::max<std::size_t>(1, queries));
  };
  for (int effort = least;; effort = std::min(2 * effort, most)) {
    const Tally few = tally_all(queries, truth, kFewHits, effort, threads, find);
    const Tally many = tally_all(queries, truth, kManyHits, effort, threads, find);
    report.efforts.push_back(
        {effort, few.recall(), mean(few.visited), many.recall(), mean(many.visited)});
    if (few.recall() >= target_recall || effort >= most) break;
  }
  const MeasuredEffort& last = report.efforts.back();
  report.ef = last.ef;
  report.recall_at_10 = last.recall_at_10;
  report.recall_at_100 = last.recall_at_100;
  return report;
}

bool scan_serves_better(IndexReport& report, std::size_t rows, ScanKind scans,
                        double target_recall) {
  const MeasuredEffort& best = report.efforts.back();
  if (best.recall_at_10 < target_recall) {
    report.reason = concat("recall@10 of the graph stays at ", rounded(best.recall_at_10),
                           " at ef ", best.ef, ", below ", rounded(target_recall));
    return true;
  }
  // Where long rows win, the hundred best are what candidates are taken from, and are hard to find.
  const bool long_rows = scans.bytes && scans.products;
  if (long_rows && best.recall_at_100 < target_recall) {
    report.reason = concat("recall@100 of the graph is ", rounded(best.recall_at_100), " at ef ",
                           best.ef, ", below ", rounded(target_recall));
    return true;
  }
  const double walk = (long_rows ? best.visited_at_100 : best.visited) * kVisitCost;
  const double scan = report.scan_visited * (scans.bytes ? 1 : kFloatCost);
  if (walk >= scan) {
    report.reason = concat("the graph visits ", std::round(best.visited), " of ", rows,
                           " rows for recall@10 ", rounded(best.recall_at_10), "; a scan reads ",
                           std::round(report.scan_visited), ", which costs no more");
    return true;
  }
  report.reason = concat("recall@10 ", rounded(best.recall_at_10), " at ef ", best.ef, " visiting ",
                         std::round(best.visited), " of ", rows, " rows");
  return false;
}

}  // namespace penchant::retrieval
