#pragma once

// Implicit-feedback matrix factorization by alternating least squares.
//
//   AlsTrainer trainer(pairs, train.last_time(), {.factors = 64});
//   for (int i = 0; i < 15; ++i) trainer.iterate();
//   std::shared_ptr<const AlsModel> model = std::move(trainer).finish();
//
// It minimizes (Hu, Koren & Volinsky, ICDM 2008, eq. 3; unobserved weight and frequency-scaled
// regularization as in iALS: Rendle et al., "Revisiting the Performance of iALS", RecSys 2022)
//
//   sum_observed (1 + alpha v)(1 - x.y)^2 + w0 sum_unobserved (x.y)^2
//     + regularization (sum_u n_u^e |x_u|^2 + sum_i n_i^e |y_i|^2),
//
// v: the pair's weight (pair_weight.h), w0: unobserved_weight, e: regularization_exponent, n: the
// row's observed count + w0 * row length. Each iteration solves all items, then all users, so that
// the users' factors are the solution for the items' final ones.

#include <cstdint>
#include <memory>
#include <string>

#include "penchant/models/model.h"
#include "penchant/models/pair_weight.h"

namespace penchant::models {

enum class AlsSolver : std::uint8_t {
  kConjugateGradient,  // a few warm-started steps in whitened space: fast
  kCholesky,           // exact
};

struct AlsParameters {
  int factors = 64;  // 1 .. 4096
  double regularization = 0.01;
  double alpha = 1.0;
  double unobserved_weight = 1.0;
  double regularization_exponent = 0.0;
  AlsSolver solver = AlsSolver::kConjugateGradient;
  PairWeighting weighting = {};  // of v in the formula above
  int cg_steps = 3;
  std::uint64_t seed = 0;
  int threads = 0;  // 0: all; the result does not depend on it
};

// Throws kInvalidArgument naming the parameter.
void validate(const AlsParameters& parameters);

class AlsModel final : public Model {
 public:
  struct Parts {
    AlsParameters parameters;
    SharedArray<float> user_factors;  // [users, factors]
    SharedArray<float> item_factors;  // [items, factors]
    SharedArray<double> item_gram;    // [factors, factors], Y^T Y in the serving order
    std::size_t users = 0;
    std::size_t items = 0;
  };
  explicit AlsModel(Parts parts);

  [[nodiscard]] std::string_view kind() const override { return "als"; }
  [[nodiscard]] std::size_t num_items() const override { return parts_.items; }
  [[nodiscard]] bool can_score(const Query& query) const override;
  void score_all(const Query& query, std::span<float> scores) const override;
  [[nodiscard]] ItemIndex because(const Query& query, ItemIndex item) const override;
  [[nodiscard]] MatrixView<const float> item_vectors() const override;
  [[nodiscard]] MatrixView<const float> user_vectors() const;
  [[nodiscard]] bool inner_products() const override { return true; }
  void query_vector(const Query& query, std::span<float> vector) const override;
  [[nodiscard]] bool similar(ItemIndex item, std::span<float> scores) const override;
  void save(bundle::Writer& writer, const std::string& prefix) const override;
  [[nodiscard]] static std::shared_ptr<const Model> load(
      const std::shared_ptr<const bundle::Reader>& reader, const std::string& prefix,
      std::size_t num_users, std::size_t num_items);

  // The exact solution of the user's normal equations for a history, in double precision and a
  // defined order; vector.size() == factors. O(n f^2 + f^3/3).
  void fold_in(const data::History& history, Timestamp as_of, std::span<float> vector) const;

  [[nodiscard]] const AlsParameters& parameters() const { return parts_.parameters; }
  [[nodiscard]] const std::shared_ptr<const void>& user_owner() const {
    return parts_.user_factors.owner();
  }
  [[nodiscard]] const std::shared_ptr<const void>& item_owner() const {
    return parts_.item_factors.owner();
  }

 private:
  Parts parts_;
  std::vector<float> inverse_norms_;  // of item vectors; 0 for a zero vector
};

class AlsTrainer {
 public:
  // `as_of` is the moment that recency is counted from: the end of the training data. Factors start
  // as normal numbers of variance 1 / factors keyed by (seed, row, column).
  AlsTrainer(const data::Interactions& interactions, Timestamp as_of, AlsParameters parameters);
  ~AlsTrainer();
  AlsTrainer(AlsTrainer&&) noexcept;

  void iterate();                     // one pass over items and users
  [[nodiscard]] double loss() const;  // the objective above, exactly, in double precision
  [[nodiscard]] std::shared_ptr<const AlsModel> finish() &&;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The objective of a fitted model on interactions of the same shape.
[[nodiscard]] double als_loss(const AlsModel& model, const data::Interactions& interactions,
                              Timestamp as_of, int threads);

}  // namespace penchant::models
