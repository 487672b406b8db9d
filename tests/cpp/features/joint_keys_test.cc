#include "penchant/features/joint_keys.h"

#include <map>
#include <random>
#include <utility>

#include <gtest/gtest.h>

#include "penchant/features/event_batch.h"

namespace penchant::features {
namespace {

TEST(JointKeys, AreNumberedAsTheyCome) {
  std::mt19937 random(1);
  const auto below = [&](std::int32_t end) {
    return static_cast<std::int32_t>(random() % static_cast<std::uint32_t>(end));
  };
  JointKeys base;
  JointKeys both;
  std::map<std::pair<std::int32_t, std::int32_t>, std::int32_t> plain;
  for (const bool lower : {true, false}) {
    if (!lower) both = JointKeys::over(base);
    JointKeys& keys = lower ? base : both;
    for (int i = 0; i < 5'000; ++i) {
      // Far apart, too: the largest codes that there can be.
      const std::int32_t first = below(3) == 0 ? 2'147'483'647 - below(50) : below(50);
      const std::int32_t second = below(2'000);
      const auto [at, fresh] =
          plain.emplace(std::pair(first, second), static_cast<std::int32_t>(plain.size()));
      if (fresh) {
        ASSERT_EQ(keys.find(first, second), kNoCode);
      }
      ASSERT_EQ(keys.add(first, second), at->second);
      ASSERT_EQ(keys.find(first, second), at->second);
      ASSERT_EQ(keys.size(), plain.size());
    }
  }
  EXPECT_LT(base.size(), both.size());
  for (const auto& [pair, number] : plain) {
    EXPECT_EQ(both.find(pair.first, pair.second), number);
    const bool early = static_cast<std::size_t>(number) < base.size();
    EXPECT_EQ(base.find(pair.first, pair.second), early ? number : kNoCode);
  }
}

TEST(JointKeys, NobodyHasNone) {
  JointKeys keys;
  EXPECT_EQ(keys.find(0, 0), kNoCode);
  EXPECT_EQ(keys.add(kNoCode, 1), kNoCode);
  EXPECT_EQ(keys.add(1, kNoCode), kNoCode);
  EXPECT_EQ(keys.size(), 0U);
  EXPECT_EQ(keys.bytes(), 0U);
}

}  // namespace
}  // namespace penchant::features
