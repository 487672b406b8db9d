#pragma once

// What every fitted model can do. A trainer makes one and is thrown away; the model is immutable,
// shared between threads, and reads its arrays either from its own memory or from a mapped bundle.
//
//   std::shared_ptr<const Model> model = AlsTrainer(params).fit(interactions);
//   std::vector<float> scores(model->num_items());
//   if (model->can_score(query)) model->score_all(query, scores);
//
// To add a model: derive, give it a kind, register its loader in load_model.cc, name it in the
// contract suite (tests/python/test_model_contract.py).

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "penchant/base/factor_scan.h"
#include "penchant/base/ids.h"
#include "penchant/base/time.h"
#include "penchant/bundle/bundle.h"
#include "penchant/data/attributes.h"
#include "penchant/data/interactions.h"

namespace penchant::models {

// One request as models see it.
struct Query {
  UserIndex user = {};  // row of the training interactions; unknown for newcomers
  data::History history =
      {};                // what is known of the person now, items of the fitted catalogue only
  Timestamp as_of = {};  // the moment of the request
  // True when `history` holds more than training saw of `user` (a basket, fresh events), so that a
  // stored vector no longer tells all.
  bool history_is_fresh = false;
  // What is known of the person beside events; null: nothing. Likewise fresh when a request says
  // it.
  const data::Attributes* attributes = nullptr;
  bool attributes_are_fresh = false;
};

// What an answer can rest on, each better than the one before.
enum class Evidence : std::uint8_t {
  kNothing,     // the model can't answer
  kEveryone,    // what is the same for all
  kSegment,     // what people of the same attributes do
  kAttributes,  // the person's attributes
  kHistory,     // what the person did
};

// Calls between iterations of a long fit, on the calling thread: done of total steps. It may throw
// to stop the fit (Ctrl-C does).
using Progress = std::function<void(int done, int total)>;

class Model {
 public:
  virtual ~Model() = default;
  Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  [[nodiscard]] virtual std::string_view kind() const = 0;  // "als", "item_knn", ...
  [[nodiscard]] virtual std::size_t num_items() const = 0;

  // Whether the model has anything to go on for this query; if not, scores would be all equal.
  [[nodiscard]] virtual bool can_score(const Query& query) const = 0;

  // What the model goes on for this query: kNothing where it can't score, or could only from a
  // vector that no event has trained.
  [[nodiscard]] virtual Evidence evidence(const Query& query) const;

  // Scores every item, higher is better; scores.size() == num_items(). The same bits on every CPU.
  // Requires can_score(query).
  virtual void score_all(const Query& query, std::span<float> scores) const = 0;

  // The item of the query's history that speaks most for `item`, if this model can tell.
  [[nodiscard]] virtual ItemIndex because(const Query& query, ItemIndex item) const;

  // Whether because() names what was taken together with the item, not what resembles it.
  [[nodiscard]] virtual bool together() const { return false; }

  // Whether the model draws on the person (a history, a vector, attributes) or is the same for
  // everyone.
  [[nodiscard]] virtual bool personal() const { return true; }

  // Whether score_all does not look at the query at all, so that its scores can be kept.
  [[nodiscard]] virtual bool constant() const { return false; }

  // One vector an item, for similar items and indexes; empty for models without. [num_items, d]
  [[nodiscard]] virtual MatrixView<const float> item_vectors() const { return {}; }

  // Whether the scores are inner products: score_all(query, scores) is
  // dot_rows(item_vectors(), vector, scores), bit for bit, with the vector that query_vector writes
  // (requires can_score(query)). Lists and metrics then need not score every item.
  [[nodiscard]] virtual bool inner_products() const { return false; }
  virtual void query_vector(const Query& query, std::span<float> vector) const;

  // The scan over item_vectors(), made at the first call and kept: half their memory. Any thread.
  [[nodiscard]] const FactorScan& scan() const;

  // Similarity of every item to `item`, for "more like this"; false when the model has no notion.
  [[nodiscard]] virtual bool similar(ItemIndex item, std::span<float> scores) const;

  virtual void save(bundle::Writer& writer, const std::string& prefix) const = 0;

 private:
  mutable std::once_flag scan_made_;
  mutable std::unique_ptr<const FactorScan> scan_;
};

// Reads "<prefix>/kind" and builds the model of that kind over the bundle's memory, every array's
// shape and every index checked. Throws kCorruptBundle.
[[nodiscard]] std::shared_ptr<const Model> load_model(
    const std::shared_ptr<const bundle::Reader>& reader, const std::string& prefix,
    std::size_t num_users, std::size_t num_items);

}  // namespace penchant::models
