#include "penchant/ranking/leaf_paths.h"

#include <algorithm>

#include "penchant/base/error.h"

namespace penchant::ranking {
namespace {

class PathReader {
 public:
  explicit PathReader(const ForestData& data)
      : data_(data), slot_(static_cast<std::size_t>(data.num_features), kNoSlot) {}

  void run(std::size_t tree) {
    first_node_ = static_cast<std::size_t>(data_.node_begin[tree]);
    first_leaf_ = static_cast<std::size_t>(data_.leaf_begin[tree]);
    path_.clear();
    if (data_.node_begin[tree + 1] == data_.node_begin[tree]) {
      add_leaf(first_leaf_);
    } else {
      walk();
    }
    out_.tree_begin.push_back(static_cast<std::int64_t>(out_.value.size()));
  }

  LeafPaths take() { return std::move(out_); }

 private:
  static constexpr std::int32_t kNoSlot = -1;

  const SplitNode& node(std::int32_t step) const {
    return data_.nodes[first_node_ + static_cast<std::size_t>(step >= 0 ? step : ~step)];
  }
  std::int32_t child(std::int32_t step) const {
    return step >= 0 ? node(step).left : node(step).right;
  }

  // Depth first, left before right, without recursion: a tree may be as deep as it has splits.
  void walk() {
    path_.push_back(0);
    while (!path_.empty()) {
      const std::int32_t next = child(path_.back());
      if (next >= 0) {
        path_.push_back(next);
        continue;
      }
      add_leaf(first_leaf_ + static_cast<std::size_t>(~next));
      while (!path_.empty() && path_.back() < 0) path_.pop_back();
      if (!path_.empty()) path_.back() = ~path_.back();
    }
  }

  double cover(std::int32_t child) const {
    if (child >= 0) return data_.nodes[first_node_ + static_cast<std::size_t>(child)].cover;
    return data_.leaf_cover.empty()
               ? 0.0
               : data_.leaf_cover[first_leaf_ + static_cast<std::size_t>(~child)];
  }

  double share(std::int32_t step) const {
    const double whole = node(step).cover;
    return whole > 0 ? cover(child(step)) / whole : 0.5;
  }

  void add_leaf(std::size_t leaf) {
    if (data_.leaves[leaf] == 0) return;
    check_argument(path_.size() <= kMaxPathSplits - out_.splits.size(),
                   "the trees are too deep to explain: their paths have more than ", kMaxPathSplits,
                   " splits");
    elements_.clear();
    for (const std::int32_t step : path_) {
      std::int32_t& slot = slot_[static_cast<std::size_t>(node(step).feature)];
      if (slot == kNoSlot) {
        slot = static_cast<std::int32_t>(elements_.size());
        elements_.push_back({node(step).feature, 1.0, 0});
      }
      Element& element = elements_[static_cast<std::size_t>(slot)];
      element.share *= share(step);
      ++element.splits;
    }
    check_argument(elements_.size() <= kMaxPathFeatures, "a leaf depends on ", elements_.size(),
                   " features; explanations can tell ", kMaxPathFeatures, " apart");
    append(data_.leaves[leaf]);
    for (const Element& each : elements_) slot_[static_cast<std::size_t>(each.feature)] = kNoSlot;
  }

  void append(double value) {
    const std::size_t begin = out_.splits.size();
    out_.splits.resize(begin + path_.size());
    std::size_t at = begin;
    for (Element& each : elements_) {
      out_.feature.push_back(each.feature);
      out_.share.push_back(each.share);
      const std::size_t count = each.splits;
      each.splits = at;  // from here on where its next split goes
      at += count;
      out_.split_begin.push_back(static_cast<std::int64_t>(at));
    }
    for (const std::int32_t step : path_) {
      const auto slot =
          static_cast<std::size_t>(slot_[static_cast<std::size_t>(node(step).feature)]);
      out_.splits[elements_[slot].splits++] = step;
    }
    out_.value.push_back(value);
    out_.element_begin.push_back(static_cast<std::int64_t>(out_.feature.size()));
    out_.longest = std::max(out_.longest, elements_.size());
  }

  struct Element {
    std::int32_t feature;
    double share;
    std::size_t splits;
  };

  const ForestData& data_;
  LeafPaths out_;
  std::size_t first_node_ = 0;
  std::size_t first_leaf_ = 0;
  std::vector<std::int32_t> path_;  // steps from the root, as LeafPaths::splits
  std::vector<Element> elements_;
  std::vector<std::int32_t> slot_;  // of a feature, in elements_
};

}  // namespace

LeafPaths leaf_paths(const ForestData& data) {
  PathReader reader(data);
  for (std::size_t t = 0; t < data.trees(); ++t) reader.run(t);
  return reader.take();
}

}  // namespace penchant::ranking
