#include "penchant/retrieval/vector_index.h"

#include <algorithm>
#include <mutex>
#include <numeric>

#include "penchant/base/error.h"
#include "penchant/retrieval/hnsw_build.h"
#include "penchant/retrieval/hnsw_repair.h"
#include "penchant/retrieval/hnsw_search.h"
#include "penchant/retrieval/searcher.h"
#include "penchant/retrieval/vector_index_impl.h"

namespace penchant::retrieval {
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
    case IndexKind::kIvf:
      return "ivf";
  }
  return "";
}

IndexKind parse_kind(std::string_view name) {
  for (const IndexKind kind :
       {IndexKind::kAuto, IndexKind::kFlat, IndexKind::kHnsw, IndexKind::kIvf}) {
    if (name == kind_name(kind)) return kind;
  }
  fail(ErrorKind::kInvalidArgument,
       concat("kind '", name, "' is not there; choose one of: auto, flat, hnsw, ivf"));
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

std::string_view storage_name(Storage storage) {
  return storage == Storage::kInt8 ? "int8" : "float32";
}

Storage parse_storage(std::string_view name) {
  if (name == "int8") return Storage::kInt8;
  if (name == "float32") return Storage::kFloat32;
  fail(ErrorKind::kInvalidArgument,
       concat("storage '", name, "' is not there; choose one of: float32, int8"));
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
  build_kind(*impl, queries, progress);
  return std::make_shared<VectorIndex>(std::move(impl));
}

Hits VectorIndex::search(MatrixView<const float> queries, std::size_t k,
                         const SearchOptions& options) const {
  check_argument(!options.filter || impl_->filters.holds(*options.filter),
                 "the filter was made by another index; make one by this index's filter()");
  check_argument(k >= 1, "k is 0; ask for at least one neighbour");
  check_argument(options.ef >= 0, "ef is ", options.ef, "; it must be 0 (default) or more");
  const std::shared_lock shared(impl_->lock);
  const AlignedVector<float> prepared = impl_->store.prepare(queries, "queries");
  Searcher searcher(*impl_, {prepared.data(), queries.rows, impl_->store.stride()}, k, options);
  return searcher.run();
}

std::shared_ptr<const Filter> VectorIndex::make_filter(const SearchOptions& options) const {
  const std::shared_lock shared(impl_->lock);
  Selection selection(impl_->store, options);
  const auto rows = *selection.rows();
  const bool gather = impl_->params.storage == Storage::kInt8 &&
                      !plan_walk(*impl_, rows.size(), kUsualHits, 0, true).walk;
  auto filter =
      std::make_shared<Filter>(impl_->store, std::vector<std::int32_t>(rows.begin(), rows.end()),
                               gather, impl_->params.threads);
  impl_->filters.add(filter);
  return filter;
}

std::shared_ptr<const Filter> VectorIndex::filter(std::span<const std::int32_t> allow) const {
  return make_filter({.allow = allow});
}

std::shared_ptr<const Filter> VectorIndex::filter_of_mask(
    std::span<const std::uint8_t> mask) const {
  return make_filter({.mask = mask});
}

std::int64_t VectorIndex::add(MatrixView<const float> vectors, const Progress& progress) {
  const std::unique_lock alone(impl_->lock);
  VectorStore& store = impl_->store;
  const std::size_t before = store.rows();
  if (!impl_->graph) {
    store.append(vectors);
    if (impl_->lists) {
      impl_->lists->extend(store, impl_->params.threads);
    } else {
      derive(*impl_, {});
    }
    impl_->filters.extend(store.rows());
    return static_cast<std::int64_t>(before);
  }
  // Grown beside the old one, so that an interruption leaves the index as it was.
  VectorStore grown = store;
  grown.append(vectors);
  const GraphSpace space(grown, impl_->params.product_graph);
  HnswBuilder builder(space, build_params(impl_->params), &*impl_->graph);
  std::vector<std::int32_t> fresh(vectors.rows);
  std::iota(fresh.begin(), fresh.end(), static_cast<std::int32_t>(before));
  builder.insert(fresh, progress);
  impl_->graph = builder.finish();
  store = std::move(grown);
  if (impl_->codes) {
    const MatrixView<const float> all = store.view();
    impl_->codes->append({all.data + before * all.columns, vectors.rows, all.columns},
                         impl_->params.threads);
  }
  impl_->starts = walk_starts(store);
  impl_->filters.extend(store.rows());
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
  if (impl_->codes) impl_->codes->erase(gone);
  if (impl_->bytes) impl_->bytes->erase(gone);
  if (impl_->lists) impl_->lists->erase(store, gone);
  impl_->filters.erase(gone);
  if (impl_->graph && many) {
    const GraphSpace space(store, impl_->params.product_graph);
    HnswBuilder builder(space, build_params(impl_->params));
    builder.insert(store.live_rows(), {});
    impl_->graph = builder.finish();
  }
  if (impl_->graph) impl_->starts = walk_starts(store);
}

IndexKind VectorIndex::kind() const {
  if (impl_->lists) return IndexKind::kIvf;
  return impl_->graph ? IndexKind::kHnsw : IndexKind::kFlat;
}
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
