#pragma once

// Item-based neighbourhoods: an item is scored by its similarity to what the person had to do with.
//
//   auto model = fit_item_knn(pairs, as_of, {.similarity = ItemSimilarity::kBm25, .neighbors =
//   200});
//
// With the users x items matrix R of pair weights, similarity is the inner product of two columns
// of
//   cosine:  R with columns of unit length
//   tfidf:   R's rows scaled by ln(items) - ln(1 + row count), then columns of unit length
//   bm25:    idf_u * r (k1 + 1) / (k1 (1 - b + b len_i / mean len) + r), the Okapi weight of user u
//   in
//            item i, len_i the column sum, idf_u = ln(items) - ln(1 + row count)
// and score(j) = sum over the history's items h of weight(h) * similarity(h, j), each h keeping its
// `neighbors` most similar items other than itself. (Deshpande & Karypis, TOIS 2004; Robertson &
// Zaragoza, 2009.) Fit: O(sum of squared row counts). Memory: items * neighbors * 8 bytes.

#include <memory>
#include <string_view>

#include "penchant/models/item_rows.h"
#include "penchant/models/model.h"
#include "penchant/models/pair_weight.h"

namespace penchant::models {

enum class ItemSimilarity : std::uint8_t { kCosine, kTfidf, kBm25 };

[[nodiscard]] ItemSimilarity parse_item_similarity(std::string_view name);
[[nodiscard]] std::string_view item_similarity_name(ItemSimilarity similarity);

struct ItemKnnParameters {
  ItemSimilarity similarity = ItemSimilarity::kBm25;
  int neighbors = 200;     // 1 or more
  double k1 = 1.2;         // bm25: how soon repeats stop counting
  double b = 0.75;         // bm25: how much popular items are held back, 0 to 1
  double shrinkage = 0.0;  // cosine, tfidf: similarity * n / (n + shrinkage), n common users
  PairWeighting weighting = {};
  int threads = 0;
};

class ItemKnnModel final : public Model {
 public:
  struct Parts {
    ItemKnnParameters parameters;
    ItemRows rows;  // similarities > 0
  };
  explicit ItemKnnModel(Parts parts) : parts_(std::move(parts)) {}

  [[nodiscard]] std::string_view kind() const override { return "item_knn"; }
  [[nodiscard]] std::size_t num_items() const override { return parts_.rows.size(); }
  [[nodiscard]] bool can_score(const Query& query) const override { return !query.history.empty(); }
  void score_all(const Query& query, std::span<float> scores) const override;
  [[nodiscard]] ItemIndex because(const Query& query, ItemIndex item) const override;
  [[nodiscard]] bool together() const override { return true; }
  [[nodiscard]] bool similar(ItemIndex item, std::span<float> scores) const override;
  void save(bundle::Writer& writer, const std::string& prefix) const override;
  [[nodiscard]] static std::shared_ptr<const Model> load(
      const std::shared_ptr<const bundle::Reader>& reader, const std::string& prefix,
      std::size_t num_users, std::size_t num_items);

 private:
  Parts parts_;
};

// Throws kInvalidArgument naming the parameter.
[[nodiscard]] std::shared_ptr<const Model> fit_item_knn(const data::Interactions& pairs,
                                                        Timestamp as_of,
                                                        const ItemKnnParameters& parameters,
                                                        const Progress& progress = {});

}  // namespace penchant::models
