#include "penchant/retrieval/hnsw_build.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>
#include <vector>

#include "penchant/base/parallel.h"
#include "penchant/base/random.h"
#include "penchant/retrieval/code_store.h"
#include "penchant/retrieval/hnsw_walk.h"

namespace penchant::retrieval {
namespace {

constexpr std::uint32_t kLevelStream = 0x484e5301;
constexpr std::uint32_t kOrderStream = 0x484e5302;
constexpr int kMostLevel = 15;
// A batch is at most this share of the rows that are in: what its rows don't know of each other
// weighs little then.
constexpr std::size_t kBatchShare = 64;
constexpr std::size_t kMostBatch = 4096;
constexpr std::size_t kRowsABlock = 8;
constexpr std::size_t kTargetsABlock = 64;

// P(level >= l) = m^-l, as Malkov & Yashunin's -ln(u) / ln(m); by comparisons, so that no logarithm
// of this or that library decides.
int draw_level(const Philox& random, std::size_t row, int m) {
  const double u = random.uniform(row, 0);
  int level = 0;
  for (double bar = 1.0 / m; u < bar && level < kMostLevel; bar /= m) ++level;
  return level;
}

HnswGraph empty_graph(std::size_t rows, int m, std::uint64_t seed, const HnswGraph* grown) {
  const std::size_t known = grown == nullptr ? 0 : grown->rows();
  const Philox random(seed, kLevelStream);
  AlignedVector<std::uint8_t> levels(rows);
  std::size_t blocks = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    const int level =
        row < known ? grown->level(static_cast<std::int32_t>(row)) : draw_level(random, row, m);
    levels[row] = static_cast<std::uint8_t>(level);
    blocks += static_cast<std::size_t>(level);
  }
  const auto degree = static_cast<std::size_t>(m);
  AlignedVector<std::int32_t> level0(rows * 2 * degree, -1);
  AlignedVector<std::int32_t> upper(blocks * degree, -1);
  // Rows come in their old order, so the grown graph's tables are the beginnings of these.
  if (grown != nullptr) {
    for (std::int32_t row = 0; row < static_cast<std::int32_t>(known); ++row) {
      const auto list = grown->neighbours(row, 0);
      std::copy(list.begin(), list.end(),
                level0.begin() +
                    static_cast<std::ptrdiff_t>(row) * static_cast<std::ptrdiff_t>(2 * degree));
    }
    std::ptrdiff_t at = 0;
    for (std::int32_t row = 0; row < static_cast<std::int32_t>(known); ++row) {
      for (int level = 1; level <= grown->level(row); ++level) {
        const auto list = grown->neighbours(row, level);
        std::copy(list.begin(), list.end(), upper.begin() + at);
        at += static_cast<std::ptrdiff_t>(degree);
      }
    }
  }
  return {m, grown == nullptr ? -1 : grown->entry(), OwnOrBorrow<std::int32_t>(std::move(level0)),
          OwnOrBorrow<std::uint8_t>(std::move(levels)),
          OwnOrBorrow<std::int32_t>(std::move(upper))};
}

// Every row's code as a query, so that any two rows can be compared.
class RowQueries {
 public:
  RowQueries(const GraphSpace& space, const CodeStore& codes, int threads)
      : used_(codes.view().used), integers_(space.size() * used_), rest_(space.size()) {
    parallel_blocks(space.size(), 1024, threads, [&](const Block& block) {
      CodeQuery query;
      for (std::size_t i = block.begin; i < block.end; ++i) {
        codes.prepare(space.view().row(i), query);
        std::copy(query.integers.begin(), query.integers.end(),
                  integers_.begin() + static_cast<std::ptrdiff_t>(i * used_));
        rest_[i] = {query.offset, query.gain, query.norm};
      }
    });
  }
  [[nodiscard]] CodeQueryView operator[](std::int32_t row) const {
    const auto at = static_cast<std::size_t>(row);
    return {integers_.data() + at * used_, rest_[at].offset, rest_[at].gain};
  }
  // norm - score is a distance.
  [[nodiscard]] float norm(std::int32_t row) const {
    return rest_[static_cast<std::size_t>(row)].norm;
  }

 private:
  struct Rest {
    std::int32_t offset;
    float gain;
    float norm;
  };
  std::size_t used_;
  AlignedVector<std::int16_t> integers_;
  std::vector<Rest> rest_;
};

// A link to lay from `target` back to `row`.
struct LinkBack {
  std::int32_t target;
  int level;
  std::int32_t row;
  float distance;
};

CodeStore codes_of(const GraphSpace& space, int threads) {
  const MatrixView<const float> rows = space.view();
  CodeStore codes(space.by_product() ? Metric::kInnerProduct : Metric::kL2, rows.columns,
                  space.by_product() ? std::vector<float>(rows.columns, 0.0F)
                                     : CodeStore::centre_of(rows, rows.columns));
  codes.append(rows, threads);
  return codes;
}

}  // namespace

struct HnswBuilder::Impl {
  Impl(const GraphSpace& space, const BuildParams& given, const HnswGraph* grown)
      : params(given),
        codes(codes_of(space, given.threads)),
        queries(space, codes, given.threads),
        graph(empty_graph(space.size(), given.m, given.seed, grown)) {}

  BuildParams params;
  CodeStore codes;
  RowQueries queries;
  HnswGraph graph;
  std::size_t inserted = 0;

  // One thread's tables.
  struct Hand {
    Walker walker;
    std::vector<Scored> candidates;  // score: the distance
    std::vector<std::int32_t> kept;
  };
  // Not inlined, or each touch of what it gives would ask for the thread's own address again.
  [[gnu::noinline]] static Hand& hand() {
    thread_local Hand mine;
    return mine;
  }

  void look_for_neighbours(std::int32_t row, std::vector<LinkBack>& links);
  void choose(Hand& hand, std::size_t most) const;
  [[nodiscard]] bool shadowed(const Scored& candidate, std::span<const std::int32_t> kept) const;
  void link_back(std::span<const LinkBack> links);
  void insert_batch(std::span<const std::int32_t> rows);
};

// Algorithm 4: nearest first, a candidate is kept unless a kept one is nearer to it than the row
// itself is. From hand.candidates, sorted by distance, into hand.kept.
void HnswBuilder::Impl::choose(Hand& hand, std::size_t most) const {
  hand.kept.clear();
  for (const Scored& candidate : hand.candidates) {
    if (hand.kept.size() == most) break;
    if (!shadowed(candidate, hand.kept)) hand.kept.push_back(candidate.index);
  }
}

bool HnswBuilder::Impl::shadowed(const Scored& candidate,
                                 std::span<const std::int32_t> kept) const {
  constexpr std::size_t kAtOnce = 8;  // the nearest ones are the likeliest to be in the way
  std::array<float, kAtOnce> scores;
  const CodeQueryView query = queries[candidate.index];
  const float least = queries.norm(candidate.index) - candidate.score;
  for (; !kept.empty(); kept = kept.subspan(std::min(kAtOnce, kept.size()))) {
    const std::size_t count = std::min(kAtOnce, kept.size());
    score_codes_gathered(codes.view(), kept.first(count), query, false, scores);
    for (std::size_t i = 0; i < count; ++i) {
      if (scores[i] > least) return true;
    }
  }
  return false;
}

// Finds and writes the row's own lists, which nobody reads yet, and notes the links back.
void HnswBuilder::Impl::look_for_neighbours(std::int32_t row, std::vector<LinkBack>& links) {
  Hand& h = hand();
  const CodeScorer scorer(codes.view(), queries[row]);
  const std::int32_t entry = graph.entry();
  Scored best{0, entry};
  scorer.score({&best.index, 1}, {&best.score, 1});
  const int top = graph.level(entry);
  const int mine = std::min(graph.level(row), top);
  const auto ef = static_cast<std::size_t>(params.ef_construction);
  h.walker.start(graph.rows(), 1);
  best = h.walker.descend(graph, best, top, mine, scorer);
  for (int level = mine; level >= 0; --level) {
    h.walker.start(graph.rows(), ef);
    h.walker.put(best);
    h.walker.expand(graph, level, scorer);
    const Pool& pool = h.walker.pool();
    best = pool[0].hit();
    h.candidates.clear();
    for (std::size_t i = 0; i < pool.size(); ++i) {
      if (pool[i].row() != row)
        h.candidates.push_back({queries.norm(row) - pool[i].score(), pool[i].row()});
    }
    const auto list = graph.own_neighbours(row, level);
    choose(h, list.size());
    std::copy(h.kept.begin(), h.kept.end(), list.begin());
    for (const Scored& candidate : h.candidates) {
      if (std::find(h.kept.begin(), h.kept.end(), candidate.index) == h.kept.end()) continue;
      links.push_back({candidate.index, level, row, candidate.score});
    }
  }
}

// `links`: all of one target and level.
void HnswBuilder::Impl::link_back(std::span<const LinkBack> links) {
  const std::int32_t target = links.front().target;
  const auto list = graph.own_neighbours(target, links.front().level);
  auto used = static_cast<std::size_t>(std::find(list.begin(), list.end(), -1) - list.begin());
  if (used + links.size() <= list.size()) {
    for (const LinkBack& link : links) list[used++] = link.row;
    return;
  }
  Hand& h = hand();
  std::vector<std::int32_t> all(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(used));
  for (const LinkBack& link : links) all.push_back(link.row);
  std::vector<float> scores(all.size());
  score_codes_gathered(codes.view(), all, queries[target], true, scores);
  h.candidates.clear();
  for (std::size_t i = 0; i < all.size(); ++i) {
    h.candidates.push_back({queries.norm(target) - scores[i], all[i]});
  }
  std::sort(h.candidates.begin(), h.candidates.end(), [](const Scored& a, const Scored& b) {
    return a.score < b.score || (a.score == b.score && a.index < b.index);
  });
  choose(h, list.size());
  std::fill(std::copy(h.kept.begin(), h.kept.end(), list.begin()), list.end(), -1);
}

void HnswBuilder::Impl::insert_batch(std::span<const std::int32_t> rows) {
  std::vector<std::vector<LinkBack>> found((rows.size() + kRowsABlock - 1) / kRowsABlock);
  parallel_blocks(rows.size(), kRowsABlock, params.threads, [&](const Block& block) {
    for (std::size_t i = block.begin; i < block.end; ++i) {
      look_for_neighbours(rows[i], found[block.number]);
    }
  });
  std::vector<LinkBack> links;
  for (const auto& part : found) links.insert(links.end(), part.begin(), part.end());
  std::sort(links.begin(), links.end(), [](const LinkBack& a, const LinkBack& b) {
    return std::tuple(a.level, a.target, a.distance, a.row) <
           std::tuple(b.level, b.target, b.distance, b.row);
  });
  std::vector<std::size_t> bounds{0};
  for (std::size_t i = 1; i < links.size(); ++i) {
    if (links[i].target != links[i - 1].target || links[i].level != links[i - 1].level) {
      bounds.push_back(i);
    }
  }
  bounds.push_back(links.size());
  parallel_blocks(bounds.size() - 1, kTargetsABlock, params.threads, [&](const Block& block) {
    for (std::size_t i = block.begin; i < block.end; ++i) {
      if (bounds[i] == bounds[i + 1]) continue;
      link_back(std::span(links).subspan(bounds[i], bounds[i + 1] - bounds[i]));
    }
  });
}

HnswBuilder::HnswBuilder(const GraphSpace& space, const BuildParams& params, const HnswGraph* grown)
    : impl_(std::make_unique<Impl>(space, params, grown)) {
  if (grown != nullptr && grown->entry() >= 0) impl_->inserted = grown->rows();
}

HnswBuilder::~HnswBuilder() = default;

void HnswBuilder::insert(std::span<const std::int32_t> rows, const Progress& progress) {
  // Upper levels first, each level shuffled, so that the order of the data leaves no trace.
  struct Turn {
    int level;
    std::uint32_t draw;
    std::int32_t row;
  };
  const Philox random(impl_->params.seed, kOrderStream);
  std::vector<Turn> turns;
  turns.reserve(rows.size());
  for (const std::int32_t row : rows) {
    turns.push_back(
        {impl_->graph.level(row), random.bits(static_cast<std::size_t>(row), 0)[0], row});
  }
  std::sort(turns.begin(), turns.end(), [](const Turn& a, const Turn& b) {
    return std::tuple(-a.level, a.draw, a.row) < std::tuple(-b.level, b.draw, b.row);
  });
  std::vector<std::int32_t> order(turns.size());
  for (std::size_t i = 0; i < turns.size(); ++i) order[i] = turns[i].row;
  std::size_t done = 0;
  if (impl_->graph.entry() < 0 && !order.empty()) {
    impl_->graph.set_entry(order.front());
    impl_->inserted = done = 1;
  }
  while (done < order.size()) {
    if (progress) progress(done, order.size());
    const std::size_t batch = std::min(
        {std::max<std::size_t>(1, impl_->inserted / kBatchShare), kMostBatch, order.size() - done});
    impl_->insert_batch(std::span(order).subspan(done, batch));
    // Rows of higher levels come first, so only rows added later can rise above the entry.
    for (const std::int32_t row : std::span(order).subspan(done, batch)) {
      if (impl_->graph.level(row) > impl_->graph.level(impl_->graph.entry())) {
        impl_->graph.set_entry(row);
      }
    }
    impl_->inserted += batch;
    done += batch;
  }
  if (progress) progress(order.size(), order.size());
}

HnswGraph HnswBuilder::finish() const { return impl_->graph; }

}  // namespace penchant::retrieval
