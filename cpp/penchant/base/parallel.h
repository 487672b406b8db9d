#pragma once

// Parallel loops whose blocks depend on the work alone, never on the number of threads, so that a
// result assembled block by block is the same bits at any thread count.
//
//   parallel_blocks(rows, 256, threads, [&](const Block& block) {
//     for (std::size_t i = block.begin; i < block.end; ++i) ...
//   });
//   double total = parallel_sum(n, 4096, threads, [&](const Block& b) { return partial(b); });

#include <cstddef>
#include <functional>
#include <numeric>
#include <vector>

namespace penchant {

struct Block {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t number = 0;  // 0, 1, 2, ... in the order of begin
};

// The threads to use for a request of `wanted`: 0 means all the machine has.
[[nodiscard]] int resolve_threads(int wanted);

// Calls body once a block; blocks run in any order, on at most `threads` threads (0: all). The
// first exception thrown by a body is rethrown here after the others have stopped.
void parallel_blocks(std::size_t count, std::size_t block_size, int threads,
                     const std::function<void(const Block&)>& body);

// Runs body, whose loops of as many threads then share one crew instead of gathering one each: for
// algorithms of many short loops. A loop inside a block of another shares that one's crew anyway.
void with_threads(int threads, const std::function<void()>& body);

// parallel_blocks with the boundaries given: block b is [bounds[b], bounds[b + 1]).
void parallel_ranges(const std::vector<std::size_t>& bounds, int threads,
                     const std::function<void(const Block&)>& body);

// Boundaries of blocks that hold about `target` weight each, where weight of row i is
// offsets[i + 1] - offsets[i] (non-zeros of a CSR row). Balances by work rather than by rows.
template <class Offset>
[[nodiscard]] std::vector<std::size_t> balanced_bounds(const Offset* offsets, std::size_t rows,
                                                       std::size_t target, std::size_t max_rows) {
  std::vector<std::size_t> bounds{0};
  for (std::size_t i = 0; i < rows; ++i) {
    const std::size_t first = bounds.back();
    const auto weight = static_cast<std::size_t>(offsets[i + 1] - offsets[first]);
    if (i > first && (weight > target || i - first >= max_rows)) bounds.push_back(i);
  }
  if (bounds.back() != rows) bounds.push_back(rows);
  return bounds;
}

// Sums the blocks' values in the order of the blocks.
template <class Body>
[[nodiscard]] double parallel_sum(std::size_t count, std::size_t block_size, int threads,
                                  Body&& body) {
  std::vector<double> partial((count + block_size - 1) / block_size, 0.0);
  parallel_blocks(count, block_size, threads,
                  [&](const Block& block) { partial[block.number] = body(block); });
  return std::accumulate(partial.begin(), partial.end(), 0.0);
}

}  // namespace penchant
