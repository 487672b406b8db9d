#include "penchant/ranking/binning.h"

#include <algorithm>
#include <limits>

#include "ranking/sample_rows.h"
#include "reference/plain_trees.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/ranking/binned_matrix.h"

namespace penchant::ranking {
namespace {

template <class T>
Matrix<T> as(const Matrix<double>& rows) {
  Matrix<T> out(rows.rows(), rows.columns());
  std::transform(rows.view().flat().begin(), rows.view().flat().end(), out.view().flat().begin(),
                 [](double x) { return static_cast<T>(x); });
  return out;
}

template <class T>
void expect_plain_bins(int threads) {
  const Matrix<T> rows = as<T>(testing::sample_rows(3000, 19, 5));
  const BinMapper mapper = BinMapper::fit(rows.view(), {}, {.seed = 1, .threads = threads});
  const auto bins = BinnedMatrix::of(rows.view(), mapper, {.threads = threads});
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    for (std::size_t f = 0; f < rows.columns(); ++f) {
      const std::uint8_t bin = bins.bin(f, i);
      ASSERT_EQ(bin,
                reference::plain_bin(mapper.feature(f).bounds, static_cast<double>(rows.row(i)[f])))
          << "row " << i << ", feature " << f;
    }
    for (std::size_t c = 0; c < bins.columns(); ++c) {
      const std::size_t t = c / kTileColumns;
      ASSERT_EQ(bins.tile(t)[i * bins.tile_stride(t) + c % kTileColumns], bins.column(c)[i]);
    }
  }
}

TEST(Binning, LaysTilesOutForAnyNumberOfColumns) {
  for (const std::size_t columns : {1, 3, 4, 5, 8, 9, 64, 65, 68, 69, 132, 133}) {
    const Matrix<double> rows = testing::sample_rows(300, columns, 5);
    const BinMapper mapper = BinMapper::fit(rows.view(), {}, {});
    const auto bins = BinnedMatrix::of(rows.view(), mapper, {.share = false});
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      for (std::size_t c = 0; c < columns; ++c) {
        const std::size_t t = c / kTileColumns;
        ASSERT_EQ(bins.tile(t)[i * bins.tile_stride(t) + c % kTileColumns], bins.column(c)[i])
            << columns << " columns, row " << i << ", column " << c;
      }
    }
  }
}

TEST(Binning, FindsTheBinOfEveryDouble) { expect_plain_bins<double>(1); }
TEST(Binning, FindsTheBinOfEveryFloat) { expect_plain_bins<float>(3); }

TEST(Binning, IsExactWhereValuesAreFew) {
  Matrix<double> rows(1000, 1);
  for (std::size_t i = 0; i < rows.rows(); ++i) rows.row(i)[0] = static_cast<double>(i % 200) / 4;
  const BinMapper mapper = BinMapper::fit(rows.view(), {}, {});
  EXPECT_EQ(mapper.feature(0).bins(), 200);
  const auto& bounds = mapper.feature(0).bounds;
  for (std::size_t b = 0; b < bounds.size(); ++b) {
    EXPECT_EQ(bounds[b], static_cast<double>(b) / 4 + 0.125);
  }
}

TEST(Binning, SharesRowsOutEvenlyAndLeavesHeavyValuesAlone) {
  const Matrix<double> normal = testing::sample_rows(50'000, 1, 3);
  Matrix<double> rows(50'000, 1);
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    rows.row(i)[0] = i % 2 == 0 ? 0.25 : normal.row(i)[0];
  }
  const BinMapper mapper = BinMapper::fit(rows.view(), {}, {.max_bins = 64});
  const auto bins = BinnedMatrix::of(rows.view(), mapper, {});
  std::vector<int> count(256);
  for (std::size_t i = 0; i < rows.rows(); ++i) ++count[bins.bin(0, i)];
  const std::uint8_t heavy = bins.bin(0, 0);
  EXPECT_EQ(count[heavy], 25'000);
  const double share = 25'000.0 / 63;
  for (int b = 0; b < mapper.feature(0).bins(); ++b) {
    if (b != heavy) {
      EXPECT_LT(count[static_cast<std::size_t>(b)], 1.7 * share) << b;
    }
  }
  EXPECT_GE(mapper.feature(0).bins(), 60);
}

TEST(Binning, CountsRowsByTheirWeight) {
  Matrix<double> rows(20'000, 1);
  std::vector<float> weight(rows.rows());
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    rows.row(i)[0] = static_cast<double>(i);
    weight[i] = i < 10'000 ? 9.0F : 1.0F;
  }
  const BinMapper mapper = BinMapper::fit(rows.view(), weight, {.max_bins = 10});
  const auto& bounds = mapper.feature(0).bounds;
  // Nine tenths of the weight; by rows it would be half of the bounds.
  EXPECT_GE(std::count_if(bounds.begin(), bounds.end(), [](double b) { return b < 10'000; }), 8);
}

TEST(Binning, NamesCategoriesByWeight) {
  Matrix<double> rows(100, 1);
  for (std::size_t i = 0; i < rows.rows(); ++i) rows.row(i)[0] = i < 70 ? 7 : (i < 90 ? 1 : -2);
  rows.row(99)[0] = std::numeric_limits<double>::quiet_NaN();
  const BinMapper mapper = BinMapper::fit(rows.view(), {}, {.categorical = {0}});
  EXPECT_EQ(mapper.feature(0).categories, (std::vector<std::int32_t>{7, 1}));
  const auto bins = BinnedMatrix::of(rows.view(), mapper, {});
  EXPECT_EQ(bins.bin(0, 0), 0);
  EXPECT_EQ(bins.bin(0, 80), 1);
  EXPECT_EQ(bins.bin(0, 95), 2);
  EXPECT_EQ(bins.bin(0, 99), kMissingBin);
}

TEST(Binning, SamplesTheSameRowsAtAnyNumberOfThreads) {
  const Matrix<double> rows = testing::sample_rows(5000, 6, 8);
  const BinMapper one = BinMapper::fit(rows.view(), {}, {.sample_rows = 700, .threads = 1});
  const BinMapper eight = BinMapper::fit(rows.view(), {}, {.sample_rows = 700, .threads = 8});
  for (std::size_t f = 0; f < rows.columns(); ++f) {
    EXPECT_EQ(one.feature(f).bounds, eight.feature(f).bounds);
  }
}

TEST(Binning, RefusesWhatMakesNoSense) {
  const Matrix<double> rows = testing::sample_rows(10, 3, 8);
  EXPECT_THROW((void)BinMapper::fit(rows.view(), {}, {.max_bins = 256}), Error);
  EXPECT_THROW((void)BinMapper::fit(rows.view(), {}, {.max_bins = 1}), Error);
  EXPECT_THROW((void)BinMapper::fit(rows.view(), {}, {.categorical = {3}}), Error);
  const std::vector<float> weight(9, 1.0F);
  EXPECT_THROW((void)BinMapper::fit(rows.view(), weight, {}), Error);
}

}  // namespace
}  // namespace penchant::ranking
