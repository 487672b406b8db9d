#include "penchant/models/recommend.h"

#include <algorithm>

#include "penchant/base/parallel.h"
#include "penchant/base/top_k.h"

namespace penchant::models {

void score_row(const Model& model, const Query& query, std::span<const float> fallback,
               std::span<float> scores) {
  if (model.can_score(query)) {
    model.score_all(query, scores);
  } else {
    std::copy(fallback.begin(), fallback.end(), scores.begin());
  }
}

namespace {

// A list no longer than this part of the catalogue is worth scanning for.
constexpr std::size_t kLeastShare = 16;
// Below so many items, scoring all of them is as quick.
constexpr std::size_t kFewItems = 1024;
constexpr std::size_t kRowsPerBlock = 16;

// Fills rows of the recommendations, one after the other or a block at once.
class Recommender {
 public:
  Recommender(const Model& model, const data::Interactions& pairs, std::span<const UserIndex> rows,
              std::span<const UserIndex> users, std::span<const float> fallback,
              const RecommendOptions& options, Recommendations& out)
      : model_(model),
        pairs_(pairs),
        rows_(rows),
        users_(users),
        fallback_(fallback),
        options_(options),
        out_(out),
        best_(std::min(options.k, model.num_items())) {}

  void recommend(std::size_t r) {
    const Query query = query_of(r);
    out_.fell_back[r] = model_.can_score(query) ? 0 : 1;
    const std::size_t num_items = model_.num_items();
    scores_.resize(num_items);
    masked_.assign(num_items, 0);
    score_row(model_, query, fallback_, scores_);
    for (const ItemIndex item : skipped(query)) masked_[static_cast<std::size_t>(item.value)] = 1;
    for (std::size_t i = 0; i < num_items; ++i) {
      const bool allowed = options_.allowed.empty() || options_.allowed[i] != 0;
      if (allowed && masked_[i] == 0) best_.push(scores_[i], static_cast<std::int32_t>(i));
    }
    write(r, best_.take_sorted());
  }

  // The same lists from the model's scan: at most FactorScan::kQueries rows.
  void recommend_scanned(const FactorScan& scan, std::size_t begin, std::size_t end) {
    Matrix<float> vectors(end - begin, scan.rows().columns);
    std::vector<FactorScan::Query> queries;
    std::vector<std::size_t> asked;
    for (std::size_t r = begin; r < end; ++r) {
      const Query query = query_of(r);
      const std::span<float> vector = vectors.row(r - begin);
      const bool scored = model_.can_score(query);
      if (scored) model_.query_vector(query, vector);
      if (!scored || !scan.accepts(vector)) {
        recommend(r);
        continue;
      }
      queries.push_back({.vector = vector,
                         .k = options_.k,
                         .skipped = skipped(query),
                         .allowed = options_.allowed,
                         .thresholds = {},
                         .pivot = {},
                         .count_before = false});
      asked.push_back(r);
    }
    std::vector<FactorScan::Answer> answers(queries.size());
    scan.run(queries, answers);
    for (std::size_t i = 0; i < asked.size(); ++i) write(asked[i], answers[i].best);
  }

 private:
  // Valid until the next one is made.
  [[nodiscard]] Query query_of(std::size_t r) {
    return {users_[r],
            pairs_.history(rows_[r]),
            options_.as_of,
            options_.histories_are_fresh,
            options_.attributes.of(r, attributes_),
            options_.attributes.given != nullptr};
  }

  [[nodiscard]] std::span<const ItemIndex> skipped(const Query& query) const {
    return options_.exclude_seen ? query.history.items : std::span<const ItemIndex>{};
  }

  void write(std::size_t r, std::span<const Scored> hits) {
    out_.counts[r] = static_cast<std::int32_t>(hits.size());
    for (std::size_t h = 0; h < hits.size(); ++h) {
      out_.items[r * options_.k + h] = ItemIndex(hits[h].index);
      out_.scores[r * options_.k + h] = hits[h].score;
    }
  }

  const Model& model_;
  const data::Interactions& pairs_;
  std::span<const UserIndex> rows_;
  std::span<const UserIndex> users_;
  std::span<const float> fallback_;
  const RecommendOptions& options_;
  Recommendations& out_;
  TopK best_;
  std::vector<float> scores_;
  std::vector<std::uint8_t> masked_;
  data::Attributes attributes_;  // of the query at hand
};

// The scan to use for lists of k, or null.
const FactorScan* scan_for(const Model& model, std::size_t k) {
  if (model.num_items() < kFewItems || k > model.num_items() / kLeastShare) return nullptr;
  if (!model.inner_products()) return nullptr;
  const FactorScan& scan = model.scan();
  return scan.usable() ? &scan : nullptr;
}

}  // namespace

Recommendations recommend_batch(const Model& model, const data::Interactions& pairs,
                                std::span<const UserIndex> rows, std::span<const UserIndex> users,
                                std::span<const float> fallback, const RecommendOptions& options) {
  const std::size_t num_items = model.num_items();
  check_argument(rows.size() == users.size(), "recommend: ", rows.size(), " rows but ",
                 users.size(), " users");
  check_argument(fallback.size() == num_items, "recommend: the fallback has ", fallback.size(),
                 " scores for ", num_items, " items");
  check_argument(
      options.attributes.table == nullptr || options.attributes.rows.size() == rows.size(),
      "recommend: attributes of ", options.attributes.rows.size(), " people for ", rows.size(),
      " rows");
  check_argument(options.allowed.empty() || options.allowed.size() == num_items,
                 "recommend: the candidates' mask has ", options.allowed.size(), " entries for ",
                 num_items, " items");
  Recommendations out;
  out.items.resize(rows.size() * options.k);
  out.scores.resize(rows.size() * options.k);
  out.counts.resize(rows.size());
  out.fell_back.resize(rows.size());
  const FactorScan* scan = scan_for(model, options.k);
  const std::size_t block_size = scan != nullptr ? FactorScan::kQueries : kRowsPerBlock;
  parallel_blocks(rows.size(), block_size, options.threads, [&](const Block& block) {
    Recommender recommender(model, pairs, rows, users, fallback, options, out);
    if (scan != nullptr) return recommender.recommend_scanned(*scan, block.begin, block.end);
    for (std::size_t r = block.begin; r < block.end; ++r) recommender.recommend(r);
  });
  return out;
}

}  // namespace penchant::models
