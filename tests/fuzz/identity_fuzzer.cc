// Any bytes at all as the bundle of an identity: one that answers, changes and comes back the same,
// or a corrupt bundle with a reason. Each input is a header (up to the first zero byte) and data,
// sealed with the right checksums.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "bundle/forge.h"

#include "penchant/base/error.h"
#include "penchant/identity/identity.h"

namespace {

namespace bundle = penchant::bundle;
using penchant::identity::Graph;
using penchant::identity::Identity;

constexpr std::size_t kMostAsked = 40;  // identifiers: an input is to take milliseconds

void check(bool holds) {
  if (!holds) std::abort();
}

bundle::forge::Bytes bytes_of(const Graph& graph) {
  bundle::Writer writer;
  graph.save(writer, "identity");
  return writer.to_bytes("{}");
}

void use(Identity& identity) {
  Graph& graph = identity.graph();
  const auto bytes = bytes_of(graph);
  check(bytes_of(*Graph::load(*bundle::Reader::from_bytes(bytes), "identity")) == bytes);
  const auto count = static_cast<std::int32_t>(std::min(graph.table().size(), kMostAsked));
  for (std::int32_t id = 0; id < count; ++id) {
    const std::int32_t subject = graph.subject(id);
    check(subject >= -1 && (subject < 0) == graph.blocked(id));
    // A raw value that the options block is found by no name.
    const std::int32_t named = identity.find(identity.name(id));
    check(named == id || (named == -1 && !graph.keyed()));
    (void)graph.subject_at(id, graph.table().first(id));
    if (subject >= 0 && subject != id) check(!graph.chain(id, subject).empty());
  }
  for (std::int32_t id = 0; id < count; ++id) {
    graph.block(id, id % 3 == 0);
    if (id > 0) graph.cut(id - 1, id, id % 2 == 0);
  }
  graph.settle();
  for (std::int32_t id = 0; id < count; ++id) check((graph.subject(id) < 0) == (id % 3 == 0));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\0'), input.size());
  std::string file = bundle::forge::file_of(
      input.substr(0, end), end < input.size() ? input.substr(end + 1) : std::string());
  bundle::forge::repair(file);
  try {
    const auto reader = bundle::Reader::from_bytes(bundle::forge::to_bytes(file));
    Identity identity(Graph::load(*reader, "identity"), "");
    use(identity);
  } catch (const penchant::Error& error) {
    check(error.kind() == penchant::ErrorKind::kCorruptBundle);
    check(!std::string_view(error.what()).empty());
  }
  return 0;
}
