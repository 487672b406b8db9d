#include "penchant/base/parallel.h"

#include <algorithm>
#include <thread>

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

namespace penchant {
namespace {

// The widest pool anyone can ask for; a typo must not start a million threads.
constexpr int kMostThreads = 1024;

void run(std::size_t blocks, int threads, const std::function<void(std::size_t)>& body) {
  const int width = resolve_threads(threads);
  if (width == 1 || blocks <= 1) {
    for (std::size_t b = 0; b < blocks; ++b) body(b);
    return;
  }
  tbb::task_arena arena(width);
  arena.execute([&] {
    tbb::parallel_for(
        tbb::blocked_range<std::size_t>(0, blocks, 1),
        [&](const tbb::blocked_range<std::size_t>& range) {
          for (std::size_t b = range.begin(); b < range.end(); ++b) body(b);
        },
        tbb::simple_partitioner{});
  });
}

}  // namespace

int resolve_threads(int wanted) {
  if (wanted > 0) return std::min(wanted, kMostThreads);
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void parallel_blocks(std::size_t count, std::size_t block_size, int threads,
                     const std::function<void(const Block&)>& body) {
  const std::size_t size = std::max<std::size_t>(1, block_size);
  run((count + size - 1) / size, threads, [&](std::size_t b) {
    body(Block{b * size, std::min(count, (b + 1) * size), b});
  });
}

void parallel_ranges(const std::vector<std::size_t>& bounds, int threads,
                     const std::function<void(const Block&)>& body) {
  if (bounds.size() < 2) return;
  run(bounds.size() - 1, threads, [&](std::size_t b) { body(Block{bounds[b], bounds[b + 1], b}); });
}

}  // namespace penchant
