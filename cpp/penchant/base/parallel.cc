#include "penchant/base/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

namespace penchant {
namespace {

// Asked once: glibc opens a file of the system for the answer, which takes longer than many a
// search.
int all_threads() {
  static const int all = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  return all;
}

// The widest pool anyone can ask for; a typo must not start a million threads.
int most_threads() { return std::max(64, all_threads()); }

#if defined(__SANITIZE_THREAD__)
// TBB synchronizes inside a library that ThreadSanitizer did not instrument: it would see races
// where there are none, and suppressing those would hide the real ones, whose stacks also pass
// through TBB. So its builds run the same blocks on plain threads.
void run_parallel(std::size_t blocks, int width, const std::function<void(std::size_t)>& body) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::exception_ptr first;
  const auto work = [&] {
    // Relaxed: taking a block must not order it after the blocks of others, or races would hide.
    const auto take = [&] { return next.fetch_add(1, std::memory_order_relaxed); };
    for (std::size_t b = take(); b < blocks; b = take()) {
      try {
        body(b);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!first) first = std::current_exception();
        next.store(blocks, std::memory_order_relaxed);
      }
    }
  };
  std::vector<std::thread> threads;
  const auto most = static_cast<std::size_t>(width);
  for (std::size_t t = 1; t < std::min(most, blocks); ++t) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  if (first) std::rethrow_exception(first);
}
#else
bool inside_arena_of(int width) {
  return tbb::this_task_arena::current_thread_index() != tbb::task_arena::not_initialized &&
         tbb::this_task_arena::max_concurrency() == width;
}

void run_parallel(std::size_t blocks, int width, const std::function<void(std::size_t)>& body) {
  // TBB warns on stderr when asked for more threads than it allows itself; allow what may be asked.
  static const tbb::global_control allowed(tbb::global_control::max_allowed_parallelism,
                                           static_cast<std::size_t>(most_threads()));
  const auto loop = [&] {
    tbb::parallel_for(
        tbb::blocked_range<std::size_t>(0, blocks, 1),
        [&](const tbb::blocked_range<std::size_t>& range) {
          for (std::size_t b = range.begin(); b < range.end(); ++b) body(b);
        },
        tbb::simple_partitioner{});
  };
  if (inside_arena_of(width)) {
    // A thread that waits here for its last blocks must not begin another block of the loop
    // around this one: that would find the thread's buffers in use.
    return tbb::this_task_arena::isolate(loop);
  }
  tbb::task_arena arena(width);
  arena.execute(loop);
}
#endif

void run(std::size_t blocks, int threads, const std::function<void(std::size_t)>& body) {
  const int width = resolve_threads(threads);
  if (width > 1 && blocks > 1) return run_parallel(blocks, width, body);
  for (std::size_t b = 0; b < blocks; ++b) body(b);
}

}  // namespace

int resolve_threads(int wanted) {
  if (wanted > 0) return std::min(wanted, most_threads());
  return all_threads();
}

void parallel_blocks(std::size_t count, std::size_t block_size, int threads,
                     const std::function<void(const Block&)>& body) {
  const std::size_t size = std::max<std::size_t>(1, block_size);
  run((count + size - 1) / size, threads, [&](std::size_t b) {
    body(Block{b * size, std::min(count, (b + 1) * size), b});
  });
}

void with_threads(int threads, const std::function<void()>& body) {
#if defined(__SANITIZE_THREAD__)
  static_cast<void>(threads);
  body();
#else
  const int width = resolve_threads(threads);
  if (width == 1 || inside_arena_of(width)) return body();
  tbb::task_arena arena(width);
  arena.execute(body);
#endif
}

void parallel_ranges(const std::vector<std::size_t>& bounds, int threads,
                     const std::function<void(const Block&)>& body) {
  if (bounds.size() < 2) return;
  run(bounds.size() - 1, threads, [&](std::size_t b) { body(Block{bounds[b], bounds[b + 1], b}); });
}

}  // namespace penchant
