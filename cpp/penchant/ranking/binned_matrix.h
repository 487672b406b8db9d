#pragma once

// Rows as bins, twice: in tiles for histograms, and by columns for splitting leaves.
//
// A column of bytes holds a feature's bins, or those of several sparse features (feature_places.h).
// A tile is 8 neighbouring columns of a row, one word. Tiles lie in panels of up to 8 tiles (one
// cache line a row), rows adjacent, so that a row scattered in memory costs one line a panel.
//
//   const auto bins = BinnedMatrix::of(rows, mapper, {.threads = 2});
//   bins.bin(f, row);                                      // of a feature
//   bins.column(bins.place(f).column)[row];                // a byte
//   bins.tile(t) + row * bins.tile_stride(t);              // the eight bytes of a tile

#include <cstdint>
#include <vector>

#include "penchant/base/matrix.h"
#include "penchant/ranking/binning.h"
#include "penchant/ranking/feature_places.h"

namespace penchant::ranking {

inline constexpr std::size_t kTileColumns = 8;
inline constexpr std::size_t kPanelTiles = 8;
// Bytes beyond a column's end that may be read, whatever they are.
inline constexpr std::size_t kColumnSlack = 7;

class BinnedMatrix {
 public:
  struct Options {
    bool tiles = true;  // false: columns alone, for rows that are only scored
    bool share = true;  // columns, where features allow it; never without tiles
    int threads = 0;
  };

  // O(rows features log bins). Requires as many columns as mapper.features(); fewer than 2^32 rows.
  [[nodiscard]] static BinnedMatrix of(MatrixView<const float> rows, const BinMapper& mapper,
                                       const Options& options);
  [[nodiscard]] static BinnedMatrix of(MatrixView<const double> rows, const BinMapper& mapper,
                                       const Options& options);
  [[nodiscard]] static BinnedMatrix of(const SparseColumns<float>& rows, const BinMapper& mapper,
                                       const Options& options);
  [[nodiscard]] static BinnedMatrix of(const SparseColumns<double>& rows, const BinMapper& mapper,
                                       const Options& options);

  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t features() const { return places_.features.size(); }
  [[nodiscard]] const FeaturePlace& place(std::size_t f) const { return places_.features[f]; }
  [[nodiscard]] std::uint8_t bin(std::size_t f, std::size_t row) const {
    return place(f).bin_of(column(place(f).column)[row]);
  }

  [[nodiscard]] std::size_t columns() const { return places_.values.size(); }
  // Bytes of a column are below it, or kMissingBin.
  [[nodiscard]] std::size_t values(std::size_t c) const { return places_.values[c]; }
  [[nodiscard]] const std::uint8_t* column(std::size_t c) const {
    return columns_.data() + c * rows_;
  }
  [[nodiscard]] std::size_t tiles() const { return (columns() + kTileColumns - 1) / kTileColumns; }
  // Bytes from a row's tile to the next row's.
  [[nodiscard]] std::size_t tile_stride(std::size_t t) const;
  [[nodiscard]] const std::uint8_t* tile(std::size_t t) const;

 private:
  template <class T>
  static BinnedMatrix make(const RowSource<T>& rows, const BinMapper& mapper,
                           const Options& options);
  // Fills columns and tiles. Marks in `alone` what turned out to share a row with a neighbour.
  template <class T>
  bool fill(const RowSource<T>& rows, const BinMapper& mapper, const Options& options,
            std::vector<std::uint8_t>& alone);

  std::size_t rows_ = 0;
  Places places_;
  AlignedVector<std::uint8_t> columns_;
  AlignedVector<std::uint8_t> tiles_;
};

}  // namespace penchant::ranking
