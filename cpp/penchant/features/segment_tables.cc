#include "penchant/features/segment_tables.h"

#include <algorithm>
#include <array>
#include <bit>

namespace penchant::features {
namespace {

constexpr std::size_t kMostBytes = std::size_t{4} << 20;
constexpr std::size_t kMostWords = 64;  // of scratch on the stack, 4096 segments

std::size_t ranks_of(const SegmentRules::Column& column) { return 2 * column.bounds.size() + 2; }

}  // namespace

std::unique_ptr<const SegmentTables> SegmentTables::of(const SegmentRules& rules) {
  std::size_t ranks = 0;
  for (const SegmentRules::Column& column : rules.columns()) ranks += ranks_of(column);
  const std::size_t words = (rules.segments() + 63) / 64;
  // Tests, and as much again of layers.
  if (words > kMostWords || 2 * ranks * words * sizeof(Word) > kMostBytes) return nullptr;
  return std::unique_ptr<const SegmentTables>(new SegmentTables(rules));
}

SegmentTables::SegmentTables(const SegmentRules& rules)
    : rules_(rules), words_((rules.segments() + 63) / 64), all_(words_), special_(words_) {
  for (std::size_t s = 0; s < rules.segments(); ++s) {
    all_[s / 64] |= Word{1} << (s % 64);
    add_tests(s);
    add_programs(s);
  }
}

SegmentTables::Table& SegmentTables::table_of(std::vector<Table>& tables, std::size_t column,
                                              bool ones) {
  const auto at = std::ranges::find(tables, column, &Table::column);
  if (at != tables.end()) return *at;
  tables.push_back({column, bits_.size()});
  bits_.resize(bits_.size() + ranks_of(rules_.columns()[column]) * words_, ones ? ~Word{0} : 0);
  return tables.back();
}

void SegmentTables::add_tests(std::size_t segment) {
  const Word bit = Word{1} << (segment % 64);
  for (const SegmentRules::Test& test : rules_.rules_[segment].tests) {
    const std::size_t begin = table_of(tests_, test.column, true).begin + segment / 64;
    const std::size_t ranks = ranks_of(rules_.columns()[test.column]);
    for (std::size_t r = 0; r < ranks; ++r) {
      if (!test.passes(static_cast<Rank>(r))) bits_[begin + r * words_] &= ~bit;
    }
  }
}

void SegmentTables::add_programs(std::size_t segment) {
  using Op = SegmentRules::Step::Op;
  const Word bit = Word{1} << (segment % 64);
  std::size_t layer = 0;
  for (const auto& steps : rules_.rules_[segment].programs) {
    const bool plain = std::ranges::all_of(
        steps, [](const auto& step) { return step.op == Op::kTest || step.op == Op::kOr; });
    if (!plain) {
      special_[segment / 64] |= bit;
      continue;
    }
    if (layer == layers_.size()) {
      layers_.emplace_back();
      layers_.back().others.assign(words_, ~Word{0});
    }
    layers_[layer].others[segment / 64] &= ~bit;
    for (const auto& step : steps) {
      if (step.op != Op::kTest) continue;
      const std::size_t column = step.test.column;
      const std::size_t begin = table_of(layers_[layer].tables, column, false).begin + segment / 64;
      for (std::size_t r = 0; r < ranks_of(rules_.columns()[column]); ++r) {
        if (step.test.passes(static_cast<Rank>(r))) bits_[begin + r * words_] |= bit;
      }
    }
    ++layer;
  }
}

void SegmentTables::holding(std::span<const Rank> ranks, std::span<Word> members) const {
  const auto row = [&](const Table& table) {
    return bits_.data() + table.begin + ranks[table.column] * words_;
  };
  std::ranges::copy(all_, members.begin());
  Word* const out = members.data();
  for (const Table& table : tests_) {
    const Word* const in = row(table);
    for (std::size_t w = 0; w < words_; ++w) out[w] &= in[w];
  }
  std::array<Word, kMostWords> any;
  for (const Layer& layer : layers_) {
    std::ranges::copy(layer.others, any.begin());
    for (const Table& table : layer.tables) {
      const Word* const in = row(table);
      for (std::size_t w = 0; w < words_; ++w) any[w] |= in[w];
    }
    for (std::size_t w = 0; w < words_; ++w) out[w] &= any[w];
  }
  for (std::size_t w = 0; w < words_; ++w) {
    for (Word left = out[w] & special_[w]; left != 0; left &= left - 1) {
      const std::size_t segment = 64 * w + static_cast<std::size_t>(std::countr_zero(left));
      if (!rules_.holds(segment, ranks)) out[w] &= ~(left & (~left + 1));
    }
  }
}

}  // namespace penchant::features
