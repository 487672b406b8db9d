// The serving half of pairwise.h: every sum here has one defined order.

#include <algorithm>
#include <cmath>

#include "penchant/base/kernels.h"
#include "penchant/models/model_meta.h"
#include "penchant/models/pairwise.h"

namespace penchant::models {
namespace {

constexpr std::string_view kKinds[] = {"bpr", "warp"};

}  // namespace

PairwiseModel::PairwiseModel(Parts parts)
    : parts_(std::move(parts)),
      cosine_(item_vectors(), static_cast<std::size_t>(parts_.parameters.factors)) {}

std::string_view PairwiseModel::kind() const {
  return kKinds[static_cast<std::size_t>(parts_.parameters.loss)];
}

MatrixView<const float> PairwiseModel::item_vectors() const {
  return {parts_.item_factors.data(), parts_.items,
          static_cast<std::size_t>(parts_.parameters.factors) + 1};
}

MatrixView<const float> PairwiseModel::user_vectors() const {
  return {parts_.user_factors.data(), parts_.users,
          static_cast<std::size_t>(parts_.parameters.factors) + 1};
}

bool PairwiseModel::can_score(const Query& query) const {
  if (!query.history.empty()) return true;
  return query.user.known() && static_cast<std::size_t>(query.user.value) < parts_.users;
}

void PairwiseModel::score_all(const Query& query, std::span<float> scores) const {
  const bool stored = query.user.known() && !query.history_is_fresh &&
                      static_cast<std::size_t>(query.user.value) < parts_.users;
  if (stored) {
    dot_rows(item_vectors(), user_vectors().row(static_cast<std::size_t>(query.user.value)),
             scores);
    return;
  }
  std::vector<float> vector(item_vectors().columns);
  fold_in(query.history, vector);
  dot_rows(item_vectors(), vector, scores);
}

void PairwiseModel::fold_in(const data::History& history, std::span<float> vector) const {
  const auto f = static_cast<std::size_t>(parts_.parameters.factors);
  std::vector<double> mean(f, 0.0);
  for (const ItemIndex item : history.items) {
    const auto y = item_vectors().row(static_cast<std::size_t>(item.value));
    for (std::size_t j = 0; j < f; ++j) mean[j] += static_cast<double>(y[j]);
  }
  const double scale = 1 / std::sqrt(static_cast<double>(std::max<std::size_t>(1, history.size())));
  std::vector<double> x(f, 0.0);
  for (std::size_t i = 0; i < f; ++i) {
    const double weight = scale * mean[i];
    const double* row = parts_.fold_map.data() + i * f;
    for (std::size_t j = 0; j < f; ++j) x[j] += weight * row[j];
  }
  std::transform(x.begin(), x.end(), vector.begin(),
                 [](double v) { return static_cast<float>(v); });
  vector[f] = 1.0F;
}

ItemIndex PairwiseModel::because(const Query& query, ItemIndex item) const {
  return cosine_.nearest(query.history, item);
}

bool PairwiseModel::similar(ItemIndex item, std::span<float> scores) const {
  cosine_.similar(item, scores);
  return true;
}

void PairwiseModel::save(bundle::Writer& writer, const std::string& prefix) const {
  const PairwiseParameters& p = parts_.parameters;
  save_meta(writer, prefix,
            {{"kind", kind()},
             {"factors", p.factors},
             {"learning_rate", p.learning_rate},
             {"regularization", p.regularization},
             {"max_trials", p.max_trials},
             {"seed", p.seed}});
  const auto f = static_cast<std::size_t>(p.factors);
  writer.add(prefix + "/user_factors", user_vectors());
  writer.add(prefix + "/item_factors", item_vectors());
  writer.add(prefix + "/fold_map", MatrixView<const double>{parts_.fold_map.data(), f, f});
}

std::shared_ptr<const Model> PairwiseModel::load(
    const std::shared_ptr<const bundle::Reader>& reader, const std::string& prefix,
    std::size_t num_users, std::size_t num_items) {
  const Meta meta(*reader, prefix);
  Parts parts;
  PairwiseParameters& p = parts.parameters;
  p.loss = meta.text("kind") == "bpr" ? PairwiseLoss::kBpr : PairwiseLoss::kWarp;
  p.factors = meta.integer<int>("factors", 1, 4096);
  p.learning_rate = meta.number("learning_rate");
  p.regularization = meta.number("regularization");
  p.max_trials = meta.integer<int>("max_trials", 1, 100'000);
  p.seed = meta.unsigned_integer("seed");
  meta.require_valid([&] { validate(p); });
  const auto f = static_cast<std::size_t>(p.factors);
  parts.users = num_users;
  parts.items = num_items;
  parts.user_factors = meta.matrix<float>("user_factors", num_users, f + 1);
  parts.item_factors = meta.matrix<float>("item_factors", num_items, f + 1);
  parts.fold_map = meta.matrix<double>("fold_map", f, f);
  return std::make_shared<const PairwiseModel>(std::move(parts));
}

}  // namespace penchant::models
