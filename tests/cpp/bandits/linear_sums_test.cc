#include "penchant/bandits/linear_sums.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "penchant/bandits/sums_kernels.h"
#include "penchant/base/error.h"
#include "penchant/base/random.h"

namespace penchant::bandits {
namespace {

struct Event {
  std::vector<double> x;
  double reward;
};

std::vector<Event> random_events(std::size_t count, std::size_t d, double size) {
  const Philox random(11, 1);
  std::vector<Event> out;
  for (std::uint64_t e = 0; e < count; ++e) {
    Event event{.x = std::vector<double>(d), .reward = random.normal(e, 99)};
    for (std::uint32_t j = 0; j < d; ++j) event.x[j] = size * (2 * random.uniform(e, j) - 1);
    out.push_back(event);
  }
  return out;
}

struct Read {
  std::vector<double> gram;
  std::vector<double> moment;
  explicit Read(const LinearSums& sums)
      : gram(packed_size(sums.dimension())), moment(sums.dimension()) {
    sums.read(gram, moment);
  }
  friend bool operator==(const Read&, const Read&) = default;
};

void add(LinearSums& sums, const Event& event, std::int64_t copies = 1) {
  FixedRow row;
  row.set(event.x, event.reward);
  sums.add(row, copies);
}
void take_back(LinearSums& sums, const Event& event, std::int64_t age = 0) {
  FixedRow row;
  row.set(event.x, event.reward);
  sums.take_back(row, 1, age);
}

// Every width against the plain sum, with the largest numbers there are.
TEST(SumsKernels, AddWhatThePlainLoopAdds) {
  const Philox random(5, 2);
  constexpr std::int32_t kMost = 2047 << 20;
  for (std::size_t n = 1; n <= 70; ++n) {
    std::vector<std::int32_t> x(n);
    for (std::uint32_t j = 0; j < n; ++j) {
      const auto drawn = std::int64_t{random.below(std::uint32_t{2} * kMost, n, j)};
      x[j] = j % 5 == 4 ? 0 : (j % 7 == 6 ? -kMost : static_cast<std::int32_t>(drawn - kMost));
    }
    std::vector<std::int64_t> fast(packed_size(n) + 1, 17);
    std::vector<std::int64_t> plain = fast;
    for (const std::int64_t sign : {1, -1, -1}) {
      add_products(x.data(), n, sign, fast.data());
      for (std::size_t i = 0, at = 0; i < n; ++i) {
        for (std::size_t j = 0; j <= i; ++j, ++at) plain[at] += sign * x[i] * x[j];
      }
      ASSERT_EQ(fast, plain) << n;
    }
  }
}

// Small numbers fit 64 bits, large ones overflow into the second limb after a few events.
class Sums : public testing::TestWithParam<double> {};

TEST_P(Sums, DoNotDependOnOrderAndForgetWithoutATrace) {
  const auto events = random_events(300, 5, GetParam());
  LinearSums forward(5, 1);
  LinearSums backward(5, 1);
  LinearSums with_more(5, 1);
  const auto others = random_events(900, 5, GetParam() / 3);
  for (const Event& event : events) add(forward, event);
  for (auto e = events.rbegin(); e != events.rend(); ++e) add(backward, *e);
  for (std::size_t e = 0; e < others.size(); ++e) {
    add(with_more, others[e], 2);
    if (e < events.size()) add(with_more, events[e]);
  }
  for (const Event& event : others) {
    take_back(with_more, event);
    take_back(with_more, event);
  }
  EXPECT_EQ(Read(forward), Read(backward));
  EXPECT_EQ(Read(forward), Read(with_more));
  EXPECT_EQ(with_more.count(), 300);
}

TEST_P(Sums, AreTheRoundedSums) {
  const auto events = random_events(300, 5, GetParam());
  LinearSums sums(5, 1);
  std::vector<long double> gram(packed_size(5), 0);
  std::vector<long double> moment(5, 0);
  const auto fixed = [](double v) { return std::nearbyint(v * 0x1p20) * 0x1p-20L; };
  for (const Event& event : events) {
    add(sums, event);
    for (std::size_t i = 0, at = 0; i < 5; ++i) {
      for (std::size_t j = 0; j <= i; ++j, ++at) gram[at] += fixed(event.x[i]) * fixed(event.x[j]);
      moment[i] += fixed(event.x[i]) * fixed(event.reward);
    }
  }
  const Read read(sums);
  for (std::size_t i = 0; i < gram.size(); ++i) {
    EXPECT_NEAR(read.gram[i], static_cast<double>(gram[i]), 1e-12 * GetParam() * GetParam());
  }
  for (std::size_t i = 0; i < moment.size(); ++i) {
    EXPECT_NEAR(read.moment[i], static_cast<double>(moment[i]), 1e-12 * GetParam());
  }
}

TEST_P(Sums, SurviveSavingAndGoOn) {
  const auto events = random_events(200, 4, GetParam());
  LinearSums sums(4, 1);
  for (std::size_t e = 0; e < 100; ++e) add(sums, events[e]);
  std::vector<std::int64_t> low(packed_size(4) + 4);
  std::vector<std::int64_t> high(packed_size(4) + 4);
  sums.save(low, high);
  LinearSums loaded(4, 1);
  loaded.load(low, high, sums.count());
  EXPECT_EQ(Read(loaded), Read(sums));
  for (std::size_t e = 100; e < 200; ++e) {
    add(sums, events[e]);
    add(loaded, events[e]);
  }
  EXPECT_EQ(Read(loaded), Read(sums));
}

INSTANTIATE_TEST_SUITE_P(Sizes, Sums, testing::Values(1.0, 30.0, 2000.0));

// Ten million events: the sum is still the sum, to the last of its bits.
TEST(LinearSums, DoNotDriftOverTenMillionEvents) {
  constexpr std::int64_t kEvents = 10'000'000;
  LinearSums sums(2, 1);
  FixedRow row;
  const Philox random(5, 2);
  std::int64_t x0 = 0;
  Wide expected_square = 0;
  Wide expected_cross = 0;
  for (std::int64_t e = 0; e < kEvents; ++e) {
    if (e % 1000 == 0) {
      const double x[] = {2 * random.uniform(static_cast<std::uint64_t>(e), 0) - 1, 0.7};
      row.set(x, 0.3);
      x0 = row.x[0];
    }
    sums.add(row, 1);
    expected_square += Wide{x0} * x0;
    expected_cross += Wide{x0} * row.x[1];
  }
  const Read read(sums);
  EXPECT_EQ(read.gram[0], static_cast<double>(expected_square) * 0x1p-40);
  EXPECT_EQ(read.gram[1], static_cast<double>(expected_cross) * 0x1p-40);
  EXPECT_EQ(sums.count(), kEvents);
}

TEST(LinearSums, FadingSumsGiveEventsBackToRounding) {
  const auto events = random_events(400, 3, 1);
  LinearSums sums(3, 0.99);
  LinearSums without(3, 0.99);
  for (std::size_t e = 0; e < events.size(); ++e) {
    add(sums, events[e]);
    // Never seen, but time passed.
    if (e % 10 == 0) {
      add(without, Event{.x = {0, 0, 0}, .reward = 0});
    } else {
      add(without, events[e]);
    }
  }
  for (std::size_t e = 0; e < events.size(); e += 10) {
    take_back(sums, events[e], static_cast<std::int64_t>(events.size() - 1 - e));
  }
  const Read a(sums);
  const Read b(without);
  for (std::size_t i = 0; i < a.gram.size(); ++i) EXPECT_NEAR(a.gram[i], b.gram[i], 1e-10);
  for (std::size_t i = 0; i < a.moment.size(); ++i) EXPECT_NEAR(a.moment[i], b.moment[i], 1e-10);
}

TEST(LinearSums, NoticeWhatNeverCame) {
  LinearSums sums(2, 1);
  add(sums, {.x = {0.5, 0.5}, .reward = 1});
  EXPECT_TRUE(sums.plausible());
  take_back(sums, {.x = {0.6, 0.1}, .reward = 1});
  EXPECT_FALSE(sums.plausible());
}

TEST(FixedRow, RefusesWhatDoesNotFit) {
  FixedRow row;
  const double inf = std::numeric_limits<double>::infinity();
  for (const double bad : {std::nan(""), inf, -inf, 2048.0, 1e300}) {
    const double x[] = {1, bad};
    EXPECT_THROW(row.set(x, 0), Error) << bad;
    const double good[] = {1, 2047};
    EXPECT_THROW(row.set(good, bad * 1e3), Error) << bad;
  }
}

}  // namespace
}  // namespace penchant::bandits
