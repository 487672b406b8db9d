// The objective of als.h over every pair, in double precision.

#include <algorithm>

#include <cblas.h>

#include "penchant/base/parallel.h"
#include "penchant/models/als.h"
#include "penchant/models/als_half.h"
#include "penchant/models/als_kernels.h"

namespace penchant::models {
namespace {

constexpr std::size_t kChunk = 512;  // rows of a Gram product at a time

// Lower triangle of X^T X. Users and items may have any widths in memory, both are [rows, f].
std::vector<double> gram_of(MatrixView<const float> factors) {
  const std::size_t f = factors.columns;
  std::vector<double> total(f * f, 0.0);
  std::vector<double> chunk(kChunk * f);
  for (std::size_t i = 0; i < factors.rows; i += kChunk) {
    const std::size_t count = std::min(kChunk, factors.rows - i);
    std::copy_n(factors.row(i).data(), count * f, chunk.data());
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, static_cast<int>(f), static_cast<int>(count),
                1.0, chunk.data(), static_cast<int>(f), 1.0, total.data(), static_cast<int>(f));
  }
  return total;
}

}  // namespace

double als_objective(const AlsParameters& p, const Csr& confidence, MatrixView<const float> users,
                     MatrixView<const float> items) {
  const std::size_t f = users.columns;
  const auto core = static_cast<std::size_t>(p.factors);
  const std::vector<double> gx = gram_of(users);
  const std::vector<double> gy = gram_of(items);
  double loss = 0;
  // The sum over all pairs of (x.y)^2 is the inner product of the two Gram matrices.
  for (std::size_t i = 0; i < f; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      loss += (i == j ? 1 : 2) * p.unobserved_weight * gx[i * f + j] * gy[i * f + j];
    }
  }
  // Regularized are the factors and a side's own bias, not the ones beside the other's.
  const std::size_t own_user = core + (p.item_bias ? 1 : 0);
  const auto square = [&](std::span<const float> v, bool biased, std::size_t own) {
    const double bias = biased ? static_cast<double>(v[own]) : 0.0;
    return precise_dot(v.data(), v.data(), core) + bias * bias;
  };
  std::vector<std::size_t> item_counts(items.rows, 0);
  for (const std::int32_t item : confidence.index) ++item_counts[static_cast<std::size_t>(item)];
  for (std::size_t i = 0; i < items.rows; ++i) {
    loss += als_row_regularization(p, item_counts[i], users.rows) *
            square(items.row(i), p.item_bias, core);
  }
  loss += parallel_sum(confidence.rows(), 256, p.threads, [&](const Block& block) {
    double sum = 0;
    for (std::size_t u = block.begin; u < block.end; ++u) {
      const auto columns = confidence.row_index(u);
      const auto weights = confidence.row_value(u);
      const auto x = users.row(u);
      sum +=
          als_row_regularization(p, columns.size(), items.rows) * square(x, p.user_bias, own_user);
      for (std::size_t k = 0; k < columns.size(); ++k) {
        const double s =
            precise_dot(x.data(), items.row(static_cast<std::size_t>(columns[k])).data(), f);
        const double c = weights[k];
        sum += c * (1 - s) * (1 - s) - p.unobserved_weight * s * s;
      }
    }
    return sum;
  });
  return loss;
}

double als_loss(const AlsModel& model, const data::Interactions& interactions, Timestamp as_of,
                int threads) {
  AlsParameters p = model.parameters();
  p.threads = threads;
  const auto users = model.user_vectors();
  const auto items = model.item_vectors();
  check_argument(users.rows == interactions.num_users() && items.rows == interactions.num_items(),
                 "ALS loss: the model has ", users.rows, " subjects and ", items.rows,
                 " items, the data ", interactions.num_users(), " and ", interactions.num_items());
  return als_objective(p, csr_of(interactions, als_confidences(p, interactions, as_of)), users,
                       items);
}

}  // namespace penchant::models
