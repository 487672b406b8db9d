#pragma once

// A few identifiers and steps over them, drawn at random: as a graph takes them and as the plain
// twin does.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "reference/plain_identity.h"

#include "penchant/base/random.h"
#include "penchant/bundle/bundle.h"
#include "penchant/identity/door.h"
#include "penchant/identity/graph.h"

namespace penchant::identity::testing {

using reference::PlainIdentity;
using Id = PlainIdentity::Id;

// login and crm (unique), mail (3 at most), card (2), device and cookie (weak, shared after 1 and
// 2); 9 identifiers a subject.
inline Options small_options() {
  Options out;
  out.namespaces = {
      {.name = "login", .priority = 1, .limit = 1},
      {.name = "mail", .priority = 2, .limit = 3},
      {.name = "card", .priority = 2, .limit = 2},
      {.name = "device", .priority = 4, .limit = 4, .bridge = false, .shared_after = 1},
      {.name = "cookie", .priority = 5, .bridge = false, .shared_after = 2},
      {.name = "crm", .priority = 3, .limit = 1},
  };
  out.most = 9;
  return out;
}

inline std::vector<Id> small_identifiers(std::size_t each) {
  std::vector<Id> out;
  for (std::size_t space = 0; space < small_options().namespaces.size(); ++space) {
    for (std::size_t i = 0; i < each; ++i)
      out.emplace_back(space, std::string(1, static_cast<char>('a' + i)));
  }
  return out;
}

struct Step {
  enum Kind { kLink, kCut, kUncut, kBlock, kUnblock } kind = kLink;
  Id a;
  Id b;
  std::int64_t time = 0;
  std::string event;
};

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_(seed, 0) {}
  std::size_t below(std::size_t count) {
    return random_.below(static_cast<std::uint32_t>(count), 0, step_++);
  }
  template <class T>
  void shuffle(std::vector<T>& values) {
    for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
  }

 private:
  Philox random_;
  std::uint32_t step_ = 0;
};

inline Step random_link(Draw& draw, const std::vector<Id>& ids) {
  Step out;
  out.a = ids[draw.below(ids.size())];
  do {
    out.b = ids[draw.below(ids.size())];
  } while (out.b == out.a);
  out.time = static_cast<std::int64_t>(draw.below(6));  // many ties
  const std::size_t event = draw.below(4);
  if (event > 0) out.event = "e" + std::to_string(event);
  return out;
}

inline std::int32_t number_of(Graph& graph, const Id& id, std::int64_t time) {
  const std::string& space = graph.options().namespaces[id.first].name;
  return graph.see(id.first, id.second, hash_of(space, id.second), time);
}

inline std::int32_t find(const Graph& graph, const Id& id) {
  return graph.table().find(id.first, id.second,
                            hash_of(graph.options().namespaces[id.first].name, id.second));
}

inline Id id_of(const Graph& graph, std::int32_t id) {
  return {graph.table().name_space(id), std::string(graph.table().value(id))};
}

inline void apply(Graph& graph, const Step& step) {
  if (step.kind == Step::kLink) {
    Record record{.time = step.time, .event = step.event};
    const std::int32_t a = number_of(graph, step.a, step.time);
    const std::int32_t b = number_of(graph, step.b, step.time);
    graph.link(a, b, record);
    return;
  }
  const std::int32_t a = find(graph, step.a);
  if (step.kind == Step::kBlock || step.kind == Step::kUnblock) {
    graph.block(a, step.kind == Step::kBlock);
  } else {
    graph.cut(a, find(graph, step.b), step.kind == Step::kCut);
  }
}

inline void apply(PlainIdentity& plain, const Step& step) {
  if (step.kind == Step::kLink) {
    plain.see(step.a, step.time);
    plain.see(step.b, step.time);
    plain.link(step.a, step.b, step.time, step.event);
  } else if (step.kind == Step::kBlock || step.kind == Step::kUnblock) {
    plain.block(step.a, step.kind == Step::kBlock);
  } else {
    plain.cut(step.a, step.b, step.kind == Step::kCut);
  }
}

inline AlignedVector<std::byte> bytes_of(const Graph& graph) {
  bundle::Writer writer;
  graph.save(writer, "identity");
  return writer.to_bytes("{}");
}

inline std::unique_ptr<Graph> reloaded(const Graph& graph) {
  return Graph::load(*bundle::Reader::from_bytes(bytes_of(graph)), "identity");
}

}  // namespace penchant::identity::testing
