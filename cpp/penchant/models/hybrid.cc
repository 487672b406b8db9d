#include "penchant/models/hybrid.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/models/model_meta.h"

namespace penchant::models {
namespace {

constexpr int kSteps = 60;              // of conjugate gradient, at most
constexpr double kTolerance = 1e-6;     // of the residual's norm, relative
constexpr std::size_t kColumns = 8;     // factors a task solves at once
constexpr std::size_t kUserBlock = 32;  // users a task folds in

void check(const FeatureRows& rows, std::size_t items, const LeanOptions& options) {
  check_argument(rows.offsets.size() == items + 1 && rows.offsets.front() == 0 &&
                     std::is_sorted(rows.offsets.begin(), rows.offsets.end()) &&
                     rows.offsets.back() == static_cast<std::int64_t>(rows.features.size()) &&
                     rows.features.size() == rows.values.size(),
                 "Hybrid: offsets, features and values don't belong together");
  const auto inside = [&](std::int32_t f) { return f >= 0 && std::cmp_less(f, rows.num_features); };
  check_argument(std::all_of(rows.features.begin(), rows.features.end(), inside),
                 "Hybrid: a feature is out of bounds");
  check_argument(options.strength > 0 && std::isfinite(options.strength),
                 "Hybrid: attribute_strength must be positive, not ", options.strength);
  check_argument(options.ridge > 0 && std::isfinite(options.ridge),
                 "Hybrid: attribute_regularization must be positive, not ", options.ridge);
}

// One column of targets against the features, with a constant feature at the end.
class Ridge {
 public:
  Ridge(const FeatureRows& rows, const std::vector<double>& weights, double ridge)
      : rows_(rows), weights_(weights), ridge_(ridge), diagonal_(rows.num_features + 1, ridge) {
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      each(i, [&](std::size_t f, double v) { diagonal_[f] += weights_[i] * v * v; });
    }
  }

  // What is expected of every item, sum_f b_f f_i, for the coefficients that fit `target` best.
  [[nodiscard]] std::vector<double> expected(const std::vector<double>& target) const {
    // Conjugate gradient on (F^T W F + ridge) b = F^T W target, scaled by the diagonal.
    std::vector<double> b(diagonal_.size(), 0.0);
    std::vector<double> residual = transposed(target);
    std::vector<double> z = scaled(residual);
    std::vector<double> direction = z;
    double rz = inner(residual, z);
    const double enough = kTolerance * kTolerance * rz;
    for (int step = 0; step < kSteps && rz > enough && rz > 0; ++step) {
      std::vector<double> image = transposed(applied(direction));
      for (std::size_t f = 0; f < image.size(); ++f) image[f] += ridge_ * direction[f];
      const double alpha = rz / inner(direction, image);
      for (std::size_t f = 0; f < b.size(); ++f) {
        b[f] += alpha * direction[f];
        residual[f] -= alpha * image[f];
      }
      z = scaled(residual);
      const double next = inner(residual, z);
      for (std::size_t f = 0; f < b.size(); ++f) direction[f] = z[f] + next / rz * direction[f];
      rz = next;
    }
    return applied(b);
  }

 private:
  template <class Body>
  void each(std::size_t item, const Body& body) const {
    for (std::int64_t k = rows_.offsets[item]; k < rows_.offsets[item + 1]; ++k) {
      const auto at = static_cast<std::size_t>(k);
      body(static_cast<std::size_t>(rows_.features[at]), static_cast<double>(rows_.values[at]));
    }
    body(rows_.num_features, 1.0);
  }
  [[nodiscard]] std::vector<double> applied(const std::vector<double>& b) const {
    std::vector<double> out(weights_.size(), 0.0);
    for (std::size_t i = 0; i < out.size(); ++i) {
      each(i, [&](std::size_t f, double v) { out[i] += v * b[f]; });
    }
    return out;
  }
  [[nodiscard]] std::vector<double> transposed(const std::vector<double>& of_items) const {
    std::vector<double> out(diagonal_.size(), 0.0);
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      const double scaled = weights_[i] * of_items[i];
      if (scaled != 0) each(i, [&](std::size_t f, double v) { out[f] += v * scaled; });
    }
    return out;
  }
  [[nodiscard]] std::vector<double> scaled(const std::vector<double>& residual) const {
    std::vector<double> out(residual);
    for (std::size_t f = 0; f < out.size(); ++f) out[f] /= diagonal_[f];
    return out;
  }
  [[nodiscard]] static double inner(const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (std::size_t f = 0; f < a.size(); ++f) sum += a[f] * b[f];
    return sum;
  }

  const FeatureRows& rows_;
  const std::vector<double>& weights_;
  double ridge_;
  std::vector<double> diagonal_;
};

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
  const Ridge ridge(rows, weights, options.ridge);
  std::vector<float> out(own.data, own.data + own.rows * own.columns);
  parallel_blocks(own.columns, kColumns, options.threads, [&](const Block& block) {
    std::vector<double> column(own.rows);
    for (std::size_t j = block.begin; j < block.end; ++j) {
      for (std::size_t i = 0; i < own.rows; ++i) column[i] = static_cast<double>(own.row(i)[j]);
      const std::vector<double> expected = ridge.expected(column);
      for (std::size_t i = 0; i < own.rows; ++i) {
        if (rows.offsets[i] == rows.offsets[i + 1]) continue;  // nothing is known of it
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
  check(features, own.rows, options);
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

void HybridModel::save(bundle::Writer& writer, const std::string& prefix) const {
  save_meta(writer, prefix, {{"kind", kind()}});
  factors_->save(writer, prefix + "/als");
}

std::shared_ptr<const Model> HybridModel::load(const std::shared_ptr<const bundle::Reader>& reader,
                                               const std::string& prefix, std::size_t num_users,
                                               std::size_t num_items) {
  const Meta inner(*reader, prefix + "/als");
  inner.require(inner.text("kind") == "als", "kind");
  auto factors = std::dynamic_pointer_cast<const AlsModel>(
      AlsModel::load(reader, prefix + "/als", num_users, num_items));
  return std::make_shared<const HybridModel>(std::move(factors));
}

}  // namespace penchant::models
