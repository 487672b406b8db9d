#include "penchant/ranking/row_check.h"

#include <cmath>
#include <vector>

#include "penchant/base/parallel.h"

namespace penchant::ranking {
namespace {

constexpr std::size_t kBlockValues = 65'536;

template <class T>
std::optional<Cell> find(MatrixView<const T> rows, int threads) {
  const auto values = rows.flat();
  const std::size_t none = values.size();
  std::vector<std::size_t> first((none + kBlockValues - 1) / kBlockValues, none);
  parallel_blocks(none, kBlockValues, threads, [&](const Block& block) {
    bool any = false;
    for (std::size_t i = block.begin; i < block.end; ++i) any |= std::isinf(values[i]);
    if (!any) return;
    std::size_t i = block.begin;
    while (!std::isinf(values[i])) ++i;
    first[block.number] = i;
  });
  for (const std::size_t at : first) {
    if (at != none) return Cell{at / rows.columns, at % rows.columns};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Cell> find_infinite(MatrixView<const float> rows, int threads) {
  return find(rows, threads);
}

std::optional<Cell> find_infinite(MatrixView<const double> rows, int threads) {
  return find(rows, threads);
}

}  // namespace penchant::ranking
