// Codes: the same scores on every instruction set, near enough to rank by, gone when erased.

#include "penchant/retrieval/code_store.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "reference/exact_search.h"
#include "retrieval/vectors.h"
#include <gtest/gtest.h>

#include "penchant/base/simd.h"
#include "penchant/retrieval/byte_scan.h"
#include "penchant/retrieval/vector_store.h"

namespace penchant::retrieval {
namespace {

constexpr std::size_t kRows = 700;

class CodeStoreTest : public ::testing::Test {
 protected:
  void TearDown() override { force_simd_target("best"); }
};

// What the header says, from the bytes.
float plain_score(const CodeStore& codes, std::int32_t row, const CodeQuery& query) {
  const CodeView view = codes.view();
  const std::uint8_t* at = view.bytes + static_cast<std::size_t>(row) * view.stride;
  std::int32_t product = 0;
  for (std::size_t j = 0; j < view.used; ++j) {
    product += at[j] * query.integers[(j % 2) * view.used / 2 + j / 2];
  }
  float scale = 0;
  float bias = 0;
  std::memcpy(&scale, at + view.stride - 8, 4);
  std::memcpy(&bias, at + view.stride - 4, 4);
  const float scaled = static_cast<float>(product - query.offset) * scale;
  const float gained = scaled * query.gain;
  return gained + bias;
}

TEST_F(CodeStoreTest, ScoresAreTheHeadersOnEveryTarget) {
  std::vector<std::int32_t> rows;
  for (std::int32_t row = 0; row < 203; ++row) {
    rows.push_back((row * 37) % static_cast<std::int32_t>(kRows));
  }
  for (const std::size_t columns : {5U, 24U, 96U, 100U}) {
    const Matrix<float> vectors = testing::clustered_vectors(kRows, columns, 1);
    const Matrix<float> queries = testing::clustered_vectors(3, columns, 2);
    for (const Metric metric : {Metric::kL2, Metric::kInnerProduct}) {
      CodeStore codes(metric, columns, CodeStore::centre_of(vectors.view(), columns));
      codes.append(vectors.view(), 2);
      for (const std::string& target : simd_targets()) {
        force_simd_target(target);
        for (std::size_t q = 0; q < 3; ++q) {
          CodeQuery query;
          codes.prepare(queries.row(q), query);
          std::vector<float> scores(rows.size());
          codes.score_gathered(rows, query, scores);
          std::vector<float> range(101);
          score_codes_range(codes.view(), 50, query.view(), range);
          for (std::size_t i = 0; i < rows.size(); ++i) {
            ASSERT_EQ(scores[i], plain_score(codes, rows[i], query)) << target << ", " << columns;
          }
          for (std::size_t i = 0; i < range.size(); ++i) {
            ASSERT_EQ(range[i], plain_score(codes, static_cast<std::int32_t>(50 + i), query));
          }
        }
      }
    }
  }
}

TEST_F(CodeStoreTest, ScoresAreNearTheTrueOnes) {
  const Matrix<float> vectors = testing::clustered_vectors(kRows, 48, 1);
  const Matrix<float> queries = testing::clustered_vectors(5, 48, 2);
  CodeStore codes(Metric::kL2, 48, CodeStore::centre_of(vectors.view(), 48));
  codes.append(vectors.view());
  std::vector<std::int32_t> rows = testing::first_rows(kRows);
  std::vector<float> scores(kRows);
  for (std::size_t q = 0; q < 5; ++q) {
    CodeQuery query;
    codes.prepare(queries.row(q), query);
    codes.score_gathered(rows, query, scores);
    for (std::size_t i = 0; i < kRows; ++i) {
      const double exact = -double{reference::score(Metric::kL2, vectors.row(i), queries.row(q))};
      EXPECT_NEAR(double{query.norm - scores[i]}, exact, 0.01 * exact + 0.01);
    }
  }
}

TEST_F(CodeStoreTest, ErasedRowsLeaveNoByte) {
  const Matrix<float> vectors = testing::random_vectors(kRows, 40, 1);
  CodeStore codes(Metric::kL2, 40, CodeStore::centre_of(vectors.view(), 40));
  codes.append(vectors.view());
  const std::vector<std::int32_t> gone{0, 17, 699};
  const std::vector<std::uint8_t> before(codes.view().bytes,
                                         codes.view().bytes + kRows * codes.view().stride);
  codes.erase(gone);
  for (const std::int32_t row : gone) {
    const auto begin = before.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(row) *
                                                                    codes.view().stride);
    const std::uint8_t* all = codes.view().bytes;
    EXPECT_EQ(std::search(all, all + before.size(), begin, begin + 8), all + before.size());
  }
  // The average of a single row repeated is not that row.
  Matrix<float> same(300, 8);
  for (std::size_t i = 0; i < 300; ++i)
    std::ranges::copy(vectors.row(0).first(8), same.row(i).begin());
  const std::vector<float> centre = CodeStore::centre_of(same.view(), 8);
  for (std::size_t j = 0; j < 8; ++j) EXPECT_NE(centre[j], same.row(0)[j]);
}

// A row's bytes in strips lie four by four.
TEST_F(CodeStoreTest, ErasedRowsLeaveNoByteInAScan) {
  VectorStore store(Metric::kInnerProduct, 40);
  store.append(testing::random_vectors(kRows, 40, 1).view());
  ByteScan scan(store, std::nullopt, 1);
  const std::size_t columns = scan.columns();
  AlignedVector<std::uint8_t> code(columns);
  (void)quantize_row(store.view().row(17).first(40), code);
  const auto there = [&] {
    for (std::size_t place = 0; place < kRows; ++place) {
      bool same = true;
      for (std::size_t j = 0; j < columns && same; ++j) {
        same = scan.strips()[strip_offset(place, j / 4 * 4, columns) + j % 4] == code[j];
      }
      if (same) return true;
    }
    return false;
  };
  EXPECT_TRUE(there());
  scan.erase(std::vector<std::int32_t>{17});
  EXPECT_FALSE(there());
}

}  // namespace
}  // namespace penchant::retrieval
