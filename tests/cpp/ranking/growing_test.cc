// Rounding, histograms, splits and partitions, against their plain twins.

#include <algorithm>
#include <bit>
#include <functional>
#include <numeric>

#include "base/led_crew.h"
#include "ranking/sample_rows.h"
#include "reference/plain_trees.h"
#include <gtest/gtest.h>

#include "penchant/ranking/gradient_pairs.h"
#include "penchant/ranking/histogram.h"
#include "penchant/ranking/rounding_kernels.h"
#include "penchant/ranking/row_partition.h"
#include "penchant/ranking/split_finder.h"
#include "penchant/ranking/tree_grower.h"

namespace penchant::ranking {
namespace {

struct Sample {
  explicit Sample(std::size_t rows, std::size_t columns = 11, int max_bins = 255)
      : values(testing::sample_rows(rows, columns, 4)),
        mapper(BinMapper::fit(values.view(), {}, {.max_bins = max_bins})),
        bins(BinnedMatrix::of(values.view(), mapper, {})),
        layout(bins),
        gradients(rows),
        hessians(rows) {
    const Philox random(9, 3);
    for (std::size_t i = 0; i < rows; ++i) {
      gradients[i] = static_cast<float>(random.normal(i, 0) + values.row(i)[0]);
      hessians[i] = static_cast<float>(random.uniform(i, 1) + 0.1);
    }
  }

  Matrix<double> values;
  BinMapper mapper;
  BinnedMatrix bins;
  HistogramLayout layout;
  std::vector<float> gradients;
  std::vector<float> hessians;
};

TEST(GradientPairs, AreUnbiasedAndTheSameAtAnyNumberOfThreads) {
  const Sample sample(40'000);
  AlignedVector<Entry> one;
  AlignedVector<Entry> eight;
  const Scales scales = round_pairs(sample.gradients, sample.hessians, {.threads = 1}, one);
  (void)round_pairs(sample.gradients, sample.hessians, {.threads = 8}, eight);
  double off = 0;
  for (std::size_t i = 0; i < one.size(); ++i) {
    ASSERT_EQ(one[i].row, i);
    ASSERT_EQ(one[i].gradient, eight[i].gradient);
    ASSERT_EQ(one[i].hessian, eight[i].hessian);
    const double error =
        one[i].gradient - static_cast<double>(sample.gradients[i]) / scales.gradient;
    ASSERT_LE(std::abs(error), 1.01);
    ASSERT_LE(std::abs(one[i].hessian - static_cast<double>(sample.hessians[i]) / scales.hessian),
              1.01);
    off += error;
  }
  // Each error has variance below 1/4.
  EXPECT_LT(std::abs(off), 4 * std::sqrt(0.25 * 40'000));
}

TEST(GradientPairs, ArePlainlyRounded) {
  const Sample sample(20'011);
  AlignedVector<Entry> entries;
  (void)round_pairs(sample.gradients, sample.hessians, {.seed = 77, .iteration = 5}, entries);
  float most_gradient = 0;
  for (const float g : sample.gradients) most_gradient = std::max(most_gradient, std::abs(g));
  const float most_hessian = *std::max_element(sample.hessians.begin(), sample.hessians.end());
  const Philox random(77, kStreamRounding);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::uint32_t bits = random.bits(i / 4, 5)[i % 4];
    const auto plain = [](float x, float unit, std::uint32_t lot, float most) {
      return std::min(std::floor(x * (most / unit) + static_cast<float>(lot) * 0x1p-16F), most);
    };
    ASSERT_EQ(entries[i].row, i);
    ASSERT_EQ(entries[i].gradient,
              plain(sample.gradients[i], most_gradient, bits & 0xffffU, kMostGradient));
    ASSERT_EQ(entries[i].hessian,
              plain(sample.hessians[i], most_hessian, bits >> 16, kMostHessian));
  }
}

TEST(GradientPairs, CountRowsWhereHessiansAreAlike) {
  const std::vector<float> gradients(100, -0.5F);
  const std::vector<float> hessians(100, 0.3F);
  AlignedVector<Entry> entries;
  const Scales scales = round_pairs(gradients, hessians, {}, entries);
  EXPECT_EQ(scales.hessian, static_cast<double>(0.3F));
  for (const Entry& entry : entries) EXPECT_EQ(entry.hessian, 1);
}

TEST(GradientPairs, DrawRowsByLot) {
  const Sample sample(40'000);
  AlignedVector<Entry> one;
  AlignedVector<Entry> eight;
  AlignedVector<Entry> later;
  (void)round_pairs(sample.gradients, sample.hessians, {.row_fraction = 0.3, .threads = 1}, one);
  (void)round_pairs(sample.gradients, sample.hessians, {.row_fraction = 0.3, .threads = 8}, eight);
  (void)round_pairs(sample.gradients, sample.hessians, {.row_fraction = 0.3, .iteration = 1},
                    later);
  EXPECT_NEAR(static_cast<double>(one.size()), 12'000, 500);
  ASSERT_EQ(one.size(), eight.size());
  for (std::size_t i = 0; i < one.size(); ++i) ASSERT_EQ(one[i].row, eight[i].row);
  EXPECT_NE(one.size(), later.size());
}

TEST(GradientPairs, SampleRowsByTheirGradients) {
  Sample sample(60'000);
  // Many gradients are alike: lots decide among them.
  for (std::size_t i = 0; i < sample.gradients.size(); ++i) {
    float& g = sample.gradients[i];
    if (i % 2 == 0) g = g > 0 ? 2.0F : -2.0F;
  }
  const SampleOptions options{.top_rate = 0.2, .other_rate = 0.1, .iteration = 3, .threads = 1};
  const RowSample one = sample_rows(sample.gradients, options);
  for (const int threads : {2, 8}) {
    SampleOptions many = options;
    many.threads = threads;
    EXPECT_EQ(sample_rows(sample.gradients, many).drawn, one.drawn) << threads;
  }
  EXPECT_FLOAT_EQ(one.factor, 8.0F);
  std::vector<float> sizes;
  for (const float g : sample.gradients) sizes.push_back(std::abs(g));
  std::sort(sizes.begin(), sizes.end(), std::greater<>());
  const float least = sizes[11'999];
  ASSERT_EQ(least, 2.0F);  // within the ties
  std::size_t largest = 0;
  std::size_t others = 0;
  std::size_t early_ties = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const float size = std::abs(sample.gradients[i]);
    if (size > least) {
      EXPECT_EQ(one.drawn[i], Drawn::kYes);
    }
    if (size < least) {
      EXPECT_NE(one.drawn[i], Drawn::kYes);
    }
    largest += one.drawn[i] == Drawn::kYes ? 1 : 0;
    others += one.drawn[i] == Drawn::kAmplified ? 1 : 0;
    early_ties += one.drawn[i] == Drawn::kYes && size == least && i < 30'000 ? 1 : 0;
  }
  EXPECT_EQ(largest, 12'000U);
  EXPECT_NEAR(static_cast<double>(others), 6000, 300);
  const auto above = static_cast<std::size_t>(
      std::count_if(sizes.begin(), sizes.end(), [&](float size) { return size > least; }));
  EXPECT_NEAR(static_cast<double>(early_ties), static_cast<double>(12'000 - above) / 2, 150);

  // What is drawn stands for all.
  AlignedVector<Entry> entries;
  const Scales scales = round_pairs(sample.gradients, sample.hessians, options, entries);
  ASSERT_EQ(entries.size(), largest + others);
  double hessian = 0;
  for (const Entry& entry : entries) {
    const double times = one.drawn[entry.row] == Drawn::kYes ? 1 : 8;
    EXPECT_NEAR(entry.hessian * scales.hessian,
                times * static_cast<double>(sample.hessians[entry.row]), 1.01 * scales.hessian);
    hessian += entry.hessian * scales.hessian;
  }
  const double all = std::accumulate(sample.hessians.begin(), sample.hessians.end(), 0.0);
  EXPECT_NEAR(hessian, all, 0.03 * all);
}

TEST(GradientPairs, SampleAllOrNoneOfTheLargest) {
  const Sample sample(5000);
  const auto count = [&](const SampleOptions& options, Drawn what) {
    const RowSample drawn = sample_rows(sample.gradients, options);
    return std::count(drawn.drawn.begin(), drawn.drawn.end(), what);
  };
  EXPECT_EQ(count({.top_rate = 0, .other_rate = 0.5}, Drawn::kYes), 0);
  EXPECT_EQ(count({.top_rate = 0.5, .other_rate = 0.5}, Drawn::kNo), 0);
  EXPECT_EQ(count({.top_rate = 0.9999, .other_rate = 0.0001}, Drawn::kYes), 5000);
  const std::vector<float> zeros(100, 0.0F);
  const RowSample none = sample_rows(zeros, {.top_rate = 0.3, .other_rate = 0.1});
  EXPECT_EQ(std::count(none.drawn.begin(), none.drawn.end(), Drawn::kYes), 30);
}

// Runs `body` on one thread of a crew whose others are idle.
void with_idle_crew(int threads, const std::function<void(Crew&)>& body) {
  Crew crew(threads);
  penchant::testing::run_led(crew, [&] { body(crew); });
}

TEST(Histogram, EqualsThePlainSum) {
  // More rows than are summed before a flush, two panels, a last tile that is not full.
  const Sample sample(150'000, 70);
  AlignedVector<Entry> entries;
  (void)round_pairs(sample.gradients, sample.hessians, {}, entries);
  const std::vector<BinSum> plain = reference::plain_histogram(sample.bins, sample.layout, entries);
  const std::vector<std::uint8_t> used(sample.bins.tiles(), 1);
  for (const int threads : {1, 2, 8}) {
    std::vector<BinSum> fast(sample.layout.size());
    with_idle_crew(threads, [&](Crew& crew) {
      for (int again = 0; again < 5; ++again) {
        build_histogram(sample.bins, sample.layout, {entries}, used, Summed::kPairs, crew, fast);
        ASSERT_EQ(fast, plain) << threads;
      }
      // In runs: none, one entry, less than a block, the rest.
      const std::span<const Entry> all(entries);
      const EntryRuns runs = {all.first(0), all.first(1), all.subspan(1, 999), all.subspan(1000)};
      build_histogram(sample.bins, sample.layout, runs, used, Summed::kPairs, crew, fast);
      ASSERT_EQ(fast, plain) << threads;
    });
  }
}

TEST(Histogram, HoldsTheLargestSums) {
  Matrix<double> rows(200'000, 1);
  const BinMapper mapper = BinMapper::fit(rows.view(), {}, {});
  const auto bins = BinnedMatrix::of(rows.view(), mapper, {});
  const HistogramLayout layout(bins);
  AlignedVector<Entry> entries(rows.rows());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    entries[i] = {static_cast<std::uint32_t>(i), -32'767, 65'535};
  }
  std::vector<BinSum> fast(layout.size());
  Crew crew(1);
  build_histogram(bins, layout, {entries}, std::vector<std::uint8_t>{1}, Summed::kPairs, crew,
                  fast);
  EXPECT_EQ(fast[0], (BinSum{-32'767LL * 200'000, 65'535LL * 200'000}));
}

TEST(Partition, KeepsEveryRowOnItsSide) {
  const Sample sample(100'000);
  AlignedVector<Entry> entries;
  (void)round_pairs(sample.gradients, sample.hessians, {}, entries);
  Split numeric;
  numeric.bin = 60;
  numeric.missing_left = true;
  Split table;
  table.categorical = true;
  table.set = {0x123456789abcdefULL, 0x1111ULL, 0, 1ULL << 63};
  for (const Split& split : {numeric, table}) {
    const BinDecision decision(split);
    for (const int threads : {1, 2, 8}) {
      for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{100'000}}) {
        std::vector<Entry> out(size);
        const EntryRanges ranges = cut_into_stripes(size, threads);
        Halves halves;
        with_idle_crew(threads, [&](Crew& crew) {
          halves = partition_entries(entries, ranges, sample.bins.column(2), decision, crew, out);
        });
        std::vector<std::uint8_t> seen(size, 0);
        std::size_t left_rows = 0;
        const auto expect_side = [&](const EntryRanges& side, bool left) {
          for (const EntryRange& range : side) {
            EXPECT_GT(range.size(), 0U);
            left_rows += left ? range.size() : 0;
            for (std::size_t i = range.begin; i < range.end; ++i) {
              ASSERT_EQ(seen[out[i].row]++, 0);
              ASSERT_EQ(out[i].gradient, entries[out[i].row].gradient);
              ASSERT_EQ(decision.goes_left(sample.bins.column(2)[out[i].row]), left);
            }
          }
        };
        expect_side(halves.left, true);
        expect_side(halves.right, false);
        EXPECT_EQ(halves.left_rows, left_rows);
        EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), static_cast<std::ptrdiff_t>(size));
      }
    }
  }
}

TEST(Partition, StripesCoverTheList) {
  for (const std::size_t size : {0, 1, 16'384, 40'000, 5'000'001}) {
    for (const int threads : {1, 2, 8}) {
      std::size_t end = 0;
      for (const EntryRange& stripe : cut_into_stripes(size, threads)) {
        EXPECT_EQ(stripe.begin, end);
        EXPECT_GT(stripe.size(), 0U);
        end = stripe.end;
      }
      EXPECT_EQ(end, size);
    }
  }
  EXPECT_EQ(cut_into_stripes(5'000'001, 1).size(), 1U);
  EXPECT_GE(cut_into_stripes(5'000'001, 8).size(), 8U);
}

// The finder's best split of the root is the plain search's.
void expect_plain_split(const Sample& sample, const SplitParams& params) {
  AlignedVector<Entry> entries;
  const Scales scales = round_pairs(sample.gradients, sample.hessians, {}, entries);
  const std::vector<BinSum> sums = reference::plain_histogram(sample.bins, sample.layout, entries);
  AlignedVector<Entry> ones = entries;
  for (Entry& entry : ones) entry.hessian = 1;
  const std::vector<BinSum> counts = reference::plain_histogram(sample.bins, sample.layout, ones);
  const SplitFinder finder(sample.mapper, params);
  LeafState leaf;
  leaf.rows = static_cast<std::int64_t>(entries.size());
  for (const Entry& entry : entries) leaf.sum = leaf.sum + BinSum{entry.gradient, entry.hessian};
  Split best;
  for (std::size_t f = 0; f < sample.mapper.features(); ++f) {
    const std::size_t begin = sample.layout.begin[f];
    const std::size_t size = sample.layout.begin[f + 1] - begin;
    const Split one = finder.best(f, std::span(sums).subspan(begin, size),
                                  std::span(counts).subspan(begin, size), leaf, scales);
    if (better(one, best)) best = one;
  }
  const reference::PlainSplit plain =
      reference::plain_split(sample.bins, sample.mapper, entries, scales, params);
  ASSERT_EQ(best.found(), plain.gain >= 0);
  if (!best.found()) return;
  EXPECT_NEAR(best.gain, plain.gain, 1e-9 * std::abs(plain.gain));
  EXPECT_EQ(static_cast<std::size_t>(best.feature), plain.feature);
  EXPECT_EQ(static_cast<std::size_t>(best.bin), plain.bin);
}

TEST(SplitFinder, EqualsThePlainSearch) {
  for (const std::size_t rows : {37, 211, 900}) {
    const Sample sample(rows, 9, 40);
    expect_plain_split(sample, {.l2 = 1, .min_leaf_rows = 5});
    expect_plain_split(sample, {.l1 = 3, .l2 = 0.1, .min_leaf_rows = 1});
    expect_plain_split(sample, {.min_hessian = 9, .min_leaf_rows = 8});
    expect_plain_split(sample, {.min_gain = 1e9});
    expect_plain_split(sample, {.min_leaf_rows = 1000});
  }
}

// What is missing where no row of the leaf was goes with the heavier side.
TEST(SplitFinder, SendsWhatWasNeverMissingWithMostRows) {
  for (const bool left_heavier : {false, true}) {
    Matrix<double> rows(1000, 1);
    std::vector<float> gradients(rows.rows());
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      const bool left = i < (left_heavier ? 700U : 300U);
      rows.row(i)[0] = left ? 1 : 2;
      gradients[i] = left ? -1.0F : 1.0F;
    }
    const BinMapper mapper = BinMapper::fit(rows.view(), {}, {});
    const auto bins = BinnedMatrix::of(rows.view(), mapper, {});
    TreeGrower grower(mapper, bins, {.leaves = 2});
    const Scales scales =
        round_pairs(gradients, std::vector<float>(rows.rows(), 1.0F), {}, grower.entries());
    const GrownTree& tree = grower.grow(scales, std::vector<std::uint8_t>{1});
    ASSERT_EQ(tree.splits.size(), 1U);
    EXPECT_EQ(tree.splits.front().missing_left, left_heavier);
    // The other way round where rows are missing and alike to one side.
    for (std::size_t i = 0; i < 50; ++i) {
      rows.row(i)[0] = std::nan("");
      gradients[i] = left_heavier ? 1.0F : -1.0F;
    }
    const auto with_missing = BinnedMatrix::of(rows.view(), mapper, {});
    TreeGrower other(mapper, with_missing, {.leaves = 2});
    const Scales again =
        round_pairs(gradients, std::vector<float>(rows.rows(), 1.0F), {}, other.entries());
    EXPECT_EQ(other.grow(again, std::vector<std::uint8_t>{1}).splits.front().missing_left,
              !left_heavier);
  }
}

TEST(SplitFinder, SendsCategoriesByTheirGradient) {
  // Categories 0 to 5; those of odd number want a positive value.
  Matrix<double> rows(6000, 1);
  std::vector<float> gradients(rows.rows());
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    rows.row(i)[0] = static_cast<double>(i % 6);
    gradients[i] = i % 2 == 1 ? -1.0F : 1.0F;
  }
  const std::vector<float> hessians(rows.rows(), 1.0F);
  const BinMapper mapper = BinMapper::fit(rows.view(), {}, {.categorical = {0}});
  const auto bins = BinnedMatrix::of(rows.view(), mapper, {});
  TreeGrower grower(mapper, bins, {.leaves = 2});
  const Scales scales = round_pairs(gradients, hessians, {}, grower.entries());
  const GrownTree& tree = grower.grow(scales, std::vector<std::uint8_t>{1});
  ASSERT_EQ(tree.splits.size(), 1U);
  const Split& split = tree.splits.front();
  EXPECT_TRUE(split.categorical);
  const bool first_left = (split.set[0] & 1U) != 0;
  for (std::size_t b = 0; b < 6; ++b) {
    const bool left = ((split.set[0] >> b) & 1U) != 0;
    const bool odd = mapper.feature(0).categories[b] % 2 == 1;
    const bool first_odd = mapper.feature(0).categories[0] % 2 == 1;
    EXPECT_EQ(left == first_left, odd == first_odd) << b;
  }
}

// Of a feature whose first category wants a positive value, all others a negative one.
Split split_by_category(std::size_t categories, const SplitParams& params) {
  Matrix<double> rows(6000, 1);
  std::vector<float> gradients(rows.rows());
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    rows.row(i)[0] = static_cast<double>(i % categories);
    gradients[i] = i % categories == 0 ? -1.0F : 1.0F;
  }
  const std::vector<float> hessians(rows.rows(), 1.0F);
  const BinMapper mapper = BinMapper::fit(rows.view(), {}, {.categorical = {0}});
  const auto bins = BinnedMatrix::of(rows.view(), mapper, {});
  TreeGrower grower(mapper, bins, {.leaves = 2, .split = params});
  const Scales scales = round_pairs(gradients, hessians, {}, grower.entries());
  return grower.grow(scales, std::vector<std::uint8_t>{1}).splits.at(0);
}

TEST(SplitFinder, AsksMoreOfManyCategoriesThanOfFew) {
  constexpr double kL2 = 50;
  constexpr double kMore = 1000;
  for (const std::size_t categories : {2, 3, 4, 5, 6}) {
    const double alone = 6000.0 / static_cast<double>(categories);  // rows of the category apart
    const double others = 6000 - alone;
    const double l2 = kL2 + (categories <= 4 ? 0 : kMore);
    const double gain = alone * alone / (alone + l2) + others * others / (others + l2) -
                        (others - alone) * (others - alone) / (6000 + kL2);
    const Split split = split_by_category(categories, {.l2 = kL2, .category_l2 = kMore});
    EXPECT_TRUE(split.categorical);
    EXPECT_NEAR(split.gain, gain, 1e-6 * gain) << categories;  // derivatives are rounded
  }
}

TEST(SplitFinder, TrustsAFrequentCategoryMoreThanARareOne) {
  // Two rare categories of gradients 3 and -3, two frequent ones of 2.8 and -2.8, others of 0; one
  // category may go left, the first or the last in their order.
  const std::vector<double> mean{0, 0, 2.8, -2.8, 3, -3};
  const std::vector<std::size_t> frequency{400, 390, 100, 100, 8, 8};
  std::vector<std::size_t> category;
  for (std::size_t c = 0; c < mean.size(); ++c) category.insert(category.end(), frequency[c], c);
  Matrix<double> rows(category.size(), 1);
  std::vector<float> gradients;
  for (std::size_t i = 0; i < category.size(); ++i) {
    rows.row(i)[0] = static_cast<double>(category[i]);
    gradients.push_back(static_cast<float>(mean[category[i]]));
  }
  const BinMapper mapper = BinMapper::fit(rows.view(), {}, {.categorical = {0}});
  const auto bins = BinnedMatrix::of(rows.view(), mapper, {});
  for (const double smoothing : {0.0, 10.0}) {
    SplitParams params;
    params.min_leaf_rows = 1;
    params.min_category_rows = 1;
    params.most_categories = 1;
    params.category_smoothing = smoothing;
    TreeGrower grower(mapper, bins, {.leaves = 2, .split = params});
    const Scales scales =
        round_pairs(gradients, std::vector<float>(rows.rows(), 1.0F), {}, grower.entries());
    const Split split = grower.grow(scales, std::vector<std::uint8_t>{1}).splits.at(0);
    ASSERT_EQ(std::popcount(split.set[0]), 1);
    const auto left =
        mapper.feature(0).categories.at(static_cast<std::size_t>(std::countr_zero(split.set[0])));
    EXPECT_EQ(frequency[static_cast<std::size_t>(left)], smoothing > 0 ? 100U : 8U);
  }
}

TEST(TreeGrower, LeavesNoLeafOfFewerRowsWhateverHessiansSay) {
  Sample sample(5000);
  // Hessians of a few rows outweigh the rest: estimates of rows are far off.
  for (std::size_t i = 0; i < sample.hessians.size(); ++i) {
    sample.hessians[i] = i % 50 == 0 ? 40.0F : 0.01F;
    sample.gradients[i] *= i % 50 == 0 ? 20.0F : 0.1F;
  }
  const std::vector<std::uint8_t> used(sample.bins.features(), 1);
  for (const int threads : {1, 8}) {
    TreeGrower grower(sample.mapper, sample.bins,
                      {.leaves = 31, .split = {.min_leaf_rows = 60}, .threads = threads});
    const Scales scales =
        round_pairs(sample.gradients, sample.hessians, {.threads = threads}, grower.entries());
    const GrownTree& tree = grower.grow(scales, used);
    EXPECT_GT(tree.leaf_cover.size(), 2U);
    double rows = 0;
    for (std::size_t l = 0; l < tree.leaf_cover.size(); ++l) {
      EXPECT_GE(tree.leaf_cover[l], 60);
      std::size_t listed = 0;
      for (const auto run : grower.leaf_entries(l)) listed += run.size();
      EXPECT_EQ(tree.leaf_cover[l], static_cast<double>(listed));
      rows += tree.leaf_cover[l];
    }
    EXPECT_EQ(rows, 5000);
  }
}

TEST(TreeGrower, LooksAheadWithoutAnEffect) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Sample sample(3000);
    const Philox random(seed, 17);
    // Rows differ in their hessians, so that estimates of rows are off and splits are looked for
    // anew.
    for (std::size_t i = 0; i < sample.hessians.size(); ++i) {
      sample.hessians[i] = static_cast<float>(std::exp(1.5 * random.normal(i, 0)));
      sample.gradients[i] = static_cast<float>(random.normal(i, 1) + sample.values.row(i)[0]);
    }
    const std::vector<std::uint8_t> used(sample.bins.features(), 1);
    std::vector<double> leaves;
    for (const int threads : {1, 2, 8}) {
      TreeGrower grower(sample.mapper, sample.bins,
                        {.leaves = 50, .split = {.min_leaf_rows = 25}, .threads = threads});
      const Scales scales =
          round_pairs(sample.gradients, sample.hessians, {.threads = threads}, grower.entries());
      const GrownTree& tree = grower.grow(scales, used);
      if (threads == 1) leaves = tree.leaf_values;
      EXPECT_EQ(tree.leaf_values, leaves) << "seed " << seed << ", " << threads << " threads";
    }
  }
}

TEST(TreeGrower, SplitsTheShallowestFirstWhenAsked) {
  const Sample sample(4000);
  TreeGrower grower(sample.mapper, sample.bins,
                    {.leaves = 64, .max_depth = 4, .growth = Growth::kDepthWise});
  const Scales scales = round_pairs(sample.gradients, sample.hessians, {}, grower.entries());
  const GrownTree& tree = grower.grow(scales, std::vector<std::uint8_t>(sample.bins.features(), 1));
  EXPECT_LE(tree.leaf_cover.size(), 16U);
  EXPECT_GT(tree.leaf_cover.size(), 10U);
  std::vector<int> depth(tree.bins.nodes.size(), 0);
  for (std::size_t n = 0; n < depth.size(); ++n) {
    if (n > 0) {
      EXPECT_GE(depth[n], depth[n - 1]);
    }
    for (const std::int32_t child : {tree.bins.nodes[n].left, tree.bins.nodes[n].right}) {
      if (child >= 0) depth[static_cast<std::size_t>(child)] = depth[n] + 1;
    }
  }
}

}  // namespace
}  // namespace penchant::ranking
