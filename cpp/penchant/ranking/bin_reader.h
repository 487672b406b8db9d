#pragma once

// A feature's bins for a block of rows.

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

 private:
  const RowSource<T>& rows_;
  const BinMapper& mapper_;
  std::vector<BoundTable<T>> bounds_;                  // [features]
  std::vector<std::vector<std::uint8_t>> categories_;  // [features], bins by category
};

}  // namespace penchant::ranking
