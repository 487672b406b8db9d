#pragma once

// A feature's bins for a block of rows: each row's, or those alone that are not the usual one.

#include <array>
#include <vector>

#include "penchant/ranking/bin_search.h"
#include "penchant/ranking/binning.h"
#include "penchant/ranking/row_source.h"

namespace penchant::ranking {

inline constexpr std::size_t kBinBlockRows = 1024;

template <class T>
class BinReader {
 public:
  // Keeps references.
  BinReader(const RowSource<T>& rows, const BinMapper& mapper);
  // At most kBinBlockRows rows from `first`, to out [count].
  void read(std::size_t f, std::size_t first, std::size_t count, std::uint8_t* out) const;
  // Calls use(row - first, bin) for rows of another bin than `usual`, ascending. O(cells listed)
  // where 0 is usual and the source sparse.
  template <class Use>
  void unusual(std::size_t f, std::size_t first, std::size_t count, std::uint8_t usual,
               const Use& use) const {
    std::array<std::uint8_t, kBinBlockRows> bins;
    if (!rows_.sparse() || zero_bins_[f] != usual) {
      read(f, first, count, bins.data());
      for (std::size_t i = 0; i < count; ++i) {
        if (bins[i] != usual) use(i, bins[i]);
      }
      return;
    }
    const auto cells = rows_.cells(f, first, count);
    find(f, cells.values.data(), cells.values.size(), bins.data());
    for (std::size_t k = 0; k < cells.rows.size(); ++k) {
      if (bins[k] != usual) use(cells.rows[k] - first, bins[k]);
    }
  }

 private:
  void find(std::size_t f, const T* values, std::size_t count, std::uint8_t* bins) const;

  const RowSource<T>& rows_;
  const BinMapper& mapper_;
  std::vector<BoundTable<T>> bounds_;                  // [features]
  std::vector<std::vector<std::uint8_t>> categories_;  // [features], bins by category
  std::vector<std::uint8_t> zero_bins_;                // [features], of a sparse source
};

}  // namespace penchant::ranking
