#pragma once

// How attributes of a person become a row of features: learned from a table, kept with the model,
// and read by training and serving alike, so that both compute the very same numbers.
//
//   const FeatureRecipe recipe = FeatureRecipe::learn(table, {{"region", FeatureKind::kCategory}});
//   FeatureRow row;
//   recipe.encode(attributes, row);
//
// A column gives tokens: a category, each tag, each word of a text, the class of a number. Token t
// of a column has the value (1 + ln tf) (1 + ln((1 + n) / (1 + df))), n people and df those with
// the token (Salton & Buckley, 1988, smoothed); a column's part has unit length times the root of
// its weight, and the whole row unit length: what Content does with items. Words are runs of
// letters and digits, '_' and everything beyond ASCII; A to Z count as a to z.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/data/attributes.h"
#include "penchant/models/model_meta.h"

namespace penchant::models {

enum class FeatureKind : std::uint8_t { kCategory, kNumber, kText };

[[nodiscard]] FeatureKind parse_feature_kind(std::string_view name);  // "categories", ...

// Features of one person, ascending; of unit length or empty.
struct FeatureRow {
  std::vector<std::int32_t> features;
  std::vector<float> values;
};

// What a token of one column is: a class of numbers, a category or tag, or a word.
class TokenColumn {
 public:
  TokenColumn(std::string name, FeatureKind kind, std::vector<double> edges);
  // `bins` classes of numbers with equally many people each (fewer where numbers repeat).
  [[nodiscard]] static TokenColumn learn(const data::AttributeTable& table, const std::string& name,
                                         FeatureKind kind, int bins);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] FeatureKind kind() const { return kind_; }
  // In the order they stand; none where the attribute is not known, or no number where one is
  // wanted.
  [[nodiscard]] std::vector<std::string> tokens(const data::Attributes& attributes) const;

  void save(bundle::Writer& writer, const std::string& prefix) const;
  [[nodiscard]] static TokenColumn load(const std::shared_ptr<const bundle::Reader>& reader,
                                        const std::string& prefix);

 private:
  std::string name_;
  FeatureKind kind_;
  std::vector<double> edges_;  // ascending; a number's class is how many are not above it
};

class FeatureRecipe {
 public:
  struct Column {
    std::string name;
    FeatureKind kind = FeatureKind::kCategory;
    double weight = 1;  // not negative
  };
  struct Options {
    int bins = 5;
    int min_count = 2;  // a token of fewer people says nothing of others and is left out
  };

  FeatureRecipe() = default;
  // Throws kInvalidArgument when a column is not in the table, or an option makes no sense.
  [[nodiscard]] static FeatureRecipe learn(const data::AttributeTable& table,
                                           const std::vector<Column>& columns,
                                           const Options& options);

  [[nodiscard]] std::size_t num_features() const { return num_features_; }
  void encode(const data::Attributes& attributes, FeatureRow& out) const;

  void save(bundle::Writer& writer, const std::string& prefix) const;
  [[nodiscard]] static FeatureRecipe load(const std::shared_ptr<const bundle::Reader>& reader,
                                          const std::string& prefix);

 private:
  struct Part {
    TokenColumn column;
    double scale = 1;  // root of the weight
    data::IdMap tokens;
    SharedArray<double> idf;  // [tokens]
    std::size_t first = 0;    // feature of the first token
  };
  void append(Part part);

  std::vector<Part> parts_;
  std::size_t num_features_ = 0;
};

}  // namespace penchant::models
