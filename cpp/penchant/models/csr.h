#pragma once

// A plain sparse matrix that owns its arrays, and its transpose: what trainers work on.

#include <cstdint>
#include <span>
#include <vector>

#include "penchant/data/interactions.h"

namespace penchant::models {

struct Csr {
  std::vector<std::int64_t> offsets{0};  // [rows + 1]
  std::vector<std::int32_t> index;       // column of each entry, ascending in a row
  std::vector<float> value;

  [[nodiscard]] std::size_t rows() const { return offsets.size() - 1; }
  [[nodiscard]] std::size_t row_size(std::size_t i) const {
    return static_cast<std::size_t>(offsets[i + 1] - offsets[i]);
  }
  [[nodiscard]] std::span<const std::int32_t> row_index(std::size_t i) const {
    return {index.data() + offsets[i], row_size(i)};
  }
  [[nodiscard]] std::span<const float> row_value(std::size_t i) const {
    return {value.data() + offsets[i], row_size(i)};
  }
};

// Users as rows, with these values (one a pair, in the interactions' order).
[[nodiscard]] Csr csr_of(const data::Interactions& pairs, std::vector<float> values);

// Columns become rows, entries in ascending order. O(nnz + columns).
[[nodiscard]] Csr transpose(const Csr& matrix, std::size_t columns);

}  // namespace penchant::models
