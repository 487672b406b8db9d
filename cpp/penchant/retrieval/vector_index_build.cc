// How an index comes to be: what is held out to measure on, what is built, what `auto` picks.

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/base/random.h"
#include "penchant/retrieval/hnsw_build.h"
#include "penchant/retrieval/hnsw_search.h"
#include "penchant/retrieval/measure.h"
#include "penchant/retrieval/vector_index_impl.h"

namespace penchant::retrieval {
namespace {

constexpr std::size_t kFewRows = 20'000;  // auto: a scan is quick enough
constexpr std::size_t kHeldOut = 256;     // queries to measure on, at most a twentieth of the rows
constexpr int kLeastEffort = 16;
constexpr int kMostEffort = 1024;
constexpr int kUnmeasuredEffort = 128;
constexpr int kUnmeasuredLists = 16;
constexpr double kQuickScan =
    4000;  // rows; a walk visits 500 at the least, at eight times the cost
constexpr std::uint32_t kHeldOutStream = 0x484e5303;

std::vector<std::int32_t> all_rows(std::size_t n) {
  std::vector<std::int32_t> rows(n);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

// Moves a drawn sample to the back: rows in the graph first, held-out ones after. Both ascending.
std::size_t hold_out(std::vector<std::int32_t>& rows, std::uint64_t seed) {
  const std::size_t count = std::min(kHeldOut, rows.size() / 20);
  const Philox random(seed, kHeldOutStream);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t last = rows.size() - 1 - i;
    std::swap(rows[random.below(static_cast<std::uint32_t>(last + 1), i, 0)], rows[last]);
  }
  const auto middle = rows.end() - static_cast<std::ptrdiff_t>(count);
  std::sort(rows.begin(), middle);
  std::sort(middle, rows.end());
  return count;
}

AlignedVector<float> copy_rows(const VectorStore& store, std::span<const std::int32_t> rows) {
  AlignedVector<float> out;
  out.reserve(rows.size() * store.stride());
  for (const std::int32_t row : rows) {
    const auto from = store.view().row(static_cast<std::size_t>(row));
    out.insert(out.end(), from.begin(), from.end());
  }
  return out;
}

// Prepared queries to measure on, and the rows that may be found by them.
struct Trial {
  AlignedVector<float> asked;
  MatrixView<const float> queries;
  std::vector<std::int32_t> order;  // rows; held-out ones at the end
  std::size_t held = 0;

  [[nodiscard]] std::span<const std::int32_t> first() const {
    return std::span(order).first(order.size() - held);
  }
  [[nodiscard]] std::span<const std::int32_t> rest() const { return std::span(order).last(held); }
};

Trial make_trial(const VectorIndex::Impl& impl, MatrixView<const float> queries) {
  Trial trial;
  trial.order = all_rows(impl.store.rows());
  trial.held = queries.rows > 0 ? 0 : hold_out(trial.order, impl.params.seed);
  trial.asked = queries.rows > 0 ? impl.store.prepare(queries, "queries")
                                 : copy_rows(impl.store, trial.rest());
  trial.queries = {trial.asked.data(), trial.asked.size() / impl.store.stride(),
                   impl.store.stride()};
  return trial;
}

MatrixView<const float> rows_between(MatrixView<const float> all, const Block& block) {
  return {all.data + block.begin * all.columns, block.end - block.begin, all.columns};
}

// Rows an exact scan reads a query, and a scan over bytes where that serves.
double rows_of_scan(VectorIndex::Impl& impl, const Trial& trial) {
  derive(impl, {});
  if (!impl.bytes) return static_cast<double>(impl.store.rows());
  std::vector<std::uint64_t> read(trial.queries.rows);
  parallel_blocks(trial.queries.rows, ByteScan::kQueries, impl.params.threads,
                  [&](const Block& block) {
                    const std::size_t count = block.end - block.begin;
                    std::vector<Scored> hits(count * kManyHits);
                    impl.bytes->search(impl.store, rows_between(trial.queries, block), kManyHits,
                                       {}, hits, std::span(read).subspan(block.begin, count));
                  });
  return static_cast<double>(std::accumulate(read.begin(), read.end(), std::uint64_t{0})) /
         static_cast<double>(read.size());
}

std::vector<std::int32_t> rows_of(std::span<const Scored> hits) {
  std::vector<std::int32_t> rows;
  for (const Scored& hit : hits) {
    if (hit.index >= 0) rows.push_back(hit.index);
  }
  return rows;
}

IndexReport measure_graph(const VectorIndex::Impl& impl, const Trial& trial) {
  const Truth truth = exact_truth(impl.store, trial.queries, trial.first(), impl.params.threads);
  const WalkGround ground{*impl.graph, impl.store, impl.codes ? &*impl.codes : nullptr,
                          impl.starts};
  return measure(
      trial.queries.rows, truth, kLeastEffort, kMostEffort, impl.params.target_recall,
      impl.params.threads, [&](std::size_t q, std::size_t k, int ef) -> Found {
        const auto pool = static_cast<std::size_t>(k == kManyHits ? default_pool(ef, k) : ef);
        const Walk walk = walk_graph(ground, trial.queries.row(q), {.ef = pool, .keep = k});
        return {rows_of(walk.hits), walk.visited};
      });
}

// Builds the graph, measures it, and keeps it unless `auto` finds that a scan serves better.
void build_graph(VectorIndex::Impl& impl, MatrixView<const float> queries,
                 const Progress& progress) {
  const IndexParams& params = impl.params;
  const Trial trial = make_trial(impl, queries);
  const bool measured = trial.queries.rows > 0;
  const double scanned =
      measured && params.kind == IndexKind::kAuto ? rows_of_scan(impl, trial) : 0;
  if (impl.bytes && scanned > 0 && scanned <= kQuickScan) {
    impl.report.kind = "flat";
    impl.report.reason = concat("a scan reads ", std::round(scanned), " of ", impl.store.rows(),
                                " rows, fewer than any walk is worth");
    impl.report.queries = static_cast<std::int64_t>(trial.queries.rows);
    impl.report.held_out = trial.held > 0;
    impl.report.scan_visited = scanned;
    return;
  }
  // Both parts count towards one total.
  const auto part = [&](std::size_t before) -> Progress {
    if (!progress) return {};
    return [&progress, before, total = trial.order.size()](std::size_t done, std::size_t) {
      progress(before + done, total);
    };
  };
  const GraphSpace space(impl.store, params.product_graph);
  HnswBuilder builder(space, build_params(params));
  builder.insert(trial.first(), part(0));
  impl.graph = builder.finish();
  derive(impl, CodeStore::centre_of(impl.store.view(), impl.store.dimension()));
  impl.report.kind = "hnsw";
  impl.report.reason = "asked for; too few vectors to measure on";
  impl.report.ef = kUnmeasuredEffort;
  if (measured) {
    // Held-out rows are in no list, and must not be met by a walk either.
    std::erase_if(impl.starts, [&](std::int32_t row) {
      return std::binary_search(trial.rest().begin(), trial.rest().end(), row);
    });
    impl.report = measure_graph(impl, trial);
    impl.report.kind = "hnsw";
    impl.report.held_out = trial.held > 0;
    impl.report.scan_visited =
        params.kind == IndexKind::kAuto ? scanned : static_cast<double>(impl.store.rows());
    const ScanKind scans{.bytes = params.storage == Storage::kInt8,
                         .products = params.metric != Metric::kL2};
    const bool scan =
        scan_serves_better(impl.report, impl.store.rows(), scans, params.target_recall);
    if (params.kind == IndexKind::kAuto && scan) {
      impl.report.kind = "flat";
      impl.report.ef = 0;
      impl.report.recall_at_10 = impl.report.recall_at_100 = 1;
      impl.graph.reset();
      derive(impl, {});
      return;
    }
  }
  if (trial.held > 0) {
    builder.insert(trial.rest(), part(trial.first().size()));
    impl.graph = builder.finish();
  }
  impl.bytes.reset();
  impl.starts = walk_starts(impl.store);
}

void build_lists(VectorIndex::Impl& impl, MatrixView<const float> queries,
                 const Progress& progress) {
  const IndexParams& params = impl.params;
  impl.lists =
      InvertedLists::build(impl.store, {.seed = params.seed, .threads = params.threads}, progress);
  impl.report.kind = "ivf";
  impl.report.reason = "asked for; too few vectors to measure on";
  impl.report.ef = kUnmeasuredLists;
  const Trial trial = make_trial(impl, queries);
  if (trial.queries.rows == 0) return;
  const Truth truth = exact_truth(impl.store, trial.queries, trial.first(), params.threads);
  impl.report = measure(
      trial.queries.rows, truth, 1, static_cast<int>(impl.lists->size()), params.target_recall,
      params.threads, [&](std::size_t q, std::size_t k, int probes) -> Found {
        std::vector<Scored> hits(k);
        const std::uint64_t read =
            impl.lists->search(impl.store, trial.queries.row(q), k,
                               static_cast<std::size_t>(probes), hits, trial.rest());
        return {rows_of(hits), read};
      });
  impl.report.kind = "ivf";
  impl.report.reason = concat("asked for; ", impl.lists->size(), " lists");
  impl.report.held_out = trial.held > 0;
}

}  // namespace

BuildParams build_params(const IndexParams& params) {
  return {.m = params.m,
          .ef_construction = params.ef_construction,
          .seed = params.seed,
          .threads = params.threads};
}

void derive(VectorIndex::Impl& impl, std::vector<float> centre) {
  const IndexParams& params = impl.params;
  impl.codes.reset();
  impl.bytes.reset();
  impl.starts.clear();
  if (impl.graph) {
    impl.starts = walk_starts(impl.store);
    if (params.storage == Storage::kInt8) {
      impl.codes.emplace(params.metric, impl.store.dimension(), std::move(centre));
      impl.codes->append(impl.store.view(), params.threads);
      impl.codes->erase(impl.store.removed_rows());
    }
  } else if (!impl.lists && params.storage == Storage::kInt8) {
    impl.bytes.emplace(impl.store, std::nullopt, params.threads);
  }
}

void build_kind(VectorIndex::Impl& impl, MatrixView<const float> queries,
                const Progress& progress) {
  const IndexParams& params = impl.params;
  const bool few = params.kind == IndexKind::kAuto && impl.store.rows() < kFewRows;
  if (params.kind == IndexKind::kFlat || few) {
    impl.report.kind = "flat";
    impl.report.reason = few ? concat("fewer than ", kFewRows, " vectors") : "asked for";
    derive(impl, {});
  } else if (params.kind == IndexKind::kIvf) {
    build_lists(impl, queries, progress);
  } else {
    build_graph(impl, queries, progress);
  }
}

}  // namespace penchant::retrieval
