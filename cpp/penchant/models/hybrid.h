#pragma once

// Factors that know attributes: items with few events lean on what items like them are.
//
//   std::shared_ptr<const AlsModel> als = std::move(trainer).finish();
//   HybridModel model(lean_on_attributes(*als, pairs, as_of, features, options));
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
// for the new item vectors. O(steps * entries * factors + users * fold-in).

#include <cstdint>
#include <memory>
#include <span>

#include "penchant/models/als.h"
#include "penchant/models/model.h"

namespace penchant::models {

// Rows of features of the items (CSR), [items + 1], [nnz], [nnz].
struct FeatureRows {
  std::span<const std::int64_t> offsets;
  std::span<const std::int32_t> features;
  std::span<const float> values;
  std::size_t num_features = 0;
};

struct LeanOptions {
  double strength = 5;  // interactions that the expectation is worth; positive
  double ridge = 1;     // positive
  int threads = 0;
};

// Throws kInvalidArgument when sizes, bounds or options don't fit.
[[nodiscard]] std::shared_ptr<const AlsModel> lean_on_attributes(const AlsModel& als,
                                                                 const data::Interactions& pairs,
                                                                 Timestamp as_of,
                                                                 const FeatureRows& features,
                                                                 const LeanOptions& options);

// Answers as ALS does; features are needed no more.
class HybridModel final : public Model {
 public:
  explicit HybridModel(std::shared_ptr<const AlsModel> factors) : factors_(std::move(factors)) {}

  [[nodiscard]] std::string_view kind() const override { return "hybrid"; }
  [[nodiscard]] std::size_t num_items() const override { return factors_->num_items(); }
  [[nodiscard]] bool can_score(const Query& query) const override {
    return factors_->can_score(query);
  }
  void score_all(const Query& query, std::span<float> scores) const override {
    factors_->score_all(query, scores);
  }
  [[nodiscard]] bool inner_products() const override { return true; }
  void query_vector(const Query& query, std::span<float> vector) const override {
    factors_->query_vector(query, vector);
  }
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
};

}  // namespace penchant::models
