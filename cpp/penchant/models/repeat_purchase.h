#pragma once

// What a person is due to buy again, from their own history alone.
//
//   auto model = fit_repeat_purchase(pairs, train.last_time());
//
// With n distinct purchase times of the pair, first and last their ages at the moment asked about,
//
//   score = n / sqrt(1 + last / gap),   gap = (first - last + 2 g0) / (n + 1),
//
// count, recency and cadence in one: an item bought often scores high, and fades on the scale of
// its own rhythm. The gap is the pair's mean time between purchases, shrunk by two pseudo-gaps
// towards g0, the mean gap over everybody's repeated pairs. Items never bought score 0.

#include <memory>

#include "penchant/models/model.h"

namespace penchant::models {

class RepeatPurchaseModel final : public Model {
 public:
  RepeatPurchaseModel(std::size_t num_items, Duration mean_gap)
      : num_items_(num_items), mean_gap_(mean_gap) {}

  [[nodiscard]] std::string_view kind() const override { return "repeat_purchase"; }
  [[nodiscard]] std::size_t num_items() const override { return num_items_; }
  [[nodiscard]] bool can_score(const Query& query) const override { return !query.history.empty(); }
  void score_all(const Query& query, std::span<float> scores) const override;
  void save(bundle::Writer& writer, const std::string& prefix) const override;
  [[nodiscard]] static std::shared_ptr<const Model> load(
      const std::shared_ptr<const bundle::Reader>& reader, const std::string& prefix,
      std::size_t num_users, std::size_t num_items);
  [[nodiscard]] Duration mean_gap() const { return mean_gap_; }

 private:
  std::size_t num_items_;
  Duration mean_gap_;  // g0, positive
};

// g0 is the span of the data when nobody bought anything twice, a day when there is no span either.
[[nodiscard]] std::shared_ptr<const Model> fit_repeat_purchase(const data::Interactions& pairs,
                                                               Timestamp as_of);

}  // namespace penchant::models
