// The training half of als.h: the loop around als_half.h.

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include <cblas.h>

#include "penchant/base/parallel.h"
#include "penchant/base/random.h"
#include "penchant/models/als.h"
#include "penchant/models/als_balance.h"
#include "penchant/models/als_half.h"
#include "penchant/models/panel_linalg.h"
#include "penchant/models/small_linalg.h"

namespace penchant::models {
namespace {

constexpr std::uint32_t kStreamFactors = 0x414C5301;  // this use of the seed

// Steps a row: the system's condition grows with the ratio of the weights. Up to a few tens a
// second step buys less than another iteration does (benchmarks/README.md).
int chosen_steps(const AlsParameters& p, const Csr& confidence) {
  double sum = 0;
  for (const float c : confidence.value) sum += static_cast<double>(c);
  const double mean = sum / static_cast<double>(std::max<std::size_t>(1, confidence.value.size()));
  const double ratio = mean / p.unobserved_weight;
  return ratio <= 20 ? 1 : ratio <= 100 ? 2 : 3;
}

// Few steps of early iterations end further from the solution than rounded vectors lead astray.
// What goes on for longer is to converge, and converges to the exact solution.
constexpr std::uint32_t kRoundedIterations = 32;
constexpr int kRoundedSteps = 4;

// After 1, 8, 64, ... iterations: they keep the balance nearly by themselves once it is found, and
// finding it takes as long as an iteration does where factors are many.
bool balances_before(std::uint32_t iteration) {
  return std::has_single_bit(iteration) && std::countr_zero(iteration) % 3 == 0;
}

constexpr double kStartNorm = 0.4;  // of a user's first vector, on average

}  // namespace

void validate(const AlsParameters& p) {
  check_argument(p.factors >= 1 && p.factors <= 4096, "ALS: factors must be 1 to 4096, not ",
                 p.factors);
  check_argument(p.regularization > 0 && std::isfinite(p.regularization),
                 "ALS: regularization must be a positive number, not ", p.regularization);
  check_argument(p.alpha >= 0 && std::isfinite(p.alpha), "ALS: alpha must be 0 or more, not ",
                 p.alpha);
  check_argument(p.unobserved_weight > 0 && p.unobserved_weight <= 1,
                 "ALS: unobserved_weight must be in (0, 1], not ", p.unobserved_weight);
  check_argument(p.regularization_exponent >= 0 && p.regularization_exponent <= 2,
                 "ALS: regularization_exponent must be in [0, 2], not ", p.regularization_exponent);
  check_argument(p.cg_steps >= 0 && p.cg_steps <= 1000,
                 "ALS: cg_steps must be 1 to 1000 (0: chosen), not ", p.cg_steps);
  check_argument(p.block_factors >= 1 && p.block_factors <= 4096,
                 "ALS: block_factors must be 1 to 4096, not ", p.block_factors);
}

struct AlsTrainer::Impl {
  AlsParameters p;
  std::size_t f = 0;
  AlsSide users;
  AlsSide items;
  LargeBuffer buffer;
  std::uint32_t iteration = 0;  // done

  void prepare(AlsSide& side, std::size_t row_length, bool has_bias, std::size_t stride) const {
    side.has_bias = has_bias;
    side.factors = Matrix<float>(side.rows(), stride);
    side.regularization.resize(side.rows());
    for (std::size_t i = 0; i < side.rows(); ++i) {
      side.regularization[i] = als_row_regularization(p, side.matrix.row_size(i), row_length);
    }
  }

  // Normal numbers keyed by the row, for the rows that `chosen` names (empty: all).
  void start(AlsSide& side, double scale, std::span<const std::uint8_t> chosen) const {
    const Philox random(p.seed, kStreamFactors);
    parallel_blocks(side.rows(), 256, p.threads, [&](const Block& block) {
      for (std::size_t i = block.begin; i < block.end; ++i) {
        if (!chosen.empty() && chosen[i] == 0) continue;
        const auto row = side.factors.row(i);
        for (std::size_t j = 0; j < f; ++j) {
          row[j] = static_cast<float>(scale * random.normal(i, static_cast<std::uint32_t>(j)));
        }
      }
    });
  }

  // A user starts as the sum of random vectors of their items: the first passes then begin with
  // directions that the data has, and save about three of ten. The size matters as well: larger is
  // better on dense data, smaller on sparse (benchmarks/README.md).
  void start_users() {
    start(items, 1.0, {});
    const double entries = static_cast<double>(std::max<std::size_t>(1, users.matrix.index.size()));
    const double norm =
        std::sqrt(static_cast<double>(f) * entries / static_cast<double>(users.rows()));
    const auto scale = static_cast<float>(kStartNorm / norm);
    parallel_blocks(users.rows(), 256, p.threads, [&](const Block& block) {
      for (std::size_t i = block.begin; i < block.end; ++i) {
        const auto row = users.factors.row(i);
        for (const std::int32_t item : users.matrix.row_index(i)) {
          const auto vector = items.factors.row(static_cast<std::size_t>(item));
          for (std::size_t j = 0; j < f; ++j) row[j] += scale * vector[j];
        }
      }
    });
    std::fill(items.factors.view().flat().begin(), items.factors.view().flat().end(), 0.0F);
  }

  // The factors as a model holds them: see AlsModel::Parts.
  [[nodiscard]] AlignedVector<float> widened(const AlsSide& side, bool users_side) const {
    const std::size_t width = als_width(p);
    AlignedVector<float> out(side.rows() * width);
    for (std::size_t i = 0; i < side.rows(); ++i) {
      const auto row = side.factors.row(i);
      float* at = std::copy_n(row.data(), f, out.data() + i * width);
      if (p.item_bias) *at++ = users_side ? 1.0F : row[f];
      if (p.user_bias) *at++ = users_side ? row[f] : 1.0F;
    }
    return out;
  }
};

AlsTrainer::AlsTrainer(const data::Interactions& interactions, Timestamp as_of,
                       AlsParameters parameters)
    : impl_(std::make_unique<Impl>()) {
  validate(parameters);
  openblas_set_num_threads(1);  // its sums change with its threads; ours don't
  Impl& impl = *impl_;
  impl.p = parameters;
  impl.f = static_cast<std::size_t>(parameters.factors);
  impl.users.matrix = csr_of(interactions, als_confidences(parameters, interactions, as_of));
  if (impl.p.cg_steps == 0) impl.p.cg_steps = chosen_steps(impl.p, impl.users.matrix);
  impl.items.matrix = transpose(impl.users.matrix, interactions.num_items());
  const bool biased = parameters.user_bias || parameters.item_bias;
  const std::size_t stride = padded_to_panels(impl.f + (biased ? 1 : 0));
  impl.prepare(impl.users, interactions.num_items(), parameters.user_bias, stride);
  impl.prepare(impl.items, interactions.num_users(), parameters.item_bias, stride);
  impl.start_users();
}

AlsTrainer::~AlsTrainer() = default;
AlsTrainer::AlsTrainer(AlsTrainer&&) noexcept = default;

void AlsTrainer::iterate() {
  Impl& impl = *impl_;
  // Before the halves, so that the users end as the solution for the items.
  if (balances_before(impl.iteration)) {
    als_balance(impl.p, impl.users, impl.items, impl.buffer);
  }
  const bool rounded = impl.iteration < kRoundedIterations && impl.p.cg_steps <= kRoundedSteps;
  als_half(impl.p, impl.items, impl.users, rounded, impl.buffer);
  als_half(impl.p, impl.users, impl.items, rounded, impl.buffer);
  ++impl.iteration;
}

void AlsTrainer::continue_from(const AlsModel& model, std::span<const std::int32_t> user_rows,
                               std::span<const std::int32_t> item_rows) {
  Impl& impl = *impl_;
  const AlsParameters& old = model.parameters();
  check_argument(old.factors == impl.p.factors && old.user_bias == impl.p.user_bias &&
                     old.item_bias == impl.p.item_bias,
                 "ALS: a model of other factors or biases can't be continued");
  const auto take = [&](AlsSide& side, MatrixView<const float> from,
                        std::span<const std::int32_t> rows, bool users_side) {
    check_argument(rows.size() == side.rows(), "ALS: one row of the old model for each new one");
    std::vector<std::uint8_t> fresh(rows.size(), 0);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      fresh[i] = rows[i] < 0 ? 1 : 0;
      if (rows[i] < 0) continue;
      check_argument(static_cast<std::size_t>(rows[i]) < from.rows, "ALS: no row ", rows[i]);
      const auto source = from.row(static_cast<std::size_t>(rows[i]));
      const auto row = side.factors.row(i);
      std::copy_n(source.data(), impl.f, row.data());
      if (side.has_bias) row[impl.f] = source[impl.f + (users_side && impl.p.item_bias ? 1 : 0)];
    }
    return fresh;
  };
  std::fill(impl.users.factors.view().flat().begin(), impl.users.factors.view().flat().end(), 0.0F);
  take(impl.users, model.user_vectors(), user_rows, true);
  const std::vector<std::uint8_t> fresh = take(impl.items, model.item_vectors(), item_rows, false);
  // A new item starts near nowhere; everyone is then solved against the items as they stand.
  impl.start(impl.items, 0.01 / std::sqrt(static_cast<double>(impl.f)), fresh);
  als_half(impl.p, impl.users, impl.items, false, impl.buffer);
}

double AlsTrainer::loss() const {
  const Impl& impl = *impl_;
  const AlignedVector<float> users = impl.widened(impl.users, true);
  const AlignedVector<float> items = impl.widened(impl.items, false);
  const std::size_t width = als_width(impl.p);
  return als_objective(impl.p, impl.users.matrix, {users.data(), impl.users.rows(), width},
                       {items.data(), impl.items.rows(), width});
}

std::shared_ptr<const AlsModel> AlsTrainer::snapshot() const {
  const Impl& impl = *impl_;
  return std::make_shared<const AlsModel>(
      AlsModel::parts_of(impl.p, impl.widened(impl.users, true), impl.users.rows(),
                         impl.widened(impl.items, false), impl.items.rows()));
}

std::shared_ptr<const AlsModel> AlsTrainer::finish() && { return snapshot(); }

void AlsTrainer::set_iteration(int done) { impl_->iteration = static_cast<std::uint32_t>(done); }
MatrixView<float> AlsTrainer::user_state() { return impl_->users.factors.view(); }
MatrixView<float> AlsTrainer::item_state() { return impl_->items.factors.view(); }

}  // namespace penchant::models
