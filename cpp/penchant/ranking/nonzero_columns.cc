#include "penchant/ranking/nonzero_columns.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "penchant/base/parallel.h"
#include "penchant/ranking/nonzero_kernel.h"

namespace penchant::ranking {
namespace {

constexpr std::size_t kBlockRows = 1'024;
constexpr std::size_t kLookRows = 512;
constexpr std::size_t kSparse = 8;  // at most one cell in so many is not 0

// The cells of a block of rows, in the order of memory.
template <class T>
struct Piece {
  std::vector<std::size_t> ends;  // [rows of the block], of each row's cells
  std::vector<std::int32_t> column;
  std::vector<T> value;
  std::vector<std::uint32_t> at;  // [columns] cells, then where the block's begin within a column
};

template <class T>
bool looks_sparse(MatrixView<const T> dense) {
  const std::size_t rows = std::min(dense.rows, kLookRows);
  std::size_t found = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    const T* const row = dense.data + i * dense.rows / rows * dense.columns;
    found += dense.columns - static_cast<std::size_t>(std::count(row, row + dense.columns, T{0}));
  }
  return rows * dense.columns > 0 && found * kSparse <= rows * dense.columns;
}

template <class T>
Piece<T> cells_of(MatrixView<const T> dense, const Block& block) {
  Piece<T> piece;
  piece.at.resize(dense.columns);
  std::size_t size = 0;
  for (std::size_t i = block.begin; i < block.end; ++i) {
    if (piece.column.size() < size + dense.columns) {
      piece.column.resize(2 * size + dense.columns);
      piece.value.resize(2 * size + dense.columns);
    }
    size += nonzero_cells(dense.data + i * dense.columns, dense.columns, piece.column.data() + size,
                          piece.value.data() + size);
    piece.ends.push_back(size);
  }
  piece.column.resize(size);
  piece.value.resize(size);
  for (const std::int32_t c : piece.column) ++piece.at[static_cast<std::size_t>(c)];
  return piece;
}

}  // namespace

template <class T>
std::optional<SparseColumns<T>> nonzero_columns(MatrixView<const T> dense, int threads) {
  if (dense.rows >= (std::size_t{1} << 32) || !looks_sparse(dense)) return std::nullopt;
  std::vector<Piece<T>> pieces((dense.rows + kBlockRows - 1) / kBlockRows);
  std::atomic<std::size_t> cells{0};
  const std::size_t most = dense.rows * dense.columns / kSparse * 2;
  parallel_blocks(dense.rows, kBlockRows, threads, [&](const Block& block) {
    if (cells.load(std::memory_order_relaxed) > most) return;
    pieces[block.number] = cells_of(dense, block);
    cells.fetch_add(pieces[block.number].value.size(), std::memory_order_relaxed);
  });
  if (cells > most) return std::nullopt;  // the look deceived

  SparseColumns<T> out;
  out.rows = dense.rows;
  out.begin.assign(dense.columns + 1, 0);
  for (std::size_t c = 0; c < dense.columns; ++c) {
    std::uint32_t sum = 0;
    for (Piece<T>& piece : pieces) sum += std::exchange(piece.at[c], sum);
    out.begin[c + 1] = out.begin[c] + sum;
  }
  out.row.resize(cells);
  out.value.resize(cells);
  parallel_blocks(pieces.size(), 1, threads, [&](const Block& block) {
    const Piece<T> piece = std::exchange(pieces[block.begin], {});
    std::vector<std::uint32_t> at = piece.at;
    std::size_t k = 0;
    for (std::size_t i = 0; i < piece.ends.size(); ++i) {
      for (; k < piece.ends[i]; ++k) {
        const auto c = static_cast<std::size_t>(piece.column[k]);
        const std::size_t to = out.begin[c] + at[c]++;
        out.row[to] = static_cast<std::uint32_t>(block.begin * kBlockRows + i);
        out.value[to] = piece.value[k];
      }
    }
  });
  return out;
}

template std::optional<SparseColumns<float>> nonzero_columns(MatrixView<const float>, int);
template std::optional<SparseColumns<double>> nonzero_columns(MatrixView<const double>, int);

}  // namespace penchant::ranking
