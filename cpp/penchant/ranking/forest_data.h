#pragma once

// A forest of decision trees in plain form: what training and importing fill, what a bundle stores,
// and what explanations walk. Forest (forest.h) checks it and lays it out for scoring.
//
//   ForestData data;
//   data.num_features = 2;
//   data.base = {0.0};
//   data.nodes.push_back({.threshold = 0.5, .feature = 1, .left = ~0, .right = ~1});
//   data.leaves = {-1.0, 1.0};
//   data.end_tree();
//
// The raw score of a row is base[o] plus the values of the leaves it reaches in the trees of output
// o, added in the order of the trees, in double: one order, so the same bits from every kernel and
// on every CPU.

#include <cstdint>
#include <string>
#include <vector>

namespace penchant::ranking {

inline constexpr std::size_t kMaxTrees = 1'000'000;
inline constexpr std::size_t kMaxFeatures = 65'535;
inline constexpr std::size_t kMaxOutputs = 10'000;
inline constexpr std::int32_t kMaxCategory = (1 << 20) - 1;

// What counts as missing at a numeric split, and so goes to the side that `missing_left` says.
enum class Missing : std::uint8_t {
  kNone,  // nothing; NaN is taken for 0
  kZero,  // NaN and |x| <= 1e-35 as a float, 1.0000000180025095e-35 (LightGBM's zero_as_missing)
  kNan,   // NaN
};

// A row goes left
//   at a numeric split       when x <= threshold, or x is missing and missing_left;
//   at a categorical split   when x is a member of the set (an integer from 0 up), or x is NaN and
//                            missing_left. What is negative, not whole or too large is no member.
struct SplitNode {
  double threshold = 0;
  std::int32_t feature = 0;
  std::int32_t left = 0;  // >= 0: a node of the same tree, counted from its first; else leaf ~left
  std::int32_t right = 0;
  std::int32_t categories = -1;  // -1: numeric; else the number of a set
  bool missing_left = true;
  Missing missing = Missing::kNan;
  float gain = 0;    // of the objective, by this split
  double cover = 0;  // of the training rows that came here: their hessians' sum, or their number
};

// From a raw score to a prediction.
enum class Link : std::uint8_t { kIdentity, kSigmoid, kSoftmax, kExp };

struct ForestData {
  std::int32_t num_features = 0;
  std::vector<SplitNode> nodes;
  std::vector<std::int64_t> node_begin{0};  // [trees + 1]; a tree's first node is its root
  std::vector<double> leaves;
  std::vector<double> leaf_cover;               // [leaves], as SplitNode::cover; may be empty
  std::vector<std::int64_t> leaf_begin{0};      // [trees + 1]; a tree without nodes has one leaf
  std::vector<std::uint64_t> category_words;    // bit c of a set: category c is a member
  std::vector<std::int64_t> category_begin{0};  // [sets + 1], into category_words
  std::vector<double> base{0.0};  // [outputs], the scores to start from; tree t adds to t % outputs
  Link link = Link::kIdentity;
  double link_slope = 1;        // sigmoid(link_slope * score)
  bool float32_inputs = false;  // a value is rounded to float32 before it is compared (XGBoost)
  std::vector<std::string> feature_names;  // [num_features], or empty

  [[nodiscard]] std::size_t trees() const { return node_begin.size() - 1; }
  [[nodiscard]] std::size_t outputs() const { return base.size(); }
  // Ends a tree whose nodes and leaves were appended.
  void end_tree() {
    node_begin.push_back(static_cast<std::int64_t>(nodes.size()));
    leaf_begin.push_back(static_cast<std::int64_t>(leaves.size()));
  }
  // Appends a set and returns its number. Members need not be sorted; each from 0 to
  // kMaxCategory.
  std::int32_t add_categories(const std::vector<std::int32_t>& members);
};

// Throws kBadData unless everything is as said above: counts agree, features and sets exist, every
// node and leaf of a tree is reached exactly once from its root, numbers are finite (thresholds may
// be infinite, not NaN). Linear in the size of the data.
void check_forest(const ForestData& data);

}  // namespace penchant::ranking
