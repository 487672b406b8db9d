#include "penchant/ranking/histogram.h"

#include <algorithm>
#include <optional>

#include <unistd.h>

#include "penchant/base/shares.h"

namespace penchant::ranking {
namespace {

constexpr std::size_t kBins = 256;
// The sum of so many hessians still fits in 32 bits, that of gradients in 31 and a sign.
constexpr std::size_t kFlushRows = 65'536;
// Rows that a panel's tiles take one after the other while their lines are in the second cache.
constexpr std::size_t kBlockRows = 2'048;
constexpr std::size_t kAhead = 24;
constexpr std::size_t kPartRows = 1'024;     // the least that is worth another thread's table
constexpr std::size_t kSharedTiles = 2'048;  // rows x tiles that are worth another thread

// gradient : 32 | hessian : 32, added as one.
using Packed = std::uint64_t;

template <bool kCount>
Packed pack(Entry entry) {
  if constexpr (kCount) return 1;
  return (static_cast<Packed>(static_cast<std::int64_t>(entry.gradient)) << 32) + entry.hessian;
}

// Adds entries to sums [kFeatures, 256] of neighbouring features, whose bytes are at row * stride.
template <std::size_t kFeatures, bool kCount>
void add_rows(const std::uint8_t* rows, std::size_t stride, const Entry* entries, std::size_t count,
              std::size_t readable, Packed* sums) {
  for (std::size_t i = 0; i < count; ++i) {
    __builtin_prefetch(rows + entries[std::min(i + kAhead, readable - 1)].row * stride);
    const std::uint8_t* const row = rows + entries[i].row * stride;
    const Packed pair = pack<kCount>(entries[i]);
#pragma GCC unroll 32
    for (std::size_t f = 0; f < kFeatures; ++f) sums[f * kBins + row[f]] += pair;
  }
}

using AddRows = void (*)(const std::uint8_t*, std::size_t, const Entry*, std::size_t, std::size_t,
                         Packed*);

// From 4 features up their number is rounded up to a multiple of 4: what is too many are bytes and
// sums that nobody reads.
template <bool kCount>
AddRows add_rows_of(std::size_t features) {
  static constexpr AddRows kFew[] = {&add_rows<1, kCount>, &add_rows<2, kCount>,
                                     &add_rows<3, kCount>};
  static constexpr AddRows kMany[] = {
      &add_rows<4, kCount>,  &add_rows<8, kCount>,  &add_rows<12, kCount>, &add_rows<16, kCount>,
      &add_rows<20, kCount>, &add_rows<24, kCount>, &add_rows<28, kCount>, &add_rows<32, kCount>};
  return features < 4 ? kFew[features - 1] : kMany[(features + 3) / 4 - 1];
}

// Tiles whose sums are added to together: the overhead of a row is paid once, but their sums, 16
// KiB a tile, have to stay close. Four overflow a first cache of 48 KiB a little and are still
// faster there (.38 ns an addition in order, .45 with a fifth of the rows, against .49 and .51 with
// one tile); 32 KiB are full with one and the rows.
std::size_t tiles_together() {
  static const long cache = sysconf(_SC_LEVEL1_DCACHE_SIZE);
  return cache >= 40 * 1024 ? 4 : 1;
}

// Neighbouring tiles that share lines.
struct Panel {
  std::size_t first = 0;
  std::size_t last = 0;  // one beyond
};

std::vector<Panel> panels_of(std::size_t tiles, std::size_t most) {
  std::vector<Panel> panels;
  for (std::size_t first = 0; first < tiles; first += most) {
    panels.push_back({first, std::min(first + most, tiles)});
  }
  return panels;
}

std::size_t rows_of(const EntryRuns& runs) {
  std::size_t rows = 0;
  for (const auto run : runs) rows += run.size();
  return rows;
}

// Blocks of entries that several threads take from, each as many as it gets to.
class Blocks {
 public:
  struct Block {
    std::span<const Entry> entries;  // empty: none is left
    std::size_t readable = 0;        // as far as the run goes on
  };

  Blocks(const EntryRuns& runs, std::size_t parts)
      : runs_(runs), size_(std::clamp(rows_of(runs) / 8, kPartRows / 2, kBlockRows)) {
    for (const auto run : runs) {
      first_.push_back(first_.back() + (run.size() + size_ - 1) / size_);
    }
    blocks_.emplace(first_.back(), parts);
  }
  Block take(std::size_t part) {
    const auto block = blocks_->take(part);
    if (!block) return {};
    const auto r =
        static_cast<std::size_t>(std::ranges::upper_bound(first_, *block) - first_.begin() - 1);
    const auto left = runs_[r].subspan((*block - first_[r]) * size_);
    return {left.first(std::min(size_, left.size())), left.size()};
  }

 private:
  const EntryRuns& runs_;
  std::size_t size_;
  std::vector<std::size_t> first_{0};  // [runs + 1], a run's first block
  std::optional<Shares> blocks_;
};

// A panel's share of a histogram over what it gets of the blocks.
class PanelSums {
 public:
  PanelSums(const BinnedMatrix& bins, const HistogramLayout& layout,
            std::span<const std::uint8_t> used, Summed summed)
      : bins_(bins), layout_(layout), used_(used), summed_(summed) {}

  // Sums to where `start` says, [layout.size()], of which the panel's part is overwritten; it is
  // only asked when there is a block to be had. False: there was none.
  template <class Start>
  bool run(Panel panel, Blocks& blocks, std::size_t part, const Start& start) const {
    static thread_local AlignedVector<Packed> kept;
    AlignedVector<Packed>& sums = kept;
    const std::size_t size = (panel.last - panel.first) * kTileColumns * kBins;
    BinSum* out = nullptr;
    bool first = true;
    std::size_t rows = 0;
    for (auto block = blocks.take(part); !block.entries.empty(); block = blocks.take(part)) {
      if (out == nullptr) out = start();
      if (rows == 0) sums.assign(size, Packed{0});
      add(panel, block, sums.data());
      rows += block.entries.size();
      if (rows + kBlockRows <= kFlushRows) continue;
      flush(panel, sums.data(), first, out);
      rows = 0;
      first = false;
    }
    if (rows > 0) flush(panel, sums.data(), first, out);
    return out != nullptr;
  }

  [[nodiscard]] std::span<BinSum> part_of(Panel panel, std::span<BinSum> histogram) const {
    const std::size_t begin = layout_.begin[panel.first * kTileColumns];
    const std::size_t end = layout_.begin[std::min(panel.last * kTileColumns, bins_.columns())];
    return histogram.subspan(begin, end - begin);
  }

 private:
  [[nodiscard]] std::size_t columns_of(std::size_t tile) const {
    return std::min(kTileColumns, bins_.columns() - tile * kTileColumns);
  }

  void add(Panel panel, const Blocks::Block& block, Packed* sums) const {
    // Groups of about the same size.
    const std::size_t tiles = panel.last - panel.first;
    const std::size_t groups = (tiles + tiles_together() - 1) / tiles_together();
    for (std::size_t g = 0; g < groups; ++g) {
      const std::size_t t = panel.first + g * tiles / groups;
      const std::size_t last = panel.first + (g + 1) * tiles / groups;
      if (!std::any_of(&used_[t], &used_[t] + (last - t), [](auto u) { return u != 0; })) continue;
      const std::size_t features =
          std::min(last * kTileColumns, bins_.columns()) - t * kTileColumns;
      const AddRows add_all =
          summed_ == Summed::kRows ? add_rows_of<true>(features) : add_rows_of<false>(features);
      add_all(bins_.tile(t), bins_.tile_stride(t), block.entries.data(), block.entries.size(),
              block.readable, sums + (t - panel.first) * kTileColumns * kBins);
    }
  }

  // first: what is in `out` yet is not to be added to.
  void flush(Panel panel, const Packed* sums, bool first, BinSum* out) const {
    for (std::size_t t = panel.first; t < panel.last; ++t) {
      const Packed* from = sums + (t - panel.first) * kTileColumns * kBins;
      if (used_[t] == 0) {
        if (first)
          flush_tile(
              t, [&](std::size_t, std::size_t) { return BinSum{}; }, out);
      } else if (first) {
        flush_tile(
            t, [&](std::size_t at, std::size_t) { return unpacked(from[at]); }, out);
      } else {
        flush_tile(
            t, [&](std::size_t at, std::size_t to) { return out[to] + unpacked(from[at]); }, out);
      }
    }
  }

  // value(where it is in a tile's sums, where in a histogram)
  template <class Value>
  void flush_tile(std::size_t tile, const Value& value, BinSum* out) const {
    for (std::size_t k = 0; k < columns_of(tile); ++k) {
      const std::size_t c = tile * kTileColumns + k;
      const std::size_t to = layout_.begin[c];
      const std::size_t values = layout_.missing(c) - to;
      for (std::size_t b = 0; b < values; ++b) out[to + b] = value(k * kBins + b, to + b);
      out[to + values] = value(k * kBins + kMissingBin, to + values);
    }
  }

  static BinSum unpacked(Packed packed) {
    return {static_cast<std::int64_t>(packed) >> 32,
            static_cast<std::int64_t>(packed & 0xffffffffU)};
  }

  const BinnedMatrix& bins_;
  const HistogramLayout& layout_;
  std::span<const std::uint8_t> used_;
  Summed summed_;
};

}  // namespace

void build_histogram(const BinnedMatrix& bins, const HistogramLayout& layout,
                     const EntryRuns& entries, std::span<const std::uint8_t> used, Summed summed,
                     Crew& crew, std::span<BinSum> out) {
  const PanelSums sums(bins, layout, used, summed);
  // Sums are exact, so how the work is shared out may depend on the threads.
  const std::size_t rows = rows_of(entries);
  const bool shared = rows * bins.tiles() >= kSharedTiles;
  const auto width = static_cast<std::size_t>(shared ? crew.threads() : 1);
  // Few rows are shared out by columns: reading them again costs less than tables of one's own.
  const std::size_t share = (bins.tiles() + width - 1) / width;
  const std::vector<Panel> panels =
      panels_of(bins.tiles(), rows < 2 * kPartRows ? std::min(share, kPanelTiles) : kPanelTiles);
  const std::size_t parts =
      panels.size() >= width ? 1 : std::clamp<std::size_t>(rows / kPartRows, 1, width);
  if (parts == 1) {
    const auto sum_panel = [&](std::size_t p) {
      Blocks blocks(entries, 1);
      if (sums.run(panels[p], blocks, 0, [&] { return out.data(); })) return;
      std::ranges::fill(sums.part_of(panels[p], out), BinSum{});
    };
    if (width > 1) return crew.share(panels.size(), sum_panel);
    for (std::size_t p = 0; p < panels.size(); ++p) sum_panel(p);
    return;
  }
  // Kept from leaf to leaf: fresh pages would cost as much as filling them.
  static thread_local std::vector<AlignedVector<BinSum>> kept;
  std::vector<AlignedVector<BinSum>>& own = kept;
  if (own.size() < parts) own.resize(parts);
  for (const Panel panel : panels) {
    std::vector<std::uint8_t> added(parts, 0);
    Blocks blocks(entries, parts);
    crew.share(parts, [&](std::size_t part) {
      AlignedVector<BinSum>& to = own[part];
      to.resize(layout.size());
      if (sums.run(panel, blocks, part, [&] { return to.data(); })) added[part] = 1;
    });
    const std::span<BinSum> all = sums.part_of(panel, out);
    std::ranges::fill(all, BinSum{});
    for (std::size_t part = 0; part < parts; ++part) {
      if (added[part] == 0) continue;
      const std::span<const BinSum> one = sums.part_of(panel, own[part]);
      for (std::size_t b = 0; b < all.size(); ++b) all[b] = all[b] + one[b];
    }
  }
}

void subtract_histogram(std::span<BinSum> parent, std::span<const BinSum> child) {
  for (std::size_t b = 0; b < parent.size(); ++b) parent[b] = parent[b] - child[b];
}

}  // namespace penchant::ranking
