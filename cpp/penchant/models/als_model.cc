// The serving half of als.h: every sum here has one defined order.

#include <algorithm>
#include <cmath>

#include "penchant/base/kernels.h"
#include "penchant/base/portable_math.h"
#include "penchant/models/als.h"
#include "penchant/models/model_meta.h"
#include "penchant/models/small_linalg.h"

namespace penchant::models {
namespace {

constexpr std::string_view kSolverNames[] = {"cg", "cholesky"};

template <std::size_t N>
std::size_t position(const std::string_view (&names)[N], std::string_view name) {
  return static_cast<std::size_t>(std::find(names, names + N, name) - names);
}

}  // namespace

AlsModel::AlsModel(Parts parts) : parts_(std::move(parts)) {
  const MatrixView<const float> vectors = item_vectors();
  inverse_norms_.resize(vectors.rows);
  for (std::size_t i = 0; i < vectors.rows; ++i) {
    const float square = dot(vectors.row(i), vectors.row(i));
    inverse_norms_[i] = square > 0 ? 1.0F / std::sqrt(square) : 0.0F;
  }
}

MatrixView<const float> AlsModel::item_vectors() const {
  return {parts_.item_factors.data(), parts_.items,
          static_cast<std::size_t>(parts_.parameters.factors)};
}

MatrixView<const float> AlsModel::user_vectors() const {
  return {parts_.user_factors.data(), parts_.users,
          static_cast<std::size_t>(parts_.parameters.factors)};
}

bool AlsModel::can_score(const Query& query) const {
  if (!query.history.empty()) return true;
  return query.user.known() && static_cast<std::size_t>(query.user.value) < parts_.users;
}

void AlsModel::query_vector(const Query& query, std::span<float> vector) const {
  const bool stored = query.user.known() && !query.history_is_fresh &&
                      static_cast<std::size_t>(query.user.value) < parts_.users;
  if (stored) {
    std::ranges::copy(user_vectors().row(static_cast<std::size_t>(query.user.value)),
                      vector.begin());
  } else {
    fold_in(query.history, query.as_of, vector);
  }
}

void AlsModel::score_all(const Query& query, std::span<float> scores) const {
  std::vector<float> vector(static_cast<std::size_t>(parts_.parameters.factors));
  query_vector(query, vector);
  dot_rows(item_vectors(), vector, scores);
}

void AlsModel::fold_in(const data::History& history, Timestamp as_of,
                       std::span<float> vector) const {
  const AlsParameters& p = parts_.parameters;
  const auto f = static_cast<std::size_t>(p.factors);
  const double n =
      static_cast<double>(history.size()) + p.unobserved_weight * static_cast<double>(parts_.items);
  const double lambda = p.regularization * portable_pow(n, p.regularization_exponent);
  std::vector<double> a(f * f);
  std::vector<double> b(f, 0.0);
  for (std::size_t j = 0; j < f * f; ++j) a[j] = p.unobserved_weight * parts_.item_gram[j];
  for (std::size_t j = 0; j < f; ++j) a[j * f + j] += lambda;
  for (std::size_t k = 0; k < history.size(); ++k) {
    const auto y = item_vectors().row(static_cast<std::size_t>(history.items[k].value));
    const float weight = pair_weight(p.weighting, history.values[k], history.last[k], as_of);
    const double confidence = 1 + p.alpha * static_cast<double>(weight);
    rank_one_update(a, f, confidence - p.unobserved_weight, y);
    for (std::size_t j = 0; j < f; ++j) b[j] += confidence * static_cast<double>(y[j]);
  }
  // Positive definite by construction (lambda > 0) unless a bundle lies; then nothing is known.
  if (cholesky_in_place(a, f)) {
    cholesky_solve(a, f, b);
  } else {
    std::fill(b.begin(), b.end(), 0.0);
  }
  std::transform(b.begin(), b.end(), vector.begin(),
                 [](double v) { return static_cast<float>(v); });
}

ItemIndex AlsModel::because(const Query& query, ItemIndex item) const {
  const auto vectors = item_vectors();
  const auto wanted = vectors.row(static_cast<std::size_t>(item.value));
  ItemIndex best;
  float best_similarity = 0;
  for (const ItemIndex known : query.history.items) {
    if (known == item) continue;
    const auto k = static_cast<std::size_t>(known.value);
    const float similarity = dot(vectors.row(k), wanted) * inverse_norms_[k];
    if (similarity > best_similarity) {
      best_similarity = similarity;
      best = known;
    }
  }
  return best;
}

bool AlsModel::similar(ItemIndex item, std::span<float> scores) const {
  const auto vectors = item_vectors();
  const auto i = static_cast<std::size_t>(item.value);
  dot_rows(vectors, vectors.row(i), scores);
  for (std::size_t j = 0; j < scores.size(); ++j) {
    const float cosine = scores[j] * inverse_norms_[j];
    scores[j] = cosine * inverse_norms_[i];
  }
  return true;
}

void AlsModel::save(bundle::Writer& writer, const std::string& prefix) const {
  const AlsParameters& p = parts_.parameters;
  save_meta(writer, prefix,
            {{"kind", kind()},
             {"factors", p.factors},
             {"regularization", p.regularization},
             {"alpha", p.alpha},
             {"unobserved_weight", p.unobserved_weight},
             {"regularization_exponent", p.regularization_exponent},
             {"solver", kSolverNames[static_cast<std::size_t>(p.solver)]},
             {"weighting", p.weighting},
             {"cg_steps", p.cg_steps},
             {"seed", p.seed}});
  const auto f = static_cast<std::size_t>(p.factors);
  writer.add(prefix + "/user_factors", user_vectors());
  writer.add(prefix + "/item_factors", item_vectors());
  writer.add(prefix + "/item_gram", MatrixView<const double>{parts_.item_gram.data(), f, f});
}

std::shared_ptr<const Model> AlsModel::load(const std::shared_ptr<const bundle::Reader>& reader,
                                            const std::string& prefix, std::size_t num_users,
                                            std::size_t num_items) {
  const Meta meta(*reader, prefix);
  Parts parts;
  AlsParameters& p = parts.parameters;
  p.factors = meta.integer<int>("factors", 1, 4096);
  p.regularization = meta.number("regularization");
  p.alpha = meta.number("alpha");
  p.unobserved_weight = meta.number("unobserved_weight");
  p.regularization_exponent = meta.number("regularization_exponent");
  p.solver = static_cast<AlsSolver>(position(kSolverNames, meta.text("solver")));
  p.weighting = meta.weighting("weighting");
  p.cg_steps = meta.integer<int>("cg_steps", 1, 1000);
  p.seed = meta.unsigned_integer("seed");
  meta.require(p.solver <= AlsSolver::kCholesky, "solver");
  meta.require_valid([&] { validate(p); });
  const auto f = static_cast<std::size_t>(p.factors);
  parts.users = num_users;
  parts.items = num_items;
  parts.user_factors = meta.matrix<float>("user_factors", num_users, f);
  parts.item_factors = meta.matrix<float>("item_factors", num_items, f);
  parts.item_gram = meta.matrix<double>("item_gram", f, f);
  return std::make_shared<const AlsModel>(std::move(parts));
}

}  // namespace penchant::models
