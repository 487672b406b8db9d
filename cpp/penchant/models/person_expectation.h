#pragma once

// What a person's vector is expected to be, from their attributes: the people's half of hybrid.h.
//
//   const auto people = PersonExpectation::learn(vectors, pairs, table, recipe, options);
//   people.lean(attributes, history.size(), vector);
//
// With u's features g_u (feature_recipe.h), n_u the items that u had and m the strength, as for
// items,
//
//   A = argmin  sum_u n_u / (n_u + m) |A^T (g_u, 1) - x_u|^2  +  ridge |A|^2,
//   x <- (n x + m A^T (g, 1)) / (n + m).
//
// A person of whom nothing is known keeps their own vector. Leaning is part of serving: sums go in
// the order of the features, in double, with A in single precision as it is stored.

#include <memory>
#include <string>

#include "penchant/base/matrix.h"
#include "penchant/data/interactions.h"
#include "penchant/models/feature_recipe.h"

namespace penchant::models {

struct LeanOptions {
  double strength = 5;  // interactions that the expectation is worth; positive
  double ridge = 1;     // positive
  int threads = 0;
};

class PersonExpectation {
 public:
  // Vectors [users, width], `pairs` and `table` with a row a user. The same bits at any number of
  // threads.
  [[nodiscard]] static PersonExpectation learn(MatrixView<const float> vectors,
                                               const data::Interactions& pairs,
                                               const data::AttributeTable& table,
                                               FeatureRecipe recipe, const LeanOptions& options);

  // Whether any feature of the recipe is known of the person.
  [[nodiscard]] bool knows(const data::Attributes& attributes) const;
  // Draws the vector [width] of someone with a history of n items towards what is expected.
  void lean(const data::Attributes& attributes, std::size_t n, std::span<float> vector) const;

  void save(bundle::Writer& writer, const std::string& prefix) const;
  [[nodiscard]] static PersonExpectation load(const std::shared_ptr<const bundle::Reader>& reader,
                                              const std::string& prefix, std::size_t width);

 private:
  PersonExpectation(FeatureRecipe recipe, double strength, SharedArray<float> coefficients,
                    std::size_t width);

  FeatureRecipe recipe_;
  double strength_;
  SharedArray<float> coefficients_;  // [features + 1, width], the constant last
  std::size_t width_;
};

}  // namespace penchant::models
