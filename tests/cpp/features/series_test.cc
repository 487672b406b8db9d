#include "penchant/features/series.h"

#include <algorithm>
#include <array>
#include <random>
#include <utility>
#include <vector>

#include "reference/plain_series.h"
#include <gtest/gtest.h>

namespace penchant::features {
namespace {

using reference::PlainRow;
using reference::PlainSeries;
using Kind = Measure::Kind;

// Every measure, of filters in two bytes of flags; filter 1 is not the layout's.
SeriesLayout layout() {
  SeriesLayout out;
  out.codes = {0};
  out.values = {0};
  out.filters = 1U << 0 | 1U << 2 | 1U << 9;
  for (const std::size_t filter : {std::size_t{0}, std::size_t{2}, std::size_t{9}}) {
    const auto add = [&](Measure measure) {
      measure.filter = filter;
      out.measures.push_back(measure);
    };
    add({.kind = Kind::kCount});
    add({.kind = Kind::kSum, .value = 0, .kept = 0});
    add({.kind = Kind::kKnown, .value = 0, .kept = 0});
    add({.kind = Kind::kDistinct, .code = 0});
    add({.kind = Kind::kLast});
    add({.kind = Kind::kLowest, .value = 0, .kept = 0});
    add({.kind = Kind::kHighest, .value = 0, .kept = 0});
    add({.kind = Kind::kDecayed, .value = 0, .kept = 0, .half_life = 9});
    add({.kind = Kind::kDecayed, .half_life = 300});
  }
  return out;
}

// Rows of a few keys, one of which has most of them.
struct World {
  std::vector<std::int32_t> keys;
  std::vector<PlainRow> rows;

  World(std::size_t count, unsigned seed) {
    std::mt19937 random(seed);
    const auto below = [&](int end) {
      return static_cast<int>(random() % static_cast<unsigned>(end));
    };
    for (std::size_t i = 0; i < count; ++i) {
      keys.push_back(below(3) > 0 ? 2 : below(8) - 1);
      PlainRow row;
      row.time = below(static_cast<int>(count)) - 50;
      constexpr std::array<std::uint32_t, 7> kFilters = {0, 1, 4, 5, 1, 2, 1U << 9};
      row.filters = kFilters[static_cast<std::size_t>(below(kFilters.size()))];
      row.code = below(20) - 1;
      if (below(5) > 0) row.value = (below(2000) - 900) * 1'000LL;
      rows.push_back(row);
    }
  }

  // Views of `of`, as the series wants them.
  struct Columns {
    std::vector<std::int64_t> times;
    std::vector<std::int32_t> codes;
    PreparedEvents events;
  };
  [[nodiscard]] static Columns columns(std::span<const PlainRow> of) {
    Columns out;
    RawVector<std::int64_t> values;
    for (const PlainRow& row : of) {
      out.times.push_back(row.time);
      out.codes.push_back(row.code);
      out.events.filters.push_back(row.filters);
      values.push_back(row.value);
    }
    out.events.times = out.times;
    out.events.codes = {out.codes};
    out.events.values = {values};
    return out;
  }
};

// Everything that a list says, against adding it up.
void expect_same(const Series& series, PlainSeries& plain, std::size_t keys) {
  std::size_t rows = 0;
  for (std::size_t key = 0; key < keys; ++key) {
    const auto list = series.list(key);
    const auto& expected = plain.rows(key);
    ASSERT_EQ(list.size(), expected.size()) << key;
    rows += list.size();
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(list.time(i), expected[i].time);
      ASSERT_EQ(list.filters(i), expected[i].filters & series.layout().filters);
      ASSERT_EQ(list.code(0, i), expected[i].code);
      ASSERT_EQ(list.value(0, i), expected[i].value);
    }
    for (std::size_t m = 0; m < series.layout().measures.size(); ++m) {
      const Measure& measure = series.layout().measures[m];
      const std::size_t step = expected.size() > 100 ? 7 : 1;
      for (std::size_t end = 0; end <= expected.size(); end += step) {
        const std::int64_t total = plain.total(key, measure, end);
        ASSERT_EQ(list.total(m, end), total)
            << "measure " << m << " of key " << key << " at " << end;
        const std::size_t begin = end / 3;
        const std::int64_t before = plain.total(key, measure, begin);
        if (measure.kind == Kind::kSum) {
          ASSERT_EQ(list.sum(m, begin, end), total - before);
        }
        if (!measure.narrow() || measure.kind == Kind::kLast) continue;
        ASSERT_EQ(list.counted(m, begin, end), static_cast<std::size_t>(total - before));
        if (measure.kind == Kind::kDistinct) continue;
        std::size_t first = begin;
        while (first < end && plain.total(key, measure, first + 1) == before) ++first;
        ASSERT_EQ(list.first(m, begin, end), first);
      }
    }
  }
  ASSERT_EQ(series.rows(), rows);
}

constexpr std::size_t kKeys = 9;

TEST(Series, BuiltAtOnceIsWhatAddingUpGives) {
  for (const std::size_t count : {0U, 1U, 63U, 64U, 65U, 700U, 2'000U}) {
    const World world(count, static_cast<unsigned>(count));
    PlainSeries plain(layout());
    std::vector<std::uint32_t> order(count);
    for (std::size_t i = 0; i < count; ++i) {
      order[i] = static_cast<std::uint32_t>(i);
      if (world.keys[i] >= 0) plain.insert(static_cast<std::size_t>(world.keys[i]), world.rows[i]);
    }
    std::ranges::stable_sort(order, {}, [&](std::uint32_t i) { return world.rows[i].time; });
    const auto columns = World::columns(world.rows);
    for (const int threads : {1, 2, 8}) {
      Series series(layout());
      series.build(columns.events, {world.keys, nullptr, kKeys}, order, threads);
      expect_same(series, plain, kKeys);
    }
  }
}

// Also what lies over a series that stays as it is.
TEST(Series, RowsThatComeAndGoLeaveWhatAddingUpGives) {
  for (unsigned seed = 0; seed < 6; ++seed) {
    const World world(900, 100 + seed);
    const std::size_t built = seed % 2 == 0 ? 600 : 0;
    PlainSeries plain(layout());
    std::vector<std::uint32_t> order;
    for (std::size_t i = 0; i < built; ++i) {
      order.push_back(static_cast<std::uint32_t>(i));
      if (world.keys[i] >= 0) plain.insert(static_cast<std::size_t>(world.keys[i]), world.rows[i]);
    }
    PlainSeries untouched = plain;
    std::ranges::stable_sort(order, {}, [&](std::uint32_t i) { return world.rows[i].time; });
    Series base(layout());
    const std::span<const PlainRow> first(world.rows.data(), built);
    const std::span<const std::int32_t> keys(world.keys.data(), built);
    const auto columns = World::columns(first);
    base.build(columns.events, {keys, nullptr, built == 0 ? 0 : kKeys}, order, 1);
    Series series = seed < 4 ? Series::over(base) : std::move(base);
    std::mt19937 random(seed);
    const auto all = World::columns(world.rows);
    std::vector<std::size_t> in(built);
    for (std::size_t i = 0; i < built; ++i) in[i] = i;
    for (std::size_t i = built; i < world.rows.size(); ++i) {
      if (world.keys[i] < 0) continue;
      const auto key = static_cast<std::size_t>(world.keys[i]);
      series.insert(all.events, i, key);
      plain.insert(key, world.rows[i]);
      in.push_back(i);
      if (random() % 3 == 0) {
        const std::size_t gone = in[random() % in.size()];
        if (world.keys[gone] < 0) continue;
        const auto own = static_cast<std::size_t>(world.keys[gone]);
        ASSERT_EQ(series.remove(all.events, gone, own), plain.remove(own, world.rows[gone]));
      }
      if (i % 60 == 0) expect_same(series, plain, kKeys);
    }
    expect_same(series, plain, kKeys);
    if (seed < 4) expect_same(base, untouched, kKeys);
  }
}

TEST(Series, SaysSoWhereARowIsNotThere) {
  const World world(40, 3);
  const auto columns = World::columns(world.rows);
  Series series(layout());
  std::size_t counts = 0;
  while ((world.rows[counts].filters & layout().filters) == 0) ++counts;
  EXPECT_FALSE(series.remove(columns.events, counts, 0));
  series.insert(columns.events, counts, 0);
  EXPECT_TRUE(series.remove(columns.events, counts, 0));
  EXPECT_FALSE(series.remove(columns.events, counts, 0));
  EXPECT_EQ(series.list(0).size(), 0U);
}

TEST(Series, CountsTakeABitOfARow) {
  // A count and its last row cost a bit and a share of a mark, not a column.
  SeriesLayout lean;
  lean.filters = 1;
  lean.measures = {{.kind = Kind::kCount}, {.kind = Kind::kLast}};
  const World world(100'000, 5);
  const auto columns = World::columns(world.rows);
  Series series(lean);
  series.build(columns.events, {world.keys, nullptr, kKeys}, {}, 1);
  EXPECT_LT(series.bytes(), series.rows() * 10);
}

// Codes of windows over long lists, which are indexed: of rows that came at once, in order, late,
// and that went again.
TEST(Series, DistinctOfAWindowIsWhatASetCounts) {
  constexpr std::size_t kRows = 9'000;
  SeriesLayout codes;
  codes.codes = {0};
  codes.filters = 3;
  codes.measures = {{.kind = Kind::kDistinct, .filter = 0},
                    {.kind = Kind::kDistinct, .filter = 1},
                    {.kind = Kind::kDistinct, .filter = 1}};
  codes.windowed = {0, 1};
  for (unsigned seed = 0; seed < 4; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](std::size_t end) { return random() % end; };
    std::vector<PlainRow> rows;
    for (std::size_t i = 0; i < kRows; ++i) {
      PlainRow row{.time = static_cast<std::int64_t>(10 * i), .filters = 1U << below(2)};
      if (below(5) == 0) row.filters = 3;
      row.code = static_cast<std::int32_t>(below(seed % 2 == 0 ? 3'000 : 40)) - 1;
      rows.push_back(row);
    }
    const auto columns = World::columns(rows);
    const std::size_t built = seed < 2 ? 5'000 : 0;
    Series base(codes);
    const auto first = World::columns(std::span(rows).first(built));
    base.build(first.events, {{}, nullptr, 1}, {}, 1);
    Series series = seed == 0 ? Series::over(base) : std::move(base);
    PlainSeries plain(codes);
    for (std::size_t i = 0; i < built; ++i) plain.insert(0, rows[i]);
    const auto expect_windows = [&](std::size_t windows) {
      const auto list = series.list(0);
      const auto& expected = plain.rows(0);
      ASSERT_EQ(list.size(), expected.size());
      for (std::size_t w = 0; w < windows; ++w) {
        const std::size_t begin = below(expected.size());
        const std::size_t end = begin + below(expected.size() - begin + 1);
        for (std::size_t m = 0; m < 3; ++m) {
          ASSERT_EQ(list.distinct(m, begin, end), plain.distinct(0, codes.measures[m], begin, end))
              << begin << " to " << end << " of " << expected.size() << ", " << m;
        }
      }
      for (std::size_t end = 0; end < expected.size(); end += 997) {
        const auto total = static_cast<std::int64_t>(plain.distinct(0, codes.measures[0], 0, end));
        ASSERT_EQ(list.total(0, end), total);
      }
    };
    std::vector<PlainRow> came(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(built));
    for (std::size_t i = built; i < kRows; ++i) {
      const PlainRow one = rows[i];
      const auto all = World::columns({&one, 1});
      series.insert(all.events, 0, 0);
      plain.insert(0, one);
      came.push_back(one);
      // For a while none is late; then some are by a little, some by a lot.
      const bool calm = i < 7'000;
      if (!calm && below(10) == 0) {
        PlainRow late = came[came.size() - 1 - below(below(8) == 0 ? came.size() - 1 : 40)];
        late.time += 3;
        late.code = static_cast<std::int32_t>(below(50));
        series.insert(World::columns({&late, 1}).events, 0, 0);
        plain.insert(0, late);
        came.push_back(late);
      }
      if (!calm && below(10) == 0) {
        const PlainRow gone = came[came.size() - 1 - below(below(8) == 0 ? came.size() - 1 : 40)];
        ASSERT_EQ(series.remove(World::columns({&gone, 1}).events, 0, 0), plain.remove(0, gone));
      }
      if (i % 500 == 0) expect_windows(12);
    }
    expect_windows(60);
  }
}

TEST(BelowCounter, CountsWhatALookAtEachRowDoes) {
  std::mt19937 random(11);
  for (const std::size_t size : {0U, 1U, 447U, 448U, 449U, 5'000U}) {
    for (const std::uint32_t most : {1U, 2U, 7U, 70'000U}) {
      std::vector<std::int32_t> values(size);
      for (auto& value : values) value = static_cast<std::int32_t>(random() % most) - 1;
      const BelowCounter counter(values);
      for (int look = 0; look < 200; ++look) {
        const std::size_t begin = random() % (size + 1);
        const std::size_t end = begin + random() % (size - begin + 1);
        const auto bound = static_cast<std::int32_t>(random() % (most + 2)) - 1;
        const auto first = values.begin() + static_cast<std::ptrdiff_t>(begin);
        const auto last = values.begin() + static_cast<std::ptrdiff_t>(end);
        const auto below = std::count_if(first, last, [&](std::int32_t x) { return x < bound; });
        ASSERT_EQ(counter.count(begin, end, bound), static_cast<std::size_t>(below));
      }
    }
  }
}

TEST(Series, OverAnotherHoldsOnlyWhatCame) {
  const World world(50'000, 7);
  const auto columns = World::columns(world.rows);
  std::vector<std::uint32_t> order(world.rows.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::uint32_t>(i);
  std::ranges::stable_sort(order, {}, [&](std::uint32_t i) { return world.rows[i].time; });
  Series base(layout());
  base.build(columns.events, {world.keys, nullptr, kKeys}, order, 1);
  Series over = Series::over(base);
  std::vector<PlainRow> late(3, {.time = 60'000, .filters = 1, .code = 3, .value = 7});
  late[1].time = 49'940;  // behind it are a few of the base's
  late[2].time = 49'941;
  const auto more = World::columns(late);
  for (std::size_t i = 0; i < late.size(); ++i) over.insert(more.events, i, 2);
  EXPECT_EQ(over.list(2).size(), base.list(2).size() + 3);
  EXPECT_LT(over.bytes(), base.bytes() / 100);
}

}  // namespace
}  // namespace penchant::features
