// Bundles whose checksums are right and whose contents are not: a clear error, never a read out of
// bounds (run under the asan preset); and any byte changed gives an error or another sound graph.

#include <limits>

#include "bundle/edits.h"
#include "identity/small_world.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/identity/identity.h"

namespace penchant::identity {
namespace {

using penchant::testing::Bytes;
using penchant::testing::Edit;

std::unique_ptr<Graph> sample(std::string key_check = {}) {
  auto graph = std::make_unique<Graph>(testing::small_options(), std::move(key_check));
  testing::Draw draw(3);
  const auto ids = testing::small_identifiers(4);
  for (int i = 0; i < 40; ++i) testing::apply(*graph, testing::random_link(draw, ids));
  graph->cut(0, 1, true);
  graph->block(2, true);
  graph->settle();
  return graph;
}

std::shared_ptr<const bundle::Reader> edited(const Graph& graph, const Edit& edit) {
  bundle::Writer plain;
  graph.save(plain, "identity");
  return penchant::testing::edited(*bundle::Reader::from_bytes(plain.to_bytes("{}")), edit);
}

void expect_refused(const Edit& edit, std::string_view part) {
  const auto graph = sample();
  try {
    (void)Graph::load(*edited(*graph, edit), "identity");
    ADD_FAILURE() << "accepted: " << part;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kCorruptBundle) << error.what();
    EXPECT_NE(std::string_view(error.what()).find(part), std::string_view::npos) << error.what();
  }
}

template <class T>
Edit setting(const std::string& section, std::size_t at, T value) {
  return penchant::testing::setting("identity/" + section, at, value);
}

Edit cutting(const std::string& section, std::size_t bytes_less) {
  return penchant::testing::cutting("identity/" + section, bytes_less);
}

Edit rewriting(const std::string& from, const std::string& to) {
  return penchant::testing::rewriting("identity/meta", from, to);
}

TEST(StoredGraph, IsRefusedWhereItLies) {
  expect_refused(rewriting("\"options\"", "\"other\""), "lacks 'options'");
  expect_refused(rewriting("\"key_check\":\"\"", "\"key_check\":\"zz\""), "hexadecimal");
  expect_refused(rewriting("\"limit\":1", "\"limit\":-1"), "limit is -1");
  expect_refused(rewriting("\"priority\":1", "\"priority\":1e9"), "not an integer");
  expect_refused(rewriting("\"priority\":1", "\"priority\":99999999999999999999"), "integer");
  expect_refused(rewriting("\"form\":\"text\"", "\"form\":\"none\""), "form 'none'");
  expect_refused(setting<std::int64_t>("identifiers/offsets", 0, 1), "must start at 0");
  expect_refused(setting<std::int64_t>("identifiers/offsets", 1, -1), "ascend");
  expect_refused(setting<std::int64_t>("identifiers/offsets", 1, 1 << 30), "ascend");
  expect_refused(setting<std::int64_t>("identifiers/offsets", 1, 0), "is not a value");
  expect_refused(setting<char>("identifiers/bytes", 0, '\xFF'), "is not a value");
  expect_refused(setting<char>("identifiers/bytes", 0, 'z'), "not ascending");
  expect_refused(setting<char>("identifiers/bytes", 0, ' '), "is not a value");  // no spelling
  expect_refused(setting<std::uint8_t>("identifiers/namespaces", 0, 9), "which holds none");
  expect_refused(setting<std::uint8_t>("identifiers/namespaces", 0, 4), "not ascending");
  expect_refused(cutting("identifiers/namespaces", 1), "rows");
  expect_refused(cutting("identifiers/first", 8), "rows");
  expect_refused(setting("identifiers/first", 0, std::numeric_limits<std::int64_t>::max()),
                 "never seen");
  expect_refused(setting<std::int64_t>("identifiers/first", 0, 100), "before its identifiers");
  expect_refused(setting<std::uint8_t>("identifiers/blocked", 0, 2), "blocked by 2");
  expect_refused(setting<std::int32_t>("links/a", 0, -1), "between");
  expect_refused(setting<std::int32_t>("links/b", 0, 1 << 20), "between");
  expect_refused(setting<std::int32_t>("links/b", 0, 0), "between");
  expect_refused(setting<std::int32_t>("links/b", 1, 1), "not ascending");
  expect_refused(setting<std::int32_t>("links/event", 0, 77), "of event 77");
  expect_refused(setting<std::int32_t>("links/event", 0, -2), "of event -2");
  expect_refused(setting<std::uint8_t>("links/flags", 0, 0), "flags 0");
  expect_refused(setting<std::uint8_t>("links/flags", 0, 4), "flags 4");
  expect_refused(setting<std::uint8_t>("links/flags", 1, 2), "has a moment");
  expect_refused(setting("links/time", 1, std::numeric_limits<std::int64_t>::max()),
                 "before its identifiers");
  expect_refused(cutting("links/time", 8), "rows");
  expect_refused(cutting("links/flags", 1), "rows");
  expect_refused(setting<std::int64_t>("events/offsets", 1, 0), "event 0 is empty");
  expect_refused(setting<char>("events/bytes", 0, 'z'), "above the one before");
}

TEST(StoredGraph, OfAKeyHoldsDigestsAlone) {
  const auto graph = sample("0123456789abcdef");  // its values are single letters
  EXPECT_THROW((void)testing::reloaded(*graph), Error);
}

TEST(StoredGraph, AnyByteChangedIsAnErrorOrASoundGraph) {
  const auto graph = sample();
  bundle::Writer plain;
  graph->save(plain, "identity");
  const auto reader = bundle::Reader::from_bytes(plain.to_bytes("{}"));
  testing::Draw draw(11);
  int accepted = 0;
  for (int round = 0; round < 4000; ++round) {
    const std::size_t target = draw.below(reader->sections().size());
    const std::string wanted = reader->sections()[target].name;
    const auto changed = edited(*graph, [&](const std::string& name, Bytes& bytes) {
      if (name != wanted || bytes.empty()) return;
      const std::size_t at = draw.below(bytes.size());
      bytes[at] = static_cast<std::byte>(draw.below(3) == 0 ? 0xFF : draw.below(256));
    });
    try {
      const auto loaded = Graph::load(*changed, "identity");
      ++accepted;
      ASSERT_EQ(testing::bytes_of(*testing::reloaded(*loaded)), testing::bytes_of(*loaded));
      for (std::int32_t id = 0; std::cmp_less(id, loaded->table().size()); ++id) {
        const std::int32_t subject = loaded->subject(id);
        ASSERT_TRUE(subject >= -1 && std::cmp_less(subject, loaded->table().size()));
        (void)loaded->subject_at(id, 3);
      }
    } catch (const Error& error) {
      ASSERT_EQ(error.kind(), ErrorKind::kCorruptBundle) << error.what();
    }
  }
  EXPECT_GT(accepted, 100);  // else nothing behind the checks was tried
}

}  // namespace
}  // namespace penchant::identity
