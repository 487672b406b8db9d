#pragma once

// Lists for many subjects at once, straight from one model (a pipeline has the engine instead).

#include <cstdint>
#include <span>
#include <vector>

#include "penchant/models/model.h"

namespace penchant::models {

struct RecommendOptions {
  std::size_t k = 10;
  bool exclude_seen = true;
  std::span<const std::uint8_t> allowed;  // one byte an item, 0: never; empty: all
  Timestamp as_of;
  // The histories hold more than training saw of the users (a basket): see Query.
  bool histories_are_fresh = false;
  // What is known of the people beside events, a row each; what is `given` training did not see.
  data::AttributeRows attributes = {};
  int threads = 0;
};

// Row r holds counts[r] <= k hits at [r * k, r * k + counts[r]), best first.
struct Recommendations {
  std::vector<ItemIndex> items;
  std::vector<float> scores;
  std::vector<std::int32_t> counts;
  std::vector<std::uint8_t> fell_back;  // 1 where the model had nothing to go on
};

// Histories come from `pairs` row `rows[r]` (-1: nobody known). `users[r]` is the row of the
// model's own training data, -1 for newcomers. Where the model can't score, the items are ranked by
// `fallback` (one score an item).
[[nodiscard]] Recommendations recommend_batch(const Model& model, const data::Interactions& pairs,
                                              std::span<const UserIndex> rows,
                                              std::span<const UserIndex> users,
                                              std::span<const float> fallback,
                                              const RecommendOptions& options);

// Fills scores as recommend_batch would see them before anything is excluded.
void score_row(const Model& model, const Query& query, std::span<const float> fallback,
               std::span<float> scores);

}  // namespace penchant::models
