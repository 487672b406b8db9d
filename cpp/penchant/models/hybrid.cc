#include "penchant/models/hybrid.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "penchant/base/error.h"
#include "penchant/base/kernels.h"
#include "penchant/base/parallel.h"
#include "penchant/models/model_meta.h"

namespace penchant::models {
namespace {

constexpr std::size_t kColumns = 8;     // factors a task solves at once
constexpr std::size_t kUserBlock = 32;  // users a task folds in

void check(const LeanOptions& options) {
  check_argument(options.strength > 0 && std::isfinite(options.strength),
                 "Hybrid: attribute_strength must be positive, not ", options.strength);
  check_argument(options.ridge > 0 && std::isfinite(options.ridge),
                 "Hybrid: attribute_regularization must be positive, not ", options.ridge);
}

void check(const FeatureRows& rows, std::size_t items) {
  check_argument(rows.offsets.size() == items + 1 && rows.offsets.front() == 0 &&
                     std::is_sorted(rows.offsets.begin(), rows.offsets.end()) &&
                     rows.offsets.back() == static_cast<std::int64_t>(rows.features.size()) &&
                     rows.features.size() == rows.values.size(),
                 "Hybrid: offsets, features and values don't belong together");
  const auto inside = [&](std::int32_t f) { return f >= 0 && std::cmp_less(f, rows.num_features); };
  check_argument(std::all_of(rows.features.begin(), rows.features.end(), inside),
                 "Hybrid: a feature is out of bounds");
}

std::vector<double> counts_of(const data::Interactions& pairs) {
  std::vector<double> out(pairs.num_items(), 0.0);
  for (const ItemIndex item : pairs.items()) out[static_cast<std::size_t>(item.value)] += 1;
  return out;
}

// Item vectors drawn towards what their features make one expect, [items, width].
std::vector<float> leaning(MatrixView<const float> own, const std::vector<double>& counts,
                           const FeatureRows& rows, const LeanOptions& options) {
  std::vector<double> weights(counts);
  for (double& n : weights) n /= n + options.strength;
  const AttributeRidge ridge(rows, weights, options.ridge);
  std::vector<float> out(own.data, own.data + own.rows * own.columns);
  parallel_blocks(own.columns, kColumns, options.threads, [&](const Block& block) {
    std::vector<double> column(own.rows);
    for (std::size_t j = block.begin; j < block.end; ++j) {
      for (std::size_t i = 0; i < own.rows; ++i) column[i] = static_cast<double>(own.row(i)[j]);
      const std::vector<double> expected = ridge.applied(ridge.coefficients(column));
      for (std::size_t i = 0; i < own.rows; ++i) {
        if (rows.empty(i)) continue;  // nothing is known of it
        const double leaned = weights[i] * column[i] + (1 - weights[i]) * expected[i];
        out[i * own.columns + j] = static_cast<float>(leaned);
      }
    }
  });
  return out;
}

}  // namespace

std::shared_ptr<const AlsModel> lean_on_attributes(const AlsModel& als,
                                                   const data::Interactions& pairs, Timestamp as_of,
                                                   const FeatureRows& features,
                                                   const LeanOptions& options) {
  const MatrixView<const float> own = als.item_vectors();
  check(features, own.rows);
  check(options);
  check_argument(pairs.num_items() == own.rows && pairs.num_users() == als.user_vectors().rows,
                 "Hybrid: the model is of other data");
  std::vector<float> items = leaning(own, counts_of(pairs), features, options);
  const AlsModel half(AlsModel::parts_of(als.parameters(), {}, 0, std::move(items), own.rows));
  const std::size_t width = own.columns;
  std::vector<float> users(pairs.num_users() * width, 0.0F);
  parallel_blocks(pairs.num_users(), kUserBlock, options.threads, [&](const Block& block) {
    for (std::size_t u = block.begin; u < block.end; ++u) {
      const data::History history = pairs.history(UserIndex(static_cast<std::int32_t>(u)));
      if (!history.empty()) half.fold_in(history, as_of, {users.data() + u * width, width});
    }
  });
  const auto view = half.item_vectors();
  return std::make_shared<const AlsModel>(AlsModel::parts_of(
      als.parameters(), std::move(users), pairs.num_users(),
      std::vector<float>(view.data, view.data + view.rows * view.columns), view.rows));
}

std::shared_ptr<const HybridModel> lean_people(const AlsModel& als, const data::Interactions& pairs,
                                               const data::AttributeTable& table,
                                               FeatureRecipe recipe, const LeanOptions& options) {
  check(options);
  const MatrixView<const float> own = als.user_vectors();
  check_argument(pairs.num_users() == own.rows && table.rows() == own.rows,
                 "Hybrid: the model is of other people");
  auto people = std::make_shared<const PersonExpectation>(
      PersonExpectation::learn(own, pairs, table, std::move(recipe), options));
  std::vector<float> users(own.data, own.data + own.rows * own.columns);
  parallel_blocks(own.rows, kUserBlock, options.threads, [&](const Block& block) {
    data::Attributes attributes;
    for (std::size_t u = block.begin; u < block.end; ++u) {
      const UserIndex user(static_cast<std::int32_t>(u));
      attributes.clear();
      table.read(user, attributes);
      people->lean(attributes, pairs.history(user).size(),
                   {users.data() + u * own.columns, own.columns});
    }
  });
  const auto items = als.item_vectors();
  auto leaned = std::make_shared<const AlsModel>(AlsModel::parts_of(
      als.parameters(), std::move(users), own.rows,
      std::vector<float>(items.data, items.data + items.rows * items.columns), items.rows));
  return std::make_shared<const HybridModel>(std::move(leaned), std::move(people));
}

Evidence HybridModel::evidence(const Query& query) const {
  if (!query.history.empty()) return Evidence::kHistory;
  const bool known =
      people_ != nullptr && query.attributes != nullptr && people_->knows(*query.attributes);
  return known ? Evidence::kAttributes : Evidence::kNothing;
}

void HybridModel::score_all(const Query& query, std::span<float> scores) const {
  std::vector<float> vector(factors_->item_vectors().columns);
  query_vector(query, vector);
  dot_rows(factors_->item_vectors(), vector, scores);
}

void HybridModel::query_vector(const Query& query, std::span<float> vector) const {
  const auto stored = factors_->user_vectors();
  const bool as_trained = query.user.known() && !query.history_is_fresh &&
                          !query.attributes_are_fresh &&
                          std::cmp_less(query.user.value, stored.rows);
  if (as_trained) {
    std::ranges::copy(stored.row(static_cast<std::size_t>(query.user.value)), vector.begin());
    return;
  }
  if (query.history.empty()) {
    std::ranges::fill(vector, 0.0F);
  } else {
    factors_->fold_in(query.history, query.as_of, vector);
  }
  if (people_ != nullptr && query.attributes != nullptr) {
    people_->lean(*query.attributes, query.history.size(), vector);
  }
}

void HybridModel::save(bundle::Writer& writer, const std::string& prefix) const {
  save_meta(writer, prefix, {{"kind", kind()}});
  factors_->save(writer, prefix + "/als");
  if (people_ != nullptr) people_->save(writer, prefix + "/people");
}

std::shared_ptr<const Model> HybridModel::load(const std::shared_ptr<const bundle::Reader>& reader,
                                               const std::string& prefix, std::size_t num_users,
                                               std::size_t num_items) {
  const Meta inner(*reader, prefix + "/als");
  inner.require(inner.text("kind") == "als", "kind");
  auto factors = std::dynamic_pointer_cast<const AlsModel>(
      AlsModel::load(reader, prefix + "/als", num_users, num_items));
  std::shared_ptr<const PersonExpectation> people;
  if (reader->has(prefix + "/people/meta")) {
    people = std::make_shared<const PersonExpectation>(
        PersonExpectation::load(reader, prefix + "/people", factors->item_vectors().columns));
  }
  return std::make_shared<const HybridModel>(std::move(factors), std::move(people));
}

}  // namespace penchant::models
