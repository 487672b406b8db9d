#include "penchant/features/item_vectors.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "penchant/base/error.h"
#include "penchant/base/kernels.h"

namespace penchant::features {
namespace {

constexpr std::size_t kMostWidth = 65'536;

}  // namespace

ItemVectors ItemVectors::of(MatrixView<const float> vectors) {
  check_argument(vectors.columns > 0 && vectors.columns <= kMostWidth, "an embedding of ",
                 vectors.columns, " numbers an item; want 1 to ", kMostWidth);
  AlignedVector<float> rows(vectors.rows * vectors.columns);
  for (std::size_t i = 0; i < vectors.rows; ++i) {
    const std::span<const float> from = vectors.row(i);
    const std::span<float> to = std::span(rows).subspan(i * vectors.columns, vectors.columns);
    // By the largest first, so that no square is too large or too small.
    float largest = 0;
    for (const float x : from) largest = std::max(largest, std::abs(x));
    const bool finite = std::ranges::all_of(from, [](float x) { return std::isfinite(x); });
    if (!finite || largest == 0) {
      to.front() = std::numeric_limits<float>::quiet_NaN();
      continue;
    }
    std::ranges::transform(from, to.begin(), [&](float x) { return x / largest; });
    const float length = std::sqrt(dot(to, to));
    for (float& x : to) x /= length;
  }
  return {vectors.columns, SharedArray<float>::own(std::move(rows))};
}

ItemVectors ItemVectors::of_rows(SharedArray<float> rows, std::size_t items) {
  ItemVectors out{items == 0 ? 1 : rows.size() / items, std::move(rows)};
  out.check(items);
  return out;
}

void ItemVectors::check(std::size_t items) const {
  check_argument(width > 0 && width <= kMostWidth && rows.size() == items * width,
                 "an embedding holds ", rows.size(), " numbers; want ", width, " for each of ",
                 items, " items");
}

}  // namespace penchant::features
