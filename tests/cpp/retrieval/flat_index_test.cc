// Exact search against its plain twin, and what every index promises.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "reference/exact_search.h"
#include "retrieval/vectors.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/base/random.h"
#include "penchant/base/simd.h"
#include "penchant/retrieval/vector_index.h"

namespace penchant::retrieval {
namespace {

using testing::first_rows;
using testing::random_vectors;

constexpr float kNothing = -std::numeric_limits<float>::infinity();

void expect_equals_twin(const Hits& hits, Metric metric, MatrixView<const float> vectors,
                        MatrixView<const float> queries, std::size_t k,
                        std::span<const std::int32_t> allowed) {
  ASSERT_EQ(hits.rows.size(), queries.rows * k);
  for (std::size_t q = 0; q < queries.rows; ++q) {
    const auto wanted = reference::exact_search(metric, vectors, queries.row(q), k, allowed);
    for (std::size_t i = 0; i < k; ++i) {
      ASSERT_EQ(hits.rows[q * k + i], wanted[i].index) << "query " << q << ", place " << i;
      ASSERT_EQ(std::memcmp(&hits.scores[q * k + i], &wanted[i].score, sizeof(float)), 0)
          << "query " << q << ", place " << i;
    }
  }
}

class FlatIndex : public ::testing::TestWithParam<Metric> {
 protected:
  std::shared_ptr<VectorIndex> build(const Matrix<float>& vectors) const {
    return VectorIndex::build(vectors.view(), {.kind = IndexKind::kFlat, .metric = GetParam()});
  }
};

TEST_P(FlatIndex, EqualsTheTwinBitForBit) {
  for (const std::size_t columns : {1U, 5U, 16U, 33U}) {
    const Matrix<float> vectors = random_vectors(700, columns, columns);
    const Matrix<float> queries = random_vectors(19, columns, 100 + columns);
    const auto index = build(vectors);
    for (const std::size_t k : {1U, 10U, 800U}) {
      expect_equals_twin(index->search(queries.view(), k), GetParam(), vectors.view(),
                         queries.view(), k, first_rows(700));
    }
  }
}

TEST_P(FlatIndex, SameBitsForAnyThreadsAndInstructionSet) {
  const Matrix<float> vectors = random_vectors(3000, 24, 5);
  const Matrix<float> queries = random_vectors(100, 24, 6);
  const auto index = build(vectors);
  const Hits once = index->search(queries.view(), 7);
  for (const std::string& target : simd_targets()) {
    force_simd_target(target);
    for (const int threads : {1, 2, 8}) {
      const Hits again = build(vectors)->search(queries.view(), 7, {.threads = threads});
      EXPECT_EQ(again.rows, once.rows) << target;
      EXPECT_EQ(again.scores, once.scores) << target;
    }
  }
  force_simd_target("best");
}

TEST_P(FlatIndex, AllowListsGiveExactlyWhatIsAllowed) {
  const Matrix<float> vectors = random_vectors(500, 12, 8);
  const Matrix<float> queries = random_vectors(6, 12, 9);
  const auto index = build(vectors);
  for (const std::int32_t step : {1, 3, 90, 400}) {
    std::vector<std::int32_t> allowed;
    for (std::int32_t row = 499; row >= 0; row -= step) allowed.push_back(row);
    allowed.push_back(allowed.front());  // out of order and repeated
    const Hits hits = index->search(queries.view(), 10, {.allow = allowed});
    allowed.pop_back();
    expect_equals_twin(hits, GetParam(), vectors.view(), queries.view(), 10, allowed);
  }
  const Hits none = index->search(queries.view(), 2, {.allow = std::span<const std::int32_t>()});
  EXPECT_EQ(none.rows, std::vector<std::int32_t>(12, -1));
  EXPECT_EQ(none.scores, std::vector<float>(12, kNothing));
}

TEST_P(FlatIndex, AddsAndRemoves) {
  const Matrix<float> vectors = random_vectors(300, 9, 1);
  const Matrix<float> queries = random_vectors(5, 9, 2);
  const auto index = VectorIndex::build({vectors.view().data, 200, 9},
                                        {.kind = IndexKind::kFlat, .metric = GetParam()});
  EXPECT_EQ(index->add({vectors.view().data + 200 * 9, 100, 9}), 200);
  std::vector<std::int32_t> gone;
  std::vector<std::int32_t> kept;
  for (std::int32_t row = 0; row < 300; ++row) (row % 4 == 1 ? gone : kept).push_back(row);
  index->remove(gone);
  index->remove(gone);  // a second time changes nothing
  EXPECT_EQ(index->rows(), 300U);
  EXPECT_EQ(index->size(), kept.size());
  expect_equals_twin(index->search(queries.view(), 20), GetParam(), vectors.view(), queries.view(),
                     20, kept);
  const std::vector<std::int32_t> allowed{1, 2, 5, 6};
  expect_equals_twin(index->search(queries.view(), 3, {.allow = allowed}), GetParam(),
                     vectors.view(), queries.view(), 3, std::vector<std::int32_t>{2, 6});
  index->remove(kept);
  EXPECT_EQ(index->search(queries.view(), 1).rows, std::vector<std::int32_t>(5, -1));
}

INSTANTIATE_TEST_SUITE_P(Metrics, FlatIndex,
                         ::testing::Values(Metric::kInnerProduct, Metric::kL2, Metric::kCosine),
                         [](const auto& metric) { return std::string(metric_name(metric.param)); });

TEST(VectorIndex, TiesGoToTheSmallerRow) {
  Matrix<float> vectors(40, 3);
  for (std::size_t i = 0; i < 40; ++i) vectors.row(i)[0] = i % 2 == 0 ? 1.0F : 2.0F;
  const std::vector<float> query{1, 0, 0};
  const auto index = VectorIndex::build(vectors.view(), {.metric = Metric::kInnerProduct});
  const Hits hits = index->search({query.data(), 1, 3}, 4);
  EXPECT_EQ(hits.rows, (std::vector<std::int32_t>{1, 3, 5, 7}));
}

TEST(VectorIndex, CosineOfTheZeroVectorIsZero) {
  const std::vector<float> vectors{0, 0, -1, 0, 2, 0};
  const std::vector<float> query{5, 0};
  const auto index = VectorIndex::build({vectors.data(), 3, 2}, {.metric = Metric::kCosine});
  const Hits hits = index->search({query.data(), 1, 2}, 3);
  EXPECT_EQ(hits.rows, (std::vector<std::int32_t>{2, 0, 1}));
  EXPECT_EQ(hits.scores, (std::vector<float>{1, 0, -1}));
}

void expect_refused(const std::function<void()>& call, std::string_view part) {
  try {
    call();
    ADD_FAILURE() << "not refused: " << part;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInvalidArgument);
    EXPECT_NE(std::string_view(error.what()).find(part), std::string_view::npos) << error.what();
  }
}

TEST(VectorIndex, RefusesWhatItCantIndexNamingTheRow) {
  Matrix<float> vectors = random_vectors(30, 4, 1);
  const auto build = [&](IndexParams params = {}) {
    (void)VectorIndex::build(vectors.view(), params);
  };
  vectors.row(17)[2] = std::nanf("");
  expect_refused([&] { build(); }, "vectors, row 17, column 2: NaN");
  vectors.row(17)[2] = -std::numeric_limits<float>::infinity();
  expect_refused([&] { build(); }, "row 17, column 2: infinite");
  vectors.row(17)[2] = 1e25F;
  expect_refused([&] { build(); }, "row 17: squared norm");
  vectors.row(17)[2] = 1;
  expect_refused([&] { build({.m = 1}); }, "m is 1");
  expect_refused([&] { build({.ef_construction = 0}); }, "ef_construction");
  expect_refused([&] { build({.target_recall = 2}); }, "target_recall");
  expect_refused([&] { (void)VectorIndex::build({}, {}); }, "no vectors");
  expect_refused([] { (void)parse_kind("tree"); }, "choose one of: auto, flat, hnsw");
  expect_refused([] { (void)parse_metric("dot"); }, "choose one of: ip, l2, cosine");

  const auto index = VectorIndex::build(vectors.view(), {});
  Matrix<float> queries = random_vectors(3, 4, 2);
  expect_refused([&] { (void)index->search({queries.view().data, 4, 3}, 1); }, "3 columns");
  expect_refused([&] { (void)index->search(queries.view(), 0); }, "k is 0");
  queries.row(1)[0] = std::nanf("");
  expect_refused([&] { (void)index->search(queries.view(), 1); }, "queries, row 1, column 0: NaN");
  const std::vector<std::int32_t> beyond{3, 30};
  expect_refused([&] { index->remove(beyond); }, "row 30");
  EXPECT_EQ(index->size(), 30U);
}

TEST(VectorIndex, AutoScansFewVectorsAndSaysWhy) {
  const auto index = VectorIndex::build(random_vectors(50, 4, 1).view(), {});
  EXPECT_EQ(index->kind(), IndexKind::kFlat);
  EXPECT_EQ(index->report().kind, "flat");
  EXPECT_EQ(index->report().reason, "fewer than 20000 vectors");
}

TEST(VectorIndex, AMaskIsTheSameAsTheListOfItsRows) {
  const Matrix<float> vectors = testing::clustered_vectors(5000, 24, 1);
  const Matrix<float> queries = testing::clustered_vectors(20, 24, 2);
  const Philox random(3, 3);
  for (const IndexKind kind : {IndexKind::kFlat, IndexKind::kHnsw, IndexKind::kIvf}) {
    for (const Metric metric : {Metric::kInnerProduct, Metric::kL2}) {
      const auto index = VectorIndex::build(
          vectors.view(), {.kind = kind, .metric = metric, .m = 8, .ef_construction = 40});
      index->remove(std::vector<std::int32_t>{1, 2, 3, 4, 5});
      for (const double share : {0.0, 0.001, 0.02, 0.3, 0.9, 1.0}) {
        std::vector<std::uint8_t> mask(5000);
        std::vector<std::int32_t> rows;
        for (std::size_t row = 0; row < 5000; ++row) {
          mask[row] = random.uniform(row, 0) < share ? static_cast<std::uint8_t>(1 + row % 3) : 0;
          if (mask[row] != 0) rows.push_back(static_cast<std::int32_t>(row));
        }
        const Hits by_mask = index->search(queries.view(), 10, {.ef = 40, .mask = mask});
        const Hits by_rows = index->search(queries.view(), 10, {.ef = 40, .allow = rows});
        EXPECT_EQ(by_mask.rows, by_rows.rows);
        EXPECT_EQ(by_mask.scores, by_rows.scores);
        const auto there = static_cast<std::size_t>(
            std::count_if(rows.begin(), rows.end(), [](std::int32_t r) { return r < 1 || r > 5; }));
        for (std::size_t i = 0; i < by_mask.rows.size(); ++i) {
          const std::int32_t row = by_mask.rows[i];
          ASSERT_EQ(row >= 0, i % 10 < there) << kind_name(kind) << ", share " << share;
          if (row < 0) continue;
          EXPECT_NE(mask[static_cast<std::size_t>(row)], 0);
          EXPECT_TRUE(row < 1 || row > 5);
        }
      }
      EXPECT_THROW((void)index->search(queries.view(), 1, {.mask = std::vector<std::uint8_t>(3)}),
                   Error);
    }
  }
}

}  // namespace
}  // namespace penchant::retrieval
