#include "penchant/models/recommend.h"

#include <algorithm>

#include "penchant/base/parallel.h"
#include "penchant/base/top_k.h"

namespace penchant::models {
namespace {

void score_or_fall_back(const Model& model, const Query& query, std::span<const float> fallback,
                        std::span<float> scores) {
  if (model.can_score(query)) {
    model.score_all(query, scores);
  } else {
    std::copy(fallback.begin(), fallback.end(), scores.begin());
  }
}

}  // namespace

void score_row(const Model& model, const data::Interactions& pairs, UserIndex row, UserIndex user,
               Timestamp as_of, std::span<const float> fallback, std::span<float> scores) {
  score_or_fall_back(model, {user, pairs.history(row), as_of, false}, fallback, scores);
}

Recommendations recommend_batch(const Model& model, const data::Interactions& pairs,
                                std::span<const UserIndex> rows, std::span<const UserIndex> users,
                                std::span<const float> fallback, const RecommendOptions& options) {
  const std::size_t num_items = model.num_items();
  check_argument(rows.size() == users.size(), "recommend: ", rows.size(), " rows but ",
                 users.size(), " users");
  check_argument(fallback.size() == num_items, "recommend: the fallback has ", fallback.size(),
                 " scores for ", num_items, " items");
  check_argument(options.allowed.empty() || options.allowed.size() == num_items,
                 "recommend: the candidates' mask has ", options.allowed.size(), " entries for ",
                 num_items, " items");
  const std::size_t k = std::min(options.k, num_items);
  Recommendations out;
  out.items.resize(rows.size() * options.k);
  out.scores.resize(rows.size() * options.k);
  out.counts.resize(rows.size());
  out.fell_back.resize(rows.size());
  parallel_blocks(rows.size(), 16, options.threads, [&](const Block& block) {
    std::vector<float> scores(num_items);
    std::vector<std::uint8_t> masked(num_items);
    TopK best(k);
    for (std::size_t r = block.begin; r < block.end; ++r) {
      const Query query = {users[r], pairs.history(rows[r]), options.as_of,
                           options.histories_are_fresh};
      out.fell_back[r] = model.can_score(query) ? 0 : 1;
      score_or_fall_back(model, query, fallback, scores);
      std::fill(masked.begin(), masked.end(), std::uint8_t{0});
      if (options.exclude_seen) {
        for (const ItemIndex item : query.history.items) {
          masked[static_cast<std::size_t>(item.value)] = 1;
        }
      }
      for (std::size_t i = 0; i < num_items; ++i) {
        const bool allowed = options.allowed.empty() || options.allowed[i] != 0;
        if (allowed && masked[i] == 0) best.push(scores[i], static_cast<std::int32_t>(i));
      }
      const std::vector<Scored> hits = best.take_sorted();
      out.counts[r] = static_cast<std::int32_t>(hits.size());
      for (std::size_t h = 0; h < hits.size(); ++h) {
        out.items[r * options.k + h] = ItemIndex(hits[h].index);
        out.scores[r * options.k + h] = hits[h].score;
      }
    }
  });
  return out;
}

}  // namespace penchant::models
