#include "penchant/features/segment_rules.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "penchant/base/error.h"

namespace penchant::features {
namespace {

// Truths: `and` takes the lesser, `or` the greater, `not` turns them around.
constexpr std::uint8_t kTrue = 2;
constexpr std::size_t kMostDepth = 64;
constexpr double kEndless = std::numeric_limits<double>::infinity();

}  // namespace

RankSpan RankSpan::just(double value) {
  return {.low = value, .high = value, .known = !std::isnan(value), .on_bound = true};
}

std::uint8_t SegmentRules::Test::truth(Rank rank) const {
  if (rank == 0 && low > 0) return unknown;
  const bool inside = low <= rank && rank <= high;
  return inside != negated ? kTrue : 0;
}

// truth(rank) is kTrue.
bool SegmentRules::Test::passes(Rank rank) const {
  if (rank == 0) return truth(rank) == kTrue;
  return (low <= rank && rank <= high) != negated;
}

Rank SegmentRules::rank(std::size_t column, double value) const {
  if (std::isnan(value)) return 0;
  const std::vector<double>& bounds = columns_[column].bounds;
  std::size_t low = 0;
  for (std::size_t left = bounds.size(); left > 0;) {
    const std::size_t half = left / 2;
    const bool below = bounds[low + half] < value;
    low = below ? low + half + 1 : low;
    left = below ? left - half - 1 : half;
  }
  const bool on = low < bounds.size() && bounds[low] == value;
  return static_cast<Rank>(2 * low + (on ? 2 : 1));
}

RankSpan SegmentRules::span(std::size_t column, Rank rank) const {
  if (rank == 0) return {};
  const std::vector<double>& bounds = columns_[column].bounds;
  const std::size_t i = (rank - 1U) / 2;
  if (rank % 2 == 0) return RankSpan::just(bounds[i]);
  return {.low = i == 0 ? -kEndless : bounds[i - 1],
          .high = i == bounds.size() ? kEndless : bounds[i],
          .known = true,
          .on_bound = false};
}

std::uint8_t SegmentRules::run(const std::vector<Step>& steps, std::span<const Rank> ranks) {
  std::array<std::uint8_t, kMostDepth> stack;
  std::size_t top = 0;
  for (const Step& step : steps) {
    switch (step.op) {
      case Step::Op::kTest:
        stack[top++] = step.test.truth(ranks[step.test.column]);
        break;
      case Step::Op::kConstant:
        stack[top++] = step.constant;
        break;
      case Step::Op::kNot:
        stack[top - 1] = static_cast<std::uint8_t>(kTrue - stack[top - 1]);
        break;
      case Step::Op::kAnd:
        --top;
        stack[top - 1] = std::min(stack[top - 1], stack[top]);
        break;
      case Step::Op::kOr:
        --top;
        stack[top - 1] = std::max(stack[top - 1], stack[top]);
        break;
    }
  }
  return stack[0];
}

bool SegmentRules::holds(std::size_t segment, std::span<const Rank> ranks) const {
  for (std::size_t t = test_begin_[segment]; t < test_begin_[segment + 1]; ++t) {
    if (!tests_[t].passes(ranks[tests_[t].column])) return false;
  }
  return std::ranges::all_of(rules_[segment].programs,
                             [&](const auto& steps) { return run(steps, ranks) == kTrue; });
}

std::span<const SegmentRules::Crossing> SegmentRules::crossed(std::size_t column, Rank low,
                                                              Rank high) const {
  const std::vector<std::uint32_t>& begin = crossing_begin_[column];
  return std::span(crossings_[column]).subspan(begin[low], begin[high] - begin[low]);
}

// Lists, between any two neighbouring ranks of a column, the segments that a test tells apart
// there.
void SegmentRules::order() {
  std::vector<std::vector<std::vector<Crossing>>> between(columns_.size());
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    between[c].resize(2 * columns_[c].bounds.size() + 1);
  }
  const auto list = [&](std::size_t segment, const Test& test, bool alone) {
    for (const Rank k : {Rank{0}, static_cast<Rank>(test.low - 1), test.high}) {
      if (k >= between[test.column].size()) continue;
      const std::uint8_t before = test.truth(static_cast<Rank>(k));
      const std::uint8_t after = test.truth(static_cast<Rank>(k + 1));
      if (before == after) continue;
      // A test that stands in a conjunction has to be true for who enters.
      const Crossing crossing{.segment = static_cast<std::uint32_t>(segment),
                              .up = !alone || after == kTrue,
                              .down = !alone || before == kTrue};
      std::vector<Crossing>& there = between[test.column][k];
      if (!there.empty() && there.back().segment == segment) {
        there.back().up |= crossing.up;
        there.back().down |= crossing.down;
      } else {
        there.push_back(crossing);
      }
    }
  };
  for (std::size_t s = 0; s < rules_.size(); ++s) {
    for (const Test& test : rules_[s].tests) list(s, test, true);
    for (const auto& steps : rules_[s].programs) {
      for (const Step& step : steps) {
        if (step.op == Step::Op::kTest) list(s, step.test, false);
      }
    }
  }
  test_begin_.push_back(0);
  for (const Rule& rule : rules_) {
    tests_.insert(tests_.end(), rule.tests.begin(), rule.tests.end());
    test_begin_.push_back(static_cast<std::uint32_t>(tests_.size()));
  }
  crossings_.resize(columns_.size());
  crossing_begin_.resize(columns_.size());
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    crossing_begin_[c].push_back(0);
    for (const auto& there : between[c]) {
      crossings_[c].insert(crossings_[c].end(), there.begin(), there.end());
      crossing_begin_[c].push_back(static_cast<std::uint32_t>(crossings_[c].size()));
    }
  }
}

}  // namespace penchant::features
