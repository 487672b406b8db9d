#include "penchant/ranking/tree_grower.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/ranking/row_partition.h"

namespace penchant::ranking {
namespace {

constexpr std::size_t kFeaturesAtOnce = 4;   // whose splits one task looks for
constexpr std::size_t kSharedBins = 30'000;  // the least that is worth another thread

}  // namespace

TreeGrower::TreeGrower(const BinMapper& mapper, const BinnedMatrix& bins, TreeParams params)
    : mapper_(mapper),
      bins_(bins),
      params_(std::move(params)),
      layout_(mapper),
      finder_(mapper, params_.split) {
  check_argument(params_.leaves >= 2 && params_.leaves <= 131'072,
                 "leaves must be 2 to 131072, not ", params_.leaves);
  check_argument(params_.max_depth >= 0, "max_depth must not be negative");
}

const GrownTree& TreeGrower::grow(const Scales& scales,
                                  std::span<const std::uint8_t> used_features) {
  scales_ = scales;
  used_.clear();
  used_tiles_.assign(bins_.tiles(), 0);
  for (std::size_t f = 0; f < used_features.size(); ++f) {
    // A feature of one bin and nothing missing decides nothing, but its sums cost the same.
    if (used_features[f] == 0) continue;
    used_.push_back(f);
    used_tiles_[f / kTileFeatures] = 1;
  }
  spare_.resize(entries_.size());
  start();
  while (leaves_.size() < static_cast<std::size_t>(params_.leaves)) {
    const int leaf = next_leaf();
    if (leaf < 0) break;
    split(static_cast<std::size_t>(leaf));
  }
  finish();
  return tree_;
}

std::span<const Entry> TreeGrower::leaf_entries(std::size_t leaf) const {
  const Leaf& at = leaves_[leaf];
  return std::span<const Entry>(at.in_spare ? spare_ : entries_)
      .subspan(at.begin, at.end - at.begin);
}

std::span<Entry> TreeGrower::rows_of(const Leaf& leaf, bool spare) {
  return std::span<Entry>(spare ? spare_ : entries_).subspan(leaf.begin, leaf.end - leaf.begin);
}

std::span<BinSum> TreeGrower::histogram(int slot) { return pool_[static_cast<std::size_t>(slot)]; }

int TreeGrower::take_slot() {
  if (free_.empty()) {
    pool_.emplace_back(layout_.size());
    return static_cast<int>(pool_.size()) - 1;
  }
  const int slot = free_.back();
  free_.pop_back();
  return slot;
}

void TreeGrower::sum(Leaf& leaf, Summed summed, std::span<BinSum> out) {
  build_histogram(bins_, layout_, rows_of(leaf, leaf.in_spare), used_tiles_, summed,
                  params_.threads, out);
}

void TreeGrower::start() {
  tree_ = {};
  leaves_.assign(1, {});
  free_.resize(pool_.size());
  std::iota(free_.rbegin(), free_.rend(), 0);
  Leaf& root = leaves_.front();
  root.end = entries_.size();
  root.state.rows = static_cast<std::int64_t>(entries_.size());
  if (used_.empty()) return;
  root.slot = take_slot();
  sum(root, Summed::kPairs, histogram(root.slot));
  // The bins of any one feature sum to the leaf.
  const std::size_t f = used_.front();
  const auto bins = histogram(root.slot);
  for (std::size_t b = layout_.begin[f]; b < layout_.begin[f + 1]; ++b) {
    root.state.sum = root.state.sum + bins[b];
  }
  Leaf* const one = &root;
  if (splittable(root)) find_splits({&one, 1}, {});
}

int TreeGrower::next_leaf() const {
  int best = -1;
  for (std::size_t l = 0; l < leaves_.size(); ++l) {
    const Leaf& leaf = leaves_[l];
    if (!leaf.split.found()) continue;
    if (best < 0) {
      best = static_cast<int>(l);
      continue;
    }
    const Leaf& other = leaves_[static_cast<std::size_t>(best)];
    const bool earlier = params_.growth == Growth::kDepthWise && leaf.depth != other.depth
                             ? leaf.depth < other.depth
                             : leaf.split.gain > other.split.gain;
    if (earlier) best = static_cast<int>(l);
  }
  return best;
}

bool TreeGrower::splittable(const Leaf& leaf) const {
  return leaf.slot >= 0 && (params_.max_depth == 0 || leaf.depth < params_.max_depth) &&
         leaf.state.rows >= 2 * params_.split.min_leaf_rows;
}

void TreeGrower::find_splits(std::span<Leaf* const> leaves, std::span<const BinSum> counts) {
  const std::size_t groups = (used_.size() + kFeaturesAtOnce - 1) / kFeaturesAtOnce;
  std::vector<Split> found(leaves.size() * groups);
  const bool shared = leaves.size() * layout_.size() >= kSharedBins;
  parallel_blocks(found.size(), 1, shared ? params_.threads : 1, [&](const Block& block) {
    const Leaf& leaf = *leaves[block.begin / groups];
    const std::span<const BinSum> all = histogram(leaf.slot);
    const std::size_t first = block.begin % groups * kFeaturesAtOnce;
    Split best;
    for (std::size_t k = first; k < std::min(first + kFeaturesAtOnce, used_.size()); ++k) {
      const std::size_t f = used_[k];
      const std::size_t begin = layout_.begin[f];
      const std::size_t size = layout_.begin[f + 1] - begin;
      const Split one =
          finder_.best(f, all.subspan(begin, size),
                       counts.empty() ? counts : counts.subspan(begin, size), leaf.state, scales_);
      if (better(one, best)) best = one;
    }
    found[block.begin] = best;
  });
  for (std::size_t l = 0; l < leaves.size(); ++l) {
    leaves[l]->split = {};
    for (std::size_t g = 0; g < groups; ++g) {
      const Split& one = found[l * groups + g];
      if (better(one, leaves[l]->split)) leaves[l]->split = one;
    }
  }
}

bool TreeGrower::accept_rows(Leaf& leaf, std::size_t left) {
  const auto rows = static_cast<std::int64_t>(left);
  const std::int64_t least = std::min(rows, leaf.state.rows - rows);
  if (least >= params_.split.min_leaf_rows) return true;
  // Hessians misled about rows: count them for this leaf and look again.
  AlignedVector<BinSum> counts(layout_.size());
  sum(leaf, Summed::kRows, counts);
  Leaf* const one = &leaf;
  find_splits({&one, 1}, counts);
  return false;
}

bool TreeGrower::split(std::size_t at) {
  const Split split = leaves_[at].split;
  const auto feature = static_cast<std::size_t>(split.feature);
  const BinDecision decision(split);
  const bool spare = !leaves_[at].in_spare;
  const std::size_t left_rows =
      partition_entries(rows_of(leaves_[at], !spare), bins_.column(feature), decision,
                        params_.threads, rows_of(leaves_[at], spare));
  if (!accept_rows(leaves_[at], left_rows)) return false;

  const Leaf parent = leaves_[at];
  const auto node = static_cast<std::int32_t>(tree_.bins.nodes.size());
  const auto new_leaf = static_cast<std::int32_t>(leaves_.size());
  tree_.bins.nodes.push_back({feature, decision, ~static_cast<std::int32_t>(at), ~new_leaf});
  tree_.splits.push_back(split);
  tree_.cover.push_back(static_cast<double>(parent.state.rows));
  if (parent.parent >= 0) {
    BinNode& above = tree_.bins.nodes[static_cast<std::size_t>(parent.parent)];
    (parent.is_left ? above.left : above.right) = node;
  }
  leaves_.emplace_back();
  Leaf& left = leaves_[at];
  Leaf& right = leaves_.back();
  left = {};
  left.begin = parent.begin;
  left.end = right.begin = parent.begin + left_rows;
  right.end = parent.end;
  left.in_spare = right.in_spare = spare;
  left.depth = right.depth = parent.depth + 1;
  left.parent = right.parent = node;
  left.is_left = true;
  left.slot = parent.slot;  // until the children's are made of it
  left.state.rows = static_cast<std::int64_t>(left_rows);
  right.state.rows = parent.state.rows - left.state.rows;
  left.state.sum = split.left;
  right.state.sum = parent.state.sum - split.left;
  bound_children(split, parent, left, right);
  sum_children(left, right, leaves_.size() == static_cast<std::size_t>(params_.leaves));
  return true;
}

void TreeGrower::bound_children(const Split& split, const Leaf& parent, Leaf& left,
                                Leaf& right) const {
  left.state.lowest = right.state.lowest = parent.state.lowest;
  left.state.highest = right.state.highest = parent.state.highest;
  if (params_.split.monotone.empty()) return;
  const int wanted = params_.split.monotone[static_cast<std::size_t>(split.feature)];
  if (wanted == 0) return;
  // Neither side's leaves may ever cross the middle between the two values.
  const double middle = split.left_value / 2 + split.right_value / 2;
  Leaf& low = wanted > 0 ? left : right;
  Leaf& high = wanted > 0 ? right : left;
  low.state.highest = middle;
  high.state.lowest = middle;
}

void TreeGrower::sum_children(Leaf& left, Leaf& right, bool last) {
  const int parent_slot = left.slot;
  Leaf& small = left.state.rows <= right.state.rows ? left : right;
  Leaf& large = &small == &left ? right : left;
  small.slot = large.slot = parent_slot;
  // No histogram is made of what is never split.
  const bool large_splits = !last && splittable(large);
  if (!large_splits) {
    small.slot = large.slot = -1;
    free_.push_back(parent_slot);
    return;
  }
  small.slot = take_slot();
  sum(small, Summed::kPairs, histogram(small.slot));
  subtract_histogram(histogram(parent_slot), histogram(small.slot));
  large.slot = parent_slot;
  const std::array<Leaf*, 2> both = {&large, &small};
  const bool small_splits = splittable(small);
  find_splits(std::span(both).first(small_splits ? 2 : 1), {});
  for (Leaf* const leaf : both) {
    if (leaf->split.found()) continue;
    free_.push_back(leaf->slot);
    leaf->slot = -1;
  }
}

void TreeGrower::finish() {
  for (const Leaf& leaf : leaves_) {
    tree_.leaf_values.push_back(finder_.value(leaf.state.sum, leaf.state, scales_));
    tree_.leaf_cover.push_back(static_cast<double>(leaf.state.rows));
  }
}

}  // namespace penchant::ranking
