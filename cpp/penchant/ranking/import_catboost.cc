#include "penchant/ranking/import_catboost.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "penchant/base/error.h"
#include "penchant/ranking/catboost_hash.h"
#include "penchant/ranking/document.h"
#include "penchant/ranking/imported_tree.h"

namespace penchant::ranking {
namespace {

constexpr std::int64_t kInt32Max = std::numeric_limits<std::int32_t>::max();
constexpr std::size_t kMaxDepth = 24;  // of a symmetric tree; CatBoost itself ends at 16

struct FloatFeature {
  std::int32_t column = 0;
  bool missing_left = true;
};

// What CatBoost's splits refer to, and how they become ours.
class Features {
 public:
  Features(const At& info, ForestData& data) : data_(data) {
    if (const auto floats = info.find("float_features")) read_floats(*floats);
    if (const auto categorical = info.find("categorical_features")) read_categorical(*categorical);
    for (const char* kind : {"text_features", "embedding_features"}) {
      if (const auto other = info.find(kind); other && other->size() > 0) {
        other->reject("models with such features can't be imported");
      }
    }
    data.num_features = columns_;
    if (std::any_of(names_.begin(), names_.end(), [](const auto& each) { return !each.empty(); })) {
      names_.resize(static_cast<std::size_t>(columns_));
      data.feature_names = names_;
    }
  }

  // A split whose left side is where CatBoost's condition does not hold, and whether the sides are
  // to be exchanged.
  SplitNode split(const At& at, bool& exchanged) {
    const std::string& type = at["split_type"].text();
    SplitNode node;
    exchanged = false;
    if (type == "FloatFeature") {
      const auto found = floats_.find(at["float_feature_index"].integer(0, kInt32Max));
      if (found == floats_.end()) at.reject("names a float feature that is not there");
      node.feature = found->second.column;
      node.missing_left = found->second.missing_left;
      node.threshold = static_cast<double>(static_cast<float>(at["border"].number()));
      return node;
    }
    if (type != "OneHotFeature") {
      at.reject(
          "a split of kind '", std::string_view(type).substr(0, 40),
          "' can't be imported: it needs statistics of the target; train with one_hot_max_size "
          "above the number of categories, or encode categories as numbers");
    }
    const auto found = categorical_.find(at["cat_feature_index"].integer(0, kInt32Max));
    if (found == categorical_.end()) at.reject("names a categorical feature that is not there");
    node.feature = found->second;
    exchanged = true;  // a member of our set goes left
    const auto hash = static_cast<std::int32_t>(at["value"].integer(-kInt32Max - 1, kInt32Max));
    set_category(node, hash, at);
    return node;
  }

 private:
  void set_category(SplitNode& node, std::int32_t hash, const At& at) {
    node.missing_left = hash == catboost_hash("nan");
    if (const auto known = sets_.find(hash); known != sets_.end()) {
      node.categories = known->second;
      return;
    }
    std::vector<std::int32_t> members;
    if (!node.missing_left) {
      const auto category = categories_.find(hash);
      if (category == categories_.end()) {
        at.reject("the category of hash ", hash, " is no whole number from 0 to ", kMaxCategory,
                  "; encode categories as such numbers");
      }
      members.push_back(category->second);
    }
    node.categories = add_category_set(data_, members);
    sets_.emplace(hash, node.categories);
  }

  std::int32_t column(const At& feature) {
    const auto column = static_cast<std::int32_t>(
        feature["flat_feature_index"].integer(0, static_cast<std::int64_t>(kMaxFeatures) - 1));
    columns_ = std::max(columns_, column + 1);
    const auto at = static_cast<std::size_t>(column);
    if (names_.size() <= at) names_.resize(at + 1);
    auto name = feature.find("feature_name");
    if (!name) name = feature.find("feature_id");
    if (name && name->is_text()) names_[at] = name->text();
    return column;
  }

  void read_floats(const At& floats) {
    for (std::size_t i = 0; i < floats.size(); ++i) {
      const At each = floats.item(i);
      FloatFeature feature{.column = column(each), .missing_left = true};
      if (const auto treatment = each.find("nan_value_treatment")) {
        const std::string& how = treatment->text();
        if (how != "AsIs" && how != "AsFalse" && how != "AsTrue") {
          treatment->reject("'", std::string_view(how).substr(0, 40), "' is unknown");
        }
        feature.missing_left = how != "AsTrue";
      }
      floats_[each["feature_index"].integer(0, kInt32Max)] = feature;
    }
  }

  void read_categorical(const At& categorical) {
    std::vector<std::int32_t> hashes;
    for (std::size_t i = 0; i < categorical.size(); ++i) {
      const At each = categorical.item(i);
      categorical_[each["feature_index"].integer(0, kInt32Max)] = column(each);
      if (const auto values = each.find("values")) {
        for (const double value : values->numbers()) {
          hashes.push_back(
              static_cast<std::int32_t>(whole(value, -kInt32Max - 1, kInt32Max, *values)));
        }
      }
    }
    if (!hashes.empty()) categories_ = find_categories(hashes);
  }

  ForestData& data_;
  std::int32_t columns_ = 0;
  std::vector<std::string> names_;
  std::unordered_map<std::int64_t, FloatFeature> floats_;
  std::unordered_map<std::int64_t, std::int32_t> categorical_;
  std::unordered_map<std::int32_t, std::int32_t> categories_;  // by hash
  std::unordered_map<std::int32_t, std::int32_t> sets_;        // by hash
};

// Adds the two children in the order of ours.
void link(SplitNode& node, bool exchanged, std::int32_t when_not, std::int32_t when) {
  node.left = exchanged ? when : when_not;
  node.right = exchanged ? when_not : when;
}

double weight_of(const std::optional<At>& weights, std::size_t leaf) {
  return weights ? weights->numbers()[leaf] : 0.0;
}

// A symmetric tree asks one split a level; split i is bit i of the leaf's number. Node
// 2^level - 1 + b is the one whose first `level` answers are the bits of b.
ImportedTree symmetric_tree(const At& tree, Features& features, std::size_t outputs,
                            std::size_t output) {
  const At splits = tree["splits"];
  const std::size_t depth = splits.size();
  const At values_at = tree["leaf_values"];
  const auto values = values_at.numbers();
  if (depth > kMaxDepth || values.size() != outputs << depth) {
    values_at.reject(values.size(), " values for ", depth, " splits and ", outputs, " outputs");
  }
  const std::size_t leaves = std::size_t{1} << depth;
  const auto weights = tree.find("leaf_weights");
  if (weights && weights->numbers().size() != leaves) {
    weights->reject(weights->numbers().size(), " weights for ", leaves, " leaves");
  }
  ImportedTree out;
  out.output = output;
  for (std::size_t leaf = 0; leaf < leaves; ++leaf) {
    out.leaves.push_back(values[leaf * outputs + output]);
    out.leaf_cover.push_back(weight_of(weights, leaf));
  }
  for (std::size_t level = 0; level < depth; ++level) {
    bool exchanged = false;
    const SplitNode split = features.split(splits.item(level), exchanged);
    const std::size_t width = std::size_t{1} << level;
    const auto child = [&](std::size_t bits) {
      return level + 1 == depth ? ~static_cast<std::int32_t>(bits)
                                : static_cast<std::int32_t>(2 * width - 1 + bits);
    };
    for (std::size_t bits = 0; bits < width; ++bits) {
      SplitNode node = split;
      for (std::size_t leaf = bits; leaf < leaves; leaf += width) {
        node.cover += out.leaf_cover[leaf];
      }
      link(node, exchanged, child(bits), child(bits + width));
      out.nodes.push_back(node);
    }
  }
  return out;
}

// Trees of other growth nest: {"split", "left", "right"} or {"value", "weight"}.
class NestedTree {
 public:
  NestedTree(Features& features, std::size_t outputs, std::size_t output)
      : features_(features), outputs_(outputs) {
    out_.output = output;
  }

  ImportedTree run(const At& root) {
    static_cast<void>(place(root));
    return std::move(out_);
  }

 private:
  struct Placed {
    std::int32_t child = 0;
    double cover = 0;
  };

  Placed place(const At& at) {  // as deep as read_json lets a document nest
    if (!at.find("split")) return place_leaf(at);
    bool exchanged = false;
    SplitNode node = features_.split(at["split"], exchanged);
    const std::size_t ours = out_.nodes.size();
    out_.nodes.emplace_back();
    const Placed when_not = place(at["left"]);
    const Placed when = place(at["right"]);
    node.cover = when_not.cover + when.cover;
    link(node, exchanged, when_not.child, when.child);
    out_.nodes[ours] = node;
    return {static_cast<std::int32_t>(ours), node.cover};
  }

  Placed place_leaf(const At& at) {
    const At value = at["value"];
    double found = 0;
    if (outputs_ == 1 && value.is_number()) {
      found = value.number();
    } else {
      if (value.numbers().size() != outputs_) {
        value.reject(value.numbers().size(), " values for ", outputs_, " outputs");
      }
      found = value.numbers()[out_.output];
    }
    const auto weight = at.find("weight");
    out_.leaves.push_back(found);
    out_.leaf_cover.push_back(weight ? weight->number() : 0.0);
    return {~(static_cast<std::int32_t>(out_.leaves.size()) - 1), out_.leaf_cover.back()};
  }

  Features& features_;
  std::size_t outputs_;
  ImportedTree out_;
};

Link link_of(const At& model) {
  const auto info = model.find("model_info");
  const auto params = info ? info->find("params") : std::nullopt;
  const auto loss = params ? params->find("loss_function") : std::nullopt;
  if (!loss) return Link::kIdentity;
  const std::string& type = (*loss)["type"].text();
  if (type == "MultiClass") return Link::kSoftmax;
  if (type == "Poisson" || type == "Tweedie") return Link::kExp;
  static const std::vector<std::string> sigmoids{"Logloss",      "CrossEntropy",
                                                 "Focal",        "MultiClassOneVsAll",
                                                 "MultiLogloss", "MultiCrossEntropy"};
  return std::find(sigmoids.begin(), sigmoids.end(), type) != sigmoids.end() ? Link::kSigmoid
                                                                             : Link::kIdentity;
}

void read_trees(const At& model, ForestData& data, double scale) {
  Features features(model["features_info"], data);
  const auto nested = model.find("trees");
  const At trees = nested ? *nested : model["oblivious_trees"];
  const std::size_t outputs = data.outputs();
  if (trees.size() > kMaxTrees / outputs) trees.reject(trees.size(), " trees");
  std::vector<ImportedTree> imported;
  for (std::size_t t = 0; t < trees.size(); ++t) {
    const At tree = trees.item(t);
    for (std::size_t output = 0; output < outputs; ++output) {
      imported.push_back(nested ? NestedTree(features, outputs, output).run(tree)
                                : symmetric_tree(tree, features, outputs, output));
      scale_leaves(imported.back(), scale);
    }
  }
  append_trees(data, imported);
}

}  // namespace

ForestData import_catboost(std::string_view json) {
  const Document document = read_json(json, "catboost model");
  const At model(document, "catboost model");
  ForestData data;
  data.float32_inputs = true;
  const At scale_and_bias = model["scale_and_bias"];
  const At bias_at = scale_and_bias.item(1);
  data.base.assign(bias_at.numbers().begin(), bias_at.numbers().end());
  if (data.base.empty() || data.base.size() > kMaxOutputs) bias_at.reject("must not be empty");
  data.link = link_of(model);
  read_trees(model, data, scale_and_bias.item(0).number());
  check_forest(data);
  return data;
}

}  // namespace penchant::ranking
