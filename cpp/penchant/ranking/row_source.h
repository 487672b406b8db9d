#pragma once

// Rows to be read one feature at a time, dense or sparse.
//
//   const RowSource<float> source(dense);              // a view of [rows, features]
//   const auto sparse = columns_of_csr<float>(features, begin, index, value);
//   RowSource<float>(sparse).read(f, first_row, count, out);

#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/matrix.h"

namespace penchant::ranking {

// What is not listed is 0.
template <class T>
struct SparseColumns {
  std::size_t rows = 0;
  std::vector<std::size_t> begin{0};  // [columns + 1]
  std::vector<std::uint32_t> row;     // ascending within a column
  std::vector<T> value;

  [[nodiscard]] std::size_t columns() const { return begin.size() - 1; }
};

// From compressed rows: begin [rows + 1], index and value [begin.back()]. Throws kInvalidArgument
// on offsets that fall or don't fit, on columns out of range and on a cell that is given twice.
// O(cells).
template <class T>
[[nodiscard]] SparseColumns<T> columns_of_csr(std::size_t columns,
                                              std::span<const std::int64_t> begin,
                                              std::span<const std::int32_t> index,
                                              std::span<const T> value);

template <class T>
class RowSource {
 public:
  RowSource(MatrixView<const T> dense) : dense_(dense) {}  // NOLINT(google-explicit-constructor)
  // Keeps a reference.
  explicit RowSource(const SparseColumns<T>& sparse) : sparse_(&sparse) {}

  [[nodiscard]] std::size_t rows() const { return sparse_ ? sparse_->rows : dense_.rows; }
  [[nodiscard]] std::size_t columns() const {
    return sparse_ ? sparse_->columns() : dense_.columns;
  }
  [[nodiscard]] bool sparse() const { return sparse_ != nullptr; }
  // Of a sparse source: the cells of feature f that are listed in these rows.
  struct Cells {
    std::span<const std::uint32_t> rows;
    std::span<const T> values;
  };
  [[nodiscard]] Cells cells(std::size_t f, std::size_t first, std::size_t count) const;
  // Values of feature f in rows first, first + 1, ... to out [count].
  void read(std::size_t f, std::size_t first, std::size_t count, T* out) const;
  // Values of features f, f + 1, ... in some rows, ascending, to out [features, rows.size()].
  void pick(std::size_t f, std::size_t features, std::span<const std::size_t> rows, T* out) const;

 private:
  MatrixView<const T> dense_;
  const SparseColumns<T>* sparse_ = nullptr;
};

}  // namespace penchant::ranking
