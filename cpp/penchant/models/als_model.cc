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

constexpr std::string_view kSolverNames[] = {"cg", "cholesky", "subspace"};

template <std::size_t N>
std::size_t position(const std::string_view (&names)[N], std::string_view name) {
  return static_cast<std::size_t>(std::find(names, names + N, name) - names);
}

// The unknown j of a x = b becomes a one that is known: its column goes to the right-hand side.
// Only the lower triangle of `a` counts.
void hold_at_one(std::span<double> a, std::span<double> b, std::size_t j) {
  const std::size_t n = b.size();
  for (std::size_t i = 0; i < n; ++i) {
    double& entry = i < j ? a[j * n + i] : a[i * n + j];
    if (i != j) b[i] -= entry;
    entry = i == j ? 1.0 : 0.0;
  }
  b[j] = 1.0;
}

}  // namespace

AlsSolver parse_als_solver(std::string_view name) {
  if (name == "ialspp") name = "subspace";  // as its paper and other packages call it
  const std::size_t at = position(kSolverNames, name);
  check_argument(at < std::size(kSolverNames),
                 "ALS: solver must be 'cg', 'cholesky' or 'subspace', not '", name, "'");
  return static_cast<AlsSolver>(at);
}

std::size_t als_width(const AlsParameters& parameters) {
  return static_cast<std::size_t>(parameters.factors) + (parameters.item_bias ? 1 : 0) +
         (parameters.user_bias ? 1 : 0);
}

AlsModel::AlsModel(Parts parts)
    : parts_(std::move(parts)),
      cosine_(item_vectors(), static_cast<std::size_t>(parts_.parameters.factors)) {}

SharedArray<double> AlsModel::gram_of(const Parts& parts) {
  const std::size_t width = als_width(parts.parameters);
  std::vector<double> square(width * width, 0.0);
  for (std::size_t i = 0; i < parts.items; ++i) {
    rank_one_update(square, width, 1.0, parts.item_factors.span().subspan(i * width, width));
  }
  for (std::size_t i = 0; i < width; ++i) {
    for (std::size_t j = i + 1; j < width; ++j) square[i * width + j] = square[j * width + i];
  }
  return SharedArray<double>::own(std::move(square));
}

MatrixView<const float> AlsModel::item_vectors() const {
  return {parts_.item_factors.data(), parts_.items, als_width(parts_.parameters)};
}

MatrixView<const float> AlsModel::user_vectors() const {
  return {parts_.user_factors.data(), parts_.users, als_width(parts_.parameters)};
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
  std::vector<float> vector(als_width(parts_.parameters));
  query_vector(query, vector);
  dot_rows(item_vectors(), vector, scores);
}

void AlsModel::fold_in(const data::History& history, Timestamp as_of,
                       std::span<float> vector) const {
  const AlsParameters& p = parts_.parameters;
  const std::size_t f = als_width(p);
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
  if (p.item_bias) hold_at_one(a, b, static_cast<std::size_t>(p.factors));
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
  return cosine_.nearest(query.history, item);
}

bool AlsModel::similar(ItemIndex item, std::span<float> scores) const {
  cosine_.similar(item, scores);
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
             {"user_bias", p.user_bias},
             {"item_bias", p.item_bias},
             {"cg_steps", p.cg_steps},
             {"block_factors", p.block_factors},
             {"seed", p.seed}});
  const std::size_t f = als_width(p);
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
  // Members that the first bundles did not have.
  if (meta.has("user_bias")) p.user_bias = meta.flag("user_bias");
  if (meta.has("item_bias")) p.item_bias = meta.flag("item_bias");
  if (meta.has("block_factors")) p.block_factors = meta.integer<int>("block_factors", 1, 4096);
  p.seed = meta.unsigned_integer("seed");
  meta.require(p.solver <= AlsSolver::kSubspace, "solver");
  meta.require_valid([&] { validate(p); });
  const std::size_t f = als_width(p);
  parts.users = num_users;
  parts.items = num_items;
  parts.user_factors = meta.matrix<float>("user_factors", num_users, f);
  parts.item_factors = meta.matrix<float>("item_factors", num_items, f);
  parts.item_gram = meta.matrix<double>("item_gram", f, f);
  return std::make_shared<const AlsModel>(std::move(parts));
}

}  // namespace penchant::models
