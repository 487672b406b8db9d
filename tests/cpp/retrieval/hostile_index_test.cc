// Bundles whose checksums are right and whose contents are not: a clear error or a search that
// ends, never a read out of bounds (run under the asan preset).

#include <algorithm>
#include <cmath>

#include "bundle/edits.h"
#include "retrieval/vectors.h"
#include <gtest/gtest.h>

#include "penchant/retrieval/vector_index.h"

namespace penchant::retrieval {
namespace {

using penchant::testing::Bytes;
using penchant::testing::Edit;
using penchant::testing::put;
using penchant::testing::setting;

std::shared_ptr<VectorIndex> sample(IndexKind kind, Storage storage = Storage::kInt8,
                                    Metric metric = Metric::kL2) {
  const auto index = VectorIndex::build(
      testing::clustered_vectors(600, 7, 1).view(),
      {.kind = kind, .metric = metric, .m = 4, .ef_construction = 20, .storage = storage});
  index->remove(std::vector<std::int32_t>{3, 50, 51});
  return index;
}

std::shared_ptr<const bundle::Reader> edited(const VectorIndex& index, const Edit& edit) {
  bundle::Writer plain;
  index.save(plain, "index");
  return penchant::testing::edited(*bundle::Reader::from_bytes(plain.to_bytes("{}")), edit);
}

void expect_refused(const VectorIndex& index, const Edit& edit, std::string_view part) {
  const auto reader = edited(index, edit);
  try {
    (void)VectorIndex::load(reader, "index");
    ADD_FAILURE() << "accepted: " << part;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kCorruptBundle) << error.what();
    EXPECT_NE(std::string_view(error.what()).find(part), std::string_view::npos) << error.what();
  }
}

Edit rewriting(const std::string& from, const std::string& to) {
  return penchant::testing::rewriting("index/meta", from, to);
}

TEST(StoredIndex, ComesBackAsItWas) {
  const Matrix<float> queries = testing::clustered_vectors(20, 7, 2);
  for (const IndexKind kind : {IndexKind::kFlat, IndexKind::kHnsw, IndexKind::kIvf}) {
    const auto index = sample(kind);
    const auto loaded = VectorIndex::load(edited(*index, [](const auto&, auto&) {}), "index");
    EXPECT_EQ(loaded->kind(), kind);
    EXPECT_EQ(loaded->rows(), 600U);
    EXPECT_EQ(loaded->size(), 597U);
    EXPECT_EQ(loaded->report().reason, index->report().reason);
    EXPECT_EQ(loaded->report().efforts.size(), index->report().efforts.size());
    const auto same = [&] {
      const Hits a = index->search(queries.view(), 5, {.ef = 6});
      const Hits b = loaded->search(queries.view(), 5, {.ef = 6});
      EXPECT_EQ(a.rows, b.rows);
      EXPECT_EQ(a.scores, b.scores);
      EXPECT_EQ(a.visited, b.visited);
      bundle::Writer x;
      index->save(x, "index");
      bundle::Writer y;
      loaded->save(y, "index");
      EXPECT_EQ(x.to_bytes("{}"), y.to_bytes("{}"));
    };
    same();
    // Changes to an index over a bundle's memory are its own.
    for (const auto& one : {index, loaded}) {
      one->add(queries.view());
      one->remove(std::vector<std::int32_t>{0, 1, 2, 601});
    }
    same();
  }
}

TEST(StoredIndex, LyingNumbersAreRefused) {
  const auto graph = sample(IndexKind::kHnsw);
  const auto flat = sample(IndexKind::kFlat);
  expect_refused(*graph, setting("index/level0", 9, std::int32_t{600}), "neighbour 600");
  expect_refused(*graph, setting("index/level0", 9, std::int32_t{-2}), "neighbour -2");
  expect_refused(*graph, setting("index/level0", 9, std::int32_t{50}), "row 50, which is removed");
  expect_refused(*graph, setting("index/upper", 0, std::int32_t{1 << 30}), "not on that level");
  expect_refused(*graph, setting("index/levels", 0, std::uint8_t{200}), "upper neighbours");
  expect_refused(*graph, setting("index/removed", 0, std::int32_t{600}), "removed rows");
  expect_refused(*graph, setting("index/removed", 1, std::int32_t{3}), "removed rows");
  expect_refused(*flat, setting("index/vectors", 5, std::nanf("")), "NaN");
  expect_refused(*flat, setting("index/vectors", 21, 1e30F), "overflow");
  expect_refused(*graph, rewriting("\"rows\":600", "\"rows\":601"), "vectors are 600 x 16");
  expect_refused(*graph, rewriting("\"rows\":600", "\"rows\":-1"), "'rows' outside");
  expect_refused(*graph, rewriting("\"rows\":600", "\"rows\":6e2"), "not an integer");
  expect_refused(*graph, rewriting("\"dimension\":7", "\"dimension\":17"), "vectors are 600 x 16");
  expect_refused(*graph, rewriting("\"dimension\":7", "\"dimension\":99999999999"), "outside");
  expect_refused(*graph, rewriting("\"m\":4", "\"m\":5"), "don't fit");
  expect_refused(*graph, rewriting("\"m\":4", "\"m\":0"), "m is 0");
  expect_refused(*graph, rewriting("\"entry\":", "\"entry\":99999"), "entry");
  expect_refused(*graph, rewriting("\"metric\":\"l2\"", "\"metric\":\"x\""), "metric 'x'");
  expect_refused(*graph, rewriting("\"kind\":\"hnsw\"", "\"kind\":\"tree\""), "unknown kind");
  expect_refused(*graph, rewriting("{", "["), "not JSON");
  expect_refused(*flat, rewriting("\"kind\":\"flat\"", "\"kind\":\"hnsw\""), "lacks 'entry'");
  expect_refused(*graph, setting("index/centre", 2, std::nanf("")), "NaN");
  expect_refused(*graph, rewriting("\"storage\":\"int8\"", "\"storage\":\"int9\""),
                 "storage 'int9'");
  const auto lists = sample(IndexKind::kIvf);
  expect_refused(*lists, setting("index/lists", 7, std::int32_t{24}), "is in list 24 of 24");
  expect_refused(*lists, setting("index/lists", 7, std::int32_t{-1}), "is in list -1");
  expect_refused(*lists, setting("index/lists", 3, std::int32_t{5}), "removed");
  expect_refused(*lists, setting("index/centres", 3, std::nanf("")), "NaN");
  expect_refused(*lists, setting("index/centre", 0, 1e30F), "overflow");
  for (const char* section : {"centres", "lists", "centre"}) {
    const auto reader =
        edited(*lists, penchant::testing::cutting(std::string("index/") + section, 4));
    EXPECT_THROW((void)VectorIndex::load(reader, "index"), Error) << section;
  }
  for (const char* section : {"vectors", "level0", "levels", "upper", "centre"}) {
    const auto reader =
        edited(*graph, penchant::testing::cutting(std::string("index/") + section, 4));
    EXPECT_THROW((void)VectorIndex::load(reader, "index"), Error) << section;
  }
}

// What a section holds, changed in a few places: often to something plausible.
void disturb(const bundle::Section& section, Bytes& bytes, const Philox& random,
             std::uint32_t trial) {
  const std::size_t width = bundle::dtype_size(section.dtype);
  if (bytes.size() < width) return;
  if (random.below(12, trial, 100) == 0) {  // a word too many or too few
    bytes.resize(bytes.size() + (trial % 2 == 0 ? width : 0 - width));
    return;
  }
  const bool floats = section.dtype == bundle::DType::kFloat32;
  for (std::uint32_t i = 0; i < 1 + trial % 3; ++i) {
    const auto places = static_cast<std::uint32_t>(bytes.size() / width);
    const std::size_t at = random.below(places, trial, 3 * i);
    const std::uint32_t draw = random.below(1U << 31, trial, 3 * i + 1);
    if (width == 1) {
      put(bytes, at, static_cast<std::uint8_t>(draw));
    } else if (floats && draw % 3 == 0) {
      put(bytes, at, static_cast<std::uint32_t>(draw << 1));  // any bits
    } else if (floats) {
      put(bytes, at, std::ldexp(1.0F, static_cast<int>(draw % 140) - 70));
    } else {
      put(bytes, at, static_cast<std::int32_t>(draw % 640) - 20);
    }
  }
}

// Whatever the kind, the storage and the section: refused, or searched within the rows there are.
TEST(StoredIndex, AnyEditIsRefusedOrSearchable) {
  const Matrix<float> queries = testing::clustered_vectors(3, 7, 2);
  const Philox random(5, 5);
  std::vector<std::uint8_t> mask(600);
  for (std::size_t row = 0; row < 600; ++row) mask[row] = row % 3 == 0 ? 1 : 0;
  for (const IndexKind kind : {IndexKind::kFlat, IndexKind::kHnsw, IndexKind::kIvf}) {
    for (const Storage storage : {Storage::kInt8, Storage::kFloat32}) {
      for (const Metric metric : {Metric::kL2, Metric::kInnerProduct}) {
        const auto index = sample(kind, storage, metric);
        bundle::Writer plain;
        index->save(plain, "index");
        const auto saved = bundle::Reader::from_bytes(plain.to_bytes("{}"));
        const auto sections = saved->sections();
        int accepted = 0;
        int refused = 0;
        for (std::uint32_t trial = 0; trial < 240; ++trial) {
          const bundle::Section& mine = sections[trial % sections.size()];
          const auto reader = edited(*index, [&](const std::string& name, Bytes& bytes) {
            if (name == mine.name) disturb(mine, bytes, random, trial);
          });
          try {
            const auto loaded = VectorIndex::load(reader, "index");
            const std::vector<std::int32_t> gone = loaded->removed();
            const auto ready = loaded->filter_of_mask(mask);
            for (const SearchOptions& options :
                 {SearchOptions{.ef = 5}, SearchOptions{.ef = 5, .mask = mask},
                  SearchOptions{.ef = 5, .filter = ready}}) {
              const Hits hits = loaded->search(queries.view(), 4, options);
              for (const std::int32_t row : hits.rows) {
                ASSERT_TRUE(row >= 0 && row < 600) << mine.name << ", trial " << trial;
                EXPECT_FALSE(std::binary_search(gone.begin(), gone.end(), row)) << mine.name;
              }
            }
            ++accepted;
          } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::kCorruptBundle) << error.what();
            ++refused;
          }
        }
        EXPECT_GT(accepted, 10) << kind_name(kind);
        EXPECT_GT(refused, 10) << kind_name(kind);
      }
    }
  }
}

// As they were before codes: no storage, no centre, no recall at a hundred.
TEST(StoredIndex, OlderBundlesReadFloats) {
  const auto index = VectorIndex::build(testing::clustered_vectors(600, 7, 1).view(),
                                        {.kind = IndexKind::kHnsw,
                                         .metric = Metric::kL2,
                                         .m = 4,
                                         .ef_construction = 20,
                                         .storage = Storage::kFloat32});
  const auto reader = edited(*index, [](const std::string& name, Bytes& bytes) {
    if (name != "index/meta") return;
    std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    for (const char* field :
         {"\"storage\"", "\"recall_at_100\"", "\"visited_at_100\"", "\"scan_visited\""}) {
      for (std::size_t at = text.find(field); at != std::string::npos; at = text.find(field)) {
        const bool last = text[text.find_first_of(",}", at)] == '}';
        const std::size_t end = text.find_first_of(",}", at);
        last ? text.erase(at - 1, end - at + 1) : text.erase(at, end - at + 1);
      }
    }
    bytes.resize(text.size());
    std::memcpy(bytes.data(), text.data(), text.size());
  });
  const auto loaded = VectorIndex::load(reader, "index");
  EXPECT_EQ(loaded->params().storage, Storage::kFloat32);
  const Matrix<float> queries = testing::clustered_vectors(20, 7, 2);
  EXPECT_EQ(loaded->search(queries.view(), 5, {.ef = 8}).rows,
            index->search(queries.view(), 5, {.ef = 8}).rows);
}

TEST(StoredIndex, AGraphThatLeadsNowhereStillGivesK) {
  const auto index = sample(IndexKind::kHnsw);
  const auto reader = edited(*index, [](const std::string& name, Bytes& bytes) {
    if (name == "index/level0") std::memset(bytes.data(), 0xff, bytes.size());
  });
  const Matrix<float> queries = testing::clustered_vectors(3, 7, 2);
  const Hits hits = VectorIndex::load(reader, "index")->search(queries.view(), 4, {.ef = 5});
  for (const std::int32_t row : hits.rows) EXPECT_GE(row, 0);
}

}  // namespace
}  // namespace penchant::retrieval
