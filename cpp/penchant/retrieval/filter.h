#pragma once

// An allow list made ready once for many searches of one index.
//
//   const std::shared_ptr<const Filter> filter = index->filter(rows);
//   Hits hits = index->search(queries, 10, {.filter = filter});
//
// The allowed rows' bytes are kept side by side, so that a scan of them streams; with them the hits
// are those of an exact search. Where a walk of the graph is the cheaper way, only the list itself
// is kept. A filter follows its index: rows that are removed leave it, their bytes overwritten at
// once; rows added later are not in it. It may outlive the index.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "penchant/retrieval/byte_scan.h"

namespace penchant::retrieval {

class Filter {
 public:
  // rows: ascending, of the store, none removed. gather: keep their bytes.
  Filter(const VectorStore& store, std::vector<std::int32_t> rows, bool gather, int threads);

  [[nodiscard]] std::size_t size() const { return count_; }  // rows that are there

  // While the index is held for searching:
  [[nodiscard]] std::span<const std::int32_t> rows() const { return rows_; }  // ascending
  [[nodiscard]] std::span<const std::uint8_t> mask() const { return mask_; }  // by row
  [[nodiscard]] const ByteScan* bytes() const { return bytes_ ? &*bytes_ : nullptr; }

 private:
  friend class FilterList;
  void erase(std::span<const std::int32_t> rows);
  void extend(std::size_t rows) { mask_.resize(rows, 0); }

  std::vector<std::int32_t> rows_;
  std::vector<std::uint8_t> mask_;
  std::optional<ByteScan> bytes_;
  std::atomic<std::size_t> count_;
};

// The filters that an index has given out and that are still held.
class FilterList {
 public:
  // While the index is held for searching.
  void add(const std::shared_ptr<Filter>& filter);
  [[nodiscard]] bool holds(const Filter& filter) const;

  // While the index is held alone.
  void erase(std::span<const std::int32_t> rows);  // ascending
  void extend(std::size_t rows);                   // rows given so far

 private:
  mutable std::mutex lock_;
  std::vector<std::weak_ptr<Filter>> filters_;
};

}  // namespace penchant::retrieval
