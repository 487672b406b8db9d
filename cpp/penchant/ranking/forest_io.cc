// How a forest lies in a bundle (docs/bundle_format/v1.md). Every number read is taken for hostile.

#include <algorithm>
#include <bit>
#include <utility>

#include <nlohmann/json.hpp>

#include "penchant/base/error.h"
#include "penchant/ranking/forest.h"
#include "penchant/ranking/link_name.h"

namespace penchant::ranking {
namespace {

using Json = nlohmann::ordered_json;

// A split's flags: bit 0 says that what is missing goes left, bits 1 and 2 are the missing rule.
constexpr std::uint8_t kMissingLeft = 1;
constexpr int kRuleShift = 1;

template <class T, class Get>
std::vector<T> column(const std::vector<SplitNode>& nodes, const Get& get) {
  std::vector<T> values(nodes.size());
  std::transform(nodes.begin(), nodes.end(), values.begin(), get);
  return values;
}

std::uint8_t flags_of(const SplitNode& node) {
  return static_cast<std::uint8_t>((node.missing_left ? kMissingLeft : 0) |
                                   (static_cast<int>(node.missing) << kRuleShift));
}

class Loader {
 public:
  Loader(std::shared_ptr<const bundle::Reader> reader, std::string prefix)
      : reader_(std::move(reader)), prefix_(std::move(prefix)) {}

  ForestData load() {
    read_meta();
    data_.node_begin = copied<std::int64_t>("node_begin");
    data_.leaf_begin = copied<std::int64_t>("leaf_begin");
    data_.leaves = copied<double>("leaves");
    data_.leaf_cover = copied<double>("leaf_cover");
    data_.category_begin = copied<std::int64_t>("category_begin");
    for (const std::int64_t word : array<std::int64_t>("category_words")) {
      data_.category_words.push_back(std::bit_cast<std::uint64_t>(word));
    }
    data_.base = copied<double>("base");
    read_nodes();
    return std::move(data_);
  }

 private:
  template <class... Parts>
  [[noreturn]] void corrupt(const Parts&... parts) const {
    fail(ErrorKind::kCorruptBundle, concat(prefix_, "/meta: ", parts...));
  }

  template <class T>
  SharedArray<T> array(const char* name) const {
    return reader_->array<T>(concat(prefix_, "/", name));
  }

  template <class T>
  std::vector<T> copied(const char* name) const {
    const SharedArray<T> values = array<T>(name);
    return {values.begin(), values.end()};
  }

  template <class T>
  SharedArray<T> of_nodes(const char* name, std::size_t nodes) const {
    SharedArray<T> values = array<T>(name);
    if (values.size() != nodes) {
      fail(ErrorKind::kCorruptBundle,
           concat(prefix_, "/", name, " has ", values.size(), " numbers for ", nodes, " splits"));
    }
    return values;
  }

  void read_nodes() {
    const auto threshold = array<double>("threshold");
    const std::size_t size = threshold.size();
    const auto feature = of_nodes<std::int32_t>("feature", size);
    const auto left = of_nodes<std::int32_t>("left", size);
    const auto right = of_nodes<std::int32_t>("right", size);
    const auto categories = of_nodes<std::int32_t>("categories", size);
    const auto flags = of_nodes<std::uint8_t>("flags", size);
    const auto gain = of_nodes<float>("gain", size);
    const auto cover = of_nodes<double>("cover", size);
    data_.nodes.resize(size);
    for (std::size_t i = 0; i < size; ++i) {
      data_.nodes[i] = {.threshold = threshold[i],
                        .feature = feature[i],
                        .left = left[i],
                        .right = right[i],
                        .categories = categories[i],
                        .missing_left = (flags[i] & kMissingLeft) != 0,
                        .missing = static_cast<Missing>(flags[i] >> kRuleShift),
                        .gain = gain[i],
                        .cover = cover[i]};
    }
  }

  void read_meta() {
    const Json meta = Json::parse(reader_->text(prefix_ + "/meta"), nullptr, false);
    if (!meta.is_object()) corrupt("is not a JSON object");
    const Json& features = member(meta, "num_features");
    if (!features.is_number_unsigned() || features.get<std::uint64_t>() > kMaxFeatures) {
      corrupt("'num_features' is not an integer from 0 to ", kMaxFeatures);
    }
    data_.num_features = features.get<std::int32_t>();
    const Json& link = member(meta, "link");
    if (!link.is_string()) corrupt("'link' is not a text");
    const auto known = find_link(link.get_ref<const std::string&>());
    if (!known) corrupt("unknown link '", link.get_ref<const std::string&>(), "'");
    data_.link = *known;
    const Json& slope = member(meta, "link_slope");
    if (!slope.is_number()) corrupt("'link_slope' is not a number");
    data_.link_slope = slope.get<double>();
    const Json& rounded = member(meta, "float32_inputs");
    if (!rounded.is_boolean()) corrupt("'float32_inputs' is neither true nor false");
    data_.float32_inputs = rounded.get<bool>();
    const Json& names = member(meta, "feature_names");
    if (!names.is_array()) corrupt("'feature_names' is not a list");
    for (const Json& name : names) {
      if (!name.is_string()) corrupt("a name of a feature is not a text");
      data_.feature_names.push_back(name.get<std::string>());
    }
  }

  const Json& member(const Json& meta, const char* key) const {
    const auto found = meta.find(key);
    if (found == meta.end()) corrupt("lacks '", key, "'");
    return *found;
  }

  std::shared_ptr<const bundle::Reader> reader_;
  std::string prefix_;
  ForestData data_;
};

std::string meta_text(const ForestData& data) {
  const Json meta{{"num_features", data.num_features},
                  {"link", link_name(data.link)},
                  {"link_slope", data.link_slope},
                  {"float32_inputs", data.float32_inputs},
                  {"feature_names", Json(data.feature_names)}};
  try {
    return meta.dump();
  } catch (const Json::type_error&) {
    fail(ErrorKind::kBadData, "forest: a feature's name is not UTF-8; rename it before saving");
  }
}

}  // namespace

void Forest::save(bundle::Writer& writer, const std::string& prefix) const {
  const auto& nodes = data_.nodes;
  const auto add = [&](const char* name, const auto& values) {
    writer.add(concat(prefix, "/", name), values);
  };
  writer.add_text(prefix + "/meta", meta_text(data_));
  add("node_begin", data_.node_begin);
  add("threshold", column<double>(nodes, [](const auto& n) { return n.threshold; }));
  add("feature", column<std::int32_t>(nodes, [](const auto& n) { return n.feature; }));
  add("left", column<std::int32_t>(nodes, [](const auto& n) { return n.left; }));
  add("right", column<std::int32_t>(nodes, [](const auto& n) { return n.right; }));
  add("categories", column<std::int32_t>(nodes, [](const auto& n) { return n.categories; }));
  add("flags", column<std::uint8_t>(nodes, flags_of));
  add("gain", column<float>(nodes, [](const auto& n) { return n.gain; }));
  add("cover", column<double>(nodes, [](const auto& n) { return n.cover; }));
  add("leaf_begin", data_.leaf_begin);
  add("leaves", data_.leaves);
  add("leaf_cover", data_.leaf_cover);
  add("category_begin", data_.category_begin);
  add("category_words", data_.category_words);
  add("base", data_.base);
}

std::shared_ptr<const Forest> Forest::load(const std::shared_ptr<const bundle::Reader>& reader,
                                           const std::string& prefix) {
  try {
    return std::make_shared<const Forest>(Loader(reader, prefix).load());
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kBadData) throw;
    fail(ErrorKind::kCorruptBundle, concat(prefix, ": ", error.what()));
  }
}

}  // namespace penchant::ranking
