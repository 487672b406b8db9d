#pragma once

// Rules that say who is in which segment, over the features of a plan.
//
//   const SegmentRules rules = SegmentRules::from_json(text, plan);
//   rules.rank(column, value);                 // where a value lies among the column's bounds
//   rules.holds(segment, ranks);               // by a subject's ranks, one a column
//
// All that rules ask of a value is where it lies among the numbers that they compare it with, so a
// subject's outcome depends on its ranks alone: a value that moves without passing a bound changes
// nothing, and one that passes some can only concern the segments that are listed there.
//
// Logic has three values: a comparison with what is not known is unknown; `false and unknown` is
// false, `true or unknown` true. Members are those for whom the rule is true.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/features/plan.h"

namespace penchant::features {

// Where a value lies among ascending bounds b: 0 unknown, 1 + 2i between b[i-1] and b[i], 2 + 2i on
// b[i].
using Rank = std::uint16_t;

// The values of one rank.
struct RankSpan {
  double low = 0;
  double high = 0;
  bool known = false;
  bool on_bound = false;  // low alone

  // The value itself and no other.
  [[nodiscard]] static RankSpan just(double value);
  [[nodiscard]] bool holds(double value) const {
    if (!known) return value != value;
    return on_bound ? value == low : low < value && value < high;
  }
};

class SegmentRules {
 public:
  // What is compared with bounds: a feature, arithmetic over features, or a score that someone else
  // gave subjects. Features of a subject with an item (its affinity to a category) are of the one
  // item named here.
  struct Column {
    std::size_t feature = 0;
    std::optional<std::size_t> score;
    std::optional<Formula> formula;
    std::size_t item_slot = 0;   // of items()
    std::vector<double> bounds;  // ascending
  };
  // A segment whose outcome may change between two neighbouring ranks of a column.
  struct Crossing {
    std::uint32_t segment = 0;
    bool up = false;    // it may be entered as the rank grows
    bool down = false;  // ... as it falls
  };

  // Throws kInvalidArgument, naming the segment, where something makes no sense. Rules are about
  // subjects: features of items alone, or of everyone, are refused.
  [[nodiscard]] static SegmentRules from_json(std::string_view json, const Plan& plan);

  [[nodiscard]] std::size_t segments() const { return names_.size(); }
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  [[nodiscard]] const std::vector<Column>& columns() const { return columns_; }
  // How many columns of scores have to be given.
  [[nodiscard]] std::size_t scores() const { return scores_; }
  // Items that columns name; the first is kNoCode.
  [[nodiscard]] const std::vector<std::int32_t>& items() const { return items_; }

  [[nodiscard]] Rank rank(std::size_t column, double value) const;
  [[nodiscard]] RankSpan span(std::size_t column, Rank rank) const;
  // ranks: [columns]. O(tests of the rule), fewer where one fails.
  [[nodiscard]] bool holds(std::size_t segment, std::span<const Rank> ranks) const;
  // What lies between rank `low` and `high` of a column, low < high.
  [[nodiscard]] std::span<const Crossing> crossed(std::size_t column, Rank low, Rank high) const;

 private:
  // One comparison: true within [low, high], or outside with `negated`, and for rank 0 as said.
  struct Test {
    std::uint16_t column = 0;
    Rank low = 0;
    Rank high = 0;
    bool negated = false;
    std::uint8_t unknown = 0;  // a truth

    [[nodiscard]] std::uint8_t truth(Rank rank) const;
    [[nodiscard]] bool passes(Rank rank) const;
  };
  struct Step {
    enum class Op : std::uint8_t { kTest, kConstant, kAnd, kOr, kNot };
    Op op = Op::kTest;
    std::uint8_t constant = 0;
    Test test;
  };
  // A rule is the conjunction of tests and of programs in postfix.
  struct Rule {
    std::vector<Test> tests;
    std::vector<std::vector<Step>> programs;
  };
  class Reader;
  friend class SegmentTables;

  void order();
  [[nodiscard]] static std::uint8_t run(const std::vector<Step>& steps,
                                        std::span<const Rank> ranks);

  std::vector<std::string> names_;
  std::vector<std::int32_t> items_ = {kNoCode};
  std::size_t scores_ = 0;
  std::vector<Column> columns_;
  std::vector<Rule> rules_;
  // Tests of all rules, one after another: most looks end at one of the first.
  std::vector<Test> tests_;
  std::vector<std::uint32_t> test_begin_;
  std::vector<std::vector<Crossing>> crossings_;            // [columns], by rank
  std::vector<std::vector<std::uint32_t>> crossing_begin_;  // [columns][ranks]
};

}  // namespace penchant::features
