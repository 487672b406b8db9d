#include "penchant/ranking/histogram.h"

#include <algorithm>
#include <cstring>

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

// Adds entries to sums [kFeatures, 256] of one tile. What is ahead in the list is fetched by the
// first tile of a panel alone.
template <std::size_t kFeatures, bool kCount>
void add_tile(const std::uint8_t* tile, std::size_t stride, const Entry* entries, std::size_t count,
              std::size_t readable, Packed* sums) {
  for (std::size_t i = 0; i < count; ++i) {
    __builtin_prefetch(tile + entries[std::min(i + kAhead, readable - 1)].row * stride);
    std::uint64_t word = 0;
    std::memcpy(&word, tile + entries[i].row * stride, sizeof(word));
    const Packed pair = pack<kCount>(entries[i]);
#pragma GCC unroll 8
    for (std::size_t f = 0; f < kFeatures; ++f) {
      sums[f * kBins + ((word >> (8 * f)) & 0xffU)] += pair;
    }
  }
}

using AddTile = void (*)(const std::uint8_t*, std::size_t, const Entry*, std::size_t, std::size_t,
                         Packed*);

template <bool kCount>
AddTile add_tile_of(std::size_t features) {
  static constexpr AddTile kTable[] = {
      &add_tile<1, kCount>, &add_tile<2, kCount>, &add_tile<3, kCount>, &add_tile<4, kCount>,
      &add_tile<5, kCount>, &add_tile<6, kCount>, &add_tile<7, kCount>, &add_tile<8, kCount>};
  return kTable[features - 1];
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

// A panel's share of a histogram over some of the entries.
class PanelSums {
 public:
  PanelSums(const BinnedMatrix& bins, const HistogramLayout& layout,
            std::span<const std::uint8_t> used)
      : bins_(bins), layout_(layout), used_(used) {}

  void run(Panel panel, std::span<const Entry> entries, Summed summed, BinSum* out) const {
    static thread_local AlignedVector<Packed> sums;
    sums.resize(kPanelTiles * kTileFeatures * kBins);
    const auto of_tile = [&](std::size_t t) {
      return sums.data() + (t - panel.first) * kTileFeatures * kBins;
    };
    for (std::size_t at = 0; at < entries.size(); at += kFlushRows) {
      const std::size_t end = std::min(at + kFlushRows, entries.size());
      std::fill_n(sums.data(), (panel.last - panel.first) * kTileFeatures * kBins, Packed{0});
      for (std::size_t row = at; row < end; row += kBlockRows) {
        const std::size_t count = std::min(kBlockRows, end - row);
        for (std::size_t t = panel.first; t < panel.last; ++t) {
          if (used_[t] == 0) continue;
          const std::size_t features = features_of(t);
          const AddTile sum =
              summed == Summed::kRows ? add_tile_of<true>(features) : add_tile_of<false>(features);
          sum(bins_.tile(t), bins_.tile_stride(t), entries.data() + row, count,
              entries.size() - row, of_tile(t));
        }
      }
      for (std::size_t t = panel.first; t < panel.last; ++t) {
        if (used_[t] != 0) flush(t, of_tile(t), out);
      }
    }
  }

 private:
  [[nodiscard]] std::size_t features_of(std::size_t tile) const {
    return std::min(kTileFeatures, bins_.features() - tile * kTileFeatures);
  }

  void flush(std::size_t tile, const Packed* sums, BinSum* out) const {
    for (std::size_t k = 0; k < features_of(tile); ++k) {
      const std::size_t f = tile * kTileFeatures + k;
      const Packed* from = sums + k * kBins;
      BinSum* to = out + layout_.begin[f];
      const std::size_t values = layout_.missing(f) - layout_.begin[f];
      for (std::size_t b = 0; b < values; ++b) add(from[b], to[b]);
      add(from[kMissingBin], to[values]);
    }
  }

  static void add(Packed packed, BinSum& sum) {
    sum.gradient += static_cast<std::int64_t>(packed) >> 32;
    sum.hessian += static_cast<std::int64_t>(packed & 0xffffffffU);
  }

  const BinnedMatrix& bins_;
  const HistogramLayout& layout_;
  std::span<const std::uint8_t> used_;
};

}  // namespace

void build_histogram(const BinnedMatrix& bins, const HistogramLayout& layout,
                     std::span<const Entry> entries, std::span<const std::uint8_t> used,
                     Summed summed, int threads, std::span<BinSum> out) {
  const PanelSums sums(bins, layout, used);
  std::fill(out.begin(), out.end(), BinSum{});
  const std::vector<Panel> panels = panels_of(bins.tiles());
  // Sums are exact, so how the work is shared out may depend on the threads.
  const bool shared = entries.size() * bins.tiles() >= kSharedTiles;
  const auto width = static_cast<std::size_t>(shared ? resolve_threads(threads) : 1);
  const std::size_t parts =
      panels.size() >= width ? 1 : std::clamp<std::size_t>(entries.size() / kPartRows, 1, width);
  if (parts == 1) {
    parallel_blocks(panels.size(), 1, static_cast<int>(width), [&](const Block& block) {
      sums.run(panels[block.begin], entries, summed, out.data());
    });
    return;
  }
  // Kept from leaf to leaf: fresh pages would cost as much as filling them.
  static thread_local std::vector<AlignedVector<BinSum>> kept;
  std::vector<AlignedVector<BinSum>>& own = kept;
  if (own.size() < parts - 1) own.resize(parts - 1);
  parallel_blocks(parts, 1, threads, [&](const Block& block) {
    const std::size_t part = block.begin;
    if (part > 0) own[part - 1].assign(layout.size(), BinSum{});
    BinSum* to = part == 0 ? out.data() : own[part - 1].data();
    const std::size_t begin = part * entries.size() / parts;
    const std::size_t end = (part + 1) * entries.size() / parts;
    for (const Panel& panel : panels) {
      sums.run(panel, entries.subspan(begin, end - begin), summed, to);
    }
  });
  for (std::size_t part = 1; part < parts; ++part) {
    for (std::size_t b = 0; b < out.size(); ++b) out[b] = out[b] + own[part - 1][b];
  }
}

void subtract_histogram(std::span<BinSum> parent, std::span<const BinSum> child) {
  for (std::size_t b = 0; b < parent.size(); ++b) parent[b] = parent[b] - child[b];
}

}  // namespace penchant::ranking
