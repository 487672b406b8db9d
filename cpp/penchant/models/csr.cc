#include "penchant/models/csr.h"

#include <numeric>

namespace penchant::models {

Csr csr_of(const data::Interactions& pairs, std::vector<float> values) {
  Csr out;
  const auto offsets = pairs.offsets();
  if (!offsets.empty()) out.offsets.assign(offsets.begin(), offsets.end());
  out.index.reserve(pairs.nnz());
  for (const ItemIndex item : pairs.items()) out.index.push_back(item.value);
  out.value = std::move(values);
  return out;
}

Csr transpose(const Csr& matrix, std::size_t columns) {
  Csr out;
  out.offsets.assign(columns + 1, 0);
  out.index.resize(matrix.index.size());
  out.value.resize(matrix.index.size());
  for (const std::int32_t column : matrix.index)
    ++out.offsets[static_cast<std::size_t>(column) + 1];
  std::partial_sum(out.offsets.begin(), out.offsets.end(), out.offsets.begin());
  std::vector<std::int64_t> next(out.offsets.begin(), out.offsets.end() - 1);
  for (std::size_t i = 0; i < matrix.rows(); ++i) {
    for (std::int64_t k = matrix.offsets[i]; k < matrix.offsets[i + 1]; ++k) {
      const auto at = static_cast<std::size_t>(k);
      const auto to = static_cast<std::size_t>(next[static_cast<std::size_t>(matrix.index[at])]++);
      out.index[to] = static_cast<std::int32_t>(i);
      out.value[to] = matrix.value[at];
    }
  }
  return out;
}

}  // namespace penchant::models
