#pragma once

// Builds a graph. Rows are inserted in an order and on levels drawn from the seed, in batches: each
// row of a batch looks for its neighbours in the graph as it was before the batch, all at once on
// any number of threads; then the links back are laid, target by target. What a batch holds
// depends on how many rows are in alone, so a graph is a function of (rows, parameters, seed), on
// any CPU and at any number of threads.
//
//   const GraphSpace space(store, ProductGraph::kUnit);
//   HnswBuilder builder(space, {.m = 32, .ef_construction = 200, .seed = seed, .threads = 0});
//   builder.insert(rows, progress);
//   HnswGraph graph = builder.finish();
//
// Malkov & Yashunin, arXiv:1603.09320, algorithms 1 to 4; in batches as Manohar et al., "ParlayANN:
// scalable and deterministic parallel graph-based approximate nearest neighbor search", 2024.
// Distances are those of codes (code_store.h).

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "penchant/base/matrix.h"
#include "penchant/retrieval/hnsw_graph.h"
#include "penchant/retrieval/vector_index.h"
#include "penchant/retrieval/vector_store.h"

namespace penchant::retrieval {

// The rows as the graph sees them, and how near two of them are. For l2 and cosine these are the
// store's own rows; for the inner product they are scaled to length one or augmented
// (ProductGraph).
class GraphSpace {
 public:
  GraphSpace(const VectorStore& store, ProductGraph product_graph);

  [[nodiscard]] std::size_t size() const { return view_.rows; }
  [[nodiscard]] MatrixView<const float> view() const { return view_; }
  [[nodiscard]] bool by_product() const { return by_product_; }  // distance -a.b, else |a - b|^2
  [[nodiscard]] std::span<const float> row(std::int32_t i) const {
    return view_.row(static_cast<std::size_t>(i));
  }
  // Smaller is nearer; the order is all that counts.
  [[nodiscard]] float distance(std::span<const float> a, std::span<const float> b) const;
  void distances(std::span<const std::int32_t> rows, std::span<const float> from,
                 std::span<float> out) const;

 private:
  AlignedVector<float> made_;  // rows of our own, where they differ from the store's
  MatrixView<const float> view_;
  bool by_product_ = false;
};

struct BuildParams {
  int m = 32;
  int ef_construction = 200;
  std::uint64_t seed = 0;
  int threads = 0;  // 0: all
};

class HnswBuilder {
 public:
  // `grown`: a graph over the first rows of the space to go on from, or null. The space must
  // outlive the builder.
  HnswBuilder(const GraphSpace& space, const BuildParams& params, const HnswGraph* grown = nullptr);
  ~HnswBuilder();
  HnswBuilder(const HnswBuilder&) = delete;
  HnswBuilder& operator=(const HnswBuilder&) = delete;

  // Inserts rows that are not in yet: upper levels first, in a drawn order. Progress counts these.
  void insert(std::span<const std::int32_t> rows, const Progress& progress);

  // A copy of the graph so far; rows not inserted are in no list.
  [[nodiscard]] HnswGraph finish() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penchant::retrieval
