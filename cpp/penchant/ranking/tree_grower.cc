#include "penchant/ranking/tree_grower.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "penchant/base/error.h"

namespace penchant::ranking {
namespace {

constexpr std::size_t kLooksAtOnce = 4;   // features, at least, whose splits one task finds
constexpr std::size_t kMostGroups = 32;   // of features, about
constexpr std::size_t kAheadAThread = 2;  // leaves that are split before it is their turn

}  // namespace

TreeGrower::TreeGrower(const BinMapper& mapper, const BinnedMatrix& bins, TreeParams params)
    : mapper_(mapper),
      bins_(bins),
      params_(std::move(params)),
      layout_(bins),
      finder_(mapper, params_.split),
      interaction_(params_.interaction, mapper.features()),
      crew_(params_.threads) {
  check_argument(params_.leaves >= 2 && params_.leaves <= 131'072,
                 "leaves must be 2 to 131072, not ", params_.leaves);
  check_argument(params_.max_depth >= 0, "max_depth must not be negative");
}

const GrownTree& TreeGrower::grow(const Scales& scales,
                                  std::span<const std::uint8_t> used_features) {
  scales_ = scales;
  choose_features(used_features);
  spare_.resize(entries_.size());
  begin();
  crew_.run([this] { work(); });
  finish();
  return tree_;
}

bool TreeGrower::may_look_together(std::size_t f) const {
  const FeaturePlace& place = bins_.place(f);
  return place.shared && !place.has_missing && mapper_.feature(f).bins() == 2 &&
         !mapper_.feature(f).categorical && !finder_.monotone() && params_.interaction.empty();
}

void TreeGrower::choose_features(std::span<const std::uint8_t> used_features) {
  used_.clear();
  two_bin_columns_.clear();
  used_tiles_.assign(bins_.tiles(), 0);
  std::vector<std::size_t> at(bins_.columns(), bins_.columns());  // among two_bin_columns_
  for (std::size_t f = 0; f < used_features.size(); ++f) {
    // A feature of one bin and nothing missing decides nothing, but its sums cost the same.
    if (used_features[f] == 0) continue;
    const FeaturePlace& place = bins_.place(f);
    used_tiles_[place.column / kTileColumns] = 1;
    if (!may_look_together(f)) {
      used_.push_back(f);
      continue;
    }
    std::size_t& column = at[place.column];
    if (column == bins_.columns()) {
      column = two_bin_columns_.size();
      two_bin_columns_.push_back({place.column, {}});
    }
    two_bin_columns_[column].features.push_back(
        {static_cast<std::int32_t>(f), place.first, place.usual != 0});
  }
}

EntryRuns TreeGrower::leaf_entries(std::size_t leaf) const { return entries_of(leaves_[leaf]); }

std::vector<std::vector<LeafRun>> TreeGrower::leaves_by_stripe() const {
  std::vector<std::vector<LeafRun>> all(stripes_.size());
  for (std::size_t l = 0; l < leaves_.size(); ++l) {
    const std::span<const Entry> list(leaves_[l].in_spare ? spare_ : entries_);
    std::size_t s = 0;
    for (const EntryRange& range : leaves_[l].rows) {
      while (stripes_[s].end <= range.begin) ++s;
      all[s].push_back({l, list.subspan(range.begin, range.size())});
    }
  }
  return all;
}

EntryRuns TreeGrower::entries_of(const Leaf& leaf) const {
  const std::span<const Entry> list(leaf.in_spare ? spare_ : entries_);
  EntryRuns runs;
  for (const EntryRange& range : leaf.rows) runs.push_back(list.subspan(range.begin, range.size()));
  return runs;
}

std::span<BinSum> TreeGrower::histogram(int slot) { return pool_[static_cast<std::size_t>(slot)]; }

std::span<const BinSum> TreeGrower::histogram(int slot) const {
  return pool_[static_cast<std::size_t>(slot)];
}

int TreeGrower::take_slot() {
  if (free_.empty()) {
    pool_.emplace_back(layout_.size());
    return static_cast<int>(pool_.size()) - 1;
  }
  const int slot = free_.back();
  free_.pop_back();
  return slot;
}

void TreeGrower::give_back(int& slot) {
  if (slot >= 0) free_.push_back(slot);
  slot = -1;
}

void TreeGrower::sum(const Leaf& leaf, Summed summed, std::span<BinSum> out) {
  build_histogram(bins_, layout_, entries_of(leaf), used_tiles_, summed, crew_, out);
}

void TreeGrower::begin() {
  tree_ = {};
  begun_ = started_ = over_ = false;
  // Nothing that another thread looks at may move.
  const auto most = static_cast<std::size_t>(params_.leaves);
  leaves_.reserve(most);
  children_.reserve(most);
  pool_.reserve(most + kAheadAThread * static_cast<std::size_t>(crew_.threads()) + 1);
  leaves_.assign(1, {});
  children_.assign(1, {});
  free_.resize(pool_.size());
  std::iota(free_.rbegin(), free_.rend(), 0);
}

void TreeGrower::start() {
  Leaf& root = leaves_.front();
  root.rows = stripes_ = cut_into_stripes(entries_.size(), crew_.threads());
  root.groups = interaction_.root();
  root.state.rows = static_cast<std::int64_t>(entries_.size());
  if (used_.empty() && two_bin_columns_.empty()) return;
  root.slot = take_slot();
  sum(root, Summed::kPairs, histogram(root.slot));
  // The values of any one column sum to the leaf.
  const std::size_t c =
      used_.empty() ? two_bin_columns_.front().column : bins_.place(used_.front()).column;
  const auto bins = histogram(root.slot);
  for (std::size_t b = layout_.begin[c]; b < layout_.begin[c + 1]; ++b) {
    root.state.sum = root.state.sum + bins[b];
  }
  Leaf* const one = &root;
  if (splittable(root)) find_splits({&one, 1}, {});
}

bool TreeGrower::before(std::size_t a, std::size_t b) const {
  const Leaf& x = leaves_[a];
  const Leaf& y = leaves_[b];
  if (params_.growth == Growth::kDepthWise && x.depth != y.depth) return x.depth < y.depth;
  return x.split.gain != y.split.gain ? x.split.gain > y.split.gain : a < b;
}

template <class Allowed>
std::optional<std::size_t> TreeGrower::best_leaf(const Allowed& allowed) const {
  std::optional<std::size_t> best;
  for (std::size_t l = 0; l < leaves_.size(); ++l) {
    if (!leaves_[l].split.found() || !allowed(children_[l])) continue;
    if (!best || before(l, *best)) best = l;
  }
  return best;
}

std::size_t TreeGrower::places() const {
  return static_cast<std::size_t>(params_.leaves) - leaves_.size();
}

std::size_t TreeGrower::most_ahead() const {
  const auto width = static_cast<std::size_t>(crew_.threads());
  return width == 1 ? 1 : std::min(kAheadAThread * width, (places() + 1) / 2);
}

std::optional<std::size_t> TreeGrower::take_turns() {
  while (places() > 0) {
    const auto best = best_leaf([](const Children&) { return true; });
    if (!best || !children_[*best].made) return best;
    take_place(*best);
  }
  return std::nullopt;
}

void TreeGrower::begin_children(std::size_t leaf, bool last) {
  children_[leaf].free_slot = last ? -1 : take_slot();
  children_[leaf].under_way = true;
}

void TreeGrower::settle(std::size_t at, const Outcome& outcome) {
  Children& made = children_[at];
  Leaf& leaf = leaves_[at];
  made.under_way = false;
  made.made = outcome.made;
  made.doubted = !outcome.made && !outcome.again;
  if (outcome.again) leaf.split = *outcome.again;
  const auto in_use = [&](int slot) { return made.left.slot == slot || made.right.slot == slot; };
  if (made.made ? !in_use(leaf.slot) : !leaf.split.found()) give_back(leaf.slot);
  if (!made.made || !in_use(made.free_slot)) give_back(made.free_slot);
}

std::optional<std::size_t> TreeGrower::choose(std::size_t turn) const {
  if (!children_[turn].under_way) return turn;
  const auto ahead = std::count_if(children_.begin(), children_.end(),
                                   [](const Children& one) { return one.made || one.under_way; });
  if (static_cast<std::size_t>(ahead) >= most_ahead()) return std::nullopt;
  return best_leaf([](const Children& one) { return !one.made && !one.doubted && !one.under_way; });
}

void TreeGrower::make(std::size_t chosen, bool its_turn, std::unique_lock<std::mutex>& lock) {
  const bool last = places() == 1;
  begin_children(chosen, last);
  const Leaf& leaf = leaves_[chosen];
  Children& children = children_[chosen];
  lock.unlock();
  const Outcome outcome = make_children(leaf, children, last, its_turn);
  lock.lock();
  settle(chosen, outcome);
  ++changes_;
}

void TreeGrower::wait_for_change(std::unique_lock<std::mutex>& lock) {
  const unsigned seen = changes_;
  lock.unlock();
  while (changes_ == seen || !lock.try_lock()) crew_.idle();
}

void TreeGrower::work() {
  std::unique_lock lock(mutex_);
  try {
    if (!std::exchange(begun_, true)) {
      lock.unlock();
      start();
      lock.lock();
      started_ = true;
      ++changes_;
    }
    while (!over_) {
      const auto turn = started_ ? take_turns() : std::nullopt;
      over_ = started_ && !turn;
      if (over_) break;
      const auto chosen = turn ? choose(*turn) : std::nullopt;
      if (chosen) {
        make(*chosen, *chosen == *turn, lock);
      } else {
        wait_for_change(lock);
      }
    }
  } catch (...) {
    if (!lock.owns_lock()) lock.lock();
    over_ = true;
    ++changes_;
    throw;
  }
  ++changes_;
}

bool TreeGrower::splittable(const Leaf& leaf) const {
  return leaf.slot >= 0 && (params_.max_depth == 0 || leaf.depth < params_.max_depth) &&
         leaf.state.rows >= 2 * params_.split.min_leaf_rows;
}

std::span<const BinSum> TreeGrower::of_feature(std::size_t f, std::span<const BinSum> histogram,
                                               BinSum total, FeatureSums& room) const {
  const FeaturePlace& place = bins_.place(f);
  const std::size_t begin = layout_.begin[place.column];
  if (!place.shared) return histogram.subspan(begin, layout_.begin[place.column + 1] - begin);
  const auto bins = static_cast<std::size_t>(mapper_.feature(f).bins());
  std::fill_n(room.begin(), bins + 1, BinSum{});
  BinSum usual = total;
  bool any = false;
  for (std::size_t byte = place.first; byte <= place.last; ++byte) {
    const BinSum one = histogram[begin + byte];
    const std::uint8_t bin = place.bin_of(static_cast<std::uint8_t>(byte));
    room[bin == kMissingBin ? bins : bin] = one;
    usual = usual - one;
    any = any || one != BinSum{};
  }
  if (!any) return {};
  room[place.usual] = usual;
  return std::span<const BinSum>(room).first(bins + 1);
}

Split TreeGrower::best_of_feature(std::size_t f, const Leaf& leaf, std::span<const BinSum> all,
                                  std::span<const BinSum> counts) const {
  FeatureSums sums;
  FeatureSums row_counts;
  if (!interaction_.allows(leaf.groups, f)) return {};
  const std::span<const BinSum> bins = of_feature(f, all, leaf.state.sum, sums);
  if (bins.empty()) return {};
  const BinSum rows_of_leaf{0, leaf.state.rows};
  return finder_.best(f, bins,
                      counts.empty() ? counts : of_feature(f, counts, rows_of_leaf, row_counts),
                      leaf.state, scales_);
}

Split TreeGrower::best_among(std::size_t first, std::size_t last, const Leaf& leaf,
                             std::span<const BinSum> counts) const {
  const std::span<const BinSum> all = histogram(leaf.slot);
  Split best;
  const auto take = [&](const Split& one) {
    if (better(one, best)) best = one;
  };
  for (std::size_t k = first; k < last; ++k) {
    if (k < used_.size()) {
      take(best_of_feature(used_[k], leaf, all, counts));
      continue;
    }
    const TwoBinColumn& column = two_bin_columns_[k - used_.size()];
    if (counts.empty()) {
      const auto codes = all.subspan(layout_.begin[column.column]);
      take(finder_.best_of_two_bins(column.features, codes, leaf.state, scales_));
      continue;
    }
    for (const TwoBinFeature& one : column.features) {
      take(best_of_feature(static_cast<std::size_t>(one.feature), leaf, all, counts));
    }
  }
  return best;
}

void TreeGrower::find_splits(std::span<Leaf* const> leaves, std::span<const BinSum> counts) {
  const std::size_t looks = used_.size() + two_bin_columns_.size();
  const std::size_t together = std::max(kLooksAtOnce, looks / kMostGroups);
  const std::size_t groups = (looks + together - 1) / together;
  std::vector<Split> found(leaves.size() * groups);
  crew_.share(found.size(), [&](std::size_t k) {
    const std::size_t first = k % groups * together;
    found[k] = best_among(first, std::min(first + together, looks), *leaves[k / groups], counts);
  });
  for (std::size_t l = 0; l < leaves.size(); ++l) {
    leaves[l]->split = {};
    for (std::size_t g = 0; g < groups; ++g) {
      const Split& one = found[l * groups + g];
      if (better(one, leaves[l]->split)) leaves[l]->split = one;
    }
  }
}

Split TreeGrower::find_by_counts(Leaf leaf) {
  AlignedVector<BinSum> counts(layout_.size());
  sum(leaf, Summed::kRows, counts);
  Leaf* const one = &leaf;
  find_splits({&one, 1}, counts);
  return leaf.split;
}

TreeGrower::Outcome TreeGrower::make_children(const Leaf& leaf, Children& children, bool last,
                                              bool its_turn) {
  const auto feature = static_cast<std::size_t>(leaf.split.feature);
  const bool spare = !leaf.in_spare;
  const FeaturePlace& place = bins_.place(feature);
  Halves halves =
      partition_entries(leaf.in_spare ? spare_ : entries_, leaf.rows, bins_.column(place.column),
                        BinDecision(leaf.split).at(place), crew_, spare ? spare_ : entries_);
  const auto rows = static_cast<std::int64_t>(halves.left_rows);
  if (std::min(rows, leaf.state.rows - rows) < params_.split.min_leaf_rows) {
    // Hessians misled about rows. By exact counts a split may even gain more, and so the leaf would
    // come earlier: it must not, lest trees depend on how far ahead was looked.
    Outcome refused;
    if (its_turn) refused.again = find_by_counts(leaf);
    return refused;
  }
  Leaf& left = children.left;
  Leaf& right = children.right;
  left = right = {};
  left.rows = std::move(halves.left);
  right.rows = std::move(halves.right);
  left.in_spare = right.in_spare = spare;
  left.depth = right.depth = leaf.depth + 1;
  left.is_left = true;
  left.groups = right.groups = interaction_.after(leaf.groups, feature);
  left.state.rows = rows;
  right.state.rows = leaf.state.rows - rows;
  left.state.sum = leaf.split.left;
  right.state.sum = leaf.state.sum - leaf.split.left;
  bound_children(leaf.split, leaf, left, right);
  if (!last) sum_children(children, leaf.slot);
  return {.made = true, .again = {}};
}

void TreeGrower::take_place(std::size_t at) {
  const Leaf& parent = leaves_[at];
  const auto node = static_cast<std::int32_t>(tree_.bins.nodes.size());
  const auto new_leaf = static_cast<std::int32_t>(leaves_.size());
  tree_.bins.nodes.push_back({static_cast<std::size_t>(parent.split.feature),
                              BinDecision(parent.split), ~static_cast<std::int32_t>(at),
                              ~new_leaf});
  tree_.splits.push_back(parent.split);
  tree_.cover.push_back(static_cast<double>(parent.state.rows));
  if (parent.parent >= 0) {
    BinNode& above = tree_.bins.nodes[static_cast<std::size_t>(parent.parent)];
    (parent.is_left ? above.left : above.right) = node;
  }
  Children made = std::exchange(children_[at], {});
  children_.emplace_back();
  leaves_[at] = std::move(made.left);
  leaves_.push_back(std::move(made.right));
  leaves_[at].parent = leaves_.back().parent = node;
}

void TreeGrower::bound_children(const Split& split, const Leaf& parent, Leaf& left,
                                Leaf& right) const {
  left.state.lowest = right.state.lowest = parent.state.lowest;
  left.state.highest = right.state.highest = parent.state.highest;
  if (params_.split.monotone.empty()) return;
  const std::int8_t wanted = params_.split.monotone[static_cast<std::size_t>(split.feature)];
  if (wanted == 0) return;
  // Neither side's leaves may ever cross the middle between the two values.
  const double middle = split.left_value / 2 + split.right_value / 2;
  Leaf& low = wanted > 0 ? left : right;
  Leaf& high = wanted > 0 ? right : left;
  low.state.highest = middle;
  high.state.lowest = middle;
}

void TreeGrower::sum_children(Children& children, int parent_slot) {
  const bool left_is_small = children.left.state.rows <= children.right.state.rows;
  Leaf& small = left_is_small ? children.left : children.right;
  Leaf& large = left_is_small ? children.right : children.left;
  large.slot = parent_slot;
  small.slot = children.free_slot;
  // No histogram is made of what is never split.
  if (!splittable(large)) {
    small.slot = large.slot = -1;
    return;
  }
  sum(small, Summed::kPairs, histogram(small.slot));
  subtract_histogram(histogram(parent_slot), histogram(small.slot));
  const std::array<Leaf*, 2> both = {&large, &small};
  find_splits(std::span(both).first(splittable(small) ? 2 : 1), {});
  for (Leaf* const leaf : both) {
    if (!leaf->split.found()) leaf->slot = -1;
  }
}

void TreeGrower::finish() {
  for (const Leaf& leaf : leaves_) {
    tree_.leaf_values.push_back(finder_.value(leaf.state.sum, leaf.state, scales_));
    tree_.leaf_cover.push_back(static_cast<double>(leaf.state.rows));
  }
}

}  // namespace penchant::ranking
