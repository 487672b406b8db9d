#pragma once

// Items that are alike in what is known of them: words, categories, tags, vectors of one's own. An
// item nobody has had yet is found like any other.
//
//   auto model = std::make_shared<const ContentModel>(ContentModel::Parts{...});
//
// Every item is a row of features, f_i = [sparse | dense], of unit length or empty; similarity is
// the inner product, a cosine. score(j) = sum over the history's items h of weight(h) * f_h . f_j.
// O(entries of the history's features, and of every item that shares one) and O(items * width) for
// the dense part. Which features there are is decided where the model is fitted (in Python).

#include <cstdint>
#include <memory>
#include <vector>

#include "penchant/models/model.h"
#include "penchant/models/pair_weight.h"

namespace penchant::models {

class ContentModel final : public Model {
 public:
  struct Parts {
    PairWeighting weighting;
    std::size_t num_features = 0;
    std::size_t width = 0;               // of the dense part, 0 for none
    SharedArray<std::int64_t> offsets;   // [items + 1]
    SharedArray<std::int32_t> features;  // ascending in a row, below num_features
    SharedArray<float> values;           // finite
    SharedArray<float> dense;            // [items, width]
  };
  // Throws kBadData when sizes, bounds or orders are not as above.
  explicit ContentModel(Parts parts);

  [[nodiscard]] std::string_view kind() const override { return "content"; }
  [[nodiscard]] std::size_t num_items() const override { return parts_.offsets.size() - 1; }
  // Whether anything is known of an item of the history.
  [[nodiscard]] bool can_score(const Query& query) const override;
  void score_all(const Query& query, std::span<float> scores) const override;
  [[nodiscard]] ItemIndex because(const Query& query, ItemIndex item) const override;
  [[nodiscard]] bool similar(ItemIndex item, std::span<float> scores) const override;
  void save(bundle::Writer& writer, const std::string& prefix) const override;
  [[nodiscard]] static std::shared_ptr<const Model> load(
      const std::shared_ptr<const bundle::Reader>& reader, const std::string& prefix,
      std::size_t num_users, std::size_t num_items);

 private:
  struct Row {
    std::span<const std::int32_t> features;
    std::span<const float> values;
    std::span<const float> dense;
  };
  [[nodiscard]] Row row(ItemIndex item) const;
  [[nodiscard]] bool empty(const Row& row) const;
  [[nodiscard]] float similarity(const Row& a, const Row& b) const;
  void check() const;
  void index_features();

  // What is sought: weighted sums of items' rows.
  struct Profile;
  void add(const Row& row, float weight, Profile& profile) const;
  void score(const Profile& profile, std::span<float> scores) const;

  Parts parts_;
  // The items of each feature, the transpose of the rows.
  std::vector<std::int64_t> posting_offsets_;  // [num_features + 1]
  std::vector<std::int32_t> posting_items_;
  std::vector<float> posting_values_;
};

}  // namespace penchant::models
