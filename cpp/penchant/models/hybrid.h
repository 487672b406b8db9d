#pragma once

// Factors that know attributes: items and people with few events lean on what those like them are.
//
//   std::shared_ptr<const AlsModel> als = std::move(trainer).finish();
//   als = lean_on_attributes(*als, pairs, as_of, features, options);      // of the items
//   auto model = lean_people(*als, pairs, table, recipe, options);        // of the people
//
// A ridge regression from the items' features f_i (content.h) to their ALS vectors y_i, each item
// counting by how well it is known, gives what a vector is expected to be (attribute-to-factor
// mapping, Gantner and others, ICDM 2010):
//
//   B = argmin  sum_i n_i / (n_i + m) |B^T (f_i, 1) - y_i|^2  +  ridge |B|^2,
//   y_i <- (n_i y_i + m B^T (f_i, 1)) / (n_i + m),
//
// n_i: the subjects who had item i, m: `strength`. An item nobody has had takes the expected
// vector, one of which nothing is known keeps its own. Then every user is solved again, exactly,
// for the new item vectors. O(steps * entries * factors + users * fold-in). People lean by the same
// formulas (person_expectation.h), whether their vector is stored or folded in at a request;
// someone without any history has the expected vector.

#include <cstdint>
#include <memory>
#include <span>

#include "penchant/models/als.h"
#include "penchant/models/attribute_ridge.h"
#include "penchant/models/model.h"
#include "penchant/models/person_expectation.h"

namespace penchant::models {

// Throws kInvalidArgument when sizes, bounds or options don't fit.
[[nodiscard]] std::shared_ptr<const AlsModel> lean_on_attributes(const AlsModel& als,
                                                                 const data::Interactions& pairs,
                                                                 Timestamp as_of,
                                                                 const FeatureRows& features,
                                                                 const LeanOptions& options);

class HybridModel;

// Learns what to expect of people from a table with a row a user, and draws the stored vectors
// towards it. Throws as above.
[[nodiscard]] std::shared_ptr<const HybridModel> lean_people(const AlsModel& als,
                                                             const data::Interactions& pairs,
                                                             const data::AttributeTable& table,
                                                             FeatureRecipe recipe,
                                                             const LeanOptions& options);

// Answers as ALS does; the items' features are needed no more.
class HybridModel final : public Model {
 public:
  // `people` may be null: then attributes of people say nothing.
  explicit HybridModel(std::shared_ptr<const AlsModel> factors,
                       std::shared_ptr<const PersonExpectation> people = nullptr)
      : factors_(std::move(factors)), people_(std::move(people)) {}

  [[nodiscard]] std::string_view kind() const override { return "hybrid"; }
  [[nodiscard]] std::size_t num_items() const override { return factors_->num_items(); }
  [[nodiscard]] bool can_score(const Query& query) const override {
    return evidence(query) != Evidence::kNothing;
  }
  [[nodiscard]] Evidence evidence(const Query& query) const override;
  void score_all(const Query& query, std::span<float> scores) const override;
  [[nodiscard]] bool inner_products() const override { return true; }
  void query_vector(const Query& query, std::span<float> vector) const override;
  [[nodiscard]] ItemIndex because(const Query& query, ItemIndex item) const override {
    return factors_->because(query, item);
  }
  [[nodiscard]] MatrixView<const float> item_vectors() const override {
    return factors_->item_vectors();
  }
  [[nodiscard]] bool similar(ItemIndex item, std::span<float> scores) const override {
    return factors_->similar(item, scores);
  }
  void save(bundle::Writer& writer, const std::string& prefix) const override;
  [[nodiscard]] static std::shared_ptr<const Model> load(
      const std::shared_ptr<const bundle::Reader>& reader, const std::string& prefix,
      std::size_t num_users, std::size_t num_items);

  [[nodiscard]] const AlsModel& factors() const { return *factors_; }

 private:
  std::shared_ptr<const AlsModel> factors_;
  std::shared_ptr<const PersonExpectation> people_;
};

}  // namespace penchant::models
