#include "penchant/retrieval/hnsw_graph.h"

#include <limits>
#include <utility>

#include "penchant/base/error.h"

namespace penchant::retrieval {
namespace {

template <class... Parts>
[[noreturn]] void corrupt(const Parts&... parts) {
  fail(ErrorKind::kCorruptBundle, concat("neighbour graph: ", parts...));
}

}  // namespace

HnswGraph::HnswGraph(int m, std::int32_t entry, OwnOrBorrow<std::int32_t> level0,
                     OwnOrBorrow<std::uint8_t> levels, OwnOrBorrow<std::int32_t> upper)
    : m_(m),
      entry_(entry),
      level0_(std::move(level0)),
      levels_(std::move(levels)),
      upper_(std::move(upper)) {
  if (m < 2 || m > kMaxM) corrupt("m is ", m, ", allowed are 2 to ", kMaxM);
  index_blocks();
  check();
}

void HnswGraph::index_blocks() {
  first_block_.resize(rows());
  std::size_t blocks = 0;
  for (std::size_t row = 0; row < rows(); ++row) {
    first_block_[row] = static_cast<std::int32_t>(blocks);
    blocks += levels_[row];
    if (blocks > std::numeric_limits<std::int32_t>::max()) corrupt("too many upper levels");
  }
  if (upper_.size() != blocks * degree(1)) {
    corrupt("levels ask for ", blocks, " lists of ", m_, " upper neighbours, there are ",
            upper_.size(), " neighbours");
  }
}

void HnswGraph::check() const {
  const std::size_t n = rows();
  if (n > std::numeric_limits<std::int32_t>::max() || level0_.size() != n * degree(0)) {
    corrupt(n, " rows ask for ", n * degree(0), " ground neighbours, there are ", level0_.size());
  }
  if (entry_ < -1 || (entry_ >= 0 && static_cast<std::size_t>(entry_) >= n)) {
    corrupt("entry ", entry_, " is not one of ", n, " rows");
  }
  for (std::size_t i = 0; i < level0_.size(); ++i) {
    const std::int32_t next = level0_[i];
    if (next < -1 || (next >= 0 && static_cast<std::size_t>(next) >= n)) {
      corrupt("row ", i / degree(0), " has neighbour ", next, " of ", n, " rows");
    }
  }
  for (std::size_t row = 0; row < n; ++row) {
    const auto at = static_cast<std::int32_t>(row);
    for (int l = 1; l <= level(at); ++l) {
      for (const std::int32_t next : neighbours(at, l)) {
        if (next == -1) continue;
        if (next < -1 || static_cast<std::size_t>(next) >= n || level(next) < l) {
          corrupt("row ", row, ", level ", l, ": neighbour ", next, " is not on that level");
        }
      }
    }
  }
}

void HnswGraph::check_unlinked(std::span<const std::int32_t> gone) const {
  if (gone.empty()) return;
  std::vector<std::uint8_t> is_gone(rows(), 0);
  for (const std::int32_t row : gone) is_gone[static_cast<std::size_t>(row)] = 1;
  const auto check = [&](std::int32_t row) {
    if (row >= 0 && is_gone[static_cast<std::size_t>(row)] != 0) {
      corrupt("leads to row ", row, ", which is removed");
    }
  };
  check(entry_);
  for (const std::int32_t row : level0_.span()) check(row);
  for (const std::int32_t row : upper_.span()) check(row);
}

void HnswGraph::save(bundle::Writer& writer, const std::string& prefix) const {
  writer.add(prefix + "/level0", MatrixView<const std::int32_t>{level0_.data(), rows(), degree(0)});
  writer.add(prefix + "/levels", levels_.span());
  writer.add(prefix + "/upper",
             MatrixView<const std::int32_t>{upper_.data(), upper_.size() / degree(1), degree(1)});
}

HnswGraph HnswGraph::load(const std::shared_ptr<const bundle::Reader>& reader,
                          const std::string& prefix, int m, std::int32_t entry, std::size_t rows) {
  if (m < 2 || m > kMaxM) corrupt("m is ", m, ", allowed are 2 to ", kMaxM);
  const auto level0 = reader->matrix<std::int32_t>(prefix + "/level0");
  const auto upper = reader->matrix<std::int32_t>(prefix + "/upper");
  const auto levels = reader->array<std::uint8_t>(prefix + "/levels");
  if (levels.size() != rows || level0.rows != rows ||
      level0.columns != static_cast<std::size_t>(2 * m) ||
      upper.columns != static_cast<std::size_t>(m)) {
    corrupt("tables of ", level0.rows, " x ", level0.columns, ", ", upper.rows, " x ",
            upper.columns, " and ", levels.size(), " levels don't fit ", rows,
            " rows with m = ", m);
  }
  return {m, entry, OwnOrBorrow<std::int32_t>(SharedArray<std::int32_t>(reader, level0.flat())),
          OwnOrBorrow<std::uint8_t>(levels),
          OwnOrBorrow<std::int32_t>(SharedArray<std::int32_t>(reader, upper.flat()))};
}

}  // namespace penchant::retrieval
