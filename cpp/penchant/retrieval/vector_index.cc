#include "penchant/retrieval/vector_index.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <numeric>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/base/random.h"
#include "penchant/retrieval/exact_search.h"
#include "penchant/retrieval/hnsw_build.h"
#include "penchant/retrieval/hnsw_repair.h"
#include "penchant/retrieval/hnsw_search.h"
#include "penchant/retrieval/measure.h"
#include "penchant/retrieval/vector_index_impl.h"

namespace penchant::retrieval {
namespace {

constexpr std::size_t kFewRows = 20'000;  // auto: a scan is quick enough
constexpr std::size_t kHeldOut = 256;     // queries to measure on, at most a twentieth of the rows
constexpr int kUnmeasuredEffort = 128;
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

// Builds the graph, measures it, and keeps it unless `auto` finds that a scan serves better.
void build_graph(VectorIndex::Impl& impl, MatrixView<const float> queries,
                 const Progress& progress) {
  const IndexParams& params = impl.params;
  std::vector<std::int32_t> order = all_rows(impl.store.rows());
  const std::size_t held = queries.rows > 0 ? 0 : hold_out(order, params.seed);
  const std::span<const std::int32_t> first(order.data(), order.size() - held);
  const std::span<const std::int32_t> rest(order.data() + first.size(), held);
  // Both parts count towards one total.
  const auto part = [&](std::size_t before) -> Progress {
    if (!progress) return {};
    return [&progress, before, total = order.size()](std::size_t done, std::size_t) {
      progress(before + done, total);
    };
  };
  const GraphSpace space(impl.store, params.product_graph);
  HnswBuilder builder(space, params.m, params.ef_construction, params.seed);
  builder.insert(first, part(0));
  HnswGraph graph = builder.finish();

  const AlignedVector<float> asked =
      queries.rows > 0 ? impl.store.prepare(queries, "queries") : copy_rows(impl.store, rest);
  const std::size_t count = asked.size() / impl.store.stride();
  impl.report = {};
  impl.report.kind = "hnsw";
  impl.report.ef = kUnmeasuredEffort;
  impl.report.reason = "asked for; too few vectors to measure on";
  if (count > 0) {
    // Held-out rows are in no list, and must not be met by a walk either.
    impl.starts = walk_starts(impl.store);
    std::erase_if(impl.starts, [&](std::int32_t row) {
      return std::binary_search(rest.begin(), rest.end(), row);
    });
    impl.report =
        measure_graph(graph, impl.store, impl.starts, {asked.data(), count, impl.store.stride()},
                      first, params.target_recall, params.threads);
    impl.report.held_out = held > 0;
    const bool scan = scan_serves_better(impl.report, impl.store.rows(), params.target_recall);
    if (params.kind == IndexKind::kAuto && scan) {
      impl.report.kind = "flat";
      impl.report.ef = 0;
      impl.report.recall_at_10 = 1;
      return;
    }
  }
  if (held > 0) {
    builder.insert(rest, part(first.size()));
    graph = builder.finish();
  }
  impl.graph = std::move(graph);
  impl.starts = walk_starts(impl.store);
}

// The rows a search may return, ascending; nullopt: all there are.
struct Selection {
  std::vector<std::int32_t> made;
  std::optional<std::span<const std::int32_t>> rows;
};

void select_rows(const VectorStore& store, std::optional<std::span<const std::int32_t>> allow,
                 Selection& out) {
  if (!allow) {
    if (store.any_removed()) out.rows = store.live_rows();
    return;
  }
  out.made.assign(allow->begin(), allow->end());
  for (const std::int32_t row : out.made) {
    check_argument(row >= 0 && static_cast<std::size_t>(row) < store.rows(), "allow: row ", row,
                   " is not one of ", store.rows());
  }
  if (!std::is_sorted(out.made.begin(), out.made.end())) {
    std::sort(out.made.begin(), out.made.end());
  }
  out.made.erase(std::unique(out.made.begin(), out.made.end()), out.made.end());
  if (store.any_removed()) {
    std::erase_if(out.made, [&](std::int32_t row) { return store.is_removed(row); });
  }
  out.rows = out.made;
}

struct Plan {
  bool scan = true;
  std::size_t ef = 0;  // of the walk
};

// A walk visits about 0.4 * 2m rows for each place in its pool (measured at m = 16 and 32), and a
// visit, a jump in memory, costs about four rows of a scan. When only a share s of the rows may be
// returned, the pool has to hold ef / s. Whichever of scan and walk costs less.
Plan plan_search(const VectorIndex::Impl& impl, std::size_t allowed, std::size_t k, int wanted_ef) {
  if (!impl.graph || allowed == 0) return {};
  const std::size_t least = wanted_ef > 0 ? k : 2 * k;
  const auto ef = static_cast<double>(std::max<std::size_t>(
      static_cast<std::size_t>(wanted_ef > 0 ? wanted_ef : impl.report.ef), least));
  const auto live = static_cast<double>(impl.store.live_count());
  const double pool = std::ceil(ef * live / static_cast<double>(allowed));
  const double walk_cost = 4 * 0.4 * 2 * impl.params.m * pool;
  return {static_cast<double>(allowed) <= walk_cost, static_cast<std::size_t>(pool)};
}

class Searcher {
 public:
  Searcher(const VectorIndex::Impl& impl, MatrixView<const float> queries, std::size_t k,
           std::optional<std::span<const std::int32_t>> rows, bool filtered)
      : impl_(impl), queries_(queries), k_(k), rows_(rows), found_(queries.rows * k) {
    if (!filtered) return;
    allowed_.resize(impl.store.rows(), 0);
    for (const std::int32_t row : *rows) allowed_[static_cast<std::size_t>(row)] = 1;
  }

  void scan(int threads) {
    exact_search(impl_.store, queries_, rows_, k_, threads, found_);
    visited_.assign(queries_.rows, rows_ ? rows_->size() : impl_.store.rows());
  }

  void walk(std::size_t ef, int threads) {
    visited_.resize(queries_.rows);
    parallel_blocks(queries_.rows, 4, threads, [&](const Block& block) {
      for (std::size_t q = block.begin; q < block.end; ++q) walk_one(q, ef);
    });
  }

  [[nodiscard]] Hits hits() const {
    Hits out;
    out.k = k_;
    out.rows.reserve(found_.size());
    out.scores.reserve(found_.size());
    for (const Scored& hit : found_) {
      out.rows.push_back(hit.index);
      out.scores.push_back(hit.score);
    }
    out.visited = std::accumulate(visited_.begin(), visited_.end(), std::uint64_t{0});
    return out;
  }

 private:
  void walk_one(std::size_t q, std::size_t ef) {
    const Walk walk = walk_graph(*impl_.graph, impl_.store, queries_.row(q), ef, impl_.starts);
    visited_[q] = walk.visited;
    const std::span<Scored> out = std::span(found_).subspan(q * k_, k_);
    std::size_t count = 0;
    for (const Scored& hit : walk.pool) {
      if (count == k_) break;
      if (allowed_.empty() || allowed_[static_cast<std::size_t>(hit.index)] != 0) {
        out[count++] = hit;
      }
    }
    const std::size_t there = rows_ ? rows_->size() : impl_.store.rows();
    if (count < std::min(k_, there)) {
      // The walk did not meet k rows that may be returned although there are as many.
      exact_search(impl_.store, {queries_.row(q).data(), 1, queries_.columns}, rows_, k_, 1, out);
      visited_[q] += there;
      return;
    }
    std::fill(out.begin() + static_cast<std::ptrdiff_t>(count), out.end(),
              Scored{-std::numeric_limits<float>::infinity(), -1});
  }

  const VectorIndex::Impl& impl_;
  MatrixView<const float> queries_;
  std::size_t k_;
  std::optional<std::span<const std::int32_t>> rows_;
  std::vector<std::uint8_t> allowed_;  // by row, when an allow list is given
  std::vector<Scored> found_;
  std::vector<std::uint64_t> visited_;  // by query
};

}  // namespace

void check_params(const IndexParams& params) {
  check_argument(params.m >= 2 && params.m <= kMaxM, "m is ", params.m, "; it must be 2 to ",
                 kMaxM);
  check_argument(params.ef_construction >= 1 && params.ef_construction <= 10'000,
                 "ef_construction is ", params.ef_construction, "; it must be 1 to 10000");
  check_argument(params.target_recall > 0 && params.target_recall <= 1, "target_recall is ",
                 params.target_recall, "; it must be above 0 and at most 1");
  check_argument(params.threads >= 0, "threads is ", params.threads,
                 "; it must be 0 (all) or more");
}

std::string_view kind_name(IndexKind kind) {
  switch (kind) {
    case IndexKind::kAuto:
      return "auto";
    case IndexKind::kFlat:
      return "flat";
    case IndexKind::kHnsw:
      return "hnsw";
  }
  return "";
}

IndexKind parse_kind(std::string_view name) {
  for (const IndexKind kind : {IndexKind::kAuto, IndexKind::kFlat, IndexKind::kHnsw}) {
    if (name == kind_name(kind)) return kind;
  }
  fail(ErrorKind::kInvalidArgument,
       concat("kind '", name, "' is not there; choose one of: auto, flat, hnsw"));
}

std::string_view product_graph_name(ProductGraph graph) {
  return graph == ProductGraph::kUnit ? "unit" : "augmented";
}

ProductGraph parse_product_graph(std::string_view name) {
  if (name == "unit") return ProductGraph::kUnit;
  if (name == "augmented") return ProductGraph::kAugmented;
  fail(ErrorKind::kInvalidArgument,
       concat("product_graph '", name, "' is not known; choose one of: unit, augmented"));
}

VectorIndex::VectorIndex(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
VectorIndex::~VectorIndex() = default;

std::shared_ptr<VectorIndex> VectorIndex::build(MatrixView<const float> vectors,
                                                const IndexParams& params,
                                                MatrixView<const float> queries,
                                                const Progress& progress) {
  check_params(params);
  check_argument(vectors.rows > 0, "no vectors to index; give at least one row");
  auto impl = std::make_unique<Impl>(params, VectorStore(params.metric, vectors.columns));
  impl->store.append(vectors);
  const bool few = params.kind == IndexKind::kAuto && vectors.rows < kFewRows;
  if (params.kind == IndexKind::kFlat || few) {
    impl->report.kind = "flat";
    impl->report.reason = few ? concat("fewer than ", kFewRows, " vectors") : "asked for";
  } else {
    build_graph(*impl, queries, progress);
  }
  return std::make_shared<VectorIndex>(std::move(impl));
}

Hits VectorIndex::search(MatrixView<const float> queries, std::size_t k,
                         const SearchOptions& options) const {
  check_argument(k >= 1, "k is 0; ask for at least one neighbour");
  check_argument(options.ef >= 0, "ef is ", options.ef, "; it must be 0 (default) or more");
  const std::shared_lock shared(impl_->lock);
  const VectorStore& store = impl_->store;
  const AlignedVector<float> prepared = store.prepare(queries, "queries");
  Selection selection;
  select_rows(store, options.allow, selection);
  const auto& rows = selection.rows;
  const bool filtered = options.allow.has_value();
  Searcher searcher(*impl_, {prepared.data(), queries.rows, store.stride()}, k, rows, filtered);
  const Plan plan = plan_search(*impl_, rows ? rows->size() : store.rows(), k, options.ef);
  if (plan.scan) {
    searcher.scan(options.threads);
  } else {
    searcher.walk(plan.ef, options.threads);
  }
  return searcher.hits();
}

std::int64_t VectorIndex::add(MatrixView<const float> vectors, const Progress& progress) {
  const std::unique_lock alone(impl_->lock);
  VectorStore& store = impl_->store;
  const std::size_t before = store.rows();
  if (!impl_->graph) {
    store.append(vectors);
    return static_cast<std::int64_t>(before);
  }
  // Grown beside the old one, so that an interruption leaves the index as it was.
  VectorStore grown = store;
  grown.append(vectors);
  const GraphSpace space(grown, impl_->params.product_graph);
  HnswBuilder builder(space, impl_->params.m, impl_->params.ef_construction, impl_->params.seed,
                      &*impl_->graph);
  std::vector<std::int32_t> fresh(vectors.rows);
  std::iota(fresh.begin(), fresh.end(), static_cast<std::int32_t>(before));
  builder.insert(fresh, progress);
  HnswGraph graph = builder.finish();
  impl_->graph = std::move(graph);
  store = std::move(grown);
  impl_->starts = walk_starts(store);
  return static_cast<std::int64_t>(before);
}

void VectorIndex::remove(std::span<const std::int32_t> rows) {
  const std::unique_lock alone(impl_->lock);
  VectorStore& store = impl_->store;
  std::vector<std::int32_t> gone(rows.begin(), rows.end());
  for (const std::int32_t row : gone) {
    check_argument(row >= 0 && static_cast<std::size_t>(row) < store.rows(), "remove: row ", row,
                   " is not one of ", store.rows());
  }
  std::sort(gone.begin(), gone.end());
  gone.erase(std::unique(gone.begin(), gone.end()), gone.end());
  std::erase_if(gone, [&](std::int32_t row) { return store.is_removed(row); });
  if (gone.empty()) return;
  const bool many = gone.size() * 4 > store.live_count();
  if (impl_->graph && !many) {
    std::vector<std::uint8_t> live(store.rows(), 1);
    for (std::size_t row = 0; row < live.size(); ++row) {
      if (store.is_removed(static_cast<std::int32_t>(row))) live[row] = 0;
    }
    for (const std::int32_t row : gone) live[static_cast<std::size_t>(row)] = 0;
    const GraphSpace space(store, impl_->params.product_graph);
    unlink_rows(*impl_->graph, space, gone, live, impl_->params.threads);
  }
  store.erase(gone);
  if (impl_->graph && many) {
    const GraphSpace space(store, impl_->params.product_graph);
    HnswBuilder builder(space, impl_->params.m, impl_->params.ef_construction, impl_->params.seed);
    builder.insert(store.live_rows(), {});
    impl_->graph = builder.finish();
  }
  if (impl_->graph) impl_->starts = walk_starts(store);
}

IndexKind VectorIndex::kind() const { return impl_->graph ? IndexKind::kHnsw : IndexKind::kFlat; }
std::size_t VectorIndex::rows() const {
  const std::shared_lock shared(impl_->lock);
  return impl_->store.rows();
}
std::size_t VectorIndex::size() const {
  const std::shared_lock shared(impl_->lock);
  return impl_->store.live_count();
}
std::vector<std::int32_t> VectorIndex::removed() const {
  const std::shared_lock shared(impl_->lock);
  return {impl_->store.removed_rows().begin(), impl_->store.removed_rows().end()};
}
std::size_t VectorIndex::dimension() const { return impl_->store.dimension(); }
const IndexParams& VectorIndex::params() const { return impl_->params; }
const IndexReport& VectorIndex::report() const { return impl_->report; }

}  // namespace penchant::retrieval
