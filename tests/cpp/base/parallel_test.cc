#include "penchant/base/parallel.h"

#include <atomic>
#include <bit>
#include <chrono>
#include <cmath>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "penchant/base/error.h"

namespace penchant {
namespace {

struct Case {
  std::size_t count;
  std::size_t block_size;
};
const std::vector<Case> kCases = {{0, 4}, {1, 4}, {4, 4}, {5, 4}, {1000, 7}, {1000, 5000}};

TEST(Parallel, CoversEveryRowOnceInTheSameBlocksAtAnyThreadCount) {
  for (const auto& [count, block_size] : kCases) {
    std::vector<Block> expected;
    for (std::size_t begin = 0; begin < count; begin += block_size) {
      expected.push_back({begin, std::min(begin + block_size, count), expected.size()});
    }
    for (const int threads : {1, 2, 8, 0}) {
      std::vector<Block> seen(expected.size());
      std::atomic<std::size_t> calls = 0;
      parallel_blocks(count, block_size, threads, [&](const Block& block) {
        seen.at(block.number) = block;
        ++calls;
      });
      EXPECT_EQ(calls, expected.size());
      for (std::size_t b = 0; b < expected.size(); ++b) {
        EXPECT_EQ(seen[b].begin, expected[b].begin);
        EXPECT_EQ(seen[b].end, expected[b].end);
        EXPECT_EQ(seen[b].number, b);
      }
    }
  }
}

TEST(Parallel, SumsAreTheSameBitsAtAnyThreadCount) {
  const auto sum = [](int threads) {
    return parallel_sum(100'000, 37, threads, [](const Block& block) {
      double out = 0;
      for (std::size_t i = block.begin; i < block.end; ++i) out += 1.0 / static_cast<double>(i + 1);
      return out;
    });
  };
  const double one = sum(1);
  EXPECT_NEAR(one, 12.0901461, 1e-6);
  for (const int threads : {2, 3, 8}) {
    EXPECT_EQ(std::bit_cast<std::uint64_t>(sum(threads)), std::bit_cast<std::uint64_t>(one));
  }
}

TEST(Parallel, ExceptionsReachTheCaller) {
  for (const int threads : {1, 2, 8}) {
    try {
      parallel_blocks(1000, 10, threads, [](const Block& block) {
        if (block.number == 57) fail(ErrorKind::kBadData, "block 57");
      });
      FAIL() << "nothing thrown at " << threads << " threads";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kBadData);
      EXPECT_STREQ(error.what(), "block 57");
    }
    const auto odd = [](const Block& /*block*/) -> void { throw std::length_error("odd"); };
    EXPECT_THROW(parallel_ranges({0, 5, 9}, threads, odd), std::length_error);
    std::atomic<int> after = 0;  // and the next loop works
    parallel_blocks(100, 10, threads, [&](const Block& /*block*/) { ++after; });
    EXPECT_EQ(after, 10);
  }
}

TEST(Parallel, RangesFollowTheirBounds) {
  std::vector<Block> seen(3);
  parallel_ranges({0, 4, 4, 9}, 2, [&](const Block& block) { seen.at(block.number) = block; });
  EXPECT_EQ(seen[0].end, 4U);
  EXPECT_EQ(seen[2].begin, 4U);
  EXPECT_EQ(seen[2].end, 9U);
}

TEST(Parallel, BalancedBoundsHoldAboutTheTargetAndEveryRow) {
  std::vector<std::int64_t> offsets{0};
  for (int row = 0; row < 200; ++row) offsets.push_back(offsets.back() + (row % 17 == 0 ? 90 : 3));
  const auto bounds = balanced_bounds(offsets.data(), 200, 100, 25);
  ASSERT_EQ(bounds.front(), 0U);
  ASSERT_EQ(bounds.back(), 200U);
  for (std::size_t b = 0; b + 1 < bounds.size(); ++b) {
    ASSERT_LT(bounds[b], bounds[b + 1]);
    EXPECT_LE(bounds[b + 1] - bounds[b], 25U);
    const auto weight = offsets[bounds[b + 1]] - offsets[bounds[b]];
    EXPECT_TRUE(weight <= 100 || bounds[b + 1] - bounds[b] == 1) << weight;
  }
  const std::vector<std::int64_t> none{0};
  EXPECT_EQ(balanced_bounds(none.data(), 0, 100, 25), std::vector<std::size_t>{0});
}

// A thread that waits for the loop within its block must not begin another block of the loop
// around: that one would find the thread's buffers in use.
TEST(Parallel, LoopsWithinBlocksLeaveTheThreadsBuffersAlone) {
  static thread_local int in_use = 0;
  for (const int threads : {2, 4, 8}) {
    for (const int within : {threads, 3}) {
      std::atomic<int> taken_twice = 0;
      std::atomic<int> calls = 0;
      const auto loops = [&] {
        parallel_blocks(64, 1, threads, [&](const Block& /*block*/) {
          taken_twice += in_use++ == 0 ? 0 : 1;
          // One block of the inner loop is still under way elsewhere when the others are done, so
          // that its thread waits while blocks of the outer loop are left.
          parallel_blocks(6, 1, within, [&](const Block& inner) {
            std::this_thread::sleep_for(std::chrono::microseconds(inner.number < 3 ? 20 : 400));
            ++calls;
          });
          --in_use;
        });
      };
      loops();
      with_threads(threads, loops);
      EXPECT_EQ(taken_twice, 0) << threads << " threads, " << within << " within";
      EXPECT_EQ(calls, 2 * 64 * 6);
    }
  }
}

TEST(Parallel, CrewsRunTheSameBlocks) {
  for (const int threads : {1, 2, 8, 0}) {
    std::vector<int> seen(100);
    with_threads(threads, [&] {
      for (int round = 0; round < 50; ++round) {
        parallel_blocks(seen.size(), 3, threads, [&](const Block& block) {
          for (std::size_t i = block.begin; i < block.end; ++i) ++seen[i];
        });
      }
      // Of another width, and a crew within a crew.
      with_threads(2, [&] {
        parallel_blocks(seen.size(), 7, 5, [&](const Block& block) {
          for (std::size_t i = block.begin; i < block.end; ++i) ++seen[i];
        });
      });
    });
    EXPECT_EQ(seen, std::vector<int>(seen.size(), 51)) << threads;
    EXPECT_THROW(with_threads(threads, [] { throw std::length_error("odd"); }), std::length_error);
  }
}

TEST(Parallel, ResolvesThreads) {
  EXPECT_EQ(resolve_threads(3), 3);
  EXPECT_GE(resolve_threads(0), 1);
}

}  // namespace
}  // namespace penchant
