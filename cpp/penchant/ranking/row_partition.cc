#include "penchant/ranking/row_partition.h"

#include <algorithm>
#include <array>
#include <atomic>

#include "penchant/ranking/partition_kernels.h"

namespace penchant::ranking {
namespace {

constexpr std::size_t kBlockRows = 2'048;
constexpr std::size_t kSharedRows = 8'192;  // the least that is worth another thread

}  // namespace

std::size_t partition_entries(std::span<const Entry> entries, const std::uint8_t* column,
                              const BinDecision& decision, Crew& crew, std::span<Entry> out) {
  if (entries.size() < kSharedRows || crew.threads() == 1) {
    return partition_block(entries, column, decision, out.data());
  }
  // Each block is split by itself and takes the next free places at both ends, in whatever order
  // blocks come: nothing depends on the order of a leaf's rows, and no block waits for a count.
  std::atomic<std::size_t> front{0};
  std::atomic<std::size_t> back{out.size()};
  crew.share((entries.size() + kBlockRows - 1) / kBlockRows, [&](std::size_t block) {
    std::array<Entry, kBlockRows> piece;
    const std::size_t begin = block * kBlockRows;
    const std::size_t size = std::min(kBlockRows, entries.size() - begin);
    const std::size_t left =
        partition_block(entries.subspan(begin, size), column, decision, piece.data());
    const std::size_t to = front.fetch_add(left, std::memory_order_relaxed);
    const std::size_t end = back.fetch_sub(size - left, std::memory_order_relaxed);
    std::copy_n(piece.begin(), left, out.begin() + static_cast<std::ptrdiff_t>(to));
    std::copy_n(piece.begin() + static_cast<std::ptrdiff_t>(left), size - left,
                out.begin() + static_cast<std::ptrdiff_t>(end - (size - left)));
  });
  return front.load();
}

}  // namespace penchant::ranking
