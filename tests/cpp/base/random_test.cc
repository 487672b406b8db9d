#include "penchant/base/random.h"

#include <array>
#include <cmath>
#include <set>

#include <gtest/gtest.h>

namespace penchant {
namespace {

using Words = std::array<std::uint32_t, 4>;

// The known answers published with Random123 for philox4x32-10. A counter is (entity low, entity
// high, step, stream), a key the seed's halves.
TEST(Philox, GivesThePublishedAnswers) {
  EXPECT_EQ(Philox(0, 0).bits(0, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox(~0ULL, ~0U).bits(~0ULL, ~0U),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox(0x299f31d0a4093822ULL, 0x03707344U).bits(0x85a308d3243f6a88ULL, 0x13198a2eU),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, EveryPartOfTheKeyMatters) {
  const Words base = Philox(1, 2).bits(3, 4);
  std::set<Words> seen = {base};
  EXPECT_TRUE(seen.insert(Philox(2, 2).bits(3, 4)).second);
  EXPECT_TRUE(seen.insert(Philox(1, 3).bits(3, 4)).second);
  EXPECT_TRUE(seen.insert(Philox(1, 2).bits(4, 4)).second);
  EXPECT_TRUE(seen.insert(Philox(1, 2).bits(3, 5)).second);
  EXPECT_TRUE(seen.insert(Philox(1ULL << 32, 2).bits(3, 4)).second);
  EXPECT_TRUE(seen.insert(Philox(1, 2).bits(3 | 1ULL << 40, 4)).second);
  EXPECT_EQ(Philox(1, 2).bits(3, 4), base);
}

TEST(Philox, DrawsHaveTheRightMomentsAndBounds) {
  const Philox random(11, 5);
  constexpr int kDraws = 200'000;
  double mean = 0;
  double normal_mean = 0;
  double normal_square = 0;
  double normal_fourth = 0;
  std::array<int, 7> faces{};
  for (int i = 0; i < kDraws; ++i) {
    const auto entity = static_cast<std::uint64_t>(i);
    const double u = random.uniform(entity, 0);
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    mean += u;
    const double z = random.normal(entity, 1);
    ASSERT_TRUE(std::isfinite(z));
    normal_mean += z;
    normal_square += z * z;
    normal_fourth += z * z * z * z;
    ++faces.at(random.below(7, entity, 2));
  }
  EXPECT_NEAR(mean / kDraws, 0.5, 0.004);
  EXPECT_NEAR(normal_mean / kDraws, 0, 0.01);
  EXPECT_NEAR(normal_square / kDraws, 1, 0.02);
  EXPECT_NEAR(normal_fourth / kDraws, 3, 0.15);
  for (const int count : faces) EXPECT_NEAR(count, kDraws / 7.0, 800);
}

}  // namespace
}  // namespace penchant
