#pragma once

// One tree from rounded derivatives.
//
//   TreeGrower grower(mapper, bins, params);
//   grower.entries() = ...;                       // see round_pairs
//   const GrownTree& tree = grower.grow(scales, used_features);
//   grower.leaf_entries(l);                       // the rows of leaf l
//
// The leaf that gains most is split next (LightGBM's leaf-wise growth), or the shallowest first.
// Of two children the one of fewer rows is summed and the other is what remains. What a leaf's
// split makes of it depends on that leaf alone, so with several threads the next best leaves are
// split ahead of their turn, each by a thread, and take their places in the tree when it comes; who
// finds none to split helps with the loops of others.
// Everything that decides is a sum of integers: a tree is the same at any number of threads.

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "penchant/base/crew.h"
#include "penchant/ranking/bin_tree.h"
#include "penchant/ranking/gradient_pairs.h"
#include "penchant/ranking/histogram.h"
#include "penchant/ranking/interaction_groups.h"
#include "penchant/ranking/row_partition.h"
#include "penchant/ranking/split_finder.h"

namespace penchant::ranking {

enum class Growth : std::uint8_t { kLeafWise, kDepthWise };

struct TreeParams {
  int leaves = 63;    // at most, from 2 up
  int max_depth = 0;  // 0: any
  Growth growth = Growth::kLeafWise;
  SplitParams split{};
  std::vector<std::vector<std::int32_t>> interaction{};  // see InteractionGroups
  int threads = 0;
};

struct GrownTree {
  BinTree bins;                     // nodes in the order they were made
  std::vector<Split> splits;        // [nodes]
  std::vector<double> cover;        // [nodes], rows
  std::vector<double> leaf_values;  // before the learning rate
  std::vector<double> leaf_cover;   // rows
};

// Some rows of a leaf.
struct LeafRun {
  std::size_t leaf = 0;
  std::span<const Entry> entries;
};

class TreeGrower {
 public:
  TreeGrower(const BinMapper& mapper, const BinnedMatrix& bins, TreeParams params);

  // The rows to grow from; grow() moves them about.
  [[nodiscard]] AlignedVector<Entry>& entries() { return entries_; }

  // used_features: [features], 0 leaves one out. Valid until the next call.
  const GrownTree& grow(const Scales& scales, std::span<const std::uint8_t> used_features);

  [[nodiscard]] EntryRuns leaf_entries(std::size_t leaf) const;
  // [stripes]: the leaves' rows by the stripe of the list that they are in, see row_partition.h.
  [[nodiscard]] std::vector<std::vector<LeafRun>> leaves_by_stripe() const;

 private:
  struct Leaf {
    EntryRanges rows;
    bool in_spare = false;  // which of the two lists holds them
    LeafState state;
    int depth = 0;
    int slot = -1;  // its histogram
    InteractionGroups::Path groups;
    Split split;
    std::int32_t parent = -1;
    bool is_left = false;
  };

  // What a leaf's split makes of it, before the tree has it.
  struct Children {
    bool made = false;
    bool doubted = false;    // its split leaves too few rows; another is found when its turn comes
    bool under_way = false;  // somebody makes them
    Leaf left;
    Leaf right;
    int free_slot = -1;  // lent for the smaller child
  };

  struct Outcome {
    bool made = false;
    std::optional<Split> again;  // the other split, by counts, of a leaf whose turn it was
  };

  // The features of two bins of a shared column, which are looked at together.
  struct TwoBinColumn {
    std::size_t column = 0;
    std::vector<TwoBinFeature> features;
  };

  void choose_features(std::span<const std::uint8_t> used_features);
  [[nodiscard]] bool may_look_together(std::size_t f) const;
  void begin();
  void start();
  [[nodiscard]] bool before(std::size_t a, std::size_t b) const;
  [[nodiscard]] std::size_t places() const;
  // How many leaves may be ahead of their turn: what is made for the last places may lose them to
  // better leaves, but half of those left are safe enough.
  [[nodiscard]] std::size_t most_ahead() const;
  // A thread's part of growing.
  void work();
  void wait_for_change(std::unique_lock<std::mutex>& lock);
  // Takes into the tree what is made and has its turn. The leaf whose turn is next, if any.
  std::optional<std::size_t> take_turns();
  // The best leaf that `allowed` accepts.
  template <class Allowed>
  [[nodiscard]] std::optional<std::size_t> best_leaf(const Allowed& allowed) const;
  [[nodiscard]] std::optional<std::size_t> choose(std::size_t turn) const;
  void make(std::size_t leaf, bool its_turn, std::unique_lock<std::mutex>& lock);
  void begin_children(std::size_t leaf, bool last);
  void settle(std::size_t leaf, const Outcome& outcome);
  // Safe to run for several leaves at once. Nothing is made where the estimate of rows was off:
  // when its turn has come, the leaf then has another split or none.
  Outcome make_children(const Leaf& leaf, Children& children, bool last, bool its_turn);
  void take_place(std::size_t leaf);
  [[nodiscard]] Split find_by_counts(Leaf leaf);
  void sum_children(Children& children, int parent_slot);
  using FeatureSums = std::array<BinSum, 256>;
  // A feature's bins, then the missing one; those of a shared column are gathered in `room`, the
  // usual one as what the others leave of the total. Empty: no row has another than the usual one.
  [[nodiscard]] std::span<const BinSum> of_feature(std::size_t f, std::span<const BinSum> histogram,
                                                   BinSum total, FeatureSums& room) const;
  void find_splits(std::span<Leaf* const> leaves, std::span<const BinSum> counts);
  // Of features, or columns of two-bin features, first to last - 1 in the order of both lists.
  [[nodiscard]] Split best_among(std::size_t first, std::size_t last, const Leaf& leaf,
                                 std::span<const BinSum> counts) const;
  [[nodiscard]] Split best_of_feature(std::size_t f, const Leaf& leaf, std::span<const BinSum> all,
                                      std::span<const BinSum> counts) const;
  [[nodiscard]] bool splittable(const Leaf& leaf) const;
  [[nodiscard]] EntryRuns entries_of(const Leaf& leaf) const;
  [[nodiscard]] std::span<BinSum> histogram(int slot);
  [[nodiscard]] std::span<const BinSum> histogram(int slot) const;
  int take_slot();
  void give_back(int& slot);
  void sum(const Leaf& leaf, Summed summed, std::span<BinSum> out);
  void bound_children(const Split& split, const Leaf& parent, Leaf& left, Leaf& right) const;
  void finish();

  const BinMapper& mapper_;
  const BinnedMatrix& bins_;
  TreeParams params_;
  HistogramLayout layout_;
  SplitFinder finder_;
  InteractionGroups interaction_;
  Scales scales_;
  Crew crew_;
  std::mutex mutex_;  // of what follows, but what a thread has chosen to make
  bool begun_ = false;
  bool started_ = false;  // the root is summed
  bool over_ = false;
  std::atomic<unsigned> changes_{0};  // of what there is to choose from
  std::vector<std::size_t> used_;     // features, but those of two_bin_columns_
  std::vector<TwoBinColumn> two_bin_columns_;
  std::vector<std::uint8_t> used_tiles_;
  AlignedVector<Entry> entries_;
  AlignedVector<Entry> spare_;
  std::vector<AlignedVector<BinSum>> pool_;
  std::vector<int> free_;
  EntryRanges stripes_;
  std::vector<Leaf> leaves_;
  std::vector<Children> children_;  // [leaves]
  GrownTree tree_;
};

}  // namespace penchant::ranking
