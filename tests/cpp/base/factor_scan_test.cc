#include "penchant/base/factor_scan.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/base/int16_kernels.h"
#include "penchant/base/kernels.h"
#include "penchant/base/random.h"
#include "penchant/base/rank_kernels.h"
#include "penchant/base/simd.h"

namespace penchant {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Rows whose norms fall off like a catalogue's, with duplicates (ties), zero rows and spikes.
Matrix<float> random_rows(std::uint64_t seed, std::size_t rows, std::size_t columns, bool skewed) {
  const Philox random(seed, 3);
  Matrix<float> out(rows, columns);
  for (std::size_t i = 0; i < rows; ++i) {
    const double size = skewed ? 1.0 / (1.0 + static_cast<double>(i % 97)) : 1.0;
    for (std::size_t j = 0; j < columns; ++j) {
      out.row(i)[j] = static_cast<float>(random.normal(i, static_cast<std::uint32_t>(j)) * size);
    }
    const std::uint32_t kind = random.below(20, i, 1'000'000);
    if (kind == 0) std::ranges::fill(out.row(i), 0.0F);
    if (kind == 1 && i > 0) std::ranges::copy(out.row(i - 1), out.row(i).begin());
    if (kind == 2) out.row(i)[i % columns] = 50.0F;
    if (kind == 3) std::ranges::fill(out.row(i), -0.25F);
  }
  return out;
}

struct Case {
  std::vector<float> vector;
  std::vector<ItemIndex> skipped;
  std::vector<std::uint8_t> allowed;
  std::vector<float> thresholds;
  std::size_t k = 0;
  Scored pivot;
};

// What the header promises, by scoring every row and sorting.
FactorScan::Answer plainly(MatrixView<const float> rows, const Case& query) {
  std::vector<float> scores(rows.rows);
  dot_rows(rows, query.vector, scores);
  FactorScan::Answer out;
  std::vector<Scored> listed;
  for (std::size_t i = 0; i < rows.rows; ++i) {
    const Scored row{scores[i], static_cast<std::int32_t>(i)};
    for (const float threshold : query.thresholds) {
      out.twice_below += (row.score < threshold ? 1 : 0) + (row.score <= threshold ? 1 : 0);
    }
    if (!query.thresholds.empty() && ranks_before(row, query.pivot)) ++out.before;
    if (!query.allowed.empty() && query.allowed[i] == 0) continue;
    if (std::ranges::count(query.skipped, ItemIndex{row.index}) > 0) continue;
    listed.push_back(row);
  }
  std::ranges::sort(listed, ranks_before);
  listed.resize(std::min(listed.size(), query.k));
  out.best = listed;
  return out;
}

Case random_case(std::uint64_t seed, MatrixView<const float> rows, std::uint64_t q) {
  const Philox random(seed, 4);
  Case out;
  for (std::size_t j = 0; j < rows.columns; ++j) {
    out.vector.push_back(
        static_cast<float>(random.normal(q, static_cast<std::uint32_t>(j)) * (q % 3 == 0 ? 9 : 1)));
  }
  out.k = std::vector<std::size_t>{0, 1, 20, 333}[random.below(4, q, 100'001)];
  for (std::size_t i = 0; i < rows.rows; ++i) {
    const auto step = static_cast<std::uint32_t>(200'000 + i);
    if (random.below(9, q, step) == 0) out.skipped.emplace_back(static_cast<std::int32_t>(i));
    if (q % 4 == 1) out.allowed.push_back(random.below(3, q, step + 500'000) == 0 ? 1 : 0);
  }
  const std::uint32_t count = random.below(40, q, 100'002);
  for (std::uint32_t t = 0; t < count; ++t) {
    // Scores of rows, so that there are ties; the last of all rows at times.
    const std::size_t row = random.below(static_cast<std::uint32_t>(rows.rows), q, 300 + t);
    const float score = dot(rows.row(row), out.vector);
    out.thresholds.push_back(score);
    const Scored hit{score, static_cast<std::int32_t>(row)};
    if (t == 0 || ranks_before(hit, out.pivot)) out.pivot = hit;
  }
  std::ranges::sort(out.thresholds);
  return out;
}

void expect_exact(MatrixView<const float> rows, const FactorScan& scan,
                  const std::vector<Case>& cases) {
  std::vector<FactorScan::Query> queries;
  for (const Case& each : cases) {
    ASSERT_TRUE(scan.accepts(each.vector));
    queries.push_back({each.vector, each.k, each.skipped, each.allowed, each.thresholds, each.pivot,
                       !each.thresholds.empty()});
  }
  std::vector<FactorScan::Answer> answers(cases.size());
  scan.run(queries, answers);
  for (std::size_t q = 0; q < cases.size(); ++q) {
    const FactorScan::Answer want = plainly(rows, cases[q]);
    EXPECT_EQ(answers[q].twice_below, want.twice_below) << q;
    EXPECT_EQ(answers[q].before, want.before) << q;
    ASSERT_EQ(answers[q].best.size(), want.best.size()) << q;
    for (std::size_t i = 0; i < want.best.size(); ++i) {
      EXPECT_EQ(answers[q].best[i].index, want.best[i].index) << q << " rank " << i;
      EXPECT_EQ(answers[q].best[i].score, want.best[i].score) << q << " rank " << i;
    }
  }
}

TEST(FactorScan, AnswersWhatSortingEveryScoreWould) {
  for (const std::string& target : simd_targets()) {
    force_simd_target(target);
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      const std::size_t num_rows = std::vector<std::size_t>{1, 15, 256, 300, 1000, 2049}[seed];
      const std::size_t columns = std::vector<std::size_t>{1, 16, 64, 33, 128, 7}[seed];
      const Matrix<float> rows = random_rows(seed, num_rows, columns, seed % 2 == 0);
      const FactorScan scan(rows.view());
      ASSERT_TRUE(scan.usable());
      std::vector<Case> cases;
      for (std::uint64_t q = 0; q < 45; ++q) cases.push_back(random_case(seed, rows.view(), q));
      expect_exact(rows.view(), scan, cases);
    }
  }
  force_simd_target("best");
}

TEST(FactorScan, NearTiesFallAsTheServedScoresSay) {
  // Rows that differ in the last bits only: no first pass can tell them apart.
  Matrix<float> rows(700, 48);
  const Philox random(5, 0);
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    for (std::size_t j = 0; j < 48; ++j) {
      const float base = static_cast<float>(random.normal(j, 0));
      const auto nudge = static_cast<float>(random.below(3, i, static_cast<std::uint32_t>(j)));
      rows.row(i)[j] = base * (1 + nudge * 0x1p-23F);
    }
  }
  const FactorScan scan(rows.view());
  std::vector<Case> cases;
  for (std::uint64_t q = 0; q < 20; ++q) cases.push_back(random_case(6, rows.view(), q));
  expect_exact(rows.view(), scan, cases);
}

TEST(FactorScan, ExtremesAreRefusedOrExact) {
  Matrix<float> rows = random_rows(1, 300, 8, false);
  const std::vector<float> zero(8, 0.0F);
  const FactorScan scan(rows.view());
  EXPECT_FALSE(scan.accepts(zero));
  EXPECT_FALSE(scan.accepts(std::vector<float>(7, 1.0F)));
  for (const float bad : {kInf, -kInf, kNan, 1e30F, 1e-30F}) {
    EXPECT_FALSE(scan.accepts(std::vector<float>(8, bad))) << bad;
    Matrix<float> other = random_rows(1, 300, 8, false);
    std::ranges::fill(other.row(17), bad);
    EXPECT_FALSE(FactorScan(other.view()).usable()) << bad;
  }
  EXPECT_FALSE(FactorScan(MatrixView<const float>{}).usable());
  // From the smallest norms that are taken to the largest, in one matrix.
  for (std::size_t i = 0; i < 300; ++i) {
    const float size = i % 3 == 0 ? 1e-12F : i % 3 == 1 ? 1.0F : 1e12F;
    for (float& v : rows.row(i)) v *= size;
  }
  const FactorScan wide(rows.view());
  ASSERT_TRUE(wide.usable());
  for (const float size : {1e-10F, 1.0F, 1e10F}) {
    std::vector<Case> cases;
    for (std::uint64_t q = 0; q < 12; ++q) {
      Case each = random_case(8, rows.view(), q);
      for (float& v : each.vector) v *= size;
      for (float& t : each.thresholds) t *= size;  // between scores now, no longer of a row
      std::ranges::sort(each.thresholds);
      if (!each.thresholds.empty()) each.pivot.score = each.thresholds.back();
      cases.push_back(each);
    }
    expect_exact(rows.view(), wide, cases);
  }
}

TEST(FactorScan, RefusesTooManyQueriesAndVectorsItDoesNotAccept) {
  const Matrix<float> rows = random_rows(1, 20, 8, false);
  const FactorScan scan(rows.view());
  const std::vector<float> vector(8, 1.0F);
  std::vector<FactorScan::Query> queries(FactorScan::kQueries + 1);
  for (auto& each : queries) each.vector = vector;
  std::vector<FactorScan::Answer> answers(queries.size());
  EXPECT_THROW(scan.run(queries, answers), Error);
  const std::vector<float> nothing(8, 0.0F);
  queries.resize(1);
  answers.resize(1);
  queries[0].vector = nothing;
  EXPECT_THROW(scan.run(queries, answers), Error);
}

TEST(Int16Products, EqualPlainSumsAtEachInstructionSet) {
  const Philox random(2, 0);
  const std::size_t columns = 48;
  std::vector<std::vector<std::int16_t>> rows(32, std::vector<std::int16_t>(columns));
  AlignedVector<std::int16_t> strips(rows.size() * columns);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      rows[i][j] = static_cast<std::int16_t>(
          static_cast<int>(random.below(13000, i, static_cast<std::uint32_t>(j))) - 6500);
      strips[i / 16 * 16 * columns + j / 2 * 32 + i % 16 * 2 + j % 2] = rows[i][j];
    }
  }
  for (const std::string& target : simd_targets()) {
    force_simd_target(target);
    for (std::size_t count = 0; count <= 11; ++count) {
      std::vector<std::vector<std::int32_t>> sums(count, std::vector<std::int32_t>(rows.size()));
      std::vector<const std::int16_t*> queries;
      std::vector<std::int32_t*> outs;
      for (std::size_t q = 0; q < count; ++q) {
        queries.push_back(rows[31 - q].data());
        outs.push_back(sums[q].data());
      }
      int16_products(strips, columns, queries, outs);
      for (std::size_t q = 0; q < count; ++q) {
        for (std::size_t i = 0; i < rows.size(); ++i) {
          std::int32_t want = 0;
          for (std::size_t j = 0; j < columns; ++j) want += rows[31 - q][j] * rows[i][j];
          ASSERT_EQ(sums[q][i], want) << target << " query " << q << " row " << i;
        }
      }
    }
  }
  force_simd_target("best");
}

TEST(RankKernels, CountAndSelectAsLoopsDo) {
  const Philox random(3, 0);
  for (const std::string& target : simd_targets()) {
    force_simd_target(target);
    for (const std::size_t n : {0U, 1U, 7U, 16U, 33U, 5000U}) {
      std::vector<float> scores;
      for (std::size_t i = 0; i < n; ++i) {
        const std::uint32_t kind = random.below(30, i, 1);
        const auto score = static_cast<float>(random.below(50, i, 2));
        scores.push_back(kind == 0 ? kNan : kind == 1 ? -kInf : kind == 2 ? kInf : score);
      }
      for (const std::vector<float>& thresholds :
           {std::vector<float>{}, {25.0F}, {-kInf, 3.0F, 3.0F, 49.5F, kInf}}) {
        std::int64_t want = 0;
        for (const float t : thresholds) {
          for (const float s : scores) want += (s < t ? 1 : 0) + (s <= t ? 1 : 0);
        }
        EXPECT_EQ(twice_below(scores, thresholds), want) << target << " " << n;
      }
      std::vector<std::uint32_t> positions(n);
      for (const float floor : {-kInf, 30.0F, kInf}) {
        std::vector<std::uint32_t> want;
        for (std::size_t i = 0; i < n; ++i) {
          if (scores[i] >= floor) want.push_back(static_cast<std::uint32_t>(i));
        }
        const std::size_t found = select_not_below(scores, floor, positions);
        EXPECT_EQ(std::vector<std::uint32_t>(positions.begin(), positions.begin() + found), want);
      }
    }
  }
  force_simd_target("best");
}

}  // namespace
}  // namespace penchant
