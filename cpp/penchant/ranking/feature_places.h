#pragma once

// Where a feature's bins are among the columns of bytes: most features have a column of their own;
// sparse ones of which no row has two share one (Ke et al., "LightGBM", NeurIPS 2017, exclusive
// feature bundling, here without conflicts, so that nothing is lost). A byte of 0 says that every
// feature of the column has its usual bin.

#include <cstdint>
#include <vector>

#include "penchant/ranking/binning.h"
#include "penchant/ranking/row_source.h"

namespace penchant::ranking {

struct FeaturePlace {
  std::uint32_t column = 0;
  bool shared = false;
  // Of shared columns: bins other than the usual one have the codes first, first + 1, ... in their
  // order, the missing one the last.
  std::uint8_t usual = 0;
  std::uint8_t first = 0;
  std::uint8_t last = 0;
  bool has_missing = false;

  [[nodiscard]] std::uint8_t bin_of(std::uint8_t byte) const {
    if (!shared) return byte;
    if (byte < first || byte > last) return usual;
    if (has_missing && byte == last) return kMissingBin;
    const auto bin = static_cast<std::uint8_t>(byte - first);
    return bin < usual ? bin : static_cast<std::uint8_t>(bin + 1);
  }
  // 0 for the usual bin, and for one that has no code: a missing value where none was expected.
  [[nodiscard]] std::uint8_t byte_of(std::uint8_t bin) const {
    if (!shared) return bin;
    if (bin == usual) return 0;
    if (bin == kMissingBin) return has_missing ? last : std::uint8_t{0};
    return static_cast<std::uint8_t>(first + (bin < usual ? bin : bin - 1));
  }
};

struct Places {
  std::vector<FeaturePlace> features;
  std::vector<std::uint16_t> values;  // [columns]: bytes below it occur, and kMissingBin
};

// A column each.
[[nodiscard]] Places own_places(const BinMapper& mapper);

// Shared columns for what looks sparse and exclusive in some of the rows; `alone` [features] marks
// features that must not share. O(sample features + sparse values * columns).
template <class T>
[[nodiscard]] Places shared_places(const RowSource<T>& rows, const BinMapper& mapper,
                                   const std::vector<std::uint8_t>& alone, int threads);

}  // namespace penchant::ranking
