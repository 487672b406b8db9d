// Our graph beside the one that Faiss builds of the same vectors with the same degree and effort:
// as good at equal effort.

#include <algorithm>

#include "retrieval/vectors.h"
#include <faiss/IndexHNSW.h>
#include <gtest/gtest.h>

#include "penchant/retrieval/exact_search.h"
#include "penchant/retrieval/hnsw_build.h"
#include "penchant/retrieval/hnsw_search.h"

namespace penchant::retrieval {
namespace {

constexpr std::size_t kRows = 6000;
constexpr std::size_t kColumns = 16;  // of which the store needs no padding
constexpr std::size_t kTop = 10;

template <class Found>
double recall(const std::vector<Scored>& truth, std::size_t queries, const Found& found) {
  std::size_t hits = 0;
  for (std::size_t q = 0; q < queries; ++q) {
    const auto rows = found(q);
    for (std::size_t i = 0; i < kTop; ++i) {
      hits +=
          static_cast<std::size_t>(std::count(rows.begin(), rows.end(), truth[q * kTop + i].index));
    }
  }
  return static_cast<double>(hits) / static_cast<double>(queries * kTop);
}

TEST(FaissGraph, OursFindsAsMuchAtEqualEffort) {
  for (const bool clustered : {false, true}) {
    const auto draw = clustered ? testing::clustered_vectors : testing::random_vectors;
    const Matrix<float> vectors = draw(kRows, kColumns, 1);
    const Matrix<float> queries = draw(200, kColumns, 2);
    VectorStore store(Metric::kL2, kColumns);
    store.append(vectors.view());
    std::vector<Scored> truth(queries.rows() * kTop);
    exact_search(store, queries.view(), {}, kTop, 1, truth);

    const GraphSpace space(store, ProductGraph::kUnit);
    HnswBuilder builder(space, {.m = 12, .ef_construction = 80, .seed = 0, .threads = 2});
    builder.insert(testing::first_rows(kRows), {});
    const HnswGraph graph = builder.finish();
    faiss::IndexHNSWFlat theirs(kColumns, 12);
    theirs.hnsw.efConstruction = 80;
    theirs.add(kRows, vectors.view().data);

    for (const int ef : {16, 40}) {
      const double ours = recall(truth, queries.rows(), [&](std::size_t q) {
        const Walk walk = walk_graph({graph, store}, queries.row(q),
                                     {.ef = static_cast<std::size_t>(ef), .keep = kTop});
        std::vector<std::int32_t> rows;
        for (const Scored& hit : walk.hits) rows.push_back(hit.index);
        return rows;
      });
      theirs.hnsw.efSearch = ef;
      const double wanted = recall(truth, queries.rows(), [&](std::size_t q) {
        std::vector<float> distances(kTop);
        std::vector<std::int64_t> found(kTop);
        theirs.search(1, queries.row(q).data(), kTop, distances.data(), found.data());
        return std::vector<std::int32_t>(found.begin(), found.end());
      });
      EXPECT_GE(ours, wanted - 0.01) << "ef " << ef << (clustered ? ", clustered" : ", random");
    }
  }
}

}  // namespace
}  // namespace penchant::retrieval
