#pragma once

// What items are like, by the cosine of their vectors: shared by the models that have factors.

#include <span>
#include <vector>

#include "penchant/base/ids.h"
#include "penchant/base/matrix.h"
#include "penchant/data/interactions.h"

namespace penchant::models {

class ItemCosine {
 public:
  ItemCosine() = default;
  // The first `f` columns of each vector count; the others hold biases.
  ItemCosine(MatrixView<const float> vectors, std::size_t f);

  // Cosine of every item with `item`.
  void similar(ItemIndex item, std::span<float> scores) const;
  // The item of the history most like `item`; unknown when none is at all.
  [[nodiscard]] ItemIndex nearest(const data::History& history, ItemIndex item) const;

 private:
  MatrixView<const float> vectors_;
  std::size_t f_ = 0;
  std::vector<float> inverse_norms_;  // 0 for a zero vector
};

}  // namespace penchant::models
