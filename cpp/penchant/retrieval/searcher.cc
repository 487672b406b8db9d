#include "penchant/retrieval/searcher.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/retrieval/exact_search.h"
#include "penchant/retrieval/hnsw_search.h"
#include "penchant/retrieval/hnsw_walk.h"

namespace penchant::retrieval {
namespace {

constexpr float kNothing = -std::numeric_limits<float>::infinity();
// Of so few rows every one is scored from its floats; more are first looked at by their codes.
constexpr std::size_t kFewRows = 1000;

// Eight entries of a mask at a time: the highest bit of each byte that is not 0.
template <class Visit>
void visit_eights(std::span<const std::uint8_t> mask, const Visit& visit) {
  constexpr std::uint64_t kLow = 0x7f7f7f7f7f7f7f7f;
  const auto highest = [](std::uint64_t eight) {
    return (((eight & kLow) + kLow) | eight) & ~kLow;
  };
  std::uint64_t eight = 0;
  std::size_t i = 0;
  for (; i + 8 <= mask.size(); i += 8) {
    std::memcpy(&eight, mask.data() + i, 8);
    visit(i, highest(eight));
  }
  eight = 0;
  if (i < mask.size()) std::memcpy(&eight, mask.data() + i, mask.size() - i);
  visit(i, highest(eight));
}

std::size_t count_of_mask(std::span<const std::uint8_t> mask) {
  std::size_t count = 0;
  visit_eights(mask, [&](std::size_t, std::uint64_t bits) {
    count += static_cast<std::size_t>(std::popcount(bits));
  });
  return count;
}

// Which of eight bits are set, in order; further entries are 0.
struct Places {
  std::array<std::array<std::uint8_t, 8>, 256> of{};
  constexpr Places() {
    for (std::size_t bits = 0; bits < 256; ++bits) {
      std::size_t at = 0;
      for (std::uint8_t place = 0; place < 8; ++place) {
        if (((bits >> place) & 1U) != 0) of[bits][at++] = place;
      }
    }
  }
};
constexpr Places kPlaces;

std::vector<std::int32_t> rows_of_mask(std::span<const std::uint8_t> mask, std::size_t count) {
  static_assert(std::endian::native == std::endian::little, "the first byte is the lowest");
  constexpr std::size_t kDense = 32;          // one in so many: then branches can't be foreseen
  std::vector<std::int32_t> rows(count + 8);  // eight are written at a time
  std::int32_t* to = rows.data();
  if (count * kDense < mask.size()) {
    visit_eights(mask, [&](std::size_t i, std::uint64_t bits) {
      for (; bits != 0; bits &= bits - 1) {
        *to++ = static_cast<std::int32_t>(i) + std::countr_zero(bits) / 8;
      }
    });
  } else {
    visit_eights(mask, [&](std::size_t i, std::uint64_t bits) {
      // The eight bits side by side.
      const auto packed = static_cast<std::size_t>(((bits >> 7) * 0x0102040810204080U) >> 56);
      const auto places = kPlaces.of[packed];  // a copy, or each store might change it
      for (std::size_t j = 0; j < 8; ++j) to[j] = static_cast<std::int32_t>(i) + places[j];
      to += std::popcount(packed);
    });
  }
  rows.resize(count);
  return rows;
}

// A walk scores about 0.3 * 2m rows for each place in its pool (measured at m = 16 and 32), and one
// of them, a jump in memory and a place in the pool to find, costs about this many of a scan.
constexpr double kVisitCost = 4;

struct Plan {
  bool walk = false;
  std::size_t ef = 0;
};

// When only a share s of the rows may be returned, the pool has to reach ef / s rows far for ef of
// them to be within it. Whichever of scan and walk costs less.
Plan plan_walk(const VectorIndex::Impl& impl, const Selection& selection, std::size_t k,
               int wanted_ef) {
  const std::size_t allowed = selection.count();
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
    : store_(store),
      filtered_(options.allow || options.mask),
      count_(store.live_count()),
      given_(options.mask) {
  check_argument(!(options.allow && options.mask), "give allow or a mask, not both");
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
  if (given_) {
    std::call_once(rows_made_, [&] {
      rows_ = rows_of_mask(*given_, count_of_mask(*given_));
      if (store_.any_removed()) {
        std::erase_if(rows_, [&](std::int32_t row) { return store_.is_removed(row); });
      }
    });
  }
  return rows_;
}

std::span<const std::uint8_t> Selection::mask() {
  if (!filtered_) return {};
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
  const Plan plan = plan_walk(impl_, selection_, k_, wanted_ef_);
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
