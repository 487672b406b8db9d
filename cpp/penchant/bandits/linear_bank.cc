#include "penchant/bandits/linear_bank.h"

#include <algorithm>
#include <cmath>

#include "penchant/base/parallel.h"

namespace penchant::bandits {

LinearBank::LinearBank(const Shape& shape) : shape_(shape) {}

LinearBank::LinearBank(const LinearBank& other)
    : shape_(other.shape_),
      sums_(other.sums_),
      touched_(other.touched_),
      is_touched_(other.is_touched_) {
  for (const auto& block : other.blocks_) blocks_.push_back(std::make_unique<Block>(*block));
}

double LinearBank::prior_root() const { return 1.0 / std::sqrt(shape_.l2); }

void LinearBank::ensure(std::size_t arms) {
  if (arms <= sums_.size()) return;
  sums_.resize(arms, LinearSums(shape_.dimension, shape_.discount));
  is_touched_.resize(arms, 0);
  const std::size_t n = shape_.dimension;
  while (blocks_.size() * kLanes < arms) {
    auto block = std::make_unique<Block>();
    block->theta.assign(n * kLanes, 0.0);
    if (shape_.variances) {
      block->inverse.assign(packed_size(n) * kLanes, 0.0);
      for (std::size_t i = 0; i < n; ++i) {
        const std::size_t at = (packed_begin(i) + i) * kLanes;
        for (std::size_t lane = 0; lane < kLanes; ++lane) block->inverse[at + lane] = prior_root();
      }
    }
    blocks_.push_back(std::move(block));
  }
}

void LinearBank::touch(std::size_t arm) {
  if (is_touched_[arm] != 0) return;
  is_touched_[arm] = 1;
  touched_.push_back(static_cast<std::uint32_t>(arm));
}

void LinearBank::refresh(int threads) {
  if (touched_.size() == 1) {
    FactorScratch scratch;
    refresh_arm(touched_[0], scratch);
  } else {
    parallel_blocks(touched_.size(), 16, threads, [&](const penchant::Block& part) {
      FactorScratch scratch;
      for (std::size_t i = part.begin; i < part.end; ++i) refresh_arm(touched_[i], scratch);
    });
  }
  touched_.clear();
}

void LinearBank::refresh_arm(std::size_t arm, FactorScratch& scratch) {
  const std::size_t n = shape_.dimension;
  std::vector<double> gram(packed_size(n));
  std::vector<double> moment(n);
  std::vector<double> theta(n);
  sums_[arm].read(gram, moment);
  factorize(gram, n, shape_.l2, scratch);
  solve_factor(n, scratch, moment, theta);
  Block& block = *blocks_[arm / kLanes];
  const std::size_t lane = arm % kLanes;
  for (std::size_t j = 0; j < n; ++j) block.theta[j * kLanes + lane] = theta[j];
  if (shape_.variances) {
    invert_factor(n, scratch, gram);
    for (std::size_t e = 0; e < gram.size(); ++e) block.inverse[e * kLanes + lane] = gram[e];
  }
  is_touched_[arm] = 0;
}

BlockPlan LinearBank::plan(std::span<const std::int32_t> arms) const {
  BlockPlan plan;
  plan.place.resize(arms.size());
  std::vector<std::int32_t> slot(blocks_.size(), -1);
  for (std::size_t a = 0; a < arms.size(); ++a) {
    if (arms[a] < 0) {
      plan.place[a] = -1;
      continue;
    }
    const auto arm = static_cast<std::size_t>(arms[a]);
    std::int32_t& at = slot[arm / kLanes];
    if (at < 0) {
      const Block& block = *blocks_[arm / kLanes];
      at = static_cast<std::int32_t>(plan.blocks.size() * kLanes);
      plan.blocks.push_back({.theta = block.theta.data(),
                             .inverse = shape_.variances ? block.inverse.data() : nullptr});
    }
    plan.place[a] = at + static_cast<std::int32_t>(arm % kLanes);
  }
  return plan;
}

void LinearBank::moments(const BlockPlan& plan, const double* x, std::size_t rows, double* mean,
                         double* variance) const {
  const std::size_t n = shape_.dimension;
  const std::size_t width = plan.blocks.size() * kLanes;
  const std::size_t arms = plan.place.size();
  std::vector<double> lane_mean(rows * width);
  std::vector<double> lane_variance(variance == nullptr ? 0 : rows * width);
  block_moments(plan.blocks, x, rows, n, lane_mean.data(),
                variance == nullptr ? nullptr : lane_variance.data());
  for (std::size_t row = 0; row < rows; ++row) {
    double prior = 0;
    for (std::size_t j = 0; j < n; ++j) {
      const double root = x[row * n + j] * prior_root();
      prior += root * root;
    }
    for (std::size_t a = 0; a < arms; ++a) {
      const std::int32_t place = plan.place[a];
      const std::size_t from = row * width + static_cast<std::size_t>(std::max(place, 0));
      mean[row * arms + a] = place < 0 ? 0.0 : lane_mean[from];
      if (variance != nullptr) variance[row * arms + a] = place < 0 ? prior : lane_variance[from];
    }
  }
}

void LinearBank::theta(std::int32_t arm, std::span<double> out) const {
  std::fill(out.begin(), out.end(), 0.0);
  if (arm < 0) return;
  const auto at = static_cast<std::size_t>(arm);
  const double* from = blocks_[at / kLanes]->theta.data() + at % kLanes;
  for (std::size_t j = 0; j < out.size(); ++j) out[j] = from[j * kLanes];
}

void LinearBank::product(std::int32_t arm, std::span<const double> x, std::span<double> out) const {
  if (arm < 0) {
    for (std::size_t i = 0; i < x.size(); ++i) out[i] = prior_root() * x[i];
    return;
  }
  const auto at = static_cast<std::size_t>(arm);
  const double* from = blocks_[at / kLanes]->inverse.data() + at % kLanes;
  for (std::size_t i = 0; i < x.size(); ++i) {
    double sum = 0;
    for (std::size_t j = 0; j <= i; ++j, from += kLanes) sum += *from * x[j];
    out[i] = sum;
  }
}

void LinearBank::transposed_product(std::int32_t arm, std::span<const double> z,
                                    std::span<double> out) const {
  std::fill(out.begin(), out.end(), 0.0);
  if (arm < 0) {
    for (std::size_t i = 0; i < z.size(); ++i) out[i] = prior_root() * z[i];
    return;
  }
  const auto at = static_cast<std::size_t>(arm);
  const double* from = blocks_[at / kLanes]->inverse.data() + at % kLanes;
  for (std::size_t i = 0; i < z.size(); ++i) {
    for (std::size_t j = 0; j <= i; ++j, from += kLanes) out[j] += *from * z[i];
  }
}

bool LinearBank::finite() const {
  const auto all = [](const AlignedVector<double>& values) {
    return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
  };
  return std::all_of(blocks_.begin(), blocks_.end(),
                     [&](const auto& block) { return all(block->theta) && all(block->inverse); });
}

std::size_t LinearBank::memory_bytes() const {
  const std::size_t n = shape_.dimension;
  const std::size_t block = (n + (shape_.variances ? packed_size(n) : 0)) * kLanes * sizeof(double);
  std::size_t bytes = blocks_.size() * (block + sizeof(Block));
  for (const LinearSums& sums : sums_) bytes += sums.memory_bytes() + sizeof(LinearSums);
  return bytes;
}

}  // namespace penchant::bandits
