#pragma once

// One call of VectorIndex::search: which rows may be returned, what is the cheapest way to find the
// best of them, and doing that. Internal to retrieval.
//
//   Searcher searcher(impl, prepared_queries, k, options);
//   Hits hits = searcher.run();

#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "penchant/base/top_k.h"
#include "penchant/retrieval/vector_index_impl.h"

namespace penchant::retrieval {

inline constexpr std::size_t kUsualHits = 10;  // what is planned for before anyone asks

// Whether to walk the graph, and how far.
struct Plan {
  bool walk = false;
  std::size_t ef = 0;
};

// When only a share s of the rows may be returned, the pool has to reach ef / s rows far for ef of
// them to be within it. Whichever of scan and walk costs less. gathered: a scan's bytes lie side by
// side.
[[nodiscard]] Plan plan_walk(const VectorIndex::Impl& impl, std::size_t allowed, std::size_t k,
                             int wanted_ef, bool gathered);

// The rows that a search may return: as a list or as a mask, whichever is asked for. Both are made
// at the first call; any number of threads may ask.
class Selection {
 public:
  // Throws kInvalidArgument on rows that were never given and on a mask of another length. The
  // options' spans must outlive the selection.
  Selection(const VectorStore& store, const SearchOptions& options);

  [[nodiscard]] bool filtered() const { return filtered_; }
  [[nodiscard]] std::size_t count() const { return count_; }
  // Ascending; nullopt: every row of the store.
  [[nodiscard]] std::optional<std::span<const std::int32_t>> rows();
  // The allowed rows' bytes, where a filter keeps them.
  [[nodiscard]] const ByteScan* gathered() const { return filter_ ? filter_->bytes() : nullptr; }
  // By row; empty: every row. May be set for removed rows, which nothing leads to.
  [[nodiscard]] std::span<const std::uint8_t> mask();

 private:
  const VectorStore& store_;
  bool filtered_;
  std::size_t count_;
  std::optional<std::span<const std::uint8_t>> given_;
  std::shared_ptr<const Filter> filter_;
  std::vector<std::int32_t> rows_;
  std::vector<std::uint8_t> mask_;
  std::once_flag rows_made_;
  std::once_flag mask_made_;
};

class Searcher {
 public:
  Searcher(const VectorIndex::Impl& impl, MatrixView<const float> queries, std::size_t k,
           const SearchOptions& options);
  [[nodiscard]] Hits run();

 private:
  void scan_floats();
  void scan_bytes(const ByteScan& bytes, std::span<const std::uint8_t> mask);
  void scan_codes();
  void rank(std::span<const std::int32_t> rows, std::size_t q, std::span<float> scores);
  void walk(std::size_t ef);
  void walk_one(std::size_t q, std::size_t ef);
  void visit_lists();
  [[nodiscard]] std::span<Scored> hits_of(std::size_t q) {
    return std::span(found_).subspan(q * k_, k_);
  }
  [[nodiscard]] Hits hits() const;

  const VectorIndex::Impl& impl_;
  MatrixView<const float> queries_;
  std::size_t k_;
  int wanted_ef_;
  int threads_;
  Selection selection_;
  std::vector<Scored> found_;
  std::vector<std::uint64_t> visited_;  // by query
};

}  // namespace penchant::retrieval
