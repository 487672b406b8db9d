#pragma once

// Threads that have work of their own, one piece each, and help with each other's loops when they
// have none: for many short pieces of unequal size, of which few can be begun at a time.
//
//   Crew crew(threads);
//   crew.run([&] {                                 // on every thread
//     while (!over()) {
//       if (auto piece = take()) {
//         ...
//         crew.share(blocks, [&](std::size_t b) { ... });
//       } else {
//         crew.idle();
//       }
//     }
//   });
//
// Each thread begins with its own share of a loop (see shares.h), so that from loop to loop over
// the same data it finds that in its cache; who computes a block is left to chance all the same,
// and results must not depend on it.

#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <vector>

namespace penchant {

class Crew {
 public:
  // 0: all the machine has.
  explicit Crew(int threads);

  // Calls `work` on each thread, this one included, and returns when all have returned. Throws the
  // first exception; the others have to find out by themselves that they are to return.
  void run(const std::function<void()>& work);

  // Calls body(0) to body(blocks - 1), here and on the threads that are idle. Throws the first
  // exception after the others have stopped. A body must not call share() or idle().
  void share(std::size_t blocks, const std::function<void(std::size_t)>& body);

  // For a thread without work: helps with a loop, or lets others run for a moment.
  void idle();

  [[nodiscard]] int threads() const { return threads_; }

 private:
  class Loop;

  // A loop with blocks left, whose end waits for the caller; or none.
  Loop* join();

  int threads_;
  std::atomic<int> open_{0};  // loops_.size(), to be looked at without the mutex
  std::mutex mutex_;
  std::vector<Loop*> loops_;
};

}  // namespace penchant
