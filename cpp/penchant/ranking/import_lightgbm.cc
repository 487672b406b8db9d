#include "penchant/ranking/import_lightgbm.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "penchant/base/error.h"
#include "penchant/ranking/imported_tree.h"

namespace penchant::ranking {
namespace {

// Bits of decision_type: categorical, default left, and two for the kind of missing value.
constexpr int kCategorical = 1;
constexpr int kDefaultLeft = 2;
constexpr int kMissingShift = 2;

struct Field {
  std::string_view value;
  std::size_t line = 0;
};

template <class... Parts>
[[noreturn]] void reject(std::size_t line, const Parts&... message) {
  fail(ErrorKind::kBadData, concat("lightgbm model, line ", line, ": ", message...));
}

// The words of a line, one at a time.
class Words {
 public:
  explicit Words(std::string_view line) : rest_(line) {}
  bool next(std::string_view& word) {
    const std::size_t begin = rest_.find_first_not_of(' ');
    if (begin == std::string_view::npos) return false;
    rest_.remove_prefix(begin);
    word = rest_.substr(0, rest_.find(' '));
    rest_.remove_prefix(word.size());
    return true;
  }

 private:
  std::string_view rest_;
};

template <class T>
T parse(std::string_view word, const Field& field) {
  T value{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) {
    reject(field.line, "'", word.substr(0, 40), "' is not a number of the kind that belongs here");
  }
  return value;
}

template <class T>
std::vector<T> parse_all(const Field& field) {
  std::vector<T> values;
  Words words(field.value);
  for (std::string_view word; words.next(word);) values.push_back(parse<T>(word, field));
  return values;
}

// "name=value" lines up to an empty one or the end.
class Block {
 public:
  void add(std::string_view line, std::size_t number) {
    const std::size_t equals = line.find('=');
    last_line_ = number;
    if (equals == std::string_view::npos) {
      fields_.emplace(line, Field{{}, number});
    } else {
      fields_.insert_or_assign(line.substr(0, equals), Field{line.substr(equals + 1), number});
    }
  }

  [[nodiscard]] const Field* find(std::string_view name) const {
    const auto found = fields_.find(name);
    return found == fields_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] const Field& get(std::string_view name) const {
    const Field* found = find(name);
    if (found == nullptr) reject(last_line_, "'", name, "=' is missing above");
    return *found;
  }
  [[nodiscard]] std::int64_t integer(std::string_view name, std::int64_t low,
                                     std::int64_t high) const {
    const Field& field = get(name);
    const auto value = parse<std::int64_t>(field.value, field);
    if (value < low || value > high) {
      reject(field.line, name, " is ", value, ", not within ", low, " to ", high);
    }
    return value;
  }
  // Exactly `count` numbers.
  template <class T>
  [[nodiscard]] std::vector<T> numbers(std::string_view name, std::size_t count) const {
    const Field& field = get(name);
    std::vector<T> values = parse_all<T>(field);
    if (values.size() != count) {
      reject(field.line, name, " has ", values.size(), " values, ", count, " are needed");
    }
    return values;
  }
  template <class T>
  [[nodiscard]] std::vector<T> numbers_or(std::string_view name, std::size_t count,
                                          T otherwise) const {
    const Field* field = find(name);
    if (field == nullptr || field->value.empty()) return std::vector<T>(count, otherwise);
    return numbers<T>(name, count);
  }

 private:
  std::unordered_map<std::string_view, Field> fields_;
  std::size_t last_line_ = 0;
};

struct Model {
  Block header;
  std::vector<Block> trees;
};

Model split_blocks(std::string_view text) {
  Model model;
  std::size_t number = 0;
  bool ended = false;
  for (std::size_t begin = 0; begin < text.size() && !ended; ++number) {
    std::size_t end = text.find('\n', begin);
    if (end == std::string_view::npos) end = text.size();
    std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (number == 0 && line != "tree") reject(1, "a model begins with 'tree'");
    if (line.starts_with("Tree=")) {
      if (model.trees.size() == kMaxTrees) reject(number + 1, "more than ", kMaxTrees, " trees");
      model.trees.emplace_back();
    }
    ended = line == "end of trees";
    if (!line.empty() && !ended) {
      (model.trees.empty() ? model.header : model.trees.back()).add(line, number + 1);
    }
  }
  if (!ended) reject(number, "the model ends before 'end of trees'");
  return model;
}

// The objective's words: its name, then options as "name:value" or "name".
void read_objective(const Block& header, ForestData& data) {
  const Field* field = header.find("objective");
  if (field == nullptr) return;
  Words words(field->value);
  std::string_view name;
  if (!words.next(name)) return;
  bool root = false;
  for (std::string_view option; words.next(option);) {
    if (option.starts_with("sigmoid:")) data.link_slope = parse<double>(option.substr(8), *field);
    root = root || option == "sqrt";
  }
  static const std::unordered_map<std::string_view, Link> links{
      {"binary", Link::kSigmoid},      {"cross_entropy", Link::kSigmoid},
      {"xentropy", Link::kSigmoid},    {"multiclassova", Link::kSigmoid},
      {"multiclass", Link::kSoftmax},  {"poisson", Link::kExp},
      {"gamma", Link::kExp},           {"tweedie", Link::kExp},
      {"regression", Link::kIdentity}, {"regression_l1", Link::kIdentity},
      {"huber", Link::kIdentity},      {"fair", Link::kIdentity},
      {"quantile", Link::kIdentity},   {"mape", Link::kIdentity},
      {"lambdarank", Link::kIdentity}, {"rank_xendcg", Link::kIdentity},
      {"custom", Link::kIdentity},     {"none", Link::kIdentity}};
  const auto found = links.find(name);
  if (found == links.end() || root) {
    reject(field->line, "objective '", field->value.substr(0, 60),
           "' turns scores into predictions in a way that is not known here; remove the line to "
           "import raw scores");
  }
  data.link = found->second;
  if (data.link != Link::kSigmoid) data.link_slope = 1;
  if (!(std::isfinite(data.link_slope) && data.link_slope > 0)) {
    reject(field->line, "the sigmoid's slope must be positive");
  }
}

void read_feature_names(const Block& header, ForestData& data) {
  const Field* field = header.find("feature_names");
  if (field == nullptr) return;
  Words words(field->value);
  for (std::string_view word; words.next(word);) data.feature_names.emplace_back(word);
  if (data.feature_names.size() != static_cast<std::size_t>(data.num_features)) {
    reject(field->line, data.feature_names.size(), " feature names for ", data.num_features,
           " features");
  }
}

// The sets of a tree's categorical splits, as numbers of sets in `data`.
std::vector<std::int32_t> read_category_sets(const Block& block, std::size_t count,
                                             ForestData& data) {
  const auto bounds = block.numbers<std::int64_t>("cat_boundaries", count + 1);
  const Field& field = block.get("cat_threshold");
  const auto words = parse_all<std::uint32_t>(field);
  std::vector<std::int32_t> sets;
  for (std::size_t s = 0; s < count; ++s) {
    const std::int64_t size = bounds[s + 1] - bounds[s];
    if (bounds[s] < 0 || size < 0 || bounds[s + 1] > static_cast<std::int64_t>(words.size())) {
      reject(field.line, "set of categories ", s, " lies outside cat_threshold");
    }
    if (size > (kMaxCategory + 1) / 32) {
      reject(field.line, "set of categories ", s, " holds categories above ", kMaxCategory);
    }
    // Two words of theirs are one of ours.
    for (std::int64_t w = bounds[s]; w < bounds[s + 1]; w += 2) {
      const std::uint64_t high = w + 1 < bounds[s + 1] ? words[static_cast<std::size_t>(w) + 1] : 0;
      data.category_words.push_back(words[static_cast<std::size_t>(w)] | high << 32);
    }
    data.category_begin.push_back(static_cast<std::int64_t>(data.category_words.size()));
    sets.push_back(static_cast<std::int32_t>(data.category_begin.size()) - 2);
  }
  return sets;
}

void set_decision(SplitNode& node, int type, double threshold,
                  const std::vector<std::int32_t>& sets, std::size_t line) {
  if ((type & kCategorical) != 0) {
    if (!(threshold >= 0 && threshold < static_cast<double>(sets.size()))) {
      reject(line, "a categorical split names set ", threshold, " of ", sets.size());
    }
    node.categories = sets[static_cast<std::size_t>(threshold)];
    node.threshold = 0;
    node.missing_left = false;  // NaN goes right at every categorical split
    return;
  }
  const int missing = type >> kMissingShift & 3;
  if (missing > 2) reject(line, "unknown decision_type ", type);
  node.threshold = threshold;
  node.missing = static_cast<Missing>(missing);
  node.missing_left = (type & kDefaultLeft) != 0;
}

ImportedTree read_tree(const Block& block, ForestData& data) {
  if (const Field* linear = block.find("is_linear"); linear != nullptr && linear->value != "0") {
    reject(linear->line, "linear trees can't be imported; train with linear_tree=false");
  }
  ImportedTree tree;
  const auto count = static_cast<std::size_t>(
      block.integer("num_leaves", 1, std::numeric_limits<std::int32_t>::max()));
  tree.leaves = block.numbers<double>("leaf_value", count);
  tree.leaf_cover = block.numbers_or<double>("leaf_count", count, 0.0);
  const std::size_t splits = count - 1;
  if (splits == 0) return tree;
  const auto feature = block.numbers<std::int32_t>("split_feature", splits);
  const auto gain = block.numbers_or<float>("split_gain", splits, 0.0F);
  const auto threshold = block.numbers<double>("threshold", splits);
  const auto decision = block.numbers_or<int>("decision_type", splits, kDefaultLeft);
  const auto left = block.numbers<std::int32_t>("left_child", splits);
  const auto right = block.numbers<std::int32_t>("right_child", splits);
  const auto cover = block.numbers_or<double>("internal_count", splits, 0.0);
  const Field* sets_field = block.find("num_cat");
  std::vector<std::int32_t> sets;
  if (sets_field != nullptr && sets_field->value != "0") {
    const auto num_sets = block.integer("num_cat", 1, static_cast<std::int64_t>(splits));
    sets = read_category_sets(block, static_cast<std::size_t>(num_sets), data);
  }
  for (std::size_t i = 0; i < splits; ++i) {
    SplitNode node{.feature = feature[i], .left = left[i], .right = right[i]};
    node.gain = gain[i];
    node.cover = cover[i];
    set_decision(node, decision[i], threshold[i], sets, block.get("decision_type").line);
    tree.nodes.push_back(node);
  }
  return tree;
}

}  // namespace

ForestData import_lightgbm(std::string_view text) {
  const Model model = split_blocks(text);
  ForestData data;
  data.num_features = static_cast<std::int32_t>(
      model.header.integer("max_feature_idx", 0, static_cast<std::int64_t>(kMaxFeatures) - 1) + 1);
  const auto outputs = static_cast<std::size_t>(
      model.header.integer("num_tree_per_iteration", 1, static_cast<std::int64_t>(kMaxOutputs)));
  data.base.assign(outputs, 0.0);
  read_objective(model.header, data);
  read_feature_names(model.header, data);
  if (model.trees.size() % outputs != 0) {
    reject(model.header.get("num_tree_per_iteration").line, model.trees.size(), " trees for ",
           outputs, " outputs");
  }
  const bool average = model.header.find("average_output") != nullptr;
  std::vector<ImportedTree> trees;
  for (std::size_t t = 0; t < model.trees.size(); ++t) {
    trees.push_back(read_tree(model.trees[t], data));
    trees.back().output = t % outputs;
    if (average) {
      scale_leaves(trees.back(),
                   static_cast<double>(outputs) / static_cast<double>(model.trees.size()));
    }
  }
  append_trees(data, trees);
  check_forest(data);
  return data;
}

}  // namespace penchant::ranking
