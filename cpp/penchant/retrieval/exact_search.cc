#include "penchant/retrieval/exact_search.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "penchant/base/parallel.h"

namespace penchant::retrieval {
namespace {

constexpr std::size_t kQueryBlock = 16;
constexpr std::size_t kRowBlockBytes = std::size_t{128} << 10;  // stays in a core's second cache

// The scores of up to one block of rows, pushed for one query.
void push_block(const VectorStore& store, std::span<const float> query, std::size_t begin,
                std::optional<std::span<const std::int32_t>> rows, std::span<float> scores,
                TopK& best) {
  if (!rows) {
    store.score_range(begin, query, scores);
    best.push_all(scores, static_cast<std::int32_t>(begin));
    return;
  }
  const auto part = rows->subspan(begin, scores.size());
  store.score_gathered(part, query, scores);
  for (std::size_t i = 0; i < part.size(); ++i) best.push(scores[i], part[i]);
}

}  // namespace

void exact_search(const VectorStore& store, MatrixView<const float> queries,
                  std::optional<std::span<const std::int32_t>> rows, std::size_t k, int threads,
                  std::span<Scored> hits) {
  const std::size_t count = rows ? rows->size() : store.rows();
  const std::size_t row_block =
      std::clamp<std::size_t>(kRowBlockBytes / (store.stride() * sizeof(float)), 16, 4096);
  parallel_blocks(queries.rows, kQueryBlock, threads, [&](const Block& block) {
    std::vector<TopK> best(block.end - block.begin, TopK(std::min(k, count)));
    AlignedVector<float> scores(std::min(row_block, count));
    for (std::size_t begin = 0; begin < count; begin += row_block) {
      const std::span<float> part(scores.data(), std::min(row_block, count - begin));
      for (std::size_t q = block.begin; q < block.end; ++q) {
        push_block(store, queries.row(q), begin, rows, part, best[q - block.begin]);
      }
    }
    for (std::size_t q = block.begin; q < block.end; ++q) {
      const std::vector<Scored> sorted = best[q - block.begin].take_sorted();
      const auto out = hits.subspan(q * k, k);
      std::copy(sorted.begin(), sorted.end(), out.begin());
      std::fill(out.begin() + static_cast<std::ptrdiff_t>(sorted.size()), out.end(),
                Scored{-std::numeric_limits<float>::infinity(), -1});
    }
  });
}

}  // namespace penchant::retrieval
