#include "penchant/ranking/row_partition.h"

#include <algorithm>
#include <array>
#include <atomic>

#include "penchant/base/parallel.h"

namespace penchant::ranking {
namespace {

constexpr std::size_t kBlockRows = 4'096;
constexpr std::size_t kAhead = 32;

struct ByLimit {
  const std::uint8_t* column;
  std::uint8_t shift;
  std::uint8_t limit;
  [[nodiscard]] bool operator()(std::uint32_t row) const {
    return static_cast<std::uint8_t>(column[row] + shift) <= limit;
  }
};

struct ByTable {
  const std::uint8_t* column;
  const std::uint8_t* left;
  [[nodiscard]] bool operator()(std::uint32_t row) const { return left[column[row]] != 0; }
};

// Left rows grow from the front, right rows from the back: every entry is written to both ends and
// one of them moves on, so nothing branches on the data.
template <class GoesLeft>
std::size_t from_both_ends(std::span<const Entry> entries, const GoesLeft& goes_left,
                           std::span<Entry> out) {
  const std::size_t count = entries.size();
  std::size_t front = 0;
  std::size_t back = count;  // one beyond
  for (std::size_t i = 0; i < count; ++i) {
    __builtin_prefetch(goes_left.column + entries[std::min(i + kAhead, count - 1)].row);
    const Entry entry = entries[i];
    const bool left = goes_left(entry.row);
    out[front] = entry;
    out[back - 1] = entry;
    front += left ? 1 : 0;
    back -= left ? 0 : 1;
  }
  return front;
}

template <class GoesLeft>
std::size_t partition(std::span<const Entry> entries, const GoesLeft& goes_left, int threads,
                      std::span<Entry> out) {
  if (entries.size() < 2 * kBlockRows || resolve_threads(threads) == 1) {
    return from_both_ends(entries, goes_left, out);
  }
  // Each block is split by itself and takes the next free places at both ends, in whatever order
  // blocks come: nothing depends on the order of a leaf's rows, and no block waits for a count.
  std::atomic<std::size_t> front{0};
  std::atomic<std::size_t> back{out.size()};
  parallel_blocks(entries.size(), kBlockRows, threads, [&](const Block& block) {
    std::array<Entry, kBlockRows> piece;
    const std::size_t size = block.end - block.begin;
    const std::size_t left =
        from_both_ends(entries.subspan(block.begin, size), goes_left, std::span(piece).first(size));
    const std::size_t to = front.fetch_add(left, std::memory_order_relaxed);
    const std::size_t end = back.fetch_sub(size - left, std::memory_order_relaxed);
    std::copy_n(piece.begin(), left, out.begin() + static_cast<std::ptrdiff_t>(to));
    std::copy_n(piece.begin() + static_cast<std::ptrdiff_t>(left), size - left,
                out.begin() + static_cast<std::ptrdiff_t>(end - (size - left)));
  });
  return front.load();
}

}  // namespace

std::size_t partition_entries(std::span<const Entry> entries, const std::uint8_t* column,
                              const BinDecision& decision, int threads, std::span<Entry> out) {
  if (decision.by_table) {
    return partition(entries, ByTable{column, decision.left.data()}, threads, out);
  }
  return partition(entries, ByLimit{column, decision.shift, decision.limit}, threads, out);
}

}  // namespace penchant::ranking
