#pragma once

// Rows as bins, twice: in tiles for histograms, and by columns for splitting leaves.
//
// A tile is 8 neighbouring features of a row, one word. Tiles lie in panels of up to 8 tiles (one
// cache line a row), rows adjacent, so that a row scattered in memory costs one line a panel.
//
//   const auto bins = BinnedMatrix::of(rows, mapper, {.threads = 2});
//   bins.column(f)[row];                                   // a byte
//   bins.tile(t) + row * bins.tile_stride(t);              // the eight bytes of a tile

#include <cstdint>
#include <vector>

#include "penchant/base/matrix.h"
#include "penchant/ranking/binning.h"

namespace penchant::ranking {

inline constexpr std::size_t kTileFeatures = 8;
inline constexpr std::size_t kPanelTiles = 8;
// Bytes beyond a column's end that may be read, whatever they are.
inline constexpr std::size_t kColumnSlack = 7;

class BinnedMatrix {
 public:
  struct Options {
    bool tiles = true;  // false: columns alone, for rows that are only scored
    int threads = 0;
  };

  // O(rows features log bins). Requires rows.columns == mapper.features(); fewer than 2^32 rows.
  [[nodiscard]] static BinnedMatrix of(MatrixView<const float> rows, const BinMapper& mapper,
                                       const Options& options);
  [[nodiscard]] static BinnedMatrix of(MatrixView<const double> rows, const BinMapper& mapper,
                                       const Options& options);

  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t features() const { return features_; }
  [[nodiscard]] std::size_t tiles() const {
    return (features_ + kTileFeatures - 1) / kTileFeatures;
  }
  [[nodiscard]] const std::uint8_t* column(std::size_t f) const {
    return columns_.data() + f * rows_;
  }
  // Bytes from a row's tile to the next row's.
  [[nodiscard]] std::size_t tile_stride(std::size_t t) const;
  [[nodiscard]] const std::uint8_t* tile(std::size_t t) const;

 private:
  template <class T>
  static BinnedMatrix make(MatrixView<const T> rows, const BinMapper& mapper,
                           const Options& options);

  std::size_t rows_ = 0;
  std::size_t features_ = 0;
  AlignedVector<std::uint8_t> columns_;
  AlignedVector<std::uint8_t> tiles_;
};

}  // namespace penchant::ranking
