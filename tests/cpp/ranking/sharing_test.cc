// Sparse features that share columns: nothing of what is learned may show it.

#include <array>
#include <limits>
#include <utility>

#include "ranking/same_forest.h"
#include "ranking/sample_rows.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/ranking/nonzero_columns.h"
#include "penchant/ranking/trainer.h"

namespace penchant::ranking {
namespace {

// Two dense columns, then one-hot levels of two categories (as 1 and as -1), some levels rare, one
// never seen; and a sparse number with missing values.
Matrix<float> one_hot_rows(std::size_t rows) {
  constexpr std::size_t kLevels = 30;
  const Philox random(5, 1);
  Matrix<float> out(rows, 2 + 2 * kLevels + 1);
  for (std::size_t i = 0; i < rows; ++i) {
    const auto row = out.row(i);
    row[0] = static_cast<float>(random.normal(i, 0));
    row[1] = static_cast<float>(random.normal(i, 1));
    for (std::uint32_t c = 0; c < 2; ++c) {
      const double u = random.uniform(i, 2 + c);
      row[2 + c * kLevels + static_cast<std::size_t>(u * u * (kLevels - 1))] = c == 0 ? 1 : -1;
    }
    if (random.uniform(i, 9) < 0.05) row[2 + 2 * kLevels] = static_cast<float>(i % 40);
    if (random.uniform(i, 10) < 0.01) row[2 + 2 * kLevels] = std::nanf("");
  }
  return out;
}

std::vector<float> labels_of(const Matrix<float>& rows) {
  const Philox random(6, 1);
  std::vector<float> out;
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const auto row = rows.row(i);
    const float z = row[0] * (1 + row[5]) + row[3] + row[40] + (std::isnan(row[62]) ? 2.0F : 0.0F);
    out.push_back(random.uniform(i, 0) < 1 / (1 + std::exp(-static_cast<double>(z))) ? 1 : 0);
  }
  return out;
}

SparseColumns<float> sparse_of(const Matrix<float>& rows) {
  std::vector<std::int64_t> begin{0};
  std::vector<std::int32_t> index;
  std::vector<float> value;
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    for (std::size_t f = 0; f < rows.columns(); ++f) {
      if (rows.row(i)[f] == 0) continue;
      index.push_back(static_cast<std::int32_t>(f));
      value.push_back(rows.row(i)[f]);
    }
    begin.push_back(static_cast<std::int64_t>(index.size()));
  }
  return columns_of_csr<float>(rows.columns(), begin, index, value);
}

ForestData train(const BinMapper& mapper, const BinnedMatrix& bins, std::vector<float> labels,
                 TreeParams tree = {}) {
  const auto objective = make_objective("logistic", {.target = std::move(labels)}, {});
  TrainParams params{.trees = 8, .tree = std::move(tree)};
  params.tree.leaves = 31;
  params.tree.threads = 2;
  Trainer trainer(mapper, bins, *objective, params);
  trainer.run({});
  return std::move(trainer).finish();
}

TEST(Sharing, ChangesNoBinAndNoTree) {
  const Matrix<float> rows = one_hot_rows(30'000);
  const BinMapper mapper = BinMapper::fit(rows.view(), {}, {});
  const auto apart = BinnedMatrix::of(rows.view(), mapper, {.share = false});
  const auto shared = BinnedMatrix::of(rows.view(), mapper, {});
  EXPECT_EQ(apart.columns(), rows.columns());
  EXPECT_LT(shared.columns(), 10U);
  for (std::size_t f = 0; f < rows.columns(); ++f) {
    for (std::size_t i = 0; i < rows.rows(); i += 7) {
      ASSERT_EQ(shared.bin(f, i), apart.bin(f, i)) << f << ' ' << i;
    }
  }
  testing::expect_same_forest(train(mapper, shared, labels_of(rows)),
                              train(mapper, apart, labels_of(rows)));
}

TEST(Sharing, ChangesNoTreeUnderConstraints) {
  const Matrix<float> rows = one_hot_rows(20'000);
  const BinMapper mapper = BinMapper::fit(rows.view(), {}, {});
  const auto apart = BinnedMatrix::of(rows.view(), mapper, {.share = false});
  const auto shared = BinnedMatrix::of(rows.view(), mapper, {});
  std::vector<std::int8_t> monotone(rows.columns(), 0);
  for (std::size_t f = 0; f < rows.columns(); f += 2) monotone[f] = f % 4 == 0 ? 1 : -1;
  std::vector<std::vector<std::int32_t>> groups(2);
  for (std::size_t f = 0; f < rows.columns(); ++f) {
    groups[f % 2].push_back(static_cast<std::int32_t>(f));
  }
  TreeParams falling;
  falling.split.monotone = monotone;
  TreeParams grouped;
  grouped.interaction = groups;
  TreeParams penalized;
  penalized.split.l1 = 2;
  penalized.split.min_gain = 1;
  penalized.split.min_leaf_rows = 400;
  for (const TreeParams& tree : {falling, grouped, penalized}) {
    testing::expect_same_forest(train(mapper, shared, labels_of(rows), tree),
                                train(mapper, apart, labels_of(rows), tree));
  }
}

// Features that are usually 0, 1 or -2, unusual in one row of twelve, where they may lie below
// that, above it, or be missing.
Matrix<float> unusual_rows(std::size_t rows) {
  constexpr std::size_t kFeatures = 12;
  constexpr std::array<float, 3> kUsual = {0, 1, -2};
  constexpr std::array<float, 5> kOthers = {-4, -1, 0.5F, 2, 3};
  const Philox random(8, 1);
  Matrix<float> out(rows, kFeatures + 1);
  for (std::size_t i = 0; i < rows; ++i) {
    const auto row = out.row(i);
    for (std::size_t f = 0; f < kFeatures; ++f) row[f] = kUsual[f % 3];
    const bool missing = random.uniform(i, 0) < 0.1;
    row[i % kFeatures] = missing ? std::nanf("") : kOthers[random.below(5, i, 1)];
    row[kFeatures] = static_cast<float>(random.normal(i, 2));
  }
  return out;
}

TEST(Sharing, HoldsWhateverBinIsTheUsualOne) {
  const Matrix<float> rows = unusual_rows(20'000);
  std::vector<float> labels;
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const auto row = rows.row(i);
    float z = row[12] / 2;
    for (std::size_t f = 0; f < 12; ++f) {
      if (std::isnan(row[f])) z += f % 2 == 0 ? 1.5F : -1.5F;
      if (!std::isnan(row[f])) z += row[f] * (f % 4 < 2 ? 0.5F : -0.7F);
    }
    labels.push_back(z > 0 ? 1 : 0);
  }
  // Once as numbers, once some as categories, whose bins are in the order of their weights.
  for (const std::vector<std::int32_t>& categorical :
       {std::vector<std::int32_t>{}, std::vector<std::int32_t>{1, 3, 4}}) {
    const BinMapper mapper = BinMapper::fit(rows.view(), {}, {.categorical = categorical});
    const auto apart = BinnedMatrix::of(rows.view(), mapper, {.share = false});
    const auto shared = BinnedMatrix::of(rows.view(), mapper, {});
    EXPECT_LT(shared.columns(), 4U);
    for (std::size_t f = 0; f < rows.columns(); ++f) {
      for (std::size_t i = 0; i < rows.rows(); ++i) {
        ASSERT_EQ(shared.bin(f, i), apart.bin(f, i)) << f << ' ' << i;
      }
    }
    testing::expect_same_forest(train(mapper, shared, labels), train(mapper, apart, labels));
  }
}

TEST(Sharing, LetsGoOfFeaturesThatMeetWhereNobodyLooked) {
  // More rows than are looked at; in one that is not, everything is set and something missing.
  Matrix<float> rows = one_hot_rows(70'000);
  constexpr std::size_t kUnseen = 1'024 + 5;
  for (float& x : rows.row(kUnseen).subspan(2, 20)) x = 1;
  rows.row(kUnseen)[30] = std::nanf("");
  const BinMapper mapper = BinMapper::fit(rows.view(), {}, {});
  const auto shared = BinnedMatrix::of(rows.view(), mapper, {.threads = 2});
  const auto apart = BinnedMatrix::of(rows.view(), mapper, {.share = false});
  EXPECT_LT(shared.columns(), 40U);
  for (std::size_t f = 0; f < rows.columns(); ++f) {
    ASSERT_EQ(shared.bin(f, kUnseen), apart.bin(f, kUnseen)) << f;
    for (std::size_t i = 0; i < rows.rows(); i += 13) {
      ASSERT_EQ(shared.bin(f, i), apart.bin(f, i)) << f << ' ' << i;
    }
  }
}

TEST(Sharing, LeavesDenseFeaturesAlone) {
  const Matrix<double> rows = testing::sample_rows(5'000, 11, 3);
  const BinMapper mapper = BinMapper::fit(rows.view(), {}, {});
  const auto bins = BinnedMatrix::of(rows.view(), mapper, {});
  EXPECT_EQ(bins.columns(), rows.columns());
}

TEST(SparseRows, AreBinnedAsTheDenseOnes) {
  const Matrix<float> rows = one_hot_rows(20'000);
  const SparseColumns<float> sparse = sparse_of(rows);
  std::vector<float> weights;
  for (std::size_t i = 0; i < rows.rows(); ++i) weights.push_back(static_cast<float>(i % 5));
  for (const bool weighted : {false, true}) {
    const std::span<const float> weight = weighted ? weights : std::span<const float>();
    const BinMapper dense = BinMapper::fit(rows.view(), weight, {.sample_rows = 9'000});
    const BinMapper mapper = BinMapper::fit(sparse, weight, {.sample_rows = 9'000});
    const auto bins = BinnedMatrix::of(rows.view(), dense, {.share = false});
    const auto from_sparse = BinnedMatrix::of(sparse, mapper, {});
    for (std::size_t f = 0; f < rows.columns(); ++f) {
      ASSERT_EQ(mapper.feature(f).bounds, dense.feature(f).bounds) << f;
      for (std::size_t i = 0; i < rows.rows(); i += 11) {
        ASSERT_EQ(from_sparse.bin(f, i), bins.bin(f, i)) << f << ' ' << i;
      }
    }
  }
}

template <class T>
void expect_nonzero_cells(std::size_t rows, std::size_t columns) {
  const Philox random(11, 1);
  Matrix<T> dense(rows, columns);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t c = 0; c < columns; ++c) {
      const double u = random.uniform(i, static_cast<std::uint32_t>(c));
      T& value = dense.row(i)[c];
      if (u < 0.3) value = T{-0.0};
      if (u < 0.06) value = static_cast<T>(u - 0.03);
      if (u < 0.01) value = std::numeric_limits<T>::quiet_NaN();
    }
  }
  const auto one = nonzero_columns(std::as_const(dense).view(), 1);
  ASSERT_TRUE(one.has_value());
  ASSERT_EQ(one->rows, rows);
  ASSERT_EQ(one->columns(), columns);
  for (std::size_t c = 0; c < columns; ++c) {
    std::size_t at = one->begin[c];
    for (std::size_t i = 0; i < rows; ++i) {
      const T value = dense.row(i)[c];
      if (value == 0) continue;
      ASSERT_LT(at, one->begin[c + 1]);
      ASSERT_EQ(one->row[at], i);
      ASSERT_TRUE(std::isnan(value) || one->value[at] == value);
      ASSERT_EQ(std::isnan(one->value[at++]), std::isnan(value));
    }
    ASSERT_EQ(at, one->begin[c + 1]);
  }
  for (const int threads : {2, 8}) {
    const auto more = nonzero_columns(std::as_const(dense).view(), threads);
    EXPECT_EQ(more->begin, one->begin);
    EXPECT_EQ(more->row, one->row);
  }
}

TEST(NonzeroColumns, AreThoseOfTheDenseRows) {
  expect_nonzero_cells<float>(5'000, 70);
  expect_nonzero_cells<double>(2'100, 33);
  expect_nonzero_cells<float>(1'500, 3);
}

TEST(NonzeroColumns, AreNotMadeOfRowsThatAreFull) {
  Matrix<float> rows(3'000, 20);
  EXPECT_TRUE(nonzero_columns(std::as_const(rows).view(), 2).has_value());
  // Where nobody looks: of the many rows between those that are.
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    if (i % 5 != 0) std::ranges::fill(rows.row(i), 1.0F);
  }
  EXPECT_FALSE(nonzero_columns(std::as_const(rows).view(), 2).has_value());
  EXPECT_FALSE(nonzero_columns(MatrixView<const float>{rows.view().data, 0, 20}, 2).has_value());
}

TEST(SparseRows, AreRefusedWhenTheyDoNotFit) {
  using Begin = std::vector<std::int64_t>;
  using Index = std::vector<std::int32_t>;
  const auto refused = [](const Begin& begin, const Index& index, std::size_t values) {
    const std::vector<float> value(values, 1.0F);
    EXPECT_THROW((void)columns_of_csr<float>(3, begin, index, value), Error);
  };
  refused({}, {}, 0);
  refused({0, 2}, {0, 1}, 1);
  refused({0, 2, 1, 2}, {0, 1}, 2);
  refused({0, 9, 2}, {0, 1}, 2);
  refused({1, 2}, {0, 1}, 2);
  refused({0, 2}, {0, 3}, 2);
  refused({0, 2}, {0, -1}, 2);
  refused({0, 2}, {1, 1}, 2);
  EXPECT_EQ(columns_of_csr<float>(3, Begin{0, 0, 2}, Index{2, 0}, std::vector<float>{5, 6}).begin,
            (std::vector<std::size_t>{0, 1, 1, 2}));
}

}  // namespace
}  // namespace penchant::ranking
