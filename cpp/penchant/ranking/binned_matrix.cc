#include "penchant/ranking/binned_matrix.h"

#include <algorithm>
#include <atomic>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/ranking/bin_reader.h"

namespace penchant::ranking {
namespace {

constexpr std::size_t kFewColumns = 4;

// Times that columns are shared anew without the features that were in the way.
constexpr int kMostTries = 4;

}  // namespace

std::size_t BinnedMatrix::tile_stride(std::size_t t) const {
  const std::size_t first = t / kPanelTiles * kPanelTiles;
  // Where rows are many and columns few, memory is what a histogram waits for.
  if (columns() - first * kTileColumns <= kFewColumns) return kFewColumns;
  return std::min(kPanelTiles, tiles() - first) * kTileColumns;
}

const std::uint8_t* BinnedMatrix::tile(std::size_t t) const {
  const std::size_t panel = t / kPanelTiles;
  return tiles_.data() + panel * kPanelTiles * kTileColumns * rows_ +
         t % kPanelTiles * kTileColumns;
}

template <class T>
bool BinnedMatrix::fill(const RowSource<T>& rows, const BinMapper& mapper, const Options& options,
                        std::vector<std::uint8_t>& alone) {
  const BinReader<T> reader(rows, mapper);
  columns_.resize(rows_ * columns() + kColumnSlack);
  if (options.tiles && tiles() > 0) {
    const std::size_t full = (tiles() - 1) / kPanelTiles * kPanelTiles * kTileColumns;
    tiles_.resize(rows_ * (full + tile_stride(tiles() - 1)));
  }
  for (const FeaturePlace& one : places_.features) {
    if (one.shared) std::fill_n(columns_.data() + one.column * rows_, rows_, std::uint8_t{0});
  }
  std::vector<std::atomic<std::uint8_t>> in_the_way(features());
  parallel_blocks(rows_, kBinBlockRows, options.threads, [&](const Block& block) {
    const std::size_t count = block.end - block.begin;
    for (std::size_t f = 0; f < features(); ++f) {
      std::uint8_t* column = columns_.data() + place(f).column * rows_ + block.begin;
      if (!place(f).shared) {
        reader.read(f, block.begin, count, column);
        continue;
      }
      bool alone_here = true;
      reader.unusual(f, block.begin, count, place(f).usual, [&](std::size_t i, std::uint8_t bin) {
        const std::uint8_t byte = place(f).byte_of(bin);
        alone_here = alone_here && byte != 0 && column[i] == 0;
        column[i] = byte;
      });
      if (!alone_here) in_the_way[f] = 1;
    }
    if (!options.tiles) return;
    for (std::size_t c = 0; c < columns(); ++c) {
      const std::uint8_t* column = columns_.data() + c * rows_ + block.begin;
      const std::size_t t = c / kTileColumns;
      const std::size_t stride = tile_stride(t);
      std::uint8_t* to =
          tiles_.data() + (tile(t) - tiles_.data()) + block.begin * stride + c % kTileColumns;
      for (std::size_t i = 0; i < count; ++i) to[i * stride] = column[i];
    }
  });
  bool all = true;
  for (std::size_t f = 0; f < features(); ++f) {
    if (in_the_way[f] == 0) continue;
    alone[f] = 1;
    all = false;
  }
  return all;
}

template <class T>
BinnedMatrix BinnedMatrix::make(const RowSource<T>& rows, const BinMapper& mapper,
                                const Options& options) {
  check_argument(rows.columns() == mapper.features(), "rows have ", rows.columns(),
                 " features, the bins ", mapper.features());
  check_argument(rows.rows() < (std::size_t{1} << 32), "more than 2^32 rows");
  BinnedMatrix out;
  out.rows_ = rows.rows();
  std::vector<std::uint8_t> alone(mapper.features(), 0);
  const bool share = options.share && options.tiles;
  for (int tried = 0;; ++tried) {
    out.places_ = share && tried < kMostTries ? shared_places(rows, mapper, alone, options.threads)
                                              : own_places(mapper);
    if (out.fill(rows, mapper, options, alone)) return out;
  }
}

BinnedMatrix BinnedMatrix::of(MatrixView<const float> rows, const BinMapper& mapper,
                              const Options& options) {
  return make(RowSource<float>(rows), mapper, options);
}

BinnedMatrix BinnedMatrix::of(MatrixView<const double> rows, const BinMapper& mapper,
                              const Options& options) {
  return make(RowSource<double>(rows), mapper, options);
}

BinnedMatrix BinnedMatrix::of(const SparseColumns<float>& rows, const BinMapper& mapper,
                              const Options& options) {
  return make(RowSource<float>(rows), mapper, options);
}

BinnedMatrix BinnedMatrix::of(const SparseColumns<double>& rows, const BinMapper& mapper,
                              const Options& options) {
  return make(RowSource<double>(rows), mapper, options);
}

}  // namespace penchant::ranking
