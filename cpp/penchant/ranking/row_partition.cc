#include "penchant/ranking/row_partition.h"

#include <algorithm>

#include "penchant/ranking/partition_kernels.h"

namespace penchant::ranking {
namespace {

constexpr std::size_t kStripeRows = 16'384;  // at least
constexpr std::size_t kStripesAThread = 4;   // threads begin and end at different times
constexpr std::size_t kSharedRows = 8'192;   // the least that is worth another thread

}  // namespace

EntryRanges cut_into_stripes(std::size_t size, int threads) {
  if (size == 0) return {};
  const std::size_t most = threads == 1 ? 1 : kStripesAThread * static_cast<std::size_t>(threads);
  const std::size_t stripes = std::clamp<std::size_t>(size / kStripeRows, 1, most);
  EntryRanges ranges;
  for (std::size_t s = 0; s < stripes; ++s) {
    ranges.push_back({size * s / stripes, size * (s + 1) / stripes});
  }
  return ranges;
}

Halves partition_entries(std::span<const Entry> from, const EntryRanges& ranges,
                         const std::uint8_t* column, const BinDecision& decision, Crew& crew,
                         std::span<Entry> to) {
  std::size_t rows = 0;
  for (const EntryRange& range : ranges) rows += range.size();
  std::vector<std::size_t> left(ranges.size());
  const auto split = [&](std::size_t r) {
    const EntryRange& range = ranges[r];
    left[r] = partition_block(from.subspan(range.begin, range.size()), column, decision,
                              to.data() + range.begin);
  };
  if (rows < kSharedRows) {
    for (std::size_t r = 0; r < ranges.size(); ++r) split(r);
  } else {
    crew.share(ranges.size(), split);
  }
  Halves halves;
  for (std::size_t r = 0; r < ranges.size(); ++r) {
    const std::size_t middle = ranges[r].begin + left[r];
    halves.left_rows += left[r];
    if (left[r] > 0) halves.left.push_back({ranges[r].begin, middle});
    if (middle < ranges[r].end) halves.right.push_back({middle, ranges[r].end});
  }
  return halves;
}

}  // namespace penchant::ranking
