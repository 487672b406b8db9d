#pragma once

// Which columns of bytes a forest needs (forest_layout.h), and which split reads which.

#include <cstdint>
#include <vector>

#include "penchant/ranking/forest_data.h"
#include "penchant/ranking/forest_layout.h"

namespace penchant::ranking {

class ForestColumns {
 public:
  // Of the first trees; count() says how many columns they need.
  ForestColumns(const ForestData& data, std::size_t trees);

  [[nodiscard]] std::size_t count() const;

  struct Place {
    std::uint16_t column = 0;
    std::int8_t threshold = 0;  // a byte above it goes right
  };
  // Requires count() <= kMaxColumns and a split of the first trees. Logarithmic.
  [[nodiscard]] Place place_of(const SplitNode& node) const;

  // Fills the layout's columns and tables of thresholds.
  void write(ForestLayout& layout) const;

 private:
  struct Numeric {
    std::uint64_t key = 0;
    std::size_t first_cut = 0;
    std::size_t cuts = 0;
    std::size_t first_column = 0;
  };

  [[nodiscard]] std::size_t columns_of(std::size_t cuts) const {
    return (cuts + kColumnCuts - 1) / kColumnCuts;
  }

  std::vector<Numeric> numeric_;     // ascending keys
  std::vector<double> cuts_;         // of numeric_, ascending within each
  std::vector<std::uint64_t> sets_;  // keys, ascending
  std::size_t numeric_columns_ = 0;
};

}  // namespace penchant::ranking
