// Indexes of every kind and storage while rows come and go: what is found is there, filters follow,
// and nothing of a removed row is left.

#include <algorithm>
#include <set>

#include "reference/exact_search.h"
#include "retrieval/vectors.h"
#include <gtest/gtest.h>

#include "penchant/base/int8_kernels.h"
#include "penchant/retrieval/filter.h"
#include "penchant/retrieval/vector_index.h"
#include "penchant/retrieval/vector_index_impl.h"

namespace penchant::retrieval {
namespace {

using testing::clustered_vectors;

constexpr std::size_t kColumns = 16;

struct Case {
  IndexKind kind;
  Storage storage;
  Metric metric;
};

std::vector<Case> all_cases() {
  std::vector<Case> out;
  for (const IndexKind kind : {IndexKind::kFlat, IndexKind::kHnsw, IndexKind::kIvf}) {
    for (const Storage storage : {Storage::kInt8, Storage::kFloat32}) {
      for (const Metric metric : {Metric::kInnerProduct, Metric::kL2, Metric::kCosine}) {
        out.push_back({kind, storage, metric});
      }
    }
  }
  return out;
}

std::string name_of(const ::testing::TestParamInfo<Case>& info) {
  return std::string(kind_name(info.param.kind)) + "_" +
         std::string(storage_name(info.param.storage)) + "_" +
         std::string(metric_name(info.param.metric));
}

IndexParams params_of(const Case& one) {
  return {.kind = one.kind,
          .metric = one.metric,
          .m = 8,
          .ef_construction = 40,
          .storage = one.storage,
          .threads = 2};
}

class ChangingIndex : public ::testing::TestWithParam<Case> {};

// Share of the truth that was found, and that nothing else than `allowed` was.
double recall(const Hits& hits, Metric metric, const Matrix<float>& vectors,
              const Matrix<float>& queries, std::span<const std::int32_t> allowed) {
  std::size_t found = 0;
  std::size_t wanted = 0;
  for (std::size_t q = 0; q < queries.rows(); ++q) {
    const auto truth =
        reference::exact_search(metric, vectors.view(), queries.row(q), hits.k, allowed);
    std::set<std::int32_t> rows;
    for (const Scored& hit : truth) {
      if (hit.index >= 0) rows.insert(hit.index);
    }
    wanted += rows.size();
    std::size_t there = 0;
    for (std::size_t i = 0; i < hits.k; ++i) {
      const std::int32_t row = hits.rows[q * hits.k + i];
      if (row < 0) continue;
      ++there;
      EXPECT_TRUE(std::binary_search(allowed.begin(), allowed.end(), row)) << row;
      found += rows.count(row);
    }
    EXPECT_EQ(there, rows.size()) << "exactly k, or all there are";
  }
  return wanted == 0 ? 1 : static_cast<double>(found) / static_cast<double>(wanted);
}

TEST_P(ChangingIndex, AnswersAsTheRowsThatAreThereWould) {
  constexpr std::size_t kRows = 1500;
  const Matrix<float> vectors = clustered_vectors(kRows, kColumns, 1);
  const Matrix<float> queries = clustered_vectors(40, kColumns, 2);
  const Philox random(11, 1);
  const Metric metric = GetParam().metric;
  std::size_t given = 700;
  const auto index =
      VectorIndex::build({vectors.view().data, given, kColumns}, params_of(GetParam()));
  std::set<std::int32_t> live;
  for (std::int32_t row = 0; row < 700; ++row) live.insert(row);
  std::set<std::int32_t> chosen;  // of the filter
  for (std::int32_t row = 1; row < 700; row += 2) chosen.insert(row);
  const auto filter = index->filter(std::vector<std::int32_t>(chosen.begin(), chosen.end()));
  const int everything = GetParam().kind == IndexKind::kIvf ? 1000 : 100;
  for (std::uint32_t step = 0; step < 8; ++step) {
    if (step % 2 == 0) {
      const std::size_t more = 1 + random.below(200, step, 0);
      EXPECT_EQ(index->add({vectors.row(given).data(), more, kColumns}),
                static_cast<std::int64_t>(given));
      for (std::size_t i = 0; i < more; ++i) live.insert(static_cast<std::int32_t>(given++));
    } else {
      std::vector<std::int32_t> gone;
      for (std::uint32_t i = 0; i < 60 * step; ++i) {
        gone.push_back(static_cast<std::int32_t>(
            random.below(static_cast<std::uint32_t>(given), step, i + 1)));
      }
      index->remove(gone);
      for (const std::int32_t row : gone) {
        live.erase(row);
        chosen.erase(row);
      }
    }
    ASSERT_EQ(index->size(), live.size());
    ASSERT_EQ(filter->size(), chosen.size());
    const std::vector<std::int32_t> there(live.begin(), live.end());
    const std::vector<std::int32_t> some(chosen.begin(), chosen.end());
    EXPECT_GE(recall(index->search(queries.view(), 10, {.ef = everything}), metric, vectors,
                     queries, there),
              GetParam().kind == IndexKind::kHnsw ? 0.9 : 1.0);
    EXPECT_EQ(recall(index->search(queries.view(), 10, {.filter = filter}), metric, vectors,
                     queries, some),
              1.0);
    std::vector<std::int32_t> few(there.begin(), there.begin() + 5);
    EXPECT_EQ(
        recall(index->search(queries.view(), 10, {.allow = few}), metric, vectors, queries, few),
        1.0);
  }
}

// Everything that an index and its filter hold of rows, in bytes.
AlignedVector<std::byte> memory_of(const VectorIndex::Impl& impl, const Filter& filter) {
  AlignedVector<std::byte> out;
  const auto append = [&](std::span<const std::byte> bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
  };
  const auto append_codes = [&](const CodeStore& codes) {
    append(std::as_bytes(std::span(codes.view().bytes, codes.rows() * codes.view().stride)));
  };
  const auto append_strips = [&](const ByteScan& scan) {  // a row's bytes side by side
    const std::size_t columns = scan.columns();
    for (std::size_t row = 0; row < scan.strips().size() / columns; ++row) {
      for (std::size_t j = 0; j < columns; j += kByteStripColumns) {
        append(
            std::as_bytes(scan.strips().subspan(strip_offset(row, j, columns), kByteStripColumns)));
      }
    }
  };
  append(std::as_bytes(impl.store.view().flat()));
  if (impl.codes) append_codes(*impl.codes);
  if (impl.lists) append_codes(impl.lists->codes());
  if (impl.bytes) append_strips(*impl.bytes);
  if (filter.bytes() != nullptr) append_strips(*filter.bytes());
  return out;
}

bool holds(const AlignedVector<std::byte>& bytes, std::span<const std::byte> needle) {
  return std::search(bytes.begin(), bytes.end(), needle.begin(), needle.end()) != bytes.end();
}

TEST_P(ChangingIndex, NothingOfARemovedRowIsLeft) {
  const Matrix<float> vectors = clustered_vectors(900, kColumns, 1);
  auto owned = std::make_unique<VectorIndex::Impl>(params_of(GetParam()),
                                                   VectorStore(GetParam().metric, kColumns));
  const VectorIndex::Impl& impl = *owned;
  owned->store.append(vectors.view());
  build_kind(*owned, {}, {});
  VectorIndex index(std::move(owned));
  const auto filter = index.filter(testing::first_rows(500));
  const bool bytes = GetParam().storage == Storage::kInt8;
  ASSERT_EQ(filter->bytes() != nullptr, bytes);

  const std::vector<std::int32_t> gone{3, 250, 499};
  // Each row as floats and as every holder's bytes, before it goes.
  std::vector<AlignedVector<std::byte>> needles;
  const auto remember = [&](std::span<const std::byte> needle) {
    needles.emplace_back(needle.begin(), needle.end());
  };
  for (const std::int32_t row : gone) {
    const auto at = static_cast<std::size_t>(row);
    remember(std::as_bytes(impl.store.view().row(at)));
    std::vector<std::vector<float>> centres;
    if (impl.codes) centres.emplace_back(impl.codes->centre().begin(), impl.codes->centre().end());
    if (impl.lists) {
      const auto centre = impl.lists->codes().centre();
      centres.emplace_back(centre.begin(), centre.end());
    }
    if (bytes) {
      const bool squared = GetParam().metric == Metric::kL2;
      const std::vector<float> zeros(kColumns, 0.0F);
      if (impl.bytes) {
        centres.push_back(squared ? CodeStore::centre_of(impl.store.view(), kColumns) : zeros);
      }
      centres.push_back(
          squared ? CodeStore::centre_of(impl.store.view(), testing::first_rows(500), kColumns)
                  : zeros);
    }
    for (const std::vector<float>& centre : centres) {
      std::vector<float> shifted(kColumns);
      for (std::size_t j = 0; j < kColumns; ++j) {
        shifted[j] = impl.store.view().row(at)[j] - centre[j];
      }
      std::vector<std::uint8_t> code(kColumns);
      (void)quantize_row(shifted, code);
      remember(std::as_bytes(std::span(code)));
    }
  }
  const auto before = memory_of(impl, *filter);
  for (const auto& needle : needles) EXPECT_TRUE(holds(before, needle));
  index.remove(gone);
  const auto after = memory_of(impl, *filter);
  bundle::Writer writer;
  index.save(writer, "index");
  const auto saved = writer.to_bytes("{}");
  for (const auto& needle : needles) {
    EXPECT_FALSE(holds(after, needle));
    EXPECT_FALSE(holds(saved, needle));
  }
}

INSTANTIATE_TEST_SUITE_P(All, ChangingIndex, ::testing::ValuesIn(all_cases()), name_of);

TEST(Filter, IsRefusedByAnotherIndexAndBesideAList) {
  const Matrix<float> vectors = clustered_vectors(200, kColumns, 1);
  const auto index = VectorIndex::build(vectors.view(), {});
  const auto other = VectorIndex::build(vectors.view(), {});
  const std::vector<std::int32_t> rows{1, 5, 9};
  const auto filter = index->filter(rows);
  EXPECT_THROW((void)other->search(vectors.view(), 1, {.filter = filter}), Error);
  EXPECT_THROW((void)index->search(vectors.view(), 1, {.allow = rows, .filter = filter}), Error);
  EXPECT_THROW((void)index->filter(std::vector<std::int32_t>{200}), Error);
  EXPECT_THROW((void)index->filter_of_mask(std::vector<std::uint8_t>(199)), Error);
  EXPECT_EQ(index->filter({})->size(), 0U);
  const Hits none = index->search(vectors.view(), 2, {.filter = index->filter({})});
  EXPECT_EQ(none.rows, std::vector<std::int32_t>(400, -1));
}

// Where most is allowed, a graph is walked by the list, and k come back whatever happens to it.
TEST(Filter, OfMostRowsWalksTheGraph) {
  const Matrix<float> vectors = clustered_vectors(6000, kColumns, 1);
  const Matrix<float> queries = clustered_vectors(30, kColumns, 2);
  const auto index = VectorIndex::build(
      vectors.view(), {.kind = IndexKind::kHnsw, .metric = Metric::kL2, .m = 6, .threads = 2});
  std::vector<std::int32_t> rows;
  for (std::int32_t row = 0; row < 6000; ++row) {
    if (row % 10 != 0) rows.push_back(row);
  }
  const auto filter = index->filter(rows);
  EXPECT_EQ(filter->bytes(), nullptr);
  const Hits hits = index->search(queries.view(), 10, {.filter = filter});
  EXPECT_LT(hits.visited, queries.rows() * rows.size());
  EXPECT_GE(recall(hits, Metric::kL2, vectors, queries, rows), 0.97);
  index->add(queries.view());  // its mask grows with the graph
  EXPECT_GE(recall(index->search(queries.view(), 10, {.filter = filter}), Metric::kL2, vectors,
                   queries, rows),
            0.97);
}

}  // namespace
}  // namespace penchant::retrieval
