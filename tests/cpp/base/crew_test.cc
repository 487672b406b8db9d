#include "penchant/base/crew.h"

#include <atomic>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/led_crew.h"
#include <gtest/gtest.h>

namespace penchant {
namespace {

using testing::run_led;

// Pieces of unequal size, fewer at a time than threads: each may only begin when the one before it
// has, and shares a loop with whoever is idle.
TEST(Crew, ComputesEveryBlockOnceAtAnyThreadCount) {
  constexpr std::size_t kPieces = 60;
  for (const int threads : {1, 2, 8, 0}) {
    Crew crew(threads);
    std::vector<std::vector<int>> calls(kPieces);
    for (std::size_t p = 0; p < kPieces; ++p) calls[p].resize(p * p % 301);
    std::atomic<std::size_t> next = 0;
    std::atomic<std::size_t> done = 0;
    crew.run([&] {
      while (done < kPieces) {
        std::size_t piece = done;
        if (piece == kPieces || !next.compare_exchange_strong(piece, piece + 1)) {
          crew.idle();
          continue;
        }
        crew.share(calls[piece].size(), [&](std::size_t b) { ++calls[piece][b]; });
        ++done;
      }
    });
    for (const std::vector<int>& one : calls) {
      EXPECT_EQ(one, std::vector<int>(one.size(), 1)) << threads;
    }
  }
}

TEST(Crew, IsHelpedByIdleThreads) {
  Crew crew(2);
  std::atomic<bool> helped = false;
  run_led(crew, [&] {
    // Waits for the other thread, which may take a while to come.
    std::atomic<int> inside = 0;
    for (int tries = 0; tries < 1'000 && !helped; ++tries) {
      crew.share(2, [&](std::size_t) {
        ++inside;
        for (int spin = 0; spin < 100 && inside < 2; ++spin) std::this_thread::yield();
        if (inside == 2) helped = true;
        --inside;
      });
    }
  });
  EXPECT_TRUE(helped);
}

TEST(Crew, HandsOnWhatALoopThrew) {
  for (const int threads : {1, 2, 8}) {
    Crew crew(threads);
    std::atomic<int> caught = 0;
    run_led(crew, [&] {
      try {
        crew.share(100, [](std::size_t b) {
          if (b == 40) throw std::runtime_error("block 40");
        });
      } catch (const std::runtime_error&) {
        ++caught;
      }
    });
    EXPECT_EQ(caught, 1) << threads;
    EXPECT_THROW(crew.run([] { throw std::runtime_error("a piece"); }), std::runtime_error);
  }
}

}  // namespace
}  // namespace penchant
