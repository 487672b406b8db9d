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
// where x.y stands for x.y + a_u + b_i when biases are asked for (each regularized as its vector),
// v: the pair's weight (pair_weight.h), w0: unobserved_weight, e: regularization_exponent, n: the
// row's observed count + w0 * row length. Each iteration solves all items, then all users, so that
// the users' factors are the solution for the items' final ones.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "penchant/models/item_cosine.h"
#include "penchant/models/model.h"
#include "penchant/models/pair_weight.h"

namespace penchant::models {

enum class AlsSolver : std::uint8_t {
  kConjugateGradient,  // a few warm-started steps in whitened space: fast
  kCholesky,           // exact
  kSubspace,           // exact in blocks of unknowns, one sweep (iALS++)
};

struct AlsParameters {
  int factors = 64;  // 1 .. 4096
  double regularization = 0.01;
  double alpha = 1.0;
  double unobserved_weight = 1.0;
  double regularization_exponent = 0.0;
  AlsSolver solver = AlsSolver::kConjugateGradient;
  PairWeighting weighting = {};  // of v in the formula above
  bool user_bias = false;
  bool item_bias = false;
  int cg_steps = 2;        // of kConjugateGradient, a row and iteration
  int block_factors = 64;  // of kSubspace: unknowns solved together
  std::uint64_t seed = 0;
  int threads = 0;  // 0: all; the result does not depend on it
};

// Throws kInvalidArgument naming the parameter.
void validate(const AlsParameters& parameters);

[[nodiscard]] AlsSolver parse_als_solver(std::string_view name);  // "cg", "cholesky", "subspace"

// Columns of a model's factors: the factors, then (1 | b_i) with item_bias, (a_u | 1) with
// user_bias, so that a score is one inner product of (user | item) rows.
[[nodiscard]] std::size_t als_width(const AlsParameters& parameters);

class AlsModel final : public Model {
 public:
  struct Parts {
    AlsParameters parameters;
    SharedArray<float> user_factors;  // [users, width]
    SharedArray<float> item_factors;  // [items, width]
    SharedArray<double> item_gram;    // [width, width], Y^T Y in the serving order
    std::size_t users = 0;
    std::size_t items = 0;
  };
  explicit AlsModel(Parts parts);

  // Parts around factors [users, width] and [items, width], with the items' Gram matrix in the
  // serving order.
  template <class Floats>
  [[nodiscard]] static Parts parts_of(const AlsParameters& parameters, Floats user_factors,
                                      std::size_t users, Floats item_factors, std::size_t items) {
    Parts parts;
    parts.parameters = parameters;
    parts.users = users;
    parts.items = items;
    parts.user_factors = SharedArray<float>::own(std::move(user_factors));
    parts.item_factors = SharedArray<float>::own(std::move(item_factors));
    parts.item_gram = gram_of(parts);
    return parts;
  }

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
  // defined order; vector.size() == als_width. O(n f^2 + f^3/3).
  void fold_in(const data::History& history, Timestamp as_of, std::span<float> vector) const;

  [[nodiscard]] const AlsParameters& parameters() const { return parts_.parameters; }
  [[nodiscard]] const std::shared_ptr<const void>& user_owner() const {
    return parts_.user_factors.owner();
  }
  [[nodiscard]] const std::shared_ptr<const void>& item_owner() const {
    return parts_.item_factors.owner();
  }

 private:
  [[nodiscard]] static SharedArray<double> gram_of(const Parts& parts);

  Parts parts_;
  ItemCosine cosine_;
};

class AlsTrainer {
 public:
  // `as_of` is the moment that recency is counted from: the end of the training data. Users start
  // as sums of normal numbers keyed by (seed, item, column). With cg_steps 0 the mean ratio of
  // observed to unobserved weight decides: one step up to 20, two up to 100, three beyond.
  AlsTrainer(const data::Interactions& interactions, Timestamp as_of, AlsParameters parameters);
  ~AlsTrainer();
  AlsTrainer(AlsTrainer&&) noexcept;

  void iterate();                     // one pass over items and users
  [[nodiscard]] double loss() const;  // the objective above, exactly, in double precision
  [[nodiscard]] std::shared_ptr<const AlsModel> snapshot() const;  // the model as it stands
  [[nodiscard]] std::shared_ptr<const AlsModel> finish() &&;

  // Starts from a fitted model instead: row i of users (items) takes row user_rows[i] of it, -1:
  // someone new. New items start near zero, then all users are solved once against the items.
  void continue_from(const AlsModel& model, std::span<const std::int32_t> user_rows,
                     std::span<const std::int32_t> item_rows);

  // All that changes from iteration to iteration, [rows, stride], and how many were done: written
  // down and put back, the next iteration gives the same bits.
  [[nodiscard]] MatrixView<float> user_state();
  [[nodiscard]] MatrixView<float> item_state();
  void set_iteration(int done);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The objective of a fitted model on interactions of the same shape.
[[nodiscard]] double als_loss(const AlsModel& model, const data::Interactions& interactions,
                              Timestamp as_of, int threads);

}  // namespace penchant::models
