#include "penchant/ranking/histogram.h"

#include <algorithm>
#include <atomic>

#include <unistd.h>

#include "penchant/base/parallel.h"

namespace penchant::ranking {
namespace {

constexpr std::size_t kBins = 256;
// The sum of so many hessians still fits in 32 bits, that of gradients in 31 and a sign.
constexpr std::size_t kFlushRows = 65'536;
// Rows that a panel's tiles take one after the other while their lines are in the second cache.
constexpr std::size_t kBlockRows = 4'096;
constexpr std::size_t kAhead = 24;
constexpr std::size_t kPartRows = 16'384;     // the least that is worth another thread's table
constexpr std::size_t kSharedTiles = 65'536;  // rows x tiles that are worth another thread

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

std::vector<Panel> panels_of(std::size_t tiles) {
  std::vector<Panel> panels;
  for (std::size_t first = 0; first < tiles; first += kPanelTiles) {
    panels.push_back({first, std::min(first + kPanelTiles, tiles)});
  }
  return panels;
}

// Blocks of entries that several threads take from, each as many as it gets to.
class Blocks {
 public:
  explicit Blocks(std::span<const Entry> entries) : entries_(entries) {}
  // Empty: none is left.
  std::span<const Entry> take() {
    const std::size_t at = next_.fetch_add(kBlockRows, std::memory_order_relaxed);
    if (at >= entries_.size()) return {};
    return entries_.subspan(at, std::min(kBlockRows, entries_.size() - at));
  }
  [[nodiscard]] const Entry* end() const { return entries_.data() + entries_.size(); }

 private:
  std::span<const Entry> entries_;
  std::atomic<std::size_t> next_{0};
};

// A panel's share of a histogram over what it gets of the blocks.
class PanelSums {
 public:
  PanelSums(const BinnedMatrix& bins, const HistogramLayout& layout,
            std::span<const std::uint8_t> used, Summed summed)
      : bins_(bins), layout_(layout), used_(used), summed_(summed) {}

  // `out` [layout.size()] is made ready by `start` before anything is added.
  template <class Start>
  void run(Panel panel, Blocks& blocks, const Start& start) const {
    static thread_local AlignedVector<Packed> kept;
    AlignedVector<Packed>& sums = kept;
    const std::size_t size = (panel.last - panel.first) * kTileColumns * kBins;
    BinSum* out = nullptr;
    std::size_t rows = 0;
    for (auto block = blocks.take(); !block.empty(); block = blocks.take()) {
      if (out == nullptr) out = start();
      if (rows == 0) sums.assign(size, Packed{0});
      add(panel, block, blocks.end(), sums.data());
      rows += block.size();
      if (rows + kBlockRows <= kFlushRows) continue;
      flush(panel, sums.data(), out);
      rows = 0;
    }
    if (rows > 0) flush(panel, sums.data(), out);
  }

 private:
  [[nodiscard]] std::size_t features_of(std::size_t tile) const {
    return std::min(kTileColumns, bins_.columns() - tile * kTileColumns);
  }

  void add(Panel panel, std::span<const Entry> block, const Entry* end, Packed* sums) const {
    const std::size_t together = tiles_together();
    for (std::size_t t = panel.first; t < panel.last; t += together) {
      const std::size_t last = std::min(t + together, panel.last);
      if (!std::any_of(&used_[t], &used_[t] + (last - t), [](auto u) { return u != 0; })) continue;
      const std::size_t features =
          std::min(last * kTileColumns, bins_.columns()) - t * kTileColumns;
      const AddRows add_all =
          summed_ == Summed::kRows ? add_rows_of<true>(features) : add_rows_of<false>(features);
      add_all(bins_.tile(t), bins_.tile_stride(t), block.data(), block.size(),
              static_cast<std::size_t>(end - block.data()),
              sums + (t - panel.first) * kTileColumns * kBins);
    }
  }

  void flush(Panel panel, const Packed* sums, BinSum* out) const {
    for (std::size_t t = panel.first; t < panel.last; ++t) {
      if (used_[t] != 0) flush_tile(t, sums + (t - panel.first) * kTileColumns * kBins, out);
    }
  }

  void flush_tile(std::size_t tile, const Packed* sums, BinSum* out) const {
    for (std::size_t k = 0; k < features_of(tile); ++k) {
      const std::size_t f = tile * kTileColumns + k;
      const Packed* from = sums + k * kBins;
      BinSum* to = out + layout_.begin[f];
      const std::size_t values = layout_.missing(f) - layout_.begin[f];
      for (std::size_t b = 0; b < values; ++b) unpack(from[b], to[b]);
      unpack(from[kMissingBin], to[values]);
    }
  }

  static void unpack(Packed packed, BinSum& sum) {
    sum.gradient += static_cast<std::int64_t>(packed) >> 32;
    sum.hessian += static_cast<std::int64_t>(packed & 0xffffffffU);
  }

  const BinnedMatrix& bins_;
  const HistogramLayout& layout_;
  std::span<const std::uint8_t> used_;
  Summed summed_;
};

}  // namespace

void build_histogram(const BinnedMatrix& bins, const HistogramLayout& layout,
                     std::span<const Entry> entries, std::span<const std::uint8_t> used,
                     Summed summed, int threads, std::span<BinSum> out) {
  const PanelSums sums(bins, layout, used, summed);
  std::fill(out.begin(), out.end(), BinSum{});
  const std::vector<Panel> panels = panels_of(bins.tiles());
  // Sums are exact, so how the work is shared out may depend on the threads.
  const bool shared = entries.size() * bins.tiles() >= kSharedTiles;
  const auto width = static_cast<std::size_t>(shared ? resolve_threads(threads) : 1);
  const std::size_t parts =
      panels.size() >= width ? 1 : std::clamp<std::size_t>(entries.size() / kPartRows, 1, width);
  if (parts == 1) {
    parallel_blocks(panels.size(), 1, static_cast<int>(width), [&](const Block& block) {
      Blocks blocks(entries);
      sums.run(panels[block.begin], blocks, [&] { return out.data(); });
    });
    return;
  }
  // Kept from leaf to leaf: fresh pages would cost as much as filling them.
  static thread_local std::vector<AlignedVector<BinSum>> kept;
  std::vector<AlignedVector<BinSum>>& own = kept;
  if (own.size() < parts) own.resize(parts);
  for (const Panel panel : panels) {
    std::vector<std::uint8_t> added(parts, 0);
    Blocks blocks(entries);
    const std::size_t begin = layout.begin[panel.first * kTileColumns];
    const std::size_t end = layout.begin[std::min(panel.last * kTileColumns, bins.columns())];
    parallel_blocks(parts, 1, threads, [&](const Block& block) {
      sums.run(panel, blocks, [&] {
        added[block.begin] = 1;
        own[block.begin].assign(layout.size(), BinSum{});
        return own[block.begin].data();
      });
    });
    for (std::size_t part = 0; part < parts; ++part) {
      if (added[part] == 0) continue;
      for (std::size_t b = begin; b < end; ++b) out[b] = out[b] + own[part][b];
    }
  }
}

void subtract_histogram(std::span<BinSum> parent, std::span<const BinSum> child) {
  for (std::size_t b = 0; b < parent.size(); ++b) parent[b] = parent[b] - child[b];
}

}  // namespace penchant::ranking
