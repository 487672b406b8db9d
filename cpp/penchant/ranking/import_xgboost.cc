#include "penchant/ranking/import_xgboost.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "penchant/base/error.h"
#include "penchant/ranking/document.h"
#include "penchant/ranking/imported_tree.h"

namespace penchant::ranking {
namespace {

constexpr std::string_view kWhat = "xgboost model";
constexpr std::size_t kMaxNodes = std::numeric_limits<std::int32_t>::max();

Document read(std::string_view bytes) {
  // Both begin with '{'; in UBJSON the length of a name follows at once, or a container's header.
  const std::size_t second = bytes.find_first_not_of(" \t\r\n", 1);
  const bool ubjson = bytes.starts_with('{') && second != std::string_view::npos &&
                      bytes[second] != '"' && bytes[second] != '}';
  return ubjson ? read_ubjson(bytes, kWhat) : read_json(bytes, kWhat);
}

// What base_score and raw scores mean, by the objective's name.
struct Meaning {
  Link link = Link::kIdentity;
  enum class Base { kScore, kProbability, kPositive } base = Base::kScore;
};

Meaning meaning_of(const At& objective) {
  const At name = objective["name"];
  using enum Meaning::Base;
  static const std::unordered_map<std::string_view, Meaning> meanings{
      {"reg:squarederror", {}},
      {"reg:linear", {}},
      {"reg:squaredlogerror", {}},
      {"reg:pseudohubererror", {}},
      {"reg:absoluteerror", {}},
      {"reg:quantileerror", {}},
      {"rank:ndcg", {}},
      {"rank:map", {}},
      {"rank:pairwise", {}},
      {"binary:logitraw", {Link::kIdentity, kProbability}},
      {"binary:logistic", {Link::kSigmoid, kProbability}},
      {"reg:logistic", {Link::kSigmoid, kProbability}},
      {"multi:softmax", {Link::kSoftmax, kScore}},
      {"multi:softprob", {Link::kSoftmax, kScore}},
      {"count:poisson", {Link::kExp, kPositive}},
      {"reg:gamma", {Link::kExp, kPositive}},
      {"reg:tweedie", {Link::kExp, kPositive}},
      {"survival:cox", {Link::kExp, kPositive}},
      {"survival:aft", {Link::kExp, kPositive}}};
  const auto found = meanings.find(name.text());
  if (found == meanings.end()) {
    name.reject("objective '", std::string_view(name.text()).substr(0, 40),
                "' turns scores into predictions in a way that is not known here");
  }
  return found->second;
}

double to_score(double base, Meaning::Base meaning, const At& at) {
  double score = base;
  if (meaning == Meaning::Base::kProbability) score = -std::log(1.0 / base - 1.0);
  if (meaning == Meaning::Base::kPositive) score = std::log(base);
  if (!std::isfinite(score)) at.reject("base_score ", base, " has no raw score");
  return score;
}

// "5E-1", a number, or since 3.1 a list in a text: "[5E-1,2E-1]".
std::vector<double> read_base(const At& at) {
  if (!at.is_text() || !at.text().starts_with('[')) return {at.number()};
  std::vector<double> values;
  const std::string& text = at.text();
  if (!text.ends_with(']')) at.reject("a list has no end");
  for (std::size_t begin = 1; begin < text.size();) {
    const std::size_t end = text.find_first_of(",]", begin);
    const std::optional<double> value =
        parse_number(std::string_view(text).substr(begin, end - begin));
    if (!value) at.reject("must be a list of finite numbers");
    values.push_back(*value);
    begin = end + 1;
  }
  return values;
}

class TreeReader {
 public:
  TreeReader(const At& tree, ForestData& data)
      : tree_(tree),
        left_(tree["left_children"].numbers()),
        right_(numbers("right_children")),
        feature_(numbers("split_indices")),
        condition_(numbers("split_conditions")),
        default_left_(numbers("default_left")),
        cover_(optional_numbers("sum_hessian")),
        gain_(optional_numbers("loss_changes")),
        data_(data) {
    if (left_.empty() || left_.size() > kMaxNodes) tree.reject(left_.size(), " nodes");
    if (const auto param = tree.find("tree_param")) {
      const auto vector = param->find("size_leaf_vector");
      if (vector && vector->integer(0, std::numeric_limits<std::int32_t>::max()) > 1) {
        vector->reject(
            "trees with vectors as leaves can't be imported; train with "
            "multi_strategy='one_output_per_tree'");
      }
    }
    read_category_sets();
  }

  // Renumbers what is reached from the root; pruned nodes are left behind.
  ImportedTree run() {
    std::vector<bool> met(left_.size(), false);
    std::vector<std::pair<std::size_t, std::size_t>> waiting;  // a split of theirs, ours
    ImportedTree out;
    const auto place = [&](double child) {
      const auto at = static_cast<std::size_t>(
          whole(child, 0, static_cast<std::int64_t>(left_.size()) - 1, tree_));
      if (met[at]) tree_.reject("node ", at, " has two parents");
      met[at] = true;
      if (left_[at] == -1) return ~add_leaf(out, at);
      out.nodes.emplace_back();
      waiting.emplace_back(at, out.nodes.size() - 1);
      return static_cast<std::int32_t>(out.nodes.size()) - 1;
    };
    place(0);
    while (!waiting.empty()) {
      const auto [theirs, ours] = waiting.back();
      waiting.pop_back();
      SplitNode node = split(theirs);
      const std::int32_t left = place(left_[theirs]);
      const std::int32_t right = place(right_[theirs]);
      // A member of their set goes right, of ours left.
      node.left = node.categories >= 0 ? right : left;
      node.right = node.categories >= 0 ? left : right;
      out.nodes[ours] = node;
    }
    return out;
  }

 private:
  std::span<const double> numbers(std::string_view name) const {
    const At at = tree_[name];
    if (at.numbers().size() != left_.size()) {
      at.reject(at.numbers().size(), " values for ", left_.size(), " nodes");
    }
    return at.numbers();
  }
  std::span<const double> optional_numbers(std::string_view name) const {
    return tree_.find(name) ? numbers(name) : std::span<const double>{};
  }

  std::int32_t add_leaf(ImportedTree& out, std::size_t at) const {
    out.leaves.push_back(static_cast<double>(static_cast<float>(condition_[at])));
    out.leaf_cover.push_back(cover_.empty() ? 0.0 : cover_[at]);
    return static_cast<std::int32_t>(out.leaves.size()) - 1;
  }

  SplitNode split(std::size_t at) const {
    SplitNode node;
    node.feature = static_cast<std::int32_t>(
        whole(feature_[at], 0, std::int64_t{data_.num_features} - 1, tree_));
    node.missing_left = default_left_[at] != 0;
    node.cover = cover_.empty() ? 0.0 : cover_[at];
    node.gain = gain_.empty() ? 0.0F : static_cast<float>(gain_[at]);
    if (const auto set = sets_.find(at); set != sets_.end()) {
      node.categories = set->second;
      node.missing_left = !node.missing_left;
      return node;
    }
    if (!types_.empty() && types_[at] != 0) tree_.reject("node ", at, " has no set of categories");
    const auto threshold = static_cast<float>(condition_[at]);
    if (!std::isfinite(threshold)) tree_.reject("node ", at, ": the threshold is not finite");
    // x < threshold, in float32.
    node.threshold = std::nextafter(threshold, -std::numeric_limits<float>::infinity());
    return node;
  }

  void read_category_sets() {
    types_ = optional_numbers("split_type");
    const auto nodes_at = tree_.find("categories_nodes");
    if (!nodes_at) return;
    const auto nodes = nodes_at->numbers();
    const auto begins = tree_["categories_segments"].numbers();
    const auto sizes = tree_["categories_sizes"].numbers();
    const At members_at = tree_["categories"];
    const auto members = members_at.numbers();
    if (begins.size() != nodes.size() || sizes.size() != nodes.size()) {
      nodes_at->reject(nodes.size(), " nodes, ", begins.size(), " segments, ", sizes.size(),
                       " sizes");
    }
    std::size_t taken = 0;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const auto total = static_cast<std::int64_t>(members.size());
      const std::int64_t begin = whole(begins[i], 0, total, members_at);
      const std::int64_t size = whole(sizes[i], 0, total - begin, members_at);
      taken += static_cast<std::size_t>(size);
      if (taken > members.size()) members_at.reject("sets of categories overlap");
      std::vector<std::int32_t> set;
      for (std::int64_t m = begin; m < begin + size; ++m) {
        set.push_back(static_cast<std::int32_t>(
            whole(members[static_cast<std::size_t>(m)], 0, kMaxCategory, members_at)));
      }
      const auto node = static_cast<std::size_t>(
          whole(nodes[i], 0, static_cast<std::int64_t>(left_.size()) - 1, *nodes_at));
      if (!sets_.emplace(node, add_category_set(data_, set)).second) {
        nodes_at->reject("node ", node, " has two sets of categories");
      }
    }
  }

  const At& tree_;
  std::span<const double> left_, right_, feature_, condition_, default_left_, cover_, gain_, types_;
  std::unordered_map<std::size_t, std::int32_t> sets_;
  ForestData& data_;
};

void read_feature_names(const At& learner, ForestData& data) {
  const auto names = learner.find("feature_names");
  if (!names || names->size() == 0) return;
  if (names->size() != static_cast<std::size_t>(data.num_features)) {
    names->reject(names->size(), " names for ", data.num_features, " features");
  }
  for (std::size_t i = 0; i < names->size(); ++i) {
    data.feature_names.push_back(names->item(i).text());
  }
}

void read_trees(const At& booster, ForestData& data) {
  const std::string& name = booster["name"].text();
  if (name != "gbtree" && name != "dart") {
    booster.reject("booster '", std::string_view(name).substr(0, 40), "' has no trees to import");
  }
  const At model = name == "dart" ? booster["gbtree"]["model"] : booster["model"];
  const At trees = model["trees"];
  const std::size_t count = trees.size();
  const At group_at = model["tree_info"];
  const auto group = group_at.numbers();
  if (count > kMaxTrees || group.size() != count) {
    trees.reject(count, " trees, and ", group.size(), " in tree_info");
  }
  std::span<const double> weights;
  if (name == "dart") {
    weights = booster["weight_drop"].numbers();
    if (weights.size() != count) booster.reject(weights.size(), " weights of ", count, " trees");
  }
  std::vector<ImportedTree> imported;
  for (std::size_t t = 0; t < count; ++t) {
    const At tree = trees.item(t);
    imported.push_back(TreeReader(tree, data).run());
    imported.back().output = static_cast<std::size_t>(
        whole(group[t], 0, static_cast<std::int64_t>(data.outputs()) - 1, group_at));
    if (!weights.empty()) scale_leaves(imported.back(), weights[t]);
  }
  append_trees(data, imported);
}

}  // namespace

ForestData import_xgboost(std::string_view bytes) {
  const Document document = read(bytes);
  const At learner = At(document, std::string(kWhat))["learner"];
  const At param = learner["learner_model_param"];
  ForestData data;
  data.float32_inputs = true;
  data.num_features = static_cast<std::int32_t>(
      param["num_feature"].integer(0, static_cast<std::int64_t>(kMaxFeatures)));
  const auto most = static_cast<std::int64_t>(kMaxOutputs);
  std::int64_t outputs = std::max<std::int64_t>(1, param["num_class"].integer(0, most));
  if (const auto targets = param.find("num_target")) {
    outputs = std::max(outputs, targets->integer(0, most));
  }
  const Meaning meaning = meaning_of(learner["objective"]);
  data.link = meaning.link;
  const At base_at = param["base_score"];
  std::vector<double> base = read_base(base_at);
  if (base.size() == 1) base.resize(static_cast<std::size_t>(outputs), base[0]);
  if (base.size() != static_cast<std::size_t>(outputs)) {
    base_at.reject(base.size(), " values for ", outputs, " outputs");
  }
  for (double& each : base) each = to_score(each, meaning.base, base_at);
  data.base = std::move(base);
  read_feature_names(learner, data);
  read_trees(learner["gradient_booster"], data);
  check_forest(data);
  return data;
}

}  // namespace penchant::ranking
