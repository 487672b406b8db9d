#include "penchant/ranking/export_lightgbm.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <concepts>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "penchant/base/error.h"

namespace penchant::ranking {
namespace {

// The shortest text that reads back to the same number.
void append_number(std::string& out, double value) {
  char text[32];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}
void append_number(std::string& out, std::integral auto value) { out += std::to_string(value); }

template <class Values, class Get>
void append_line(std::string& out, std::string_view name, const Values& values, const Get& get) {
  out += name;
  char separator = '=';
  for (const auto& each : values) {
    out += separator;
    append_number(out, get(each));
    separator = ' ';
  }
  if (separator == '=') out += '=';
  out += '\n';
}

// The largest double that float32 rounds to `bound` or below.
double last_rounded_down(double bound) {
  const auto low = static_cast<float>(bound);
  if (!std::isfinite(low)) return bound;
  const float high = std::nextafter(low, std::numeric_limits<float>::infinity());
  // Beyond the largest float, rounding goes on as if there were a next one.
  const double next = std::isfinite(high) ? static_cast<double>(high) : std::ldexp(1.0, 128);
  const double middle = (static_cast<double>(low) + next) / 2;
  const bool down = std::isfinite(static_cast<float>(middle)) && static_cast<float>(middle) <= low;
  return down ? middle : std::nextafter(middle, -std::numeric_limits<double>::infinity());
}

std::string objective_of(const ForestData& data) {
  const std::string outputs = std::to_string(data.outputs());
  switch (data.link) {
    case Link::kIdentity:
      return data.outputs() == 1 ? "regression" : "custom";
    case Link::kSigmoid: {
      std::string slope;
      append_number(slope, data.link_slope);
      return data.outputs() == 1 ? "binary sigmoid:" + slope
                                 : "multiclassova num_class:" + outputs + " sigmoid:" + slope;
    }
    case Link::kSoftmax:
      check_argument(data.outputs() > 1, "LightGBM has no softmax of one output");
      return "multiclass num_class:" + outputs;
    case Link::kExp:
      check_argument(data.outputs() == 1, "LightGBM has no exponential of several outputs");
      return "poisson";
  }
  return "custom";
}

void append_names(std::string& out, const ForestData& data) {
  out += "feature_names=";
  for (std::int32_t f = 0; f < data.num_features; ++f) {
    if (f > 0) out += ' ';
    if (data.feature_names.empty()) {
      out += "Column_" + std::to_string(f);
      continue;
    }
    const std::string& name = data.feature_names[static_cast<std::size_t>(f)];
    check_argument(!name.empty() && name.find_first_of(" \t\r\n=,:[]{}\"") == std::string::npos,
                   "feature name '", name, "' has characters that LightGBM's text can't hold");
    out += name;
  }
  out += "\nfeature_infos=";
  for (std::int32_t f = 0; f < data.num_features; ++f) {
    if (f > 0) out += ' ';
    out += "[-1e308:1e308]";
  }
  out += '\n';
}

// One tree. LightGBM's sets are words of 32 bits, and a categorical split's threshold is the number
// of its set within the tree.
class TreeWriter {
 public:
  TreeWriter(const ForestData& data, std::size_t tree, double start)
      : data_(data),
        nodes_(std::span(data.nodes)
                   .subspan(static_cast<std::size_t>(data.node_begin[tree]),
                            static_cast<std::size_t>(data.node_begin[tree + 1] -
                                                     data.node_begin[tree]))),
        first_leaf_(static_cast<std::size_t>(data.leaf_begin[tree])),
        leaves_(nodes_.size() + 1),
        start_(start) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) read_decision(nodes_[i], tree, i);
  }

  std::string run(std::size_t number) const {
    std::string out = "Tree=" + std::to_string(number);
    out += "\nnum_leaves=" + std::to_string(leaves_);
    out += "\nnum_cat=" + std::to_string(boundaries_.size() - 1) + '\n';
    if (!nodes_.empty()) append_splits(out);
    std::vector<double> values;
    for (std::size_t l = 0; l < leaves_; ++l)
      values.push_back(start_ + data_.leaves[first_leaf_ + l]);
    append_line(out, "leaf_value", values, [](double v) { return v; });
    if (!nodes_.empty()) append_covers(out);
    out += "is_linear=0\nshrinkage=1\n\n\n";
    return out;
  }

 private:
  void read_decision(const SplitNode& node, std::size_t tree, std::size_t at) {
    if (node.categories < 0) {
      thresholds_.push_back(data_.float32_inputs ? last_rounded_down(node.threshold)
                                                 : node.threshold);
      decisions_.push_back((node.missing_left ? 2 : 0) | static_cast<int>(node.missing) << 2);
      return;
    }
    check_argument(
        !node.missing_left, "tree ", tree, ", split ", at,
        ": LightGBM sends missing values away from a set of categories, this split to it");
    thresholds_.push_back(static_cast<double>(boundaries_.size() - 1));
    decisions_.push_back(1 | static_cast<int>(Missing::kNan) << 2);
    const auto set = static_cast<std::size_t>(node.categories);
    for (auto w = static_cast<std::size_t>(data_.category_begin[set]);
         w < static_cast<std::size_t>(data_.category_begin[set + 1]); ++w) {
      words_.push_back(static_cast<std::uint32_t>(data_.category_words[w]));
      words_.push_back(static_cast<std::uint32_t>(data_.category_words[w] >> 32));
    }
    boundaries_.push_back(words_.size());
  }

  void append_splits(std::string& out) const {
    const auto same = [](auto value) { return value; };
    append_line(out, "split_feature", nodes_, [](const SplitNode& n) { return n.feature; });
    append_line(out, "split_gain", nodes_,
                [](const SplitNode& n) { return static_cast<double>(n.gain); });
    append_line(out, "threshold", thresholds_, same);
    append_line(out, "decision_type", decisions_, same);
    append_line(out, "left_child", nodes_, [](const SplitNode& n) { return n.left; });
    append_line(out, "right_child", nodes_, [](const SplitNode& n) { return n.right; });
    if (boundaries_.size() > 1) {
      append_line(out, "cat_boundaries", boundaries_, same);
      append_line(out, "cat_threshold", words_, same);
    }
  }

  // LightGBM counts training rows in whole numbers; hessians lose their fraction there.
  void append_covers(std::string& out) const {
    const auto cover = [this](std::size_t l) {
      return data_.leaf_cover.empty() ? 0.0 : data_.leaf_cover[first_leaf_ + l];
    };
    const auto count = [](double value) {
      return static_cast<std::int64_t>(std::min(std::round(value), 2147483647.0));
    };
    std::vector<double> covers;
    for (std::size_t l = 0; l < leaves_; ++l) covers.push_back(cover(l));
    const auto same = [](auto value) { return value; };
    append_line(out, "leaf_weight", covers, same);
    append_line(out, "leaf_count", covers, count);
    append_line(out, "internal_value", nodes_, [](const SplitNode&) { return 0; });
    append_line(out, "internal_weight", nodes_, [](const SplitNode& n) { return n.cover; });
    append_line(out, "internal_count", nodes_, [&](const SplitNode& n) { return count(n.cover); });
  }

  const ForestData& data_;
  std::span<const SplitNode> nodes_;
  std::size_t first_leaf_;
  std::size_t leaves_;
  double start_;  // added to each leaf
  std::vector<double> thresholds_;
  std::vector<int> decisions_;
  std::vector<std::size_t> boundaries_{0};
  std::vector<std::uint32_t> words_;
};

}  // namespace

std::string export_lightgbm(const ForestData& data) {
  check_argument(data.num_features > 0, "LightGBM knows no forest without features");
  std::vector<std::string> trees;
  for (std::size_t t = 0; t < data.trees(); ++t) {
    trees.push_back(TreeWriter(data, t, t < data.outputs() ? data.base[t] : 0.0).run(t));
  }
  for (std::size_t o = data.trees(); o < data.outputs(); ++o) {  // nowhere to put its start score
    ForestData constant;
    constant.leaves = {data.base[o]};
    constant.end_tree();
    trees.push_back(TreeWriter(constant, 0, 0.0).run(o));
  }
  const std::string outputs = std::to_string(data.outputs());
  std::string out = "tree\nversion=v4\nnum_class=" + outputs;
  out += "\nnum_tree_per_iteration=" + outputs + "\nlabel_index=0\nmax_feature_idx=";
  out += std::to_string(data.num_features - 1) + "\nobjective=" + objective_of(data) + '\n';
  append_names(out, data);
  append_line(out, "tree_sizes", trees, [](const std::string& tree) { return tree.size(); });
  out += '\n';
  for (const std::string& tree : trees) out += tree;
  out += "end of trees\n\nfeature_importances:\n\nparameters:\nend of parameters\n";
  return out;
}

}  // namespace penchant::ranking
