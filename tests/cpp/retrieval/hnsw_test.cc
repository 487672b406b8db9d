// The graph: recall against exact search, one result on every CPU, filters, changes.

#include <algorithm>
#include <set>

#include "reference/exact_search.h"
#include "retrieval/vectors.h"
#include <gtest/gtest.h>

#include "penchant/base/simd.h"
#include "penchant/retrieval/code_store.h"
#include "penchant/retrieval/exact_search.h"
#include "penchant/retrieval/hnsw_build.h"
#include "penchant/retrieval/hnsw_repair.h"
#include "penchant/retrieval/hnsw_search.h"
#include "penchant/retrieval/vector_index.h"

namespace penchant::retrieval {
namespace {

using testing::clustered_vectors;
using testing::factor_vectors;
using testing::first_rows;
using testing::random_vectors;

constexpr std::size_t kRows = 4000;
constexpr std::size_t kColumns = 20;

struct Built {
  VectorStore store;
  HnswGraph graph;
};

Built build(const Matrix<float>& vectors, Metric metric,
            ProductGraph product_graph = ProductGraph::kUnit) {
  VectorStore store(metric, vectors.columns());
  store.append(vectors.view());
  const GraphSpace space(store, product_graph);
  HnswBuilder builder(space, {.m = 12, .ef_construction = 80, .seed = 3, .threads = 1});
  builder.insert(first_rows(vectors.rows()), {});
  HnswGraph graph = builder.finish();
  return {std::move(store), std::move(graph)};
}

double recall(const HnswGraph& graph, const VectorStore& store, const Matrix<float>& queries,
              std::size_t k, std::size_t ef) {
  const AlignedVector<float> prepared = store.prepare(queries.view(), "queries");
  const MatrixView<const float> view{prepared.data(), queries.rows(), store.stride()};
  std::vector<Scored> truth(queries.rows() * k);
  std::optional<std::span<const std::int32_t>> rows;
  if (store.any_removed()) rows = store.live_rows();
  exact_search(store, view, rows, k, 1, truth);
  const std::vector<std::int32_t> starts = walk_starts(store);
  CodeStore codes(store.metric(), store.dimension(),
                  CodeStore::centre_of(store.view(), store.dimension()));
  codes.append(store.view());
  // Whether it reads floats or bytes, a walk finds about the same.
  std::size_t found = 0;
  for (std::size_t q = 0; q < queries.rows(); ++q) {
    const Walk walk = walk_graph({graph, store, q % 2 == 0 ? nullptr : &codes, starts}, view.row(q),
                                 {.ef = ef, .keep = k});
    for (const Scored& hit : walk.hits) {
      found += std::any_of(truth.begin() + static_cast<std::ptrdiff_t>(q * k),
                           truth.begin() + static_cast<std::ptrdiff_t>((q + 1) * k),
                           [&](const Scored& wanted) { return wanted.index == hit.index; });
    }
  }
  return static_cast<double>(found) / static_cast<double>(queries.rows() * k);
}

TEST(Hnsw, FindsTheNearestOfRandomVectors) {
  for (const Metric metric : {Metric::kL2, Metric::kCosine}) {
    const Built built = build(random_vectors(kRows, kColumns, 1), metric);
    EXPECT_GE(recall(built.graph, built.store, random_vectors(100, kColumns, 2), 10, 128), 0.95)
        << metric_name(metric);
  }
}

TEST(Hnsw, FindsTheNearestOfClusteredVectors) {
  for (const Metric metric : {Metric::kL2, Metric::kCosine}) {
    const Built built = build(clustered_vectors(kRows, kColumns, 1), metric);
    EXPECT_GE(recall(built.graph, built.store, clustered_vectors(100, kColumns, 2), 10, 128), 0.95)
        << metric_name(metric);
  }
}

// The graph of unit rows is the default because it is the better of the two.
TEST(Hnsw, FindsTheLargestProductsOfFactorVectors) {
  const Matrix<float> vectors = factor_vectors(kRows, kColumns, 1);
  const Matrix<float> queries = clustered_vectors(100, kColumns, 2);
  const Built unit = build(vectors, Metric::kInnerProduct);
  EXPECT_GE(recall(unit.graph, unit.store, queries, 10, 128), 0.95);
  const Built augmented = build(vectors, Metric::kInnerProduct, ProductGraph::kAugmented);
  EXPECT_GE(recall(augmented.graph, augmented.store, queries, 10, 128), 0.85);
}

TEST(Hnsw, ThePoolIsSortedDistinctAndScoredInTheDefinedOrder) {
  const Matrix<float> vectors = random_vectors(800, 13, 1);
  const Matrix<float> queries = random_vectors(20, 13, 2);
  const Built built = build(vectors, Metric::kL2);
  const AlignedVector<float> prepared = built.store.prepare(queries.view(), "queries");
  for (std::size_t q = 0; q < queries.rows(); ++q) {
    const Walk walk = walk_graph({built.graph, built.store},
                                 {prepared.data() + q * built.store.stride(), built.store.stride()},
                                 {.ef = 50, .keep = 50});
    ASSERT_EQ(walk.hits.size(), 50U);
    std::set<std::int32_t> rows;
    for (std::size_t i = 0; i < walk.hits.size(); ++i) {
      const Scored& hit = walk.hits[i];
      EXPECT_TRUE(rows.insert(hit.index).second);
      EXPECT_EQ(hit.score,
                reference::score(Metric::kL2, vectors.row(static_cast<std::size_t>(hit.index)),
                                 queries.row(q)));
      EXPECT_TRUE(i == 0 || ranks_before(walk.hits[i - 1], hit));
    }
  }
}

TEST(Hnsw, NegativeZeroAndEqualScoresKeepTheOrderOfRows) {
  // Products of both signs, zeros among them, many equal.
  Matrix<float> vectors(60, 2);
  for (std::size_t i = 0; i < 60; ++i) {
    vectors.row(i)[0] = static_cast<float>(i % 5) - 2.0F;
    vectors.row(i)[1] = 1e-3F * static_cast<float>(i);
  }
  const Built built = build(vectors, Metric::kInnerProduct);
  const std::vector<float> query{-1, 0};
  const AlignedVector<float> prepared = built.store.prepare({query.data(), 1, 2}, "query");
  const Walk walk = walk_graph({built.graph, built.store}, {prepared.data(), built.store.stride()},
                               {.ef = 60, .keep = 60});
  std::vector<Scored> truth(walk.hits.begin(), walk.hits.end());
  std::sort(truth.begin(), truth.end(), ranks_before);
  for (std::size_t i = 0; i < truth.size(); ++i) EXPECT_EQ(walk.hits[i].index, truth[i].index);
}

AlignedVector<std::byte> bytes_of(const VectorIndex& index) {
  bundle::Writer writer;
  index.save(writer, "index");
  return writer.to_bytes("{}");
}

IndexParams small_graph(Metric metric) {
  return {.kind = IndexKind::kHnsw, .metric = metric, .m = 6, .ef_construction = 40, .seed = 9};
}

TEST(HnswIndex, SameBytesAndAnswersOnEveryInstructionSetAndThreadCount) {
  const Matrix<float> vectors = factor_vectors(1500, kColumns, 4);
  const Matrix<float> queries = clustered_vectors(40, kColumns, 5);
  for (const Metric metric : {Metric::kInnerProduct, Metric::kL2, Metric::kCosine}) {
    IndexParams params = small_graph(metric);
    params.threads = 1;
    const auto first = VectorIndex::build(vectors.view(), params);
    const Hits wanted = first->search(queries.view(), 10, {.ef = 20});
    for (const std::string& target : simd_targets()) {
      force_simd_target(target);
      for (const int threads : {1, 2, 8}) {
        params.threads = threads;
        const auto index = VectorIndex::build(vectors.view(), params);
        EXPECT_EQ(bytes_of(*index), bytes_of(*first)) << target;
        const Hits hits = index->search(queries.view(), 10, {.ef = 20, .threads = threads});
        EXPECT_EQ(hits.rows, wanted.rows) << target;
        EXPECT_EQ(hits.scores, wanted.scores) << target;
        EXPECT_EQ(hits.visited, wanted.visited) << target;
      }
    }
    force_simd_target("best");
    params.seed = 10;
    EXPECT_NE(bytes_of(*VectorIndex::build(vectors.view(), params)), bytes_of(*first));
  }
}

TEST(HnswIndex, WhatWasMeasuredIsKept) {
  const auto index =
      VectorIndex::build(clustered_vectors(kRows, kColumns, 1).view(), small_graph(Metric::kL2));
  const IndexReport& report = index->report();
  EXPECT_EQ(report.kind, "hnsw");
  EXPECT_EQ(report.queries, 200);
  EXPECT_TRUE(report.held_out);
  ASSERT_FALSE(report.efforts.empty());
  EXPECT_EQ(report.ef, report.efforts.back().ef);
  EXPECT_GE(report.recall_at_10, 0.99);
  for (std::size_t i = 1; i < report.efforts.size(); ++i) {
    EXPECT_GT(report.efforts[i].visited, report.efforts[i - 1].visited);
    EXPECT_LT(report.efforts[i - 1].recall_at_10, 0.99);
  }
  // A walk at the default ef is as good as was measured on rows that were then inserted.
  const auto given =
      VectorIndex::build(clustered_vectors(kRows, kColumns, 1).view(), small_graph(Metric::kL2),
                         clustered_vectors(50, kColumns, 2).view());
  EXPECT_EQ(given->report().queries, 50);
  EXPECT_FALSE(given->report().held_out);
}

TEST(HnswIndex, AllowListsReturnExactlyK) {
  const Matrix<float> vectors = clustered_vectors(kRows, kColumns, 1);
  const Matrix<float> queries = clustered_vectors(30, kColumns, 2);
  const auto index = VectorIndex::build(vectors.view(), small_graph(Metric::kL2));
  const Philox random(1, 1);
  for (const double share : {0.002, 0.01, 0.05, 0.2, 0.5, 0.9, 1.0}) {
    std::vector<std::int32_t> allowed;
    for (std::size_t row = 0; row < kRows; ++row) {
      if (random.uniform(row, 0) < share) allowed.push_back(static_cast<std::int32_t>(row));
    }
    const Hits hits = index->search(queries.view(), 10, {.ef = 24, .allow = allowed});
    const std::size_t wanted = std::min<std::size_t>(10, allowed.size());
    std::size_t found = 0;
    for (std::size_t q = 0; q < queries.rows(); ++q) {
      const auto truth =
          reference::exact_search(Metric::kL2, vectors.view(), queries.row(q), 10, allowed);
      for (std::size_t i = 0; i < 10; ++i) {
        const std::int32_t row = hits.rows[q * 10 + i];
        ASSERT_EQ(row >= 0, i < wanted) << "share " << share;
        if (row < 0) continue;
        EXPECT_TRUE(std::binary_search(allowed.begin(), allowed.end(), row));
        found += std::any_of(truth.begin(), truth.end(),
                             [&](const Scored& hit) { return hit.index == row; });
      }
    }
    EXPECT_GE(static_cast<double>(found), 0.95 * static_cast<double>(wanted * queries.rows()))
        << "share " << share;
  }
}

// An allow list far from the query, which a walk with a small pool can't reach: exactly k all the
// same.
TEST(HnswIndex, AllowedRowsFarFromTheQueryAreFoundToo) {
  Matrix<float> vectors(3000, 2);
  for (std::size_t i = 0; i < 3000; ++i) {
    vectors.row(i)[0] = static_cast<float>(i);
    vectors.row(i)[1] = static_cast<float>(i % 7);
  }
  const auto index = VectorIndex::build(vectors.view(), small_graph(Metric::kL2));
  const std::vector<std::int32_t> rows = first_rows(3000);
  const std::span<const std::int32_t> far = std::span(rows).last(2000);
  const std::vector<float> query{0, 0};
  const Hits hits = index->search({query.data(), 1, 2}, 10, {.ef = 10, .allow = far});
  for (std::int32_t i = 0; i < 10; ++i) EXPECT_EQ(hits.rows[static_cast<std::size_t>(i)], 1000 + i);
}

bool contains_row(const AlignedVector<std::byte>& bytes, std::span<const float> row) {
  const auto needle = std::as_bytes(row);
  return std::search(bytes.begin(), bytes.end(), needle.begin(), needle.end()) != bytes.end();
}

TEST(HnswIndex, RemovedRowsAreGoneAndTheGraphHeals) {
  const Matrix<float> vectors = clustered_vectors(kRows, 16, 1);
  const Matrix<float> queries = clustered_vectors(60, 16, 2);
  for (const std::int32_t step : {10, 2}) {  // repaired; rebuilt
    const auto index = VectorIndex::build(vectors.view(), small_graph(Metric::kL2));
    std::vector<std::int32_t> gone;
    std::vector<std::int32_t> kept;
    for (std::int32_t row = 0; row < static_cast<std::int32_t>(kRows); ++row) {
      (row % step == 0 ? gone : kept).push_back(row);
    }
    ASSERT_TRUE(contains_row(bytes_of(*index), vectors.row(0)));
    index->remove(gone);
    const auto bytes = bytes_of(*index);
    for (const std::int32_t row : {gone[0], gone[7], gone.back()}) {
      EXPECT_FALSE(contains_row(bytes, vectors.row(static_cast<std::size_t>(row))));
    }
    EXPECT_TRUE(contains_row(bytes, vectors.row(1)));
    const Hits hits = index->search(queries.view(), 10, {.ef = 50});
    EXPECT_LT(hits.visited, queries.rows() * kept.size() * 3 / 4) << "walked, not scanned";
    std::size_t found = 0;
    for (std::size_t q = 0; q < queries.rows(); ++q) {
      const auto truth =
          reference::exact_search(Metric::kL2, vectors.view(), queries.row(q), 10, kept);
      for (std::size_t i = 0; i < 10; ++i) {
        ASSERT_GE(hits.rows[q * 10 + i], 0);
        ASSERT_NE(hits.rows[q * 10 + i] % step, 0);
        found += std::any_of(truth.begin(), truth.end(),
                             [&](const Scored& hit) { return hit.index == hits.rows[q * 10 + i]; });
      }
    }
    EXPECT_GE(found, 570U) << "one of " << step << " removed";
  }
}

TEST(HnswIndex, AddedRowsAreFound) {
  const Matrix<float> vectors = clustered_vectors(kRows, 16, 1);
  for (const Metric metric : {Metric::kInnerProduct, Metric::kL2, Metric::kCosine}) {
    const auto index = VectorIndex::build({vectors.view().data, 3000, 16}, small_graph(metric));
    index->remove(std::vector<std::int32_t>{5, 6, 7});
    EXPECT_EQ(index->add({vectors.view().data + 3000 * 16, 1000, 16}), 3000);
    EXPECT_EQ(index->size(), 3997U);
    const Hits hits = index->search({vectors.view().data + 3000 * 16, 1000, 16}, 10, {.ef = 30});
    std::size_t self = 0;
    for (std::size_t q = 0; q < 1000; ++q) {
      for (std::size_t i = 0; i < 10; ++i) {
        self += hits.rows[q * 10 + i] == static_cast<std::int32_t>(3000 + q);
        EXPECT_TRUE(hits.rows[q * 10 + i] < 5 || hits.rows[q * 10 + i] > 7);
      }
    }
    EXPECT_TRUE(metric == Metric::kInnerProduct || self >= 980) << metric_name(metric) << self;
  }
}

TEST(HnswIndex, AllRowsRemovedThenSomeAdded) {
  const Matrix<float> vectors = random_vectors(400, 8, 1);
  const auto index = VectorIndex::build(vectors.view(), small_graph(Metric::kL2));
  index->remove(first_rows(400));
  EXPECT_EQ(index->size(), 0U);
  EXPECT_EQ(index->search(vectors.view(), 1).rows, std::vector<std::int32_t>(400, -1));
  index->add({vectors.view().data, 50, 8});
  const Hits hits = index->search({vectors.view().data, 50, 8}, 1);
  for (std::int32_t i = 0; i < 50; ++i) EXPECT_EQ(hits.rows[static_cast<std::size_t>(i)], 400 + i);
}

TEST(HnswIndex, InterruptedBuildsAndAdditionsLeaveNothingBehind) {
  const Matrix<float> vectors = random_vectors(3000, 8, 1);
  const Progress stop = [](std::size_t done, std::size_t) {
    if (done >= 1024) throw std::runtime_error("stop");
  };
  EXPECT_THROW((void)VectorIndex::build(vectors.view(), small_graph(Metric::kL2), {}, stop),
               std::runtime_error);
  const auto index = VectorIndex::build(vectors.view(), small_graph(Metric::kL2));
  const auto before = bytes_of(*index);
  EXPECT_THROW(index->add(vectors.view(), stop), std::runtime_error);
  EXPECT_EQ(bytes_of(*index), before);
}

TEST(HnswRepair, NoListMentionsARemovedRow) {
  Built built = build(clustered_vectors(2000, 10, 3), Metric::kCosine);
  std::vector<std::int32_t> gone{built.graph.entry()};
  for (std::int32_t row = 40; row < 200; ++row) gone.push_back(row);
  std::sort(gone.begin(), gone.end());
  gone.erase(std::unique(gone.begin(), gone.end()), gone.end());
  std::vector<std::uint8_t> live(2000, 1);
  for (const std::int32_t row : gone) live[static_cast<std::size_t>(row)] = 0;
  HnswGraph threaded = built.graph;
  {
    const GraphSpace space(built.store, ProductGraph::kUnit);
    unlink_rows(built.graph, space, gone, live, 1);
    unlink_rows(threaded, space, gone, live, 4);
  }
  EXPECT_NO_THROW(built.graph.check_unlinked(gone));
  EXPECT_EQ(threaded.entry(), built.graph.entry());
  for (std::int32_t row = 0; row < 2000; ++row) {
    EXPECT_TRUE(std::ranges::equal(threaded.neighbours(row, 0), built.graph.neighbours(row, 0)));
  }
  built.store.erase(gone);
  EXPECT_GE(recall(built.graph, built.store, clustered_vectors(50, 10, 4), 10, 64), 0.95);
}

}  // namespace
}  // namespace penchant::retrieval
