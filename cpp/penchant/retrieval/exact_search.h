#pragma once

// Exact search: every row, or every allowed row, is scored. Queries are taken in blocks so that a
// block of rows is read from memory once for all of them.
//
//   exact_search(store, prepared_queries, {}, 10, threads, hits);

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "penchant/base/matrix.h"
#include "penchant/base/top_k.h"
#include "penchant/retrieval/vector_store.h"

namespace penchant::retrieval {

// hits[q * k + i]: the i-th best of `rows` (ascending; nullopt: all of the store) for query q,
// index -1 and -infinity where there are fewer. queries: [q, store.stride()], prepared by the
// store.
void exact_search(const VectorStore& store, MatrixView<const float> queries,
                  std::optional<std::span<const std::int32_t>> rows, std::size_t k, int threads,
                  std::span<Scored> hits);

}  // namespace penchant::retrieval
