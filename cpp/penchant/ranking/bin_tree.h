#pragma once

// A tree that decides by bins, for rows that are binned already.

#include <array>
#include <cstdint>
#include <vector>

#include "penchant/ranking/binned_matrix.h"
#include "penchant/ranking/split_finder.h"

namespace penchant::ranking {

// A bin goes left when bin + shift <= limit (shift 1 takes the missing bin, 255, to 0), or by a
// table.
struct BinDecision {
  std::uint8_t shift = 0;
  std::uint8_t limit = 0;
  bool by_table = false;
  std::array<std::uint8_t, 256> left{};

  explicit BinDecision(const Split& split)
      : shift(split.missing_left ? 1 : 0),
        limit(static_cast<std::uint8_t>(split.bin + shift)),
        by_table(split.categorical) {
    for (std::size_t b = 0; b < left.size(); ++b) {
      left[b] = by_table ? static_cast<std::uint8_t>((split.set[b / 64] >> (b % 64)) & 1U)
                         : static_cast<std::uint8_t>(static_cast<std::uint8_t>(b + shift) <= limit);
    }
  }
  // By the bytes of the column that a feature has its place in.
  [[nodiscard]] BinDecision at(const FeaturePlace& place) const {
    if (!place.shared) return *this;
    BinDecision out = *this;
    out.by_table = true;
    for (std::size_t byte = 0; byte < left.size(); ++byte) {
      out.left[byte] = left[place.bin_of(static_cast<std::uint8_t>(byte))];
    }
    return out;
  }
  [[nodiscard]] bool goes_left(std::uint8_t bin) const { return left[bin] != 0; }
};

struct BinNode {
  std::size_t feature = 0;
  BinDecision decision;
  std::int32_t left = 0;  // >= 0: a node; else leaf ~left
  std::int32_t right = 0;
};

struct BinTree {
  std::vector<BinNode> nodes;  // the root first; none: one leaf

  [[nodiscard]] std::size_t leaf_of(const BinnedMatrix& bins, std::size_t row) const {
    if (nodes.empty()) return 0;
    std::int32_t at = 0;
    while (at >= 0) {
      const BinNode& node = nodes[static_cast<std::size_t>(at)];
      at = node.decision.goes_left(bins.bin(node.feature, row)) ? node.left : node.right;
    }
    return static_cast<std::size_t>(~at);
  }

  // Rows that are walked side by side, so that their steps overlap.
  static constexpr std::size_t kRowsAtOnce = 8;

  // The leaves of rows `row` to row + kRowsAtOnce - 1.
  [[nodiscard]] std::array<std::int32_t, kRowsAtOnce> leaves_of(const BinnedMatrix& bins,
                                                                std::size_t row) const {
    std::array<std::int32_t, kRowsAtOnce> at{};
    if (nodes.empty()) return at;
    bool any = true;
    while (any) {
      any = false;
      for (std::size_t k = 0; k < kRowsAtOnce; ++k) {
        // Who has arrived stays; which way it would go is looked up all the same.
        const std::int32_t here = at[k];
        const BinNode& node = nodes[static_cast<std::size_t>(here < 0 ? 0 : here)];
        const bool left = node.decision.goes_left(bins.bin(node.feature, row + k));
        const std::int32_t next = left ? node.left : node.right;
        at[k] = here < 0 ? here : next;
        any |= at[k] >= 0;
      }
    }
    for (std::int32_t& leaf : at) leaf = ~leaf;
    return at;
  }
};

}  // namespace penchant::ranking
