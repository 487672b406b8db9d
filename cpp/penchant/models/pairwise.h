#pragma once

// Factors learned by ranking pairs of items: BPR and WARP.
//
//   PairwiseTrainer trainer(pairs, {.loss = PairwiseLoss::kBpr, .factors = 64});
//   for (int i = 0; i < 60; ++i) trainer.iterate();
//   std::shared_ptr<const PairwiseModel> model = std::move(trainer).finish();
//
// With the score s_ui = x_u . y_i + b_i, each observed pair (u, i) meets an item j that u has not:
//   BPR   minimizes -ln sigma(s_ui - s_uj), j at random (Rendle et al., UAI 2009, eq. 4);
//   WARP  minimizes L(rank) (1 - s_ui + s_uj) where that is positive, j the first such among at
//   most
//         `max_trials` random ones, rank = (items - 1) / trials, L(k) = 1 + 1/2 + ... + 1/k,
//         divided by L(items - 1) (Weston, Bengio & Usunier, IJCAI 2011, eq. 3-7);
// both plus `regularization` times |x_u|^2 + |y_i|^2 + |y_j|^2 + b_i^2 + b_j^2, by stochastic
// gradient descent, one step a pair and iteration.
//
// The same bits at any number of threads, without locks: users and items are dealt into up to eight
// blocks each, and in each of eight rounds every user block meets another item block (Gemulla et
// al., KDD 2011, sec. 3), so that nobody writes where another reads. Items are dealt anew in every
// iteration, and j is drawn from the block of i: over the iterations it is any item.

#include <cstdint>
#include <memory>
#include <string>

#include "penchant/models/item_cosine.h"
#include "penchant/models/model.h"

namespace penchant::models {

enum class PairwiseLoss : std::uint8_t { kBpr, kWarp };

struct PairwiseParameters {
  PairwiseLoss loss = PairwiseLoss::kBpr;
  int factors = 64;  // 1 .. 4096
  double learning_rate = 0.05;
  double regularization = 0.01;
  int max_trials = 50;  // of WARP
  std::uint64_t seed = 0;
  int threads = 0;  // 0: all; the result does not depend on it
};

// Throws kInvalidArgument naming the parameter.
void validate(const PairwiseParameters& parameters);

class PairwiseModel final : public Model {
 public:
  struct Parts {
    PairwiseParameters parameters;
    SharedArray<float> user_factors;  // [users, factors + 1], the last column 1
    SharedArray<float> item_factors;  // [items, factors + 1], the last column b
    SharedArray<double> fold_map;     // [factors, factors], see fold_in
    std::size_t users = 0;
    std::size_t items = 0;
  };
  explicit PairwiseModel(Parts parts);

  [[nodiscard]] std::string_view kind() const override;  // "bpr", "warp"
  [[nodiscard]] std::size_t num_items() const override { return parts_.items; }
  [[nodiscard]] bool can_score(const Query& query) const override;
  void score_all(const Query& query, std::span<float> scores) const override;
  [[nodiscard]] ItemIndex because(const Query& query, ItemIndex item) const override;
  [[nodiscard]] MatrixView<const float> item_vectors() const override;
  [[nodiscard]] MatrixView<const float> user_vectors() const;
  [[nodiscard]] bool similar(ItemIndex item, std::span<float> scores) const override;
  void save(bundle::Writer& writer, const std::string& prefix) const override;
  [[nodiscard]] static std::shared_ptr<const Model> load(
      const std::shared_ptr<const bundle::Reader>& reader, const std::string& prefix,
      std::size_t num_users, std::size_t num_items);

  // x = m A with m = sum of the history's item vectors / sqrt(n), in double precision and a defined
  // order; A maps the trained users' m to their vectors by least squares. vector.size() ==
  // factors + 1.
  void fold_in(const data::History& history, std::span<float> vector) const;

  [[nodiscard]] const PairwiseParameters& parameters() const { return parts_.parameters; }
  [[nodiscard]] const std::shared_ptr<const void>& user_owner() const {
    return parts_.user_factors.owner();
  }
  [[nodiscard]] const std::shared_ptr<const void>& item_owner() const {
    return parts_.item_factors.owner();
  }

 private:
  Parts parts_;
  ItemCosine cosine_;
};

class PairwiseTrainer {
 public:
  // Factors start as normal numbers of standard deviation 0.1 / sqrt(factors), keyed by
  // (seed, row, column); biases at zero. Keeps no reference to the interactions.
  PairwiseTrainer(const data::Interactions& interactions, PairwiseParameters parameters);
  ~PairwiseTrainer();
  PairwiseTrainer(PairwiseTrainer&&) noexcept;

  // One step for every pair. Returns the share of pairs that were ranked right when they were met
  // (BPR: i above j; WARP: no violation found). O(pairs * factors).
  double iterate();
  [[nodiscard]] std::shared_ptr<const PairwiseModel> finish() &&;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penchant::models
