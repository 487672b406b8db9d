#pragma once

// What EASE, SLIM, LocalRidge and GraphFilter leave to be served: one linear operator from items to
// items. The trainers differ in how they find it (ease.h, slim.h, local_ridge.h, graph_filter.h);
// scoring, reasons and the bundle are the same for all.
//
//   score(j) = sum over the history's items h of
//                weight(h) * ( S[h, j]  +  left[h] . right[j] )
//
// S is sparse, as many entries an item as its trainer kept; left and right [items, components] are
// an optional part of low rank (GraphFilter's ideal low pass). Scalings of items before and after
// are multiplied into these numbers. There is nothing to fold in: any history is scored as it is.

#include <string>

#include "penchant/models/item_rows.h"

namespace penchant::models {

class ItemOperatorModel final : public Model {
 public:
  struct Parts {
    std::string kind;  // "ease", "slim", "local_ridge", "graph_filter"
    PairWeighting weighting;
    ItemRows rows;
    std::size_t components = 0;
    SharedArray<float> left = {};   // [items, components]
    SharedArray<float> right = {};  // [items, components]
  };
  explicit ItemOperatorModel(Parts parts) : parts_(std::move(parts)) {}

  [[nodiscard]] std::string_view kind() const override { return parts_.kind; }
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

  [[nodiscard]] const Parts& parts() const { return parts_; }

 private:
  [[nodiscard]] MatrixView<const float> left() const {
    return {parts_.left.data(), num_items(), parts_.components};
  }
  [[nodiscard]] MatrixView<const float> right() const {
    return {parts_.right.data(), num_items(), parts_.components};
  }

  Parts parts_;
};

// Only with Parts::kind one of the above.
[[nodiscard]] bool is_item_operator(std::string_view kind);

}  // namespace penchant::models
