#pragma once

// A finished graph, laid out for walking: on the ground level a fixed number of neighbours a row in
// one table (a row's list is whole cache lines), the few rows of upper levels in a second one.
// A list ends at its first -1.
//
//   for (std::int32_t next : graph.neighbours(row, 0)) { if (next < 0) break; ... }

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "penchant/base/matrix.h"
#include "penchant/bundle/bundle.h"
#include "penchant/retrieval/own_or_borrow.h"

namespace penchant::retrieval {

class HnswGraph {
 public:
  // level0: [levels.size() * 2m]; upper: [sum of levels, m], row by row, level 1 first; entry -1:
  // a graph without any row. Throws kCorruptBundle unless every list stays within the graph: each
  // neighbour a row that exists on that level.
  HnswGraph(int m, std::int32_t entry, OwnOrBorrow<std::int32_t> level0,
            OwnOrBorrow<std::uint8_t> levels, OwnOrBorrow<std::int32_t> upper);

  [[nodiscard]] int m() const { return m_; }
  [[nodiscard]] std::size_t rows() const { return levels_.size(); }
  [[nodiscard]] std::int32_t entry() const { return entry_; }  // -1: no row is linked
  [[nodiscard]] int level(std::int32_t row) const { return levels_[static_cast<std::size_t>(row)]; }
  [[nodiscard]] std::size_t degree(int level) const {
    return static_cast<std::size_t>(level == 0 ? 2 * m_ : m_);
  }

  // degree(level) slots. Requires 0 <= level <= level(row).
  [[nodiscard]] std::span<const std::int32_t> neighbours(std::int32_t row, int level) const {
    return level == 0 ? std::span(level0_.data() + offset(row, 0), degree(0))
                      : std::span(upper_.data() + offset(row, level), degree(level));
  }
  [[nodiscard]] std::span<std::int32_t> own_neighbours(std::int32_t row, int level) {
    auto& table = level == 0 ? level0_.own() : upper_.own();
    return {table.data() + offset(row, level), degree(level)};
  }
  void set_entry(std::int32_t entry) { entry_ = entry; }

  // Throws kCorruptBundle if the entry or a list leads to one of `rows` (ascending).
  void check_unlinked(std::span<const std::int32_t> rows) const;

  void save(bundle::Writer& writer, const std::string& prefix) const;
  [[nodiscard]] static HnswGraph load(const std::shared_ptr<const bundle::Reader>& reader,
                                      const std::string& prefix, int m, std::int32_t entry,
                                      std::size_t rows);

 private:
  [[nodiscard]] std::size_t offset(std::int32_t row, int level) const {
    const auto at = static_cast<std::size_t>(row);
    return level == 0 ? at * degree(0)
                      : (static_cast<std::size_t>(first_block_[at]) +
                         static_cast<std::size_t>(level - 1)) *
                            degree(level);
  }
  void index_blocks();
  void check() const;

  int m_;
  std::int32_t entry_;
  OwnOrBorrow<std::int32_t> level0_;
  OwnOrBorrow<std::uint8_t> levels_;
  OwnOrBorrow<std::int32_t> upper_;
  std::vector<std::int32_t> first_block_;  // of each row in upper_, from the levels
};

inline constexpr int kMaxM = 128;

}  // namespace penchant::retrieval
