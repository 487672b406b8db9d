#include "penchant/retrieval/searcher.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "penchant/base/error.h"
#include "penchant/base/mask_kernels.h"
#include "penchant/base/parallel.h"
#include "penchant/retrieval/exact_search.h"
#include "penchant/retrieval/hnsw_search.h"
#include "penchant/retrieval/hnsw_walk.h"

namespace penchant::retrieval {
namespace {

constexpr float kNothing = -std::numeric_limits<float>::infinity();
// Of so few rows every one is scored from its floats; more are first looked at by their codes.
constexpr std::size_t kFewRows = 1000;
// Fewer are not worth gathering.
constexpr std::size_t kGatheredRows = 64;

// So many queries of one call pay for the allowed rows' bytes being gathered first.
constexpr std::size_t kManyQueries = 48;

}  // namespace

// A walk scores about 0.3 * 2m rows for each place in its pool (measured at m = 16 and 32), and one
// of them, a jump in memory and a place in the pool to find, costs about so many of a scan: of
// bytes here and there, or of bytes side by side.
constexpr double kVisitCost = 4;
constexpr double kVisitCostGathered = 20;

Plan plan_walk(const VectorIndex::Impl& impl, std::size_t allowed, std::size_t k, int wanted_ef,
               bool gathered) {
  if (!impl.graph || allowed == 0) return {};
  const std::size_t least = wanted_ef > 0 ? k : 2 * k;
  const auto ef = static_cast<double>(std::max<std::size_t>(
      static_cast<std::size_t>(wanted_ef > 0 ? wanted_ef : impl.report.ef), least));
  const auto live = static_cast<double>(impl.store.live_count());
  const double pool = std::ceil(ef * live / static_cast<double>(allowed));
  const double cost = gathered ? kVisitCostGathered : kVisitCost;
  const double walk_cost = cost * 0.3 * 2 * impl.params.m * pool;
  return {static_cast<double>(allowed) > walk_cost, static_cast<std::size_t>(pool)};
}

Selection::Selection(const VectorStore& store, const SearchOptions& options)
    : store_(store),
      filtered_(options.allow || options.mask || options.filter),
      count_(store.live_count()),
      given_(options.mask),
      filter_(options.filter) {
  check_argument(options.allow.has_value() + options.mask.has_value() +
                         static_cast<int>(options.filter != nullptr) <=
                     1,
                 "give one of allow, a mask and a filter");
  if (filter_) {
    count_ = filter_->rows().size();
    return;
  }
  if (given_) {
    check_argument(given_->size() == store.rows(), "mask: ", given_->size(), " entries for ",
                   store.rows(), " rows");
    count_ = count_of_mask(*given_);
    for (const std::int32_t row : store.removed_rows()) {
      count_ -= static_cast<std::size_t>((*given_)[static_cast<std::size_t>(row)] != 0);
    }
  } else if (options.allow) {
    rows_.assign(options.allow->begin(), options.allow->end());
    for (const std::int32_t row : rows_) {
      check_argument(row >= 0 && static_cast<std::size_t>(row) < store.rows(), "allow: row ", row,
                     " is not one of ", store.rows());
    }
    if (!std::is_sorted(rows_.begin(), rows_.end())) std::sort(rows_.begin(), rows_.end());
    rows_.erase(std::unique(rows_.begin(), rows_.end()), rows_.end());
    if (store.any_removed()) {
      std::erase_if(rows_, [&](std::int32_t row) { return store.is_removed(row); });
    }
    count_ = rows_.size();
  }
}

std::optional<std::span<const std::int32_t>> Selection::rows() {
  if (!filtered_) {
    if (!store_.any_removed()) return std::nullopt;
    return store_.live_rows();
  }
  if (filter_) return filter_->rows();
  if (given_) {
    std::call_once(rows_made_, [&] {
      rows_.resize(count_ + store_.removed_rows().size() + kMaskRoom);
      rows_.resize(places_of_mask(*given_, rows_));
      if (store_.any_removed()) {
        std::erase_if(rows_, [&](std::int32_t row) { return store_.is_removed(row); });
      }
    });
  }
  return rows_;
}

std::span<const std::uint8_t> Selection::mask() {
  if (!filtered_) return {};
  if (filter_) return filter_->mask();
  if (given_) return *given_;
  std::call_once(mask_made_, [&] {
    mask_.resize(store_.rows(), 0);
    for (const std::int32_t row : rows_) mask_[static_cast<std::size_t>(row)] = 1;
  });
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
  const bool few = count <= std::max(kFewRows, 8 * k_);
  const ByteScan* const gathered = selection_.gathered();
  const Plan plan = plan_walk(impl_, count, k_, wanted_ef_, gathered != nullptr);
  if (plan.walk) {
    walk(plan.ef);
  } else if (impl_.lists && !selection_.filtered()) {
    visit_lists();
  } else if (gathered != nullptr) {
    scan_bytes(*gathered, {});
  } else if (impl_.bytes && !few && 8 * count >= impl_.store.live_count()) {
    scan_bytes(*impl_.bytes, selection_.mask());
  } else if (impl_.params.storage == Storage::kInt8 && queries_.rows >= kManyQueries &&
             count >= kGatheredRows) {
    scan_bytes(ByteScan(impl_.store, selection_.rows(), threads_), {});
  } else if (impl_.codes && selection_.filtered() && !few) {
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

void Searcher::scan_bytes(const ByteScan& bytes, std::span<const std::uint8_t> mask) {
  // As many queries as can share a block of rows, but something for every thread.
  const auto threads = static_cast<std::size_t>(resolve_threads(threads_));
  const std::size_t block_size =
      std::clamp<std::size_t>((queries_.rows + threads - 1) / threads, 1, ByteScan::kQueries);
  parallel_blocks(queries_.rows, block_size, threads_, [&](const Block& block) {
    const std::size_t count = block.end - block.begin;
    bytes.search(impl_.store,
                 {queries_.data + block.begin * queries_.columns, count, queries_.columns}, k_,
                 mask, std::span(found_).subspan(block.begin * k_, count * k_),
                 std::span(visited_).subspan(block.begin, count));
  });
}

// The allowed rows by their codes, then the head of these by their floats.
void Searcher::scan_codes() {
  const std::span<const std::int32_t> rows = *selection_.rows();
  parallel_blocks(queries_.rows, 4, threads_, [&](const Block& block) {
    CodeQuery query;
    Pool first;
    thread_local std::vector<float> kept;
    kept.resize(std::max(rows.size(), head_of(k_)));
    const std::span<float> scores(kept);
    std::vector<std::int32_t> head;
    for (std::size_t q = block.begin; q < block.end; ++q) {
      impl_.codes->prepare(queries_.row(q), query);
      impl_.codes->score_gathered(rows, query, scores.first(rows.size()));
      first.start(head_of(k_));
      float least = kNothing;
      for (std::size_t i = 0; i < rows.size(); ++i) {
        if (scores[i] < least) continue;
        (void)first.insert(HitKey(scores[i], rows[i]));
        if (first.full()) least = first.worst();
      }
      head.clear();
      for (std::size_t i = 0; i < first.size(); ++i) head.push_back(first[i].row());
      rank(head, q, scores);
      visited_[q] = rows.size();
    }
  });
}

// The best of `rows` by their floats. scores: room for as many.
void Searcher::rank(std::span<const std::int32_t> rows, std::size_t q, std::span<float> scores) {
  const std::span<float> exact = scores.first(rows.size());
  impl_.store.score_gathered(rows, queries_.row(q), exact);
  Pool best;
  best.start(k_);
  for (std::size_t i = 0; i < rows.size(); ++i) (void)best.insert(HitKey(exact[i], rows[i]));
  const std::span<Scored> out = hits_of(q);
  for (std::size_t i = 0; i < best.size(); ++i) out[i] = best[i].hit();
  std::fill(out.begin() + static_cast<std::ptrdiff_t>(best.size()), out.end(),
            Scored{kNothing, -1});
}

void Searcher::walk(std::size_t ef) {
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
