// The scan by bytes against the scan by floats: the same hits, bit for bit, whatever the vectors.

#include "penchant/retrieval/byte_scan.h"

#include <cmath>

#include "retrieval/vectors.h"
#include <gtest/gtest.h>

#include "penchant/base/simd.h"
#include "penchant/retrieval/exact_search.h"

namespace penchant::retrieval {
namespace {

constexpr std::size_t kRows = 3000;

void expect_exact(const VectorStore& store, const ByteScan& scan, const Matrix<float>& queries,
                  std::size_t k, std::span<const std::uint8_t> allowed, const char* what) {
  const AlignedVector<float> prepared = store.prepare(queries.view(), "queries");
  std::vector<std::int32_t> rows;
  for (std::int32_t row = 0; row < static_cast<std::int32_t>(store.rows()); ++row) {
    const bool out = store.any_removed() && store.is_removed(row);
    if (!out && (allowed.empty() || allowed[static_cast<std::size_t>(row)] != 0)) {
      rows.push_back(row);
    }
  }
  std::vector<Scored> wanted(k);
  std::vector<Scored> together(k * queries.rows());
  std::vector<std::uint64_t> read(queries.rows());
  scan.search(store, {prepared.data(), queries.rows(), store.stride()}, k, allowed, together, read);
  for (std::size_t q = 0; q < queries.rows(); ++q) {
    const MatrixView<const float> query{prepared.data() + q * store.stride(), 1, store.stride()};
    exact_search(store, query, std::span<const std::int32_t>(rows), k, 1, wanted);
    std::vector<Scored> hits(k);
    std::uint64_t alone = 0;
    scan.search(store, query, k, allowed, hits, {&alone, 1});
    ASSERT_EQ(read[q], alone) << what;
    for (std::size_t i = 0; i < k; ++i) {
      for (const Scored& hit : {hits[i], together[q * k + i]}) {
        ASSERT_EQ(hit.index, wanted[i].index) << what << ", query " << q << ", place " << i;
        ASSERT_EQ(hit.score, wanted[i].score) << what << ", query " << q << ", place " << i;
      }
    }
  }
}

VectorStore store_of(const Matrix<float>& vectors, Metric metric) {
  VectorStore store(metric, vectors.columns());
  store.append(vectors.view());
  return store;
}

class ByteScanTest : public ::testing::Test {
 protected:
  void TearDown() override { force_simd_target("best"); }
};

TEST_F(ByteScanTest, EqualsTheScanByFloats) {
  std::vector<std::uint8_t> third(kRows);
  for (std::size_t i = 0; i < kRows; ++i) third[i] = i % 3 == 0 ? 1 : 0;
  for (const std::size_t columns : {3U, 20U, 64U}) {
    const Matrix<float> queries = testing::clustered_vectors(20, columns, 2);
    const Matrix<float> factors = testing::factor_vectors(kRows, columns, 1);
    const Matrix<float> plain = testing::random_vectors(kRows, columns, 1);
    for (const Metric metric : {Metric::kInnerProduct, Metric::kCosine, Metric::kL2}) {
      for (const auto* vectors : {&factors, &plain}) {
        const VectorStore store = store_of(*vectors, metric);
        const ByteScan scan(store, std::nullopt, 2);
        for (const std::string& target : simd_targets()) {
          force_simd_target(target);
          expect_exact(store, scan, queries, 10, {}, "all");
          expect_exact(store, scan, queries, 100, third, "a third");
        }
      }
    }
  }
}

TEST_F(ByteScanTest, TiesAndWildMagnitudesToo) {
  // Few distinct values: whole groups of equal scores. Then lengths from 1e-30 to 1e15, products
  // that underflow, rows and queries of zeros.
  Matrix<float> equal(kRows, 4);
  for (std::size_t i = 0; i < kRows; ++i) {
    for (std::size_t j = 0; j < 4; ++j) equal.row(i)[j] = static_cast<float>((i >> j) % 3) - 1.0F;
  }
  Matrix<float> wild = testing::random_vectors(kRows, 9, 7);
  for (std::size_t i = 0; i < kRows; ++i) {
    const auto size = static_cast<float>(std::pow(10.0, static_cast<double>(i % 46) - 30.0));
    for (float& x : wild.row(i)) x *= i % 50 == 49 ? 0.0F : size;
  }
  Matrix<float> tiny = testing::random_vectors(kRows, 9, 8);
  for (float& x : tiny.view().flat()) x *= 1e-22F;
  Matrix<float> queries(5, 4);
  for (std::size_t j = 0; j < 4; ++j) queries.row(1)[j] = static_cast<float>(j);
  queries.row(2)[0] = 1;
  queries.row(3)[1] = 1e-38F;
  queries.row(4)[2] = -1e10F;
  for (const Metric metric : {Metric::kInnerProduct, Metric::kL2}) {
    const VectorStore equal_store = store_of(equal, metric);
    expect_exact(equal_store, ByteScan(equal_store, std::nullopt, 1), queries, 50, {}, "equal");
  }
  Matrix<float> asked = testing::random_vectors(8, 9, 9);
  for (float& x : asked.row(1)) x *= 1e-25F;
  for (float& x : asked.row(2)) x *= 1e-36F;
  for (float& x : asked.row(3)) x *= 1e12F;
  for (float& x : asked.row(4)) x = 0;
  for (float& x : asked.row(5)) x *= 1e-44F;
  for (const auto* vectors : {&wild, &tiny}) {
    for (const Metric metric : {Metric::kInnerProduct, Metric::kL2}) {
      const VectorStore store = store_of(*vectors, metric);
      const ByteScan scan(store, std::nullopt, 1);
      expect_exact(store, scan, asked, 10, {}, "wild");
      expect_exact(store, scan, asked, 200, {}, "wild");
    }
  }
}

TEST_F(ByteScanTest, LongRowsEndTheScanEarly) {
  Matrix<float> vectors = testing::random_vectors(20'000, 32, 1);
  for (std::size_t i = 0; i < vectors.rows(); ++i) {
    const auto length = static_cast<float>(1.0 / (1.0 + 0.01 * static_cast<double>(i)));
    for (float& x : vectors.row(i)) x *= length;
  }
  const VectorStore store = store_of(vectors, Metric::kInnerProduct);
  const ByteScan scan(store, std::nullopt, 1);
  const Matrix<float> queries = testing::random_vectors(10, 32, 2);
  expect_exact(store, scan, queries, 10, {}, "falling");
  const AlignedVector<float> prepared = store.prepare(queries.view(), "queries");
  std::vector<Scored> hits(10);
  std::uint64_t read = 0;
  scan.search(store, {prepared.data(), 1, store.stride()}, 10, {}, hits, {&read, 1});
  EXPECT_LT(read, 5000U);
}

// Far from the origin the centre is what makes bytes say anything.
TEST_F(ByteScanTest, FewFloatsAreReadOfDistances) {
  Matrix<float> vectors = testing::clustered_vectors(20'000, 48, 1);
  Matrix<float> queries = testing::clustered_vectors(20, 48, 2);
  for (auto* some : {&vectors, &queries}) {
    for (std::size_t i = 0; i < some->rows(); ++i) {
      for (float& x : some->row(i)) x += 30.0F;
    }
  }
  const VectorStore store = store_of(vectors, Metric::kL2);
  expect_exact(store, ByteScan(store, std::nullopt, 2), queries, 10, {}, "far");
}

TEST_F(ByteScanTest, SomeRowsAreScannedAsAStoreOfTheseWouldBe) {
  const Matrix<float> queries = testing::clustered_vectors(30, 24, 2);
  for (const Metric metric : {Metric::kInnerProduct, Metric::kL2}) {
    const VectorStore store = store_of(testing::factor_vectors(kRows, 24, 1), metric);
    for (const std::size_t step : {1U, 7U, 500U}) {
      std::vector<std::uint8_t> mask(kRows, 0);
      std::vector<std::int32_t> rows;
      for (std::size_t row = 2; row < kRows; row += step) {
        mask[row] = 1;
        rows.push_back(static_cast<std::int32_t>(row));
      }
      const ByteScan some(store, rows, 1);
      EXPECT_EQ(some.rows(), rows.size());
      expect_exact(store, some, queries, 10, mask, "some");
    }
  }
}

TEST_F(ByteScanTest, ErasedRowsAreNotFound) {
  for (const Metric metric : {Metric::kInnerProduct, Metric::kL2}) {
    VectorStore store = store_of(testing::factor_vectors(kRows, 16, 1), metric);
    ByteScan scan(store, std::nullopt, 1);
    std::vector<std::int32_t> gone;
    for (std::int32_t row = 0; row < static_cast<std::int32_t>(kRows); row += 4) {
      gone.push_back(row);
    }
    store.erase(gone);
    scan.erase(gone);
    scan.erase(gone);
    EXPECT_EQ(scan.rows(), kRows - gone.size());
    const Matrix<float> queries = testing::clustered_vectors(20, 16, 2);
    expect_exact(store, scan, queries, 30, {}, "erased");
    expect_exact(store, ByteScan(store, std::nullopt, 1), queries, 30, {}, "built anew");
  }
}

}  // namespace
}  // namespace penchant::retrieval
