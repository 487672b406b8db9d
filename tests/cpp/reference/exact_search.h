#pragma once

// The plain twin of retrieval's exact search: score every row, sort them all, keep k.

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "penchant/base/kernels.h"
#include "penchant/base/matrix.h"
#include "penchant/base/top_k.h"
#include "penchant/retrieval/metric.h"

namespace penchant::reference {

inline std::vector<float> unit(std::span<const float> row) {
  double norm = 0;
  for (const float x : row) norm += static_cast<double>(x) * static_cast<double>(x);
  const double scale = norm > 0 ? 1.0 / std::sqrt(norm) : 0.0;
  std::vector<float> out;
  for (const float x : row) out.push_back(static_cast<float>(static_cast<double>(x) * scale));
  return out;
}

inline float score(retrieval::Metric metric, std::span<const float> row,
                   std::span<const float> query) {
  switch (metric) {
    case retrieval::Metric::kInnerProduct:
      return dot(row, query);
    case retrieval::Metric::kL2:
      return 0.0F - squared_distance(row, query);
    case retrieval::Metric::kCosine:
      return dot(unit(row), unit(query));
  }
  return 0;
}

// The k best of `allowed` rows, best first, filled up with index -1 and -infinity.
inline std::vector<Scored> exact_search(retrieval::Metric metric, MatrixView<const float> vectors,
                                        std::span<const float> query, std::size_t k,
                                        std::span<const std::int32_t> allowed) {
  std::vector<Scored> all;
  for (const std::int32_t row : allowed) {
    all.push_back({score(metric, vectors.row(static_cast<std::size_t>(row)), query), row});
  }
  std::sort(all.begin(), all.end(), ranks_before);
  all.resize(k, Scored{-std::numeric_limits<float>::infinity(), -1});
  return all;
}

}  // namespace penchant::reference
