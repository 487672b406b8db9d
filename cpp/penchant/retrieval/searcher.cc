#include "penchant/retrieval/searcher.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/retrieval/exact_search.h"
#include "penchant/retrieval/hnsw_search.h"

namespace penchant::retrieval {
namespace {

constexpr float kNothing = -std::numeric_limits<float>::infinity();
// Of so few rows every one is scored from its floats; more are first looked at by their codes.
constexpr std::size_t kFewRows = 1000;

// Rows of a mask, eight entries at a time as most are usually 0.
void rows_of_mask(std::span<const std::uint8_t> mask, std::vector<std::int32_t>& rows) {
  rows.resize(mask.size());
  std::size_t count = 0;
  const auto take = [&](std::size_t i) {
    rows[count] = static_cast<std::int32_t>(i);
    count += static_cast<std::size_t>(mask[i] != 0);
  };
  std::size_t i = 0;
  for (; i + 8 <= mask.size(); i += 8) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, mask.data() + i, sizeof(eight));
    if (eight == 0) continue;
    for (std::size_t j = i; j < i + 8; ++j) take(j);
  }
  for (; i < mask.size(); ++i) take(i);
  rows.resize(count);
}

// A walk scores about 0.3 * 2m rows for each place in its pool (measured at m = 16 and 32), and one
// of them, a jump in memory and a place in the pool to find, costs about this many of a scan.
constexpr double kVisitCost = 7;

struct Plan {
  bool walk = false;
  std::size_t ef = 0;
};

// When only a share s of the rows may be returned, the pool has to hold ef / s for ef of them to be
// in it. Whichever of scan and walk costs less.
Plan plan_walk(const VectorIndex::Impl& impl, std::size_t allowed, std::size_t k, int wanted_ef) {
  if (!impl.graph || allowed == 0) return {};
  const std::size_t least = wanted_ef > 0 ? k : 2 * k;
  const auto ef = static_cast<double>(std::max<std::size_t>(
      static_cast<std::size_t>(wanted_ef > 0 ? wanted_ef : impl.report.ef), least));
  const auto live = static_cast<double>(impl.store.live_count());
  const double pool = std::ceil(ef * live / static_cast<double>(allowed));
  const double walk_cost = kVisitCost * 0.3 * 2 * impl.params.m * pool;
  return {static_cast<double>(allowed) > walk_cost, static_cast<std::size_t>(pool)};
}

}  // namespace

Selection::Selection(const VectorStore& store, const SearchOptions& options)
    : store_rows_(store.rows()), filtered_(options.allow || options.mask) {
  check_argument(!(options.allow && options.mask), "give allow or a mask, not both");
  count_ = store.live_count();
  if (!filtered_) {
    if (store.any_removed()) rows_ = store.live_rows();
    return;
  }
  if (options.mask) {
    check_argument(options.mask->size() == store.rows(), "mask: ", options.mask->size(),
                   " entries for ", store.rows(), " rows");
    rows_of_mask(*options.mask, made_);
  } else {
    made_.assign(options.allow->begin(), options.allow->end());
    for (const std::int32_t row : made_) {
      check_argument(row >= 0 && static_cast<std::size_t>(row) < store.rows(), "allow: row ", row,
                     " is not one of ", store.rows());
    }
    if (!std::is_sorted(made_.begin(), made_.end())) std::sort(made_.begin(), made_.end());
    made_.erase(std::unique(made_.begin(), made_.end()), made_.end());
  }
  if (store.any_removed()) {
    std::erase_if(made_, [&](std::int32_t row) { return store.is_removed(row); });
  }
  rows_ = made_;
  count_ = made_.size();
}

std::span<const std::uint8_t> Selection::mask() {
  if (filtered_ && mask_.empty()) {
    mask_.resize(store_rows_, 0);
    for (const std::int32_t row : made_) mask_[static_cast<std::size_t>(row)] = 1;
  }
  return mask_;
}

Searcher::Searcher(const VectorIndex::Impl& impl, MatrixView<const float> queries, std::size_t k,
                   const SearchOptions& options)
    : impl_(impl),
      queries_(queries),
      k_(k),
      wanted_ef_(options.ef),
      threads_(options.threads),
      selection_(impl.store, options),
      found_(queries.rows * k),
      visited_(queries.rows) {}

Hits Searcher::run() {
  const std::size_t count = selection_.count();
  const Plan plan = plan_walk(impl_, count, k_, wanted_ef_);
  if (plan.walk) {
    walk(plan.ef);
  } else if (impl_.lists && !selection_.filtered()) {
    visit_lists();
  } else if (impl_.bytes && count > std::max(kFewRows, 8 * k_) &&
             8 * count >= impl_.store.live_count()) {
    scan_bytes();
  } else if (impl_.codes && selection_.filtered() && count > std::max(kFewRows, 8 * k_)) {
    scan_codes();
  } else {
    scan_floats();
  }
  return hits();
}

void Searcher::scan_floats() {
  exact_search(impl_.store, queries_, selection_.rows(), k_, threads_, found_);
  visited_.assign(queries_.rows, selection_.count());
}

void Searcher::scan_bytes() {
  const std::span<const std::uint8_t> mask = selection_.mask();
  parallel_blocks(queries_.rows, 4, threads_, [&](const Block& block) {
    for (std::size_t q = block.begin; q < block.end; ++q) {
      visited_[q] = impl_.bytes->search(impl_.store, queries_.row(q), k_, mask, hits_of(q));
    }
  });
}

// The allowed rows by their codes, then the head of these by their floats.
void Searcher::scan_codes() {
  const std::span<const std::int32_t> rows = *selection_.rows();
  parallel_blocks(queries_.rows, 4, threads_, [&](const Block& block) {
    CodeQuery query;
    std::vector<float> scores(rows.size());
    std::vector<std::int32_t> head;
    for (std::size_t q = block.begin; q < block.end; ++q) {
      impl_.codes->prepare(queries_.row(q), query);
      impl_.codes->score_gathered(rows, query, scores);
      TopK first(head_of(k_));
      for (std::size_t i = 0; i < rows.size(); ++i) first.push(scores[i], rows[i]);
      head.clear();
      for (const Scored& hit : first.take_sorted()) head.push_back(hit.index);
      std::sort(head.begin(), head.end());
      exact_search(impl_.store, {queries_.row(q).data(), 1, queries_.columns},
                   std::span<const std::int32_t>(head), k_, 1, hits_of(q));
      visited_[q] = rows.size();
    }
  });
}

void Searcher::walk(std::size_t ef) {
  (void)selection_.mask();  // made before threads ask
  parallel_blocks(queries_.rows, 4, threads_, [&](const Block& block) {
    for (std::size_t q = block.begin; q < block.end; ++q) walk_one(q, ef);
  });
}

void Searcher::walk_one(std::size_t q, std::size_t ef) {
  const Walk walk =
      walk_graph({*impl_.graph, impl_.store, impl_.codes ? &*impl_.codes : nullptr, impl_.starts},
                 queries_.row(q), {.ef = ef, .keep = k_, .allowed = selection_.mask()});
  visited_[q] = walk.visited;
  const std::span<Scored> out = hits_of(q);
  if (walk.hits.size() < std::min(k_, selection_.count())) {
    // The walk did not meet k rows that may be returned although there are as many.
    exact_search(impl_.store, {queries_.row(q).data(), 1, queries_.columns}, selection_.rows(), k_,
                 1, out);
    visited_[q] += selection_.count();
    return;
  }
  std::fill(std::copy(walk.hits.begin(), walk.hits.end(), out.begin()), out.end(),
            Scored{kNothing, -1});
}

void Searcher::visit_lists() {
  const auto probes = static_cast<std::size_t>(wanted_ef_ > 0 ? wanted_ef_ : impl_.report.ef);
  parallel_blocks(queries_.rows, 4, threads_, [&](const Block& block) {
    for (std::size_t q = block.begin; q < block.end; ++q) {
      visited_[q] = impl_.lists->search(impl_.store, queries_.row(q), k_, probes, hits_of(q));
    }
  });
}

Hits Searcher::hits() const {
  Hits out;
  out.k = k_;
  out.rows.reserve(found_.size());
  out.scores.reserve(found_.size());
  for (const Scored& hit : found_) {
    out.rows.push_back(hit.index);
    out.scores.push_back(hit.score);
  }
  out.visited = std::accumulate(visited_.begin(), visited_.end(), std::uint64_t{0});
  return out;
}

}  // namespace penchant::retrieval
