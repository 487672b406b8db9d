#pragma once

// One call of VectorIndex::search: which rows may be returned, what is the cheapest way to find the
// best of them, and doing that. Internal to retrieval.
//
//   Searcher searcher(impl, prepared_queries, k, options);
//   Hits hits = searcher.run();

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "penchant/base/top_k.h"
#include "penchant/retrieval/vector_index_impl.h"

namespace penchant::retrieval {

// The rows that a search may return.
class Selection {
 public:
  // Throws kInvalidArgument on rows that were never given and on a mask of another length.
  Selection(const VectorStore& store, const SearchOptions& options);

  [[nodiscard]] bool filtered() const { return filtered_; }
  // Ascending; nullopt: every row of the store.
  [[nodiscard]] std::optional<std::span<const std::int32_t>> rows() const { return rows_; }
  [[nodiscard]] std::size_t count() const { return count_; }
  // By row; empty when not filtered. Made at the first call.
  [[nodiscard]] std::span<const std::uint8_t> mask();

 private:
  std::size_t store_rows_;
  bool filtered_ = false;
  std::size_t count_ = 0;
  std::vector<std::int32_t> made_;
  std::optional<std::span<const std::int32_t>> rows_;
  std::vector<std::uint8_t> mask_;
};

class Searcher {
 public:
  Searcher(const VectorIndex::Impl& impl, MatrixView<const float> queries, std::size_t k,
           const SearchOptions& options);
  [[nodiscard]] Hits run();

 private:
  void scan_floats();
  void scan_bytes();
  void scan_codes();
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
