#include "penchant/ranking/forest_layout.h"

#include <algorithm>
#include <array>
#include <utility>

#include "penchant/ranking/forest_columns.h"

namespace penchant::ranking {
namespace {

// Bounds what places of 32 bits must count; trees beyond are walked as they stand.
constexpr std::int64_t kMaxLeaves = std::int64_t{1} << 26;
// What one step of a walk costs a row, in splits that a block of rows meets at once (measured).
constexpr std::size_t kSplitsAStep = 40;
constexpr std::size_t kPlaneLeaves = 8;

// How many of the first trees fit into columns of bytes: all but of the strangest forests.
std::size_t trees_that_fit(const ForestData& data) {
  const auto fits = [&](std::size_t trees) {
    return data.leaf_begin[trees] <= kMaxLeaves &&
           ForestColumns(data, trees).count() <= kMaxColumns;
  };
  if (fits(data.trees())) return data.trees();
  std::size_t good = 0;
  for (std::size_t bad = data.trees(); bad - good > 1;) {
    const std::size_t middle = good + (bad - good) / 2;
    (fits(middle) ? good : bad) = middle;
  }
  return good;
}

// One tree of ForestData, its leaves counted from left to right.
class TreeShaper {
 public:
  TreeShaper(const ForestData& data, const ForestColumns& columns, std::size_t tree)
      : data_(data),
        columns_(columns),
        tree_(tree),
        nodes_(data.nodes.data() + data.node_begin[tree]) {
    const auto size = static_cast<std::size_t>(data.node_begin[tree + 1] - data.node_begin[tree]);
    leaves_below_.resize(size);
    order_.reserve(size);
    if (size > 0) order_.push_back(0);
    for (std::size_t i = 0; i < order_.size(); ++i) {  // breadth first
      for (const std::int32_t child : {node(order_[i]).left, node(order_[i]).right}) {
        if (child >= 0) order_.push_back(child);
      }
    }
    for (auto at = order_.rbegin(); at != order_.rend(); ++at) {
      leaves_below_[index(*at)] = leaves(node(*at).left) + leaves(node(*at).right);
    }
  }

  void write(ForestLayout& layout) const {
    TreeLayout tree;
    tree.first_value = static_cast<std::uint32_t>(layout.values.size());
    const std::size_t leaves = order_.size() + 1;
    tree.shape = leaves <= kMaxNearLeaves ? TreeShape::kNear : TreeShape::kFar;
    layout.values.resize(layout.values.size() + leaves);
    const Slots slots = place_nodes(layout.values.data() + tree.first_value);
    if (tree.shape == TreeShape::kNear) {
      tree.first_node = static_cast<std::uint32_t>(layout.near_nodes.size());
      write_near(slots, layout);
    } else {
      tree.first_node = static_cast<std::uint32_t>(layout.far_nodes.size());
      write_far(slots, tree, layout);
    }
    if (leaves <= kMaxPlaneLeaves) write_planes(slots, tree, layout);
    layout.trees.push_back(tree);
  }

 private:
  struct Slot {
    std::int32_t child = 0;        // as SplitNode::left
    std::uint32_t left = 0;        // the left child's slot
    std::uint32_t first_leaf = 0;  // of those below
    std::uint32_t depth = 0;
  };
  struct Slots {
    std::vector<Slot> slots;
    std::size_t steps = 0;  // to all leaves together
  };

  static std::size_t index(std::int32_t at) { return static_cast<std::size_t>(at); }
  const SplitNode& node(std::int32_t at) const { return nodes_[at]; }
  std::uint32_t leaves(std::int32_t child) const {
    return child < 0 ? 1 : leaves_below_[index(child)];
  }

  // Breadth first, children side by side; writes the leaves' values as well.
  Slots place_nodes(double* values) const {
    Slots out;
    out.slots.reserve(2 * order_.size() + 1);
    out.slots.push_back({order_.empty() ? ~0 : 0, 0, 0, 0});
    const auto first_value = static_cast<std::size_t>(data_.leaf_begin[tree_]);
    for (std::size_t s = 0; s < out.slots.size(); ++s) {
      const Slot slot = out.slots[s];
      if (slot.child < 0) {
        values[slot.first_leaf] = data_.leaves[first_value + index(~slot.child)];
        out.slots[s].left = static_cast<std::uint32_t>(s);
        out.steps += slot.depth;
        continue;
      }
      const SplitNode& split = node(slot.child);
      out.slots[s].left = static_cast<std::uint32_t>(out.slots.size());
      out.slots.push_back({split.left, 0, slot.first_leaf, slot.depth + 1});
      out.slots.push_back({split.right, 0, slot.first_leaf + leaves(split.left), slot.depth + 1});
    }
    return out;
  }

  void write_near(const Slots& placed, ForestLayout& layout) const {
    for (std::size_t s = 0; s < placed.slots.size(); ++s) {
      const Slot& slot = placed.slots[s];
      if (slot.child < 0) {
        layout.near_nodes.push_back({.column = static_cast<std::uint16_t>(slot.first_leaf)});
        continue;
      }
      const auto place = columns_.place_of(node(slot.child));
      layout.near_nodes.push_back(
          {place.column, place.threshold, static_cast<std::uint8_t>(slot.left - s)});
    }
  }

  void write_far(const Slots& placed, const TreeLayout& tree, ForestLayout& layout) const {
    for (const Slot& slot : placed.slots) {
      FarNode far{.child = tree.first_node + slot.left};
      if (slot.child >= 0) {
        const auto place = columns_.place_of(node(slot.child));
        far.column = place.column;
        far.threshold = place.threshold;
      }
      layout.far_nodes.push_back(far);
      layout.far_values.push_back(tree.first_value + slot.first_leaf);
    }
  }

  // A row that goes right rules out the leaves on the left; the first leaf that is left over is the
  // one it reaches (QuickScorer, SIGIR 2015).
  void write_planes(const Slots& placed, TreeLayout& tree, ForestLayout& layout) const {
    const std::size_t planes = order_.size() / kPlaneLeaves + 1;
    std::array<std::vector<PlaneSplit>, kMaxPlaneLeaves / kPlaneLeaves> splits;
    std::size_t count = 0;
    for (const Slot& slot : placed.slots) {
      if (slot.child < 0) continue;
      const auto place = columns_.place_of(node(slot.child));
      const std::size_t begin = slot.first_leaf;
      const std::size_t end = begin + leaves(node(slot.child).left);
      for (std::size_t p = begin / kPlaneLeaves; p * kPlaneLeaves < end; ++p) {
        std::uint32_t bits = 0;
        for (std::size_t b = 0; b < kPlaneLeaves; ++b) {
          const std::size_t leaf = p * kPlaneLeaves + b;
          if (leaf >= begin && leaf < end) bits |= 1U << b;
        }
        splits[p].push_back({static_cast<std::uint32_t>(place.column * kBlockRows),
                             static_cast<std::uint8_t>(place.threshold + 1) * 0x0101'0101U,
                             bits * 0x0101'0101U});
        ++count;
      }
    }
    if (count * (order_.size() + 1) > kSplitsAStep * placed.steps) return;  // walking is cheaper
    tree.planes = static_cast<std::uint16_t>(planes);
    tree.first_plane = static_cast<std::uint32_t>(layout.plane_begin.size() - 1);
    for (std::size_t p = 0; p < planes; ++p) {
      layout.splits.insert(layout.splits.end(), splits[p].begin(), splits[p].end());
      layout.plane_begin.push_back(static_cast<std::uint32_t>(layout.splits.size()));
    }
  }

  const ForestData& data_;
  const ForestColumns& columns_;
  std::size_t tree_;
  const SplitNode* nodes_;
  std::vector<std::int32_t> order_;
  std::vector<std::uint32_t> leaves_below_;
};

// Trees that follow each other and look alike to `kind`, at most kTreesAtOnce.
template <class Kind>
std::vector<TreeRun> runs_of(const std::vector<TreeLayout>& trees, const Kind& kind) {
  std::vector<TreeRun> runs;
  for (std::size_t t = 0; t < trees.size(); ++t) {
    if (runs.empty() || runs.back().count == kTreesAtOnce || kind(trees[t]) != kind(trees[t - 1])) {
      runs.push_back({static_cast<std::uint32_t>(t), 0});
    }
    ++runs.back().count;
  }
  return runs;
}

}  // namespace

ForestLayout lay_out(const ForestData& data) {
  ForestLayout layout;
  const std::size_t fitting = trees_that_fit(data);
  const ForestColumns columns(data, fitting);
  columns.write(layout);
  layout.plane_begin.push_back(0);
  layout.trees.reserve(data.trees());
  for (std::size_t t = 0; t < fitting; ++t) TreeShaper(data, columns, t).write(layout);
  layout.trees.resize(data.trees());
  layout.row_runs = runs_of(layout.trees, [](const TreeLayout& tree) { return tree.shape; });
  layout.block_runs = runs_of(layout.trees, [](const TreeLayout& tree) {
    return tree.planes > 0                   ? TreeShape::kNear
           : tree.shape == TreeShape::kPlain ? TreeShape::kPlain
                                             : TreeShape::kFar;
  });
  return layout;
}

}  // namespace penchant::ranking
