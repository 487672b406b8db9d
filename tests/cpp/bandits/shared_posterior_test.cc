// Shared models of so many coefficients that events move the factor by one rank each.

#include "penchant/bandits/shared_posterior.h"

#include <cmath>
#include <vector>

#include "reference/plain_posterior.h"
#include <gtest/gtest.h>

#include "penchant/bandits/policy.h"
#include "penchant/base/random.h"
#include "penchant/base/simd.h"
#include "penchant/bundle/bundle.h"

namespace penchant::bandits {
namespace {

constexpr std::size_t kSide = 9;
constexpr std::size_t kSize = kSide * kSide;
static_assert(kSize > kMostPure);

std::vector<FixedRow> random_rows(std::size_t count, std::uint64_t seed = 3) {
  const Philox random(seed, 6);
  std::vector<FixedRow> out(count);
  for (std::uint64_t e = 0; e < count; ++e) {
    std::vector<double> z(kSize);
    std::vector<double> x(kSide);
    std::vector<double> f(kSide);
    for (std::uint32_t i = 0; i < kSide; ++i) {
      x[i] = i == 0 ? 1 : random.normal(e, i);
      f[i] = i == 0 ? 1 : random.normal(e, 20 + i);
    }
    for (std::size_t i = 0; i < kSize; ++i) z[i] = x[i / kSide] * f[i % kSide];
    out[e].set(z, random.normal(e, 99));
  }
  return out;
}

SharedPosterior fresh() { return SharedPosterior({.context = kSide, .arm = kSide, .l2 = 1}); }

double largest_difference(std::span<const double> a, std::span<const double> b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

void expect_near(const SharedPosterior& a, const SharedPosterior& b, double error) {
  EXPECT_LT(largest_difference(a.theta(), b.theta()), error);
  EXPECT_LT(largest_difference(a.inverse(), b.inverse()), error);
}

void expect_same(const SharedPosterior& a, const SharedPosterior& b) {
  EXPECT_TRUE(std::equal(a.theta().begin(), a.theta().end(), b.theta().begin()));
  EXPECT_TRUE(std::equal(a.inverse().begin(), a.inverse().end(), b.inverse().begin()));
}

// The factor made from the sums alone.
SharedPosterior rebuilt(const SharedPosterior& of) {
  SharedPosterior out = fresh();
  bundle::Writer writer;
  of.save(writer, "p");
  const auto reader = bundle::Reader::from_bytes(writer.to_bytes("{}"));
  bundle::Writer without;
  for (const bundle::Section& section : reader->sections()) {
    if (section.name.find("moves") != std::string::npos) continue;
    without.add_bytes(section.name, section.dtype, section.shape,
                      reader->file_bytes().subspan(section.offset, section.bytes));
  }
  out.load(*bundle::Reader::from_bytes(without.to_bytes("{}")), "p");
  return out;
}

TEST(SharedPosterior, OneRankAtATimeIsRidgeRegression) {
  const auto rows = random_rows(2 * kRebuild + 50);
  SharedPosterior shared = fresh();
  reference::Rows x;
  reference::Vector rewards;
  for (const FixedRow& row : rows) {
    shared.learn(row, 1);
    shared.refresh();
    x.emplace_back();
    for (const std::int32_t value : row.x) x.back().push_back(value * 0x1p-20);
    rewards.push_back(static_cast<double>(row.reward) * 0x1p-20);
  }
  const auto twin = reference::Ridge::fit(x, rewards, 1, kSize);
  EXPECT_LT(largest_difference(shared.theta(), twin.theta), 1e-9);
  for (std::size_t e = 0; e < 20; ++e) {
    std::vector<double> image(kSize);
    multiply_lower(shared.inverse(), x[e], image);
    double variance = 0;
    for (const double value : image) variance += value * value;
    EXPECT_NEAR(variance, twin.variance(x[e]), 1e-9);
  }
}

TEST(SharedPosterior, BatchesChangeNoBit) {
  const auto rows = random_rows(2 * kRebuild + 50);
  for (const std::size_t batch : {std::size_t{7}, kRebuild, rows.size()}) {
    SharedPosterior single = fresh();
    SharedPosterior batched = fresh();
    for (std::size_t e = 0; e < rows.size(); ++e) {
      single.learn(rows[e], 1 + e % 2);
      single.refresh();
      batched.learn(rows[e], 1 + e % 2);
      if (e % batch == batch - 1) batched.refresh();
    }
    batched.refresh();
    expect_same(single, batched);
  }
}

TEST(SharedPosterior, InstructionSetsChangeNoBit) {
  const auto rows = random_rows(kRebuild + 50);
  std::vector<SharedPosterior> found;
  for (const std::string& target : simd_targets()) {
    force_simd_target(target);
    found.push_back(fresh());
    for (const FixedRow& row : rows) {
      found.back().learn(row, 1);
      found.back().refresh();
    }
  }
  force_simd_target("best");
  for (const SharedPosterior& each : found) expect_same(each, found[0]);
}

TEST(SharedPosterior, TenThousandEventsComeAndGoWithoutDrift) {
  const auto rows = random_rows(10000);
  SharedPosterior shared = fresh();
  SharedPosterior never = fresh();
  for (std::size_t e = 0; e < rows.size(); ++e) {
    shared.learn(rows[e], 1);
    shared.refresh();
    if (e % 2 == 0) never.learn(rows[e], 1);
  }
  for (std::size_t e = 1; e < rows.size(); e += 2) {
    shared.take_back(rows[e], 1, 0);
    if (e % 1000 == 1) {
      shared.refresh();
      expect_near(shared, rebuilt(shared), 1e-8);
    }
  }
  shared.refresh();
  never.refresh();
  expect_near(shared, never, 1e-8);
  expect_same(rebuilt(shared), rebuilt(never));
}

TEST(SharedPosterior, SavedBetweenRebuildsItGoesOnWithTheSameBits) {
  const auto rows = random_rows(2 * kRebuild + 50);
  SharedPosterior shared = fresh();
  for (std::size_t e = 0; e < kRebuild + 50; ++e) {
    shared.learn(rows[e], 1);
    shared.refresh();
  }
  shared.take_back(rows[3], 1, 0);
  shared.refresh();
  bundle::Writer writer;
  shared.save(writer, "p");
  SharedPosterior loaded = fresh();
  loaded.load(*bundle::Reader::from_bytes(writer.to_bytes("{}")), "p");
  expect_same(shared, loaded);
  for (std::size_t e = kRebuild + 50; e < rows.size(); ++e) {
    for (SharedPosterior* each : {&shared, &loaded}) {
      each->learn(rows[e], 1);
      each->refresh();
    }
  }
  expect_same(shared, loaded);
}

TEST(InverseFactor, KnowsWhatCanNotBeTakenOut) {
  std::vector<double> inverse = {1, 0, 1};
  const std::vector<double> p = {0.8, 0.7};  // |p| > 1
  std::vector<double> work(6);
  EXPECT_FALSE(update_inverse(inverse, p, -1, work));
}

}  // namespace
}  // namespace penchant::bandits
