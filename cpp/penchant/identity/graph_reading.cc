// What can be asked of a settled graph.

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "penchant/identity/graph.h"

namespace penchant::identity {

std::int32_t Graph::subject(std::int32_t id) const {
  return blocked(id) ? -1 : partition_.leader(id);
}

// The graph as it was: links and identifiers of later are not there.
class Graph::AsOf {
 public:
  AsOf(const Graph& graph, std::int64_t time) : graph_(graph), time_(time) {}

  [[nodiscard]] std::int32_t subject(std::int32_t id) {
    Partition partition(graph_.options_, graph_.table_);
    std::unordered_map<std::int32_t, std::int32_t> nodes;
    std::vector<std::int32_t> found;
    const auto meet = [&](std::int32_t one) {
      if (nodes.emplace(one, static_cast<std::int32_t>(found.size())).second) {
        found.push_back(one);
        partition.add(one);
      }
    };
    std::vector<Ordered> links;
    meet(id);
    for (std::size_t i = 0; i < found.size(); ++i) {
      each_link(found[i], [&](std::int32_t link, std::int32_t other) {
        if (hindered(found[i]) || hindered(other)) return;
        meet(other);
        if (graph_.links_.a(link) == found[i]) links.push_back(graph_.ordered(link));
      });
    }
    graph_.sort(links);
    for (const Ordered& one : links) {
      partition.unite(nodes[graph_.links_.a(one.link)], nodes[graph_.links_.b(one.link)]);
    }
    return partition.leader(0);
  }

 private:
  template <class Body>
  void each_link(std::int32_t id, const Body& body) const {
    const LinkSet& links = graph_.links_;
    for (std::int32_t link = links.first_of(id); link >= 0; link = links.next_of(id, link)) {
      if (links.seen(link) && !links.is_cut(link) && links.moment(link).time <= time_) {
        body(link, links.other(id, link));
      }
    }
  }

  bool hindered(std::int32_t id) {
    if (graph_.blocked(id)) return true;
    if (!graph_.counts_logins(id)) return false;
    const auto [at, fresh] = shared_.emplace(id, false);
    if (fresh) {
      std::vector<std::int64_t> logins(graph_.uniques_);
      each_link(id, [&](std::int32_t /*link*/, std::int32_t other) {
        const std::int32_t kind = graph_.login_kind(other);
        if (kind >= 0 && !graph_.blocked(other)) ++logins[index(kind)];
      });
      const int most = graph_.shared_after_[graph_.table_.name_space(id)];
      at->second = std::any_of(logins.begin(), logins.end(), [&](auto n) { return n > most; });
    }
    return at->second;
  }

  const Graph& graph_;
  std::int64_t time_;
  std::unordered_map<std::int32_t, bool> shared_;
};

std::int32_t Graph::subject_at(std::int32_t id, std::int64_t time) const {
  if (blocked(id) || table_.first(id) > time) return -1;
  return AsOf(*this, time).subject(id);
}

std::vector<std::int32_t> Graph::chain(std::int32_t a, std::int32_t b) const {
  std::unordered_map<std::int32_t, std::int32_t> ways{{b, -1}};  // towards b
  std::vector<std::int32_t> found{b};
  for (std::size_t i = 0; i < found.size() && !ways.contains(a); ++i) {
    const std::int32_t id = found[i];
    for (std::int32_t link = links_.first_of(id); link >= 0; link = links_.next_of(id, link)) {
      const std::int32_t other = links_.other(id, link);
      if (links_.standing(link) == Standing::kUnited && ways.emplace(other, link).second) {
        found.push_back(other);
      }
    }
  }
  std::vector<std::int32_t> out;
  if (!ways.contains(a)) return out;
  for (std::int32_t at = a; ways[at] >= 0; at = links_.other(at, out.back())) {
    out.push_back(ways[at]);
  }
  return out;
}

std::vector<std::int32_t> Graph::members(std::int32_t id) const {
  std::unordered_map<std::int32_t, bool> met{{id, true}};
  std::vector<std::int32_t> out{id};
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::int32_t at = out[i];
    for (std::int32_t link = links_.first_of(at); link >= 0; link = links_.next_of(at, link)) {
      const std::int32_t other = links_.other(at, link);
      if (links_.standing(link) == Standing::kUnited && met.emplace(other, true).second) {
        out.push_back(other);
      }
    }
  }
  std::sort(out.begin(), out.end(), [&](auto x, auto y) { return table_.before(x, y); });
  return out;
}

std::vector<std::int32_t> Graph::refused() const {
  std::vector<Ordered> found;
  for (std::int32_t link = 0; std::cmp_less(link, links_.size()); ++link) {
    const Standing standing = links_.standing(link);
    const bool followed = standing == Standing::kPending || standing == Standing::kUnited ||
                          standing == Standing::kSpare;
    if (!links_.seen(link) || followed ||
        partition_.leader(links_.a(link)) == partition_.leader(links_.b(link))) {
      continue;
    }
    found.push_back(ordered(link));
  }
  sort(found);
  std::vector<std::int32_t> out;
  out.reserve(found.size());
  for (const Ordered& one : found) out.push_back(one.link);
  return out;
}

std::size_t Graph::subjects() const {
  std::size_t out = 0;
  for (std::int32_t id = 0; std::cmp_less(id, settled_); ++id) {
    out += subject(id) == id ? 1 : 0;
  }
  return out;
}

void Graph::reserve(std::size_t identifiers, std::size_t links) {
  table_.reserve(identifiers);
  links_.reserve(links);
}

std::size_t Graph::memory_bytes() const {
  return table_.memory_bytes() + links_.memory_bytes() + events_.memory_bytes() +
         partition_.memory_bytes() + 2 * blocked_.capacity() + marks_.capacity() +
         logins_.capacity() * sizeof(std::int32_t);
}

}  // namespace penchant::identity
