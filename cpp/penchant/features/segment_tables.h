#pragma once

// All rules at once: for each rank of a column a bit a segment says which rules it lets hold, so
// that who is where is a conjunction of rows, a cache line or two each.
//
//   const auto tables = SegmentTables::of(rules);       // null: they would be too large
//   tables->holding(ranks, members);                    // [words]
//
// A rule is a conjunction of tests and of programs. Tests are rows of their column, and a program
// that is a disjunction of tests is a layer: rows of its columns that are united first. Others are
// run one by one, where all else holds.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "penchant/features/segment_rules.h"

namespace penchant::features {

class SegmentTables {
 public:
  using Word = std::uint64_t;

  // Keeps a reference. Null where they would take more than 4 MiB: beyond caches it is better to
  // look at few rules.
  [[nodiscard]] static std::unique_ptr<const SegmentTables> of(const SegmentRules& rules);

  // Bit s: SegmentRules::holds(s, ranks). members: [words()]. O(columns * words + programs that are
  // no disjunctions).
  void holding(std::span<const Rank> ranks, std::span<Word> members) const;

  [[nodiscard]] std::size_t words() const { return words_; }
  [[nodiscard]] std::size_t bytes() const { return bits_.size() * sizeof(Word); }

 private:
  // Rows of a column: [ranks][words], from `begin` of bits_.
  struct Table {
    std::size_t column = 0;
    std::size_t begin = 0;
  };
  struct Layer {
    std::vector<Table> tables;
    std::vector<Word> others;  // segments that have no clause in it
  };

  explicit SegmentTables(const SegmentRules& rules);
  Table& table_of(std::vector<Table>& tables, std::size_t column, bool ones);
  void add_tests(std::size_t segment);
  void add_programs(std::size_t segment);

  const SegmentRules& rules_;
  std::size_t words_;
  std::vector<Word> bits_;
  std::vector<Table> tests_;
  std::vector<Layer> layers_;
  std::vector<Word> all_;      // a bit each segment
  std::vector<Word> special_;  // segments with programs to run
};

}  // namespace penchant::features
