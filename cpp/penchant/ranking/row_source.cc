#include "penchant/ranking/row_source.h"

#include <algorithm>

#include "penchant/base/error.h"

namespace penchant::ranking {

template <class T>
SparseColumns<T> columns_of_csr(std::size_t columns, std::span<const std::int64_t> begin,
                                std::span<const std::int32_t> index, std::span<const T> value) {
  check_argument(!begin.empty() && begin.front() == 0 &&
                     static_cast<std::size_t>(begin.back()) == index.size() &&
                     index.size() == value.size(),
                 "sparse rows: offsets, columns and values don't fit together");
  check_argument(begin.size() - 1 < (std::size_t{1} << 32), "more than 2^32 rows");
  SparseColumns<T> out;
  out.rows = begin.size() - 1;
  out.begin.assign(columns + 1, 0);
  for (std::size_t r = 0; r < out.rows; ++r) {
    check_argument(begin[r] <= begin[r + 1] && begin[r + 1] <= begin.back(), "sparse rows: row ", r,
                   " ends before it begins, or beyond the last value");
  }
  for (const std::int32_t c : index) {
    check_argument(c >= 0 && static_cast<std::size_t>(c) < columns, "sparse rows: column ", c,
                   " of ", columns);
    ++out.begin[static_cast<std::size_t>(c) + 1];
  }
  for (std::size_t c = 0; c < columns; ++c) out.begin[c + 1] += out.begin[c];
  out.row.resize(index.size());
  out.value.resize(index.size());
  std::vector<std::size_t> at(out.begin.begin(), out.begin.end() - 1);
  for (std::size_t r = 0; r < out.rows; ++r) {
    for (auto k = static_cast<std::size_t>(begin[r]); k < static_cast<std::size_t>(begin[r + 1]);
         ++k) {
      const auto c = static_cast<std::size_t>(index[k]);
      const std::size_t to = at[c]++;
      check_argument(to == out.begin[c] || out.row[to - 1] != r, "sparse rows: row ", r,
                     " has column ", c, " twice");
      out.row[to] = static_cast<std::uint32_t>(r);
      out.value[to] = value[k];
    }
  }
  return out;
}

template <class T>
typename RowSource<T>::Cells RowSource<T>::cells(std::size_t f, std::size_t first,
                                                 std::size_t count) const {
  const auto all =
      std::span(sparse_->row).subspan(sparse_->begin[f], sparse_->begin[f + 1] - sparse_->begin[f]);
  const auto begin = std::lower_bound(all.begin(), all.end(), first);
  const auto end = std::lower_bound(begin, all.end(), first + count);
  const auto at = static_cast<std::size_t>(begin - all.begin());
  const auto size = static_cast<std::size_t>(end - begin);
  return {all.subspan(at, size), std::span(sparse_->value).subspan(sparse_->begin[f] + at, size)};
}

template <class T>
void RowSource<T>::read(std::size_t f, std::size_t first, std::size_t count, T* out) const {
  if (sparse_ == nullptr) {
    const T* from = dense_.data + first * dense_.columns + f;
    for (std::size_t i = 0; i < count; ++i) out[i] = from[i * dense_.columns];
    return;
  }
  std::fill_n(out, count, T{0});
  const Cells listed = cells(f, first, count);
  for (std::size_t k = 0; k < listed.rows.size(); ++k) {
    out[listed.rows[k] - first] = listed.values[k];
  }
}

template <class T>
void RowSource<T>::pick(std::size_t f, std::size_t features, std::span<const std::size_t> rows,
                        T* out) const {
  if (sparse_ == nullptr) {
    // A row's line is read once for all of them.
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const T* from = dense_.data + rows[i] * dense_.columns + f;
      for (std::size_t k = 0; k < features; ++k) out[k * rows.size() + i] = from[k];
    }
    return;
  }
  for (std::size_t k = 0; k < features; ++k) {
    std::size_t at = sparse_->begin[f + k];
    const std::size_t end = sparse_->begin[f + k + 1];
    for (std::size_t i = 0; i < rows.size(); ++i) {
      while (at < end && sparse_->row[at] < rows[i]) ++at;
      const bool listed = at < end && sparse_->row[at] == rows[i];
      out[k * rows.size() + i] = listed ? sparse_->value[at] : T{0};
    }
  }
}

template SparseColumns<float> columns_of_csr(std::size_t, std::span<const std::int64_t>,
                                             std::span<const std::int32_t>, std::span<const float>);
template SparseColumns<double> columns_of_csr(std::size_t, std::span<const std::int64_t>,
                                              std::span<const std::int32_t>,
                                              std::span<const double>);
template class RowSource<float>;
template class RowSource<double>;

}  // namespace penchant::ranking
