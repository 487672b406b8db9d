#include "penchant/ranking/shap_background.h"

#include <algorithm>
#include <array>
#include <bit>

#include "penchant/ranking/shap_block.h"
#include "penchant/ranking/shap_kernels.h"

namespace penchant::ranking {
namespace {

// a! b! / (a + b + 1)!
class BetaTable {
 public:
  BetaTable() {
    for (std::size_t a = 0; a < kMaxPatternFeatures; ++a) {
      at_[a][0] = 1 / static_cast<double>(a + 1);
      for (std::size_t b = 1; b < kMaxPatternFeatures; ++b) {
        at_[a][b] = at_[a][b - 1] * static_cast<double>(b) / static_cast<double>(a + b + 1);
      }
    }
  }
  double operator()(int a, int b) const {
    return at_[static_cast<std::size_t>(a)][static_cast<std::size_t>(b)];
  }

 private:
  std::array<std::array<double, kMaxPatternFeatures>, kMaxPatternFeatures> at_{};
};

// The patterns of a leaf: [background rows].
using Patterns = std::vector<std::uint64_t>;

// found: [leaves of the tree].
void collect(const LeafPaths& paths, std::size_t first_leaf, std::size_t tree,
             std::vector<ShapBlock>& blocks, std::vector<Patterns>& found) {
  for (Patterns& each : found) each.clear();
  for (ShapBlock& block : blocks) {
    block.set_tree(tree);
    for (std::size_t l = 0; l < found.size(); ++l) {
      const auto follows = block.follows(paths, first_leaf + l);
      for (std::size_t r = 0; r < block.rows(); ++r) {
        std::uint64_t pattern = 0;
        for (std::size_t i = 0; i < follows.size(); ++i) pattern |= (follows[i] >> r & 1U) << i;
        found[l].push_back(pattern);
      }
    }
  }
}

// Appends the distinct patterns of a leaf; returns the share of rows that reach it.
double append_leaf(Patterns& patterns, std::size_t elements, BackgroundPatterns& out) {
  std::sort(patterns.begin(), patterns.end());
  double reaching = 0;
  for (std::size_t i = 0; i < patterns.size();) {
    std::size_t end = i;
    while (end < patterns.size() && patterns[end] == patterns[i]) ++end;
    const double share = static_cast<double>(end - i) / static_cast<double>(patterns.size());
    out.pattern.push_back(patterns[i]);
    out.share.push_back(share);
    if (static_cast<std::size_t>(std::popcount(patterns[i])) == elements) reaching = share;
    i = end;
  }
  out.begin.push_back(static_cast<std::int64_t>(out.pattern.size()));
  return reaching;
}

}  // namespace

BackgroundPatterns background_patterns(const ForestData& data, const LeafPaths& paths,
                                       MatrixView<const double> background) {
  BackgroundPatterns out;
  out.expected = data.base;
  std::vector<ShapBlock> blocks;
  for (std::size_t begin = 0; begin < background.rows; begin += kShapRows) {
    blocks.emplace_back(data, background, begin, std::min(begin + kShapRows, background.rows));
  }
  std::vector<Patterns> found;
  for (std::size_t t = 0; t < data.trees(); ++t) {
    const auto first = static_cast<std::size_t>(paths.tree_begin[t]);
    found.resize(static_cast<std::size_t>(paths.tree_begin[t + 1]) - first);
    collect(paths, first, t, blocks, found);
    for (std::size_t l = 0; l < found.size(); ++l) {
      const auto elements = static_cast<std::size_t>(paths.element_begin[first + l + 1] -
                                                     paths.element_begin[first + l]);
      out.expected[t % data.outputs()] +=
          append_leaf(found[l], elements, out) * paths.value[first + l];
    }
  }
  return out;
}

void explain_pattern(const BackgroundPatterns& background, std::size_t leaf, double value,
                     std::uint64_t row, std::span<double> added) {
  static const BetaTable beta;
  std::fill(added.begin(), added.end(), 0.0);
  const std::size_t n = added.size();
  const std::uint64_t all = n == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << n) - 1;
  for (auto i = static_cast<std::size_t>(background.begin[leaf]);
       i < static_cast<std::size_t>(background.begin[leaf + 1]); ++i) {
    const std::uint64_t other = background.pattern[i];
    if ((row | other) != all) continue;
    std::uint64_t mine = row & ~other;
    std::uint64_t theirs = other & ~row;
    const int nx = std::popcount(mine);
    const int nb = std::popcount(theirs);
    const double weight = value * background.share[i];
    if (nx > 0) {
      const double each = weight * beta(nx - 1, nb);
      for (; mine != 0; mine &= mine - 1) {
        added[static_cast<std::size_t>(std::countr_zero(mine))] += each;
      }
    }
    if (nb > 0) {
      const double each = weight * beta(nx, nb - 1);
      for (; theirs != 0; theirs &= theirs - 1) {
        added[static_cast<std::size_t>(std::countr_zero(theirs))] -= each;
      }
    }
  }
}

}  // namespace penchant::ranking
