#pragma once

// Embeddings of items, such that a dot product is a cosine.

#include <cstddef>

#include "penchant/base/matrix.h"

namespace penchant::features {

// A vector of length 1 an item. Of an item that has none (its numbers are all 0, or one of them is
// not finite) the first number is NaN.
struct ItemVectors {
  std::size_t width = 0;
  SharedArray<float> rows;  // [items, width]

  // Vectors of any length. Throws kInvalidArgument without columns.
  [[nodiscard]] static ItemVectors of(MatrixView<const float> vectors);
  // What `rows` of such were. Throws kInvalidArgument when they don't fit.
  [[nodiscard]] static ItemVectors of_rows(SharedArray<float> rows, std::size_t items);

  [[nodiscard]] MatrixView<const float> view() const {
    return {rows.data(), width == 0 ? 0 : rows.size() / width, width};
  }
  // Throws kInvalidArgument unless there is a row an item.
  void check(std::size_t items) const;
};

}  // namespace penchant::features
