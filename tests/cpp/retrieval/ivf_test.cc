// Lists around centres: recall, exactly k, one result everywhere, changes.

#include <algorithm>

#include "reference/exact_search.h"
#include "retrieval/vectors.h"
#include <gtest/gtest.h>

#include "penchant/base/simd.h"
#include "penchant/retrieval/vector_index.h"

namespace penchant::retrieval {
namespace {

using testing::clustered_vectors;
using testing::factor_vectors;
using testing::first_rows;

constexpr std::size_t kRows = 3000;
constexpr std::size_t kColumns = 20;

IndexParams params_of(Metric metric) {
  return {.kind = IndexKind::kIvf, .metric = metric, .threads = 1, .seed = 5};
}

AlignedVector<std::byte> bytes_of(const VectorIndex& index) {
  bundle::Writer writer;
  index.save(writer, "index");
  return writer.to_bytes("{}");
}

double recall(const Hits& hits, Metric metric, const Matrix<float>& vectors,
              const Matrix<float>& queries, std::span<const std::int32_t> allowed) {
  std::size_t found = 0;
  for (std::size_t q = 0; q < queries.rows(); ++q) {
    const auto truth =
        reference::exact_search(metric, vectors.view(), queries.row(q), hits.k, allowed);
    for (std::size_t i = 0; i < hits.k; ++i) {
      found += std::any_of(truth.begin(), truth.end(), [&](const Scored& hit) {
        return hit.index == hits.rows[q * hits.k + i];
      });
    }
  }
  return static_cast<double>(found) / static_cast<double>(queries.rows() * hits.k);
}

TEST(Ivf, ReachesTheRecallThatItMeasured) {
  const Matrix<float> queries = clustered_vectors(60, kColumns, 2);
  for (const Metric metric : {Metric::kInnerProduct, Metric::kL2, Metric::kCosine}) {
    const Matrix<float> vectors = metric == Metric::kInnerProduct
                                      ? factor_vectors(kRows, kColumns, 1)
                                      : clustered_vectors(kRows, kColumns, 1);
    const auto index = VectorIndex::build(vectors.view(), params_of(metric), queries.view());
    EXPECT_EQ(index->kind(), IndexKind::kIvf);
    EXPECT_EQ(index->report().queries, 60);
    EXPECT_GE(index->report().recall_at_10, 0.99) << metric_name(metric);
    const Hits hits = index->search(queries.view(), 10);
    EXPECT_GE(recall(hits, metric, vectors, queries, first_rows(kRows)), 0.985)
        << metric_name(metric);
    EXPECT_LT(hits.visited, queries.rows() * kRows) << metric_name(metric);
    // All lists: everything is found.
    const Hits all = index->search(queries.view(), 10, {.ef = 1000});
    EXPECT_EQ(recall(all, metric, vectors, queries, first_rows(kRows)), 1) << metric_name(metric);
  }
}

// Where nothing is near anything, more lists must be visited, and the report says so.
TEST(Ivf, ReachesItsRecallOnVectorsWithoutClustersToo) {
  const Matrix<float> vectors = testing::random_vectors(kRows, kColumns, 1);
  const Matrix<float> queries = testing::random_vectors(60, kColumns, 2);
  for (const Metric metric : {Metric::kInnerProduct, Metric::kL2}) {
    const auto index = VectorIndex::build(vectors.view(), params_of(metric));
    EXPECT_TRUE(index->report().held_out);
    EXPECT_GE(index->report().recall_at_10, 0.99) << metric_name(metric);
    EXPECT_GE(
        recall(index->search(queries.view(), 10), metric, vectors, queries, first_rows(kRows)),
        0.97)
        << metric_name(metric);
  }
}

TEST(Ivf, GivesKWhereTheNearestListsHoldFewer) {
  const Matrix<float> vectors = clustered_vectors(400, kColumns, 1);
  const auto index = VectorIndex::build(vectors.view(), params_of(Metric::kL2));
  const Hits hits = index->search(clustered_vectors(10, kColumns, 2).view(), 300, {.ef = 1});
  for (const std::int32_t row : hits.rows) EXPECT_GE(row, 0);
}

TEST(Ivf, SameBytesAndAnswersOnEveryInstructionSetAndThreadCount) {
  const Matrix<float> vectors = factor_vectors(1500, kColumns, 4);
  const Matrix<float> queries = clustered_vectors(40, kColumns, 5);
  for (const Metric metric : {Metric::kInnerProduct, Metric::kL2}) {
    IndexParams params = params_of(metric);
    const auto first = VectorIndex::build(vectors.view(), params);
    const Hits wanted = first->search(queries.view(), 10, {.ef = 3});
    for (const std::string& target : simd_targets()) {
      force_simd_target(target);
      for (const int threads : {1, 2, 8}) {
        params.threads = threads;
        const auto index = VectorIndex::build(vectors.view(), params);
        EXPECT_EQ(bytes_of(*index), bytes_of(*first)) << target;
        const Hits hits = index->search(queries.view(), 10, {.ef = 3, .threads = threads});
        EXPECT_EQ(hits.rows, wanted.rows) << target;
        EXPECT_EQ(hits.scores, wanted.scores) << target;
      }
    }
    force_simd_target("best");
  }
}

TEST(Ivf, RowsComeAndGo) {
  const Matrix<float> vectors = clustered_vectors(kRows, 16, 1);
  const auto index = VectorIndex::build({vectors.view().data, 2000, 16}, params_of(Metric::kL2));
  std::vector<std::int32_t> gone;
  for (std::int32_t row = 0; row < 2000; row += 3) gone.push_back(row);
  index->remove(gone);
  index->add({vectors.view().data + 2000 * 16, 1000, 16});
  const auto bytes = bytes_of(*index);
  for (const std::size_t row : {0U, 3U, 999U}) {
    const auto needle = std::as_bytes(vectors.row(row));
    EXPECT_EQ(std::search(bytes.begin(), bytes.end(), needle.begin(), needle.end()), bytes.end());
  }
  std::vector<std::int32_t> kept;
  for (std::int32_t row = 0; row < static_cast<std::int32_t>(kRows); ++row) {
    if (row >= 2000 || row % 3 != 0) kept.push_back(row);
  }
  const Matrix<float> queries = clustered_vectors(40, 16, 2);
  EXPECT_EQ(
      recall(index->search(queries.view(), 10, {.ef = 1000}), Metric::kL2, vectors, queries, kept),
      1);
}

}  // namespace
}  // namespace penchant::retrieval
