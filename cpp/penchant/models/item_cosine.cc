#include "penchant/models/item_cosine.h"

#include <algorithm>
#include <cmath>

#include "penchant/base/kernels.h"

namespace penchant::models {

ItemCosine::ItemCosine(MatrixView<const float> vectors, std::size_t f)
    : vectors_(vectors), f_(f), inverse_norms_(vectors.rows) {
  for (std::size_t i = 0; i < vectors.rows; ++i) {
    const float square = dot(vectors.row(i).first(f), vectors.row(i).first(f));
    inverse_norms_[i] = square > 0 ? 1.0F / std::sqrt(square) : 0.0F;
  }
}

void ItemCosine::similar(ItemIndex item, std::span<float> scores) const {
  const auto i = static_cast<std::size_t>(item.value);
  AlignedVector<float> wanted(vectors_.row(i).begin(), vectors_.row(i).end());
  std::fill(wanted.begin() + static_cast<std::ptrdiff_t>(f_), wanted.end(), 0.0F);
  dot_rows(vectors_, wanted, scores);
  for (std::size_t j = 0; j < scores.size(); ++j) {
    const float cosine = scores[j] * inverse_norms_[j];
    scores[j] = cosine * inverse_norms_[i];
  }
}

ItemIndex ItemCosine::nearest(const data::History& history, ItemIndex item) const {
  const auto wanted = vectors_.row(static_cast<std::size_t>(item.value)).first(f_);
  ItemIndex best;
  float best_similarity = 0;
  for (const ItemIndex known : history.items) {
    if (known == item) continue;
    const auto k = static_cast<std::size_t>(known.value);
    const float similarity = dot(vectors_.row(k).first(f_), wanted) * inverse_norms_[k];
    if (similarity > best_similarity) {
      best_similarity = similarity;
      best = known;
    }
  }
  return best;
}

}  // namespace penchant::models
