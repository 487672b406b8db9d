#include <algorithm>
#include <cmath>

#include "penchant/base/kernels.h"
#include "penchant/retrieval/hnsw_build.h"

namespace penchant::retrieval {
namespace {

double squared_norm(std::span<const float> row) {
  double sum = 0;
  for (const float x : row) sum += static_cast<double>(x) * static_cast<double>(x);
  return sum;
}

AlignedVector<float> unit_rows(MatrixView<const float> rows) {
  AlignedVector<float> out(rows.rows * rows.columns);
  for (std::size_t i = 0; i < rows.rows; ++i) {
    const auto row = rows.row(i);
    const double norm = squared_norm(row);
    const double scale = norm > 0 ? 1.0 / std::sqrt(norm) : 0.0;
    std::transform(row.begin(), row.end(),
                   out.begin() + static_cast<std::ptrdiff_t>(i * rows.columns),
                   [&](float x) { return static_cast<float>(static_cast<double>(x) * scale); });
  }
  return out;
}

// [x, sqrt(M - |x|^2)] with M the largest |x|^2: all rows of one length, so that the nearest by L2
// is the largest inner product. The extra column takes sixteen, which keeps rows aligned.
AlignedVector<float> augmented_rows(MatrixView<const float> rows, std::size_t columns) {
  std::vector<double> norms(rows.rows);
  for (std::size_t i = 0; i < rows.rows; ++i) norms[i] = squared_norm(rows.row(i));
  const double most = norms.empty() ? 0 : *std::max_element(norms.begin(), norms.end());
  AlignedVector<float> out(rows.rows * columns, 0.0F);
  for (std::size_t i = 0; i < rows.rows; ++i) {
    const auto row = rows.row(i);
    float* to = out.data() + i * columns;
    std::copy(row.begin(), row.end(), to);
    to[rows.columns] = static_cast<float>(std::sqrt(std::max(0.0, most - norms[i])));
  }
  return out;
}

}  // namespace

GraphSpace::GraphSpace(const VectorStore& store, ProductGraph product_graph) : view_(store.view()) {
  by_product_ = store.metric() == Metric::kCosine;
  if (store.metric() != Metric::kInnerProduct) return;
  if (product_graph == ProductGraph::kUnit) {
    by_product_ = true;
    made_ = unit_rows(view_);
  } else {
    const std::size_t columns = view_.columns + 16;
    made_ = augmented_rows(view_, columns);
    view_.columns = columns;
  }
  view_.data = made_.data();
}

float GraphSpace::distance(std::span<const float> a, std::span<const float> b) const {
  return by_product_ ? -dot(a, b) : squared_distance(a, b);
}

void GraphSpace::distances(std::span<const std::int32_t> rows, std::span<const float> from,
                           std::span<float> out) const {
  if (by_product_) {
    dot_gathered(view_, rows, from, out);
    for (float& value : out) value = -value;
  } else {
    squared_distance_gathered(view_, rows, from, out);
  }
}

}  // namespace penchant::retrieval
