#include "penchant/models/feature_recipe.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "penchant/base/error.h"
#include "penchant/base/portable_math.h"

namespace penchant::models {
namespace {

constexpr std::array<std::string_view, 3> kKindNames = {"categories", "numbers", "text"};
constexpr std::int64_t kMostColumns = 1000;
constexpr double kMostWeight = 1e6;  // of a column's root or a token, so that no square overflows

// A number as a category: its shortest form, "5" and not "5.0".
std::string text_of(double number) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number + 0.0).ptr;
  return {text.data(), end};
}

bool is_word(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z');
}

void append_words(std::string_view text, std::vector<std::string>& out) {
  std::string word;
  for (const char c : text) {
    if (is_word(c)) {
      word += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (!word.empty()) {
      out.push_back(std::exchange(word, {}));
    }
  }
  if (!word.empty()) out.push_back(std::move(word));
}

// The quantiles 1/bins .. (bins-1)/bins of the numbers, interpolated linearly, each once.
std::vector<double> class_edges(std::vector<double> numbers, int bins) {
  std::vector<double> out;
  if (numbers.empty()) return out;
  std::sort(numbers.begin(), numbers.end());
  for (int b = 1; b < bins; ++b) {
    const double at = static_cast<double>(b) / bins * static_cast<double>(numbers.size() - 1);
    const auto low = static_cast<std::size_t>(at);
    const std::size_t high = std::min(low + 1, numbers.size() - 1);
    const double edge = numbers[low] + (numbers[high] - numbers[low]) * (at - std::floor(at));
    if (out.empty() || edge > out.back()) out.push_back(edge);
  }
  return out;
}

const data::AttributeTable::Column& column_of(const data::AttributeTable& table,
                                              const std::string& name) {
  for (const auto& column : table.columns()) {
    if (column.name == name) return column;
  }
  fail(ErrorKind::kInvalidArgument, concat("people have no attribute '", name, "'"));
}

// Counts a token once a person.
std::map<std::string, std::int64_t> frequencies(const data::AttributeTable& table,
                                                const TokenColumn& column) {
  std::map<std::string, std::int64_t> out;
  data::Attributes attributes;
  for (std::size_t r = 0; r < table.rows(); ++r) {
    attributes.clear();
    table.read(UserIndex(static_cast<std::int32_t>(r)), attributes);
    std::vector<std::string> tokens = column.tokens(attributes);
    std::sort(tokens.begin(), tokens.end());
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    for (std::string& token : tokens) ++out[std::move(token)];
  }
  return out;
}

}  // namespace

FeatureKind parse_feature_kind(std::string_view name) {
  const auto at = static_cast<std::size_t>(std::find(kKindNames.begin(), kKindNames.end(), name) -
                                           kKindNames.begin());
  check_argument(at < kKindNames.size(), "attributes are 'categories', 'numbers' or 'text', not '",
                 name.substr(0, 64), "'");
  return static_cast<FeatureKind>(at);
}

TokenColumn::TokenColumn(std::string name, FeatureKind kind, std::vector<double> edges)
    : name_(std::move(name)), kind_(kind), edges_(std::move(edges)) {
  check_argument(
      std::all_of(edges_.begin(), edges_.end(), [](double v) { return std::isfinite(v); }) &&
          std::is_sorted(edges_.begin(), edges_.end()),
      "attribute '", name_, "': the classes of its numbers are not ascending");
}

TokenColumn TokenColumn::learn(const data::AttributeTable& table, const std::string& name,
                               FeatureKind kind, int bins) {
  check_argument(bins >= 1, "bins must be 1 or more, not ", bins);
  const auto& column = column_of(table, name);
  check_argument(kind != FeatureKind::kNumber || column.numeric, "attribute '", name,
                 "' holds no numbers");
  check_argument(kind != FeatureKind::kText || !column.numeric, "attribute '", name,
                 "' holds no text");
  std::vector<double> known;
  if (kind == FeatureKind::kNumber) {
    std::copy_if(column.numbers.begin(), column.numbers.end(), std::back_inserter(known),
                 [](double v) { return std::isfinite(v); });
  }
  return {name, kind, class_edges(std::move(known), bins)};
}

std::vector<std::string> TokenColumn::tokens(const data::Attributes& attributes) const {
  std::vector<std::string> out;
  const auto found = attributes.find(name_);
  if (found == attributes.end()) return out;
  const auto* number = std::get_if<double>(&found->second);
  if (kind_ == FeatureKind::kNumber) {
    if (number == nullptr) return out;
    const auto above = std::upper_bound(edges_.begin(), edges_.end(), *number) - edges_.begin();
    out.push_back(concat(above + 1, " of ", edges_.size() + 1));
  } else if (number != nullptr) {
    if (kind_ == FeatureKind::kCategory) out.push_back(text_of(*number));
  } else {
    for (const std::string& text : std::get<std::vector<std::string>>(found->second)) {
      if (kind_ == FeatureKind::kText) {
        append_words(text, out);
      } else if (!text.empty()) {
        out.push_back(text);
      }
    }
  }
  return out;
}

void TokenColumn::save(bundle::Writer& writer, const std::string& prefix) const {
  save_meta(
      writer, prefix,
      {{"name", std::string_view(name_)}, {"kind", kKindNames[static_cast<std::size_t>(kind_)]}});
  writer.add(prefix + "/edges", edges_);
}

TokenColumn TokenColumn::load(const std::shared_ptr<const bundle::Reader>& reader,
                              const std::string& prefix) {
  const Meta meta(*reader, prefix);
  const auto edges = meta.any_array<double>("edges");
  std::optional<TokenColumn> out;
  meta.require_valid([&] {
    out.emplace(meta.text("name"), parse_feature_kind(meta.text("kind")),
                std::vector<double>(edges.begin(), edges.end()));
  });
  return *std::move(out);
}

FeatureRecipe FeatureRecipe::learn(const data::AttributeTable& table,
                                   const std::vector<Column>& columns, const Options& options) {
  check_argument(options.min_count >= 1, "min_count must be 1 or more, not ", options.min_count);
  FeatureRecipe out;
  for (const Column& each : columns) {
    check_argument(each.weight >= 0 && each.weight < kMostWeight, "weights['", each.name,
                   "'] must be 0 or more and below ", kMostWeight, ", not ", each.weight);
    if (each.weight == 0) continue;
    Part part{TokenColumn::learn(table, each.name, each.kind, options.bins),
              std::sqrt(each.weight),
              {},
              {},
              0};
    std::vector<std::string> tokens;
    std::vector<double> idf;
    for (const auto& [token, people] : frequencies(table, part.column)) {
      if (people < options.min_count) continue;
      tokens.push_back(token);
      idf.push_back(
          1.0 + std::log(static_cast<double>(1 + table.rows()) / static_cast<double>(1 + people)));
    }
    part.tokens = data::IdMap::from_strings(std::move(tokens));  // a std::map ascends by bytes, too
    part.idf = SharedArray<double>::own(std::move(idf));
    out.append(std::move(part));
  }
  return out;
}

void FeatureRecipe::append(Part part) {
  part.first = num_features_;
  num_features_ += part.tokens.size();
  parts_.push_back(std::move(part));
}

void FeatureRecipe::encode(const data::Attributes& attributes, FeatureRow& out) const {
  constexpr double kLn2 = 0.693147180559945309417;
  out.features.clear();
  out.values.clear();
  std::vector<double> values;
  double total = 0;
  for (const Part& part : parts_) {
    std::vector<std::int32_t> mine;
    for (const std::string& token : part.column.tokens(attributes)) {
      if (const std::int32_t t = part.tokens.find(std::string_view(token)); t >= 0)
        mine.push_back(t);
    }
    std::sort(mine.begin(), mine.end());
    const std::size_t begin = values.size();
    double square = 0;
    for (std::size_t k = 0; k < mine.size();) {
      std::size_t end = k;
      while (end < mine.size() && mine[end] == mine[k]) ++end;
      const double tf = 1.0 + portable_log2(static_cast<double>(end - k)) * kLn2;
      const double value = tf * part.idf[static_cast<std::size_t>(mine[k])];
      out.features.push_back(static_cast<std::int32_t>(part.first) + mine[k]);
      values.push_back(value);
      square += value * value;
      k = end;
    }
    if (!(square > 0)) continue;
    const double scale = part.scale / std::sqrt(square);
    for (std::size_t k = begin; k < values.size(); ++k) values[k] *= scale;
    total += part.scale * part.scale;
  }
  const double length = std::sqrt(total > 0 ? total : 1.0);
  for (const double value : values) out.values.push_back(static_cast<float>(value / length));
}

void FeatureRecipe::save(bundle::Writer& writer, const std::string& prefix) const {
  save_meta(writer, prefix, {{"columns", parts_.size()}});
  for (std::size_t c = 0; c < parts_.size(); ++c) {
    const Part& part = parts_[c];
    const std::string at = concat(prefix, "/", c);
    part.column.save(writer, at);
    part.tokens.save(writer, at + "/tokens");
    writer.add(at + "/idf", part.idf.span());
    writer.add(at + "/scale", std::vector<double>{part.scale});
  }
}

FeatureRecipe FeatureRecipe::load(const std::shared_ptr<const bundle::Reader>& reader,
                                  const std::string& prefix) {
  const Meta meta(*reader, prefix);
  const auto columns = meta.integer<std::size_t>("columns", 0, kMostColumns);
  FeatureRecipe out;
  for (std::size_t c = 0; c < columns; ++c) {
    const std::string at = concat(prefix, "/", c);
    Part part{TokenColumn::load(reader, at), 1, data::IdMap::load(*reader, at + "/tokens"), {}, 0};
    const Meta own(*reader, at);
    own.require(part.tokens.kind() == data::IdKind::kString, "tokens");
    part.idf = own.array<double>("idf", part.tokens.size());
    part.scale = own.array<double>("scale", 1)[0];
    own.require(part.scale > 0 && part.scale < kMostWeight, "scale");
    own.require(std::all_of(part.idf.begin(), part.idf.end(),
                            [](double v) { return v > 0 && v < kMostWeight; }),
                "idf");
    out.append(std::move(part));
    meta.require(out.num_features_ < std::numeric_limits<std::int32_t>::max(), "columns");
  }
  return out;
}

}  // namespace penchant::models
