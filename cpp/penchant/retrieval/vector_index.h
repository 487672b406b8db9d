#pragma once

// The nearest vectors to a query, exactly or by a graph walk.
//
//   auto index = VectorIndex::build(vectors, {.metric = Metric::kInnerProduct});   // kind: auto
//   Hits hits = index->search(queries, 10);
//   hits.rows[q * hits.k + i], hits.scores[q * hits.k + i]     // best first; row -1 where none is
//   left
//
// A score is higher for a nearer vector, whatever the metric, and has the defined order of
// base/kernels.h: the same bits on every CPU. Ties go to the smaller row. Where bytes or a graph
// decide which rows are looked at, they do so in exact integers or in that same order, so which
// candidates are found doesn't depend on the CPU either.
//
// Rows are numbered in the order they came; a removed row's number is not given again. Searches
// may run together; add and remove wait for them.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "penchant/base/matrix.h"
#include "penchant/bundle/bundle.h"
#include "penchant/retrieval/metric.h"

namespace penchant::retrieval {

enum class IndexKind : std::uint8_t {
  kAuto,  // exact for few vectors or where the graph disappoints, the graph otherwise
  kFlat,  // exact: a scan of every row that its length doesn't rule out
  kHnsw,  // a hierarchical navigable small world graph (Malkov & Yashunin, arXiv:1603.09320)
  kIvf,   // lists around centres: for catalogues too large for a graph
};
[[nodiscard]] std::string_view kind_name(IndexKind kind);   // "auto" "flat" "hnsw" "ivf"
[[nodiscard]] IndexKind parse_kind(std::string_view name);  // throws kInvalidArgument

// How the graph of an inner-product index is laid. Either is searched by the raw product.
enum class ProductGraph : std::uint8_t {
  kUnit,       // neighbours by cosine: what works on factorization vectors
  kAugmented,  // neighbours by L2 after appending sqrt(max |x|^2 - |x|^2) (Bachrach et al. 2014)
};
[[nodiscard]] std::string_view product_graph_name(ProductGraph graph);  // "unit" "augmented"
[[nodiscard]] ProductGraph parse_product_graph(std::string_view name);

// What a search reads first. Scores that come back are of the floats either way.
enum class Storage : std::uint8_t {
  kFloat32,  // the floats
  kInt8,  // a byte a coordinate beside them, a quarter of the memory traffic; then the best few's
          // floats. Scans stay exact: bounds say which floats to read.
};
[[nodiscard]] std::string_view storage_name(Storage storage);  // "float32" "int8"
[[nodiscard]] Storage parse_storage(std::string_view name);

struct IndexParams {
  IndexKind kind = IndexKind::kAuto;
  Metric metric = Metric::kInnerProduct;
  int m = 32;                   // links a row on upper levels, 2m on the ground level; 2..128
  int ef_construction = 200;    // pool while inserting; 1..10000
  double target_recall = 0.99;  // recall@10 that the default ef must reach when measured
  ProductGraph product_graph = ProductGraph::kUnit;
  Storage storage = Storage::kInt8;
  int threads = 0;         // of building and measuring; the index is the same for any
  std::uint64_t seed = 0;  // of the levels and the order of insertion
};

// What was measured when the index was built: exact search against the walk (or the lists) at ten
// and at a hundred hits. With a hundred the pool is 200 where ef is less, as in a search.
struct MeasuredEffort {
  int ef = 0;
  double recall_at_10 = 0;
  double visited = 0;  // rows scored a query, mean
  double recall_at_100 = 0;
  double visited_at_100 = 0;
};
struct IndexReport {
  std::string kind;  // chosen: "flat", "hnsw" or "ivf"
  std::string reason;
  std::int64_t queries = 0;  // 0: nothing was measured
  bool held_out = false;     // rows kept out of the graph until measured; else given queries
  int ef = 0;                // the default of searches (ivf: lists visited); 0 for flat
  double recall_at_10 = 1;   // at that ef
  double recall_at_100 = 1;
  double scan_visited = 0;  // rows an exact scan reads a query, mean; 0: not measured
  std::vector<MeasuredEffort> efforts;
};

class Filter;  // an allow list made ready; filter.h

struct SearchOptions {
  int ef = 0;       // pool of the walk, lists of ivf; 0: what the report chose, a pool at least 2k
  int threads = 1;  // over queries; 0: all
  // Rows that may be returned, any order; nullopt: every row. Exactly k come back whenever k of
  // these are there.
  std::optional<std::span<const std::int32_t>> allow = std::nullopt;
  // The same as one byte a row given so far, 0 for rows that may not; not together with allow.
  std::optional<std::span<const std::uint8_t>> mask = std::nullopt;
  // The same made ready by VectorIndex::filter; not together with either.
  std::shared_ptr<const Filter> filter = nullptr;
};

struct Hits {
  std::size_t k = 0;
  std::vector<std::int32_t> rows;  // [queries * k], -1 where fewer than k rows are left
  std::vector<float> scores;       // [queries * k], -infinity there
  std::uint64_t visited = 0;       // rows scored, over all queries
};

using Progress = std::function<void(std::size_t done, std::size_t total)>;  // may throw to stop

class VectorIndex {
 public:
  // vectors: [n, d], finite, n >= 1. `queries` [q, d] to measure the graph on; without any, a
  // sample of the rows is held out of the graph for that and inserted last. Throws
  // kInvalidArgument, naming the row, on NaN, infinity or a squared norm that overflows.
  [[nodiscard]] static std::shared_ptr<VectorIndex> build(MatrixView<const float> vectors,
                                                          const IndexParams& params,
                                                          MatrixView<const float> queries = {},
                                                          const Progress& progress = {});

  // queries: [q, d]. Throws kInvalidArgument.
  [[nodiscard]] Hits search(MatrixView<const float> queries, std::size_t k,
                            const SearchOptions& options = {}) const;

  // Makes an allow list, or a mask of one byte a row given so far, ready for many searches. Costs
  // about as much as forty of them. It follows the index: rows removed leave it, rows added
  // later are not in it. Throws kInvalidArgument, as a search does when the filter is another
  // index's.
  [[nodiscard]] std::shared_ptr<const Filter> filter(std::span<const std::int32_t> allow) const;
  [[nodiscard]] std::shared_ptr<const Filter> filter_of_mask(
      std::span<const std::uint8_t> mask) const;

  // Appends rows; returns the first one's number. In a graph they are inserted as at first; costs
  // a copy of the graph, so add many at a time.
  std::int64_t add(MatrixView<const float> vectors, const Progress& progress = {});

  // Takes rows out for good: their bytes are overwritten at once, in filters too, in the graph
  // their neighbours are linked among themselves (rebuilt when more than a quarter goes). Rows
  // already out are ignored.
  void remove(std::span<const std::int32_t> rows);

  [[nodiscard]] IndexKind kind() const;                     // kFlat, kHnsw or kIvf
  [[nodiscard]] std::size_t rows() const;                   // numbers given so far
  [[nodiscard]] std::size_t size() const;                   // rows that are there
  [[nodiscard]] std::vector<std::int32_t> removed() const;  // rows taken out, ascending
  [[nodiscard]] std::size_t dimension() const;
  [[nodiscard]] const IndexParams& params() const;  // as given to build
  [[nodiscard]] const IndexReport& report() const;

  // Sections <prefix>/meta, vectors, removed and those of the kind (docs/retrieval.md).
  void save(bundle::Writer& writer, const std::string& prefix) const;
  // Over the bundle's memory, every index, level and size checked. Throws kCorruptBundle.
  [[nodiscard]] static std::shared_ptr<VectorIndex> load(
      const std::shared_ptr<const bundle::Reader>& reader, const std::string& prefix);

  struct Impl;
  explicit VectorIndex(std::unique_ptr<Impl> impl);
  ~VectorIndex();
  VectorIndex(const VectorIndex&) = delete;
  VectorIndex& operator=(const VectorIndex&) = delete;

 private:
  [[nodiscard]] std::shared_ptr<const Filter> make_filter(const SearchOptions& options) const;

  std::unique_ptr<Impl> impl_;
};

}  // namespace penchant::retrieval
