#include "penchant/base/shares.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace penchant {
namespace {

TEST(Shares, GivesAThreadItsOwnPiecesFirst) {
  Shares shares(10, 2);
  std::vector<std::size_t> taken;
  while (const auto piece = shares.take(1)) taken.push_back(*piece);
  EXPECT_EQ(taken, (std::vector<std::size_t>{5, 6, 7, 8, 9, 0, 1, 2, 3, 4}));
  EXPECT_FALSE(shares.has_more());
  EXPECT_FALSE(shares.take(0).has_value());
}

TEST(Shares, GivesEveryPieceOnceAtAnyNumberOfThreads) {
  for (const std::size_t threads : {1, 2, 3, 8, 20}) {
    for (const std::size_t count : {0, 1, 2, 7, 1'000}) {
      Shares shares(count, threads);
      EXPECT_EQ(shares.has_more(), count > 0);
      std::vector<std::atomic<int>> given(count);
      std::vector<std::thread> takers;
      for (std::size_t t = 0; t < threads; ++t) {
        takers.emplace_back([&, t] {
          while (const auto piece = shares.take(t)) ++given[*piece];
        });
      }
      for (std::thread& taker : takers) taker.join();
      for (const auto& times : given) EXPECT_EQ(times, 1) << count << " for " << threads;
      EXPECT_FALSE(shares.has_more());
    }
  }
}

TEST(Shares, GivesNothingAfterAStop) {
  Shares shares(100, 4);
  EXPECT_TRUE(shares.take(2).has_value());
  shares.stop();
  for (std::size_t t = 0; t < 4; ++t) EXPECT_FALSE(shares.take(t).has_value());
}

}  // namespace
}  // namespace penchant
