#include "penchant/retrieval/hnsw_search.h"

#include <algorithm>

#include "penchant/base/kernels.h"
#include "penchant/retrieval/hnsw_walk.h"

namespace penchant::retrieval {
namespace {

constexpr std::size_t kMostStarts = 256;

// Scores from the store's floats.
class StoreScorer {
 public:
  StoreScorer(const VectorStore& store, std::span<const float> query)
      : store_(store), query_(query) {}
  void score(std::span<const std::int32_t> rows, std::span<float> scores) const {
    store_.score_gathered(rows, query_, scores);
  }
  void prefetch(std::int32_t /*row*/) const {}  // the kernel does

 private:
  const VectorStore& store_;
  std::span<const float> query_;
};

struct Scratch {
  Walker walker;
  CodeQuery query;
  std::vector<std::int32_t> rows;
  std::vector<float> scores;
  std::vector<Scored> hits;
};

// Not inlined, or each touch of what it gives would ask for the thread's own address again.
[[gnu::noinline]] Scratch& scratch() {
  thread_local Scratch mine;
  return mine;
}

template <class Scorer>
void walk(const WalkGround& ground, const Scorer& scorer, const WalkOptions& options,
          std::size_t keep, Walker& walker) {
  const HnswGraph& graph = ground.graph;
  walker.start(graph.rows(), options.ef);
  walker.allow_only(options.allowed, keep);
  Scored best{0, graph.entry()};
  scorer.score({&best.index, 1}, {&best.score, 1});
  best = walker.descend(graph, best, graph.level(best.index), 0, scorer);
  walker.put(best);
  walker.offer(ground.starts, scorer);
  walker.expand(graph, 0, scorer);
}

// The best of the pool by their floats.
void rank_again(const VectorStore& store, std::span<const float> query, Scratch& s) {
  s.scores.resize(s.rows.size());
  store.score_gathered(s.rows, query, s.scores);
  s.hits.clear();
  for (std::size_t i = 0; i < s.rows.size(); ++i) s.hits.push_back({s.scores[i], s.rows[i]});
  std::sort(s.hits.begin(), s.hits.end(), ranks_before);
}

}  // namespace

std::vector<std::int32_t> walk_starts(const VectorStore& store) {
  if (store.metric() != Metric::kInnerProduct) return {};
  TopK longest(std::min(kMostStarts, store.live_count() / 16));
  for (std::size_t i = 0; i < store.rows(); ++i) {
    const auto index = static_cast<std::int32_t>(i);
    if (store.any_removed() && store.is_removed(index)) continue;
    longest.push(dot(store.view().row(i), store.view().row(i)), index);
  }
  std::vector<std::int32_t> rows;
  for (const Scored& hit : longest.take_sorted()) {
    if (hit.score > 0) rows.push_back(hit.index);
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

Walk walk_graph(const WalkGround& ground, std::span<const float> query,
                const WalkOptions& options) {
  if (ground.graph.entry() < 0) return {};
  Scratch& s = scratch();
  const std::size_t most = ground.codes != nullptr ? head_of(options.keep) : options.keep;
  if (ground.codes != nullptr) {
    ground.codes->prepare(query, s.query);
    walk(ground, CodeScorer(ground.codes->view(), s.query.view()), options, most, s.walker);
  } else {
    walk(ground, StoreScorer(ground.store, query), options, most, s.walker);
  }
  const Pool& pool = options.allowed.empty() ? s.walker.pool() : s.walker.hits();
  s.rows.clear();
  s.hits.clear();
  for (std::size_t i = 0; i < std::min(pool.size(), most); ++i) {
    s.rows.push_back(pool[i].row());
    if (ground.codes == nullptr) s.hits.push_back(pool[i].hit());
  }
  if (ground.codes != nullptr) rank_again(ground.store, query, s);
  if (s.hits.size() > options.keep) s.hits.resize(options.keep);
  return {s.hits, s.walker.visited()};
}

}  // namespace penchant::retrieval
