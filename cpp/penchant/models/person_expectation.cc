#include "penchant/models/person_expectation.h"

#include <utility>
#include <vector>

#include "penchant/base/parallel.h"
#include "penchant/models/attribute_ridge.h"
#include "penchant/models/model_meta.h"

namespace penchant::models {
namespace {

constexpr std::size_t kColumns = 8;  // factors a task solves at once

// The people's features as one CSR.
struct EncodedPeople {
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int32_t> features;
  std::vector<float> values;
};

EncodedPeople encoded(const FeatureRecipe& recipe, const data::AttributeTable& table) {
  EncodedPeople out;
  data::Attributes attributes;
  FeatureRow row;
  for (std::size_t u = 0; u < table.rows(); ++u) {
    attributes.clear();
    table.read(UserIndex(static_cast<std::int32_t>(u)), attributes);
    recipe.encode(attributes, row);
    out.features.insert(out.features.end(), row.features.begin(), row.features.end());
    out.values.insert(out.values.end(), row.values.begin(), row.values.end());
    out.offsets.push_back(static_cast<std::int64_t>(out.features.size()));
  }
  return out;
}

}  // namespace

PersonExpectation::PersonExpectation(FeatureRecipe recipe, double strength,
                                     SharedArray<float> coefficients, std::size_t width)
    : recipe_(std::move(recipe)),
      strength_(strength),
      coefficients_(std::move(coefficients)),
      width_(width) {}

PersonExpectation PersonExpectation::learn(MatrixView<const float> vectors,
                                           const data::Interactions& pairs,
                                           const data::AttributeTable& table, FeatureRecipe recipe,
                                           const LeanOptions& options) {
  const EncodedPeople people = encoded(recipe, table);
  const FeatureRows rows{people.offsets, people.features, people.values, recipe.num_features()};
  std::vector<double> weights(vectors.rows);
  for (std::size_t u = 0; u < weights.size(); ++u) {
    const auto n =
        static_cast<double>(pairs.history(UserIndex(static_cast<std::int32_t>(u))).size());
    weights[u] = n / (n + options.strength);
  }
  const AttributeRidge ridge(rows, weights, options.ridge);
  const std::size_t width = vectors.columns;
  std::vector<float> coefficients((recipe.num_features() + 1) * width);
  parallel_blocks(width, kColumns, options.threads, [&](const Block& block) {
    std::vector<double> target(vectors.rows);
    for (std::size_t j = block.begin; j < block.end; ++j) {
      for (std::size_t u = 0; u < target.size(); ++u) {
        target[u] = static_cast<double>(vectors.row(u)[j]);
      }
      const std::vector<double> column = ridge.coefficients(target);
      for (std::size_t f = 0; f < column.size(); ++f) {
        coefficients[f * width + j] = static_cast<float>(column[f]);
      }
    }
  });
  return {std::move(recipe), options.strength, SharedArray<float>::own(std::move(coefficients)),
          width};
}

bool PersonExpectation::knows(const data::Attributes& attributes) const {
  FeatureRow row;
  recipe_.encode(attributes, row);
  return !row.features.empty();
}

void PersonExpectation::lean(const data::Attributes& attributes, std::size_t n,
                             std::span<float> vector) const {
  FeatureRow row;
  recipe_.encode(attributes, row);
  if (row.features.empty()) return;
  const auto coefficient = [&](std::size_t f, std::size_t j) {
    return static_cast<double>(coefficients_[f * width_ + j]);
  };
  const double weight = static_cast<double>(n) / (static_cast<double>(n) + strength_);
  for (std::size_t j = 0; j < width_; ++j) {
    double expected = coefficient(recipe_.num_features(), j);
    for (std::size_t k = 0; k < row.features.size(); ++k) {
      expected += static_cast<double>(row.values[k]) *
                  coefficient(static_cast<std::size_t>(row.features[k]), j);
    }
    vector[j] =
        static_cast<float>(weight * static_cast<double>(vector[j]) + (1 - weight) * expected);
  }
}

void PersonExpectation::save(bundle::Writer& writer, const std::string& prefix) const {
  save_meta(writer, prefix, {{"strength", strength_}});
  recipe_.save(writer, prefix + "/recipe");
  writer.add(prefix + "/coefficients",
             MatrixView<const float>{coefficients_.data(), recipe_.num_features() + 1, width_});
}

PersonExpectation PersonExpectation::load(const std::shared_ptr<const bundle::Reader>& reader,
                                          const std::string& prefix, std::size_t width) {
  const Meta meta(*reader, prefix);
  const double strength = meta.number("strength");
  meta.require(strength > 0, "strength");
  FeatureRecipe recipe = FeatureRecipe::load(reader, prefix + "/recipe");
  auto coefficients = meta.matrix<float>("coefficients", recipe.num_features() + 1, width);
  return {std::move(recipe), strength, std::move(coefficients), width};
}

}  // namespace penchant::models
