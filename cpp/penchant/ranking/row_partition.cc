#include "penchant/ranking/row_partition.h"

#include <algorithm>
#include <array>
#include <vector>

#include "penchant/base/parallel.h"

namespace penchant::ranking {
namespace {

constexpr std::size_t kBlockRows = 32'768;
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
  if (entries.empty()) return 0;
  if (entries.size() <= kBlockRows || resolve_threads(threads) == 1) {
    return from_both_ends(entries, goes_left, out);
  }
  // Counted first, so that each block knows where its rows go.
  const std::size_t blocks = (entries.size() + kBlockRows - 1) / kBlockRows;
  std::vector<std::size_t> lefts(blocks + 1, 0);
  parallel_blocks(entries.size(), kBlockRows, threads, [&](const Block& block) {
    std::size_t left = 0;
    for (std::size_t i = block.begin; i < block.end; ++i) left += goes_left(entries[i].row) ? 1 : 0;
    lefts[block.number + 1] = left;
  });
  for (std::size_t b = 1; b <= blocks; ++b) lefts[b] += lefts[b - 1];
  const std::size_t total = lefts.back();
  parallel_blocks(entries.size(), kBlockRows, threads, [&](const Block& block) {
    constexpr std::size_t kPiece = 1024;
    std::array<Entry, kPiece> piece;
    Entry* left = out.data() + lefts[block.number];
    Entry* right = out.data() + total + block.begin - lefts[block.number];
    for (std::size_t at = block.begin; at < block.end; at += kPiece) {
      const std::size_t size = std::min(kPiece, block.end - at);
      const std::size_t count =
          from_both_ends(entries.subspan(at, size), goes_left, std::span(piece).first(size));
      left = std::copy_n(piece.begin(), count, left);
      right = std::reverse_copy(piece.begin() + static_cast<std::ptrdiff_t>(count),
                                piece.begin() + static_cast<std::ptrdiff_t>(size), right);
    }
  });
  return total;
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
