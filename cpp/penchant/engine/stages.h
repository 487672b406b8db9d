#pragma once

// The stages of the first funnel, one .cc each.

#include <optional>

#include "penchant/engine/stage.h"

namespace penchant::engine {

// Subject, history (with the basket, fresh events and the item looked at), attributes, and what is
// excluded: seen, denied, not a candidate.
class ResolveStage final : public Stage {
 public:
  [[nodiscard]] std::string_view name() const override { return "resolve"; }
  void run(Workspace& work) const override;
};

// Every source scores the catalogue; scores become features, sqrt(score / the query's best score),
// 0 for what is not positive, which doesn't depend on how many are retrieved, and the root keeps
// the long tail of a skewed score from vanishing beside its head. A source of positive weight puts
// forward its best allowed items, up to its quota or k, whichever is larger; the union are the
// candidates.
class RetrieveStage final : public Stage {
 public:
  RetrieveStage() = default;
  // Every source's quota replaced by one (the blend learner's).
  explicit RetrieveStage(std::size_t quota) : quota_(quota) {}
  // Scores sources of no weight, too: for the table that a ranker learns from.
  [[nodiscard]] static RetrieveStage scoring_all_sources() { return RetrieveStage(AllSources{}); }
  [[nodiscard]] std::string_view name() const override { return "retrieve"; }
  void run(Workspace& work) const override;

 private:
  struct AllSources {};
  explicit RetrieveStage(AllSources) : all_sources_(true) {}

  std::optional<std::size_t> quota_;
  bool all_sources_ = false;
};

// Candidates by the weighted sum of their features, ties by item: the best k, or as many as a
// ranker is to put in order.
class OrderStage final : public Stage {
 public:
  OrderStage() = default;
  // So many instead.
  explicit OrderStage(std::size_t depth) : depth_(depth) {}
  [[nodiscard]] std::string_view name() const override { return "order"; }
  void run(Workspace& work) const override;

 private:
  std::optional<std::size_t> depth_;
};

// The best candidates by the ranker's score, ties by the blend, cut to k. Does nothing where the
// request has no history to go on.
class RerankStage final : public Stage {
 public:
  RerankStage() = default;
  // Keeps all of them instead of k.
  explicit RerankStage(bool keep_all) : keep_all_(keep_all) {}
  [[nodiscard]] std::string_view name() const override { return "rerank"; }
  void run(Workspace& work) const override;

 private:
  bool keep_all_ = false;
};

// Says what the answer rests on, and why not on more where nothing personal was known; fills up
// from popularity when fewer than k were found.
class FillStage final : public Stage {
 public:
  [[nodiscard]] std::string_view name() const override { return "fill"; }
  void run(Workspace& work) const override;
};

// Where something chooses among the best: those it chose, in its order.
class ExploreStage final : public Stage {
 public:
  [[nodiscard]] std::string_view name() const override { return "explore"; }
  void run(Workspace& work) const override;
};

// The decision: each item with the source that spoke most for it and a reason; with `explain`, its
// score taken apart.
class ExplainStage final : public Stage {
 public:
  [[nodiscard]] std::string_view name() const override { return "explain"; }
  void run(Workspace& work) const override;
};

}  // namespace penchant::engine
