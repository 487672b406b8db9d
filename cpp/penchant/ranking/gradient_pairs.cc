#include "penchant/ranking/gradient_pairs.h"

#include <algorithm>
#include <array>

#include "penchant/base/parallel.h"
#include "penchant/ranking/rounding_kernels.h"

namespace penchant::ranking {
namespace {

// Derivatives of a block of rows.
struct Derivatives {
  const float* gradients = nullptr;
  const float* hessians = nullptr;
};

// As they count: where they lie, or multiplied where a sample amplifies some. Valid until the
// thread's next call.
class Counted {
 public:
  Counted(std::span<const float> gradients, std::span<const float> hessians,
          const RowSample& sample)
      : gradients_(gradients), hessians_(hessians), sample_(sample) {}

  [[nodiscard]] Derivatives of(const Block& block) const {
    const float* const g = &gradients_[block.begin];
    const float* const h = &hessians_[block.begin];
    if (sample_.factor == 1) return {g, h};
    static thread_local std::array<float, 2 * kSampleBlock> scratch;
    float* const gradients = scratch.data();
    float* const hessians = gradients + kSampleBlock;
    const std::array<float, 3> factors = {0, 1, sample_.factor};  // by Drawn
    for (std::size_t i = 0; i < block.end - block.begin; ++i) {
      const float times = factors[static_cast<std::size_t>(sample_.drawn[block.begin + i])];
      gradients[i] = g[i] * times;
      hessians[i] = h[i] * times;
    }
    return {gradients, hessians};
  }

 private:
  std::span<const float> gradients_;
  std::span<const float> hessians_;
  const RowSample& sample_;
};

DerivativeRange range_of(const Counted& counted, std::size_t rows, int threads) {
  std::vector<DerivativeRange> parts((rows + kSampleBlock - 1) / kSampleBlock);
  parallel_blocks(rows, kSampleBlock, threads, [&](const Block& block) {
    const Derivatives at = counted.of(block);
    parts[block.number] = derivative_range(at.gradients, at.hessians, block.end - block.begin);
  });
  DerivativeRange all = parts.empty() ? DerivativeRange{} : parts.front();
  for (const DerivativeRange& part : parts) {
    all.gradient = std::max(all.gradient, part.gradient);
    all.hessian = std::max(all.hessian, part.hessian);
    all.least_hessian = std::min(all.least_hessian, part.least_hessian);
  }
  return all;
}

RoundingRule rule_of(const DerivativeRange& range, const SampleOptions& options) {
  const bool alike = range.hessian == range.least_hessian;
  return {.seed = options.seed,
          .iteration = options.iteration,
          .gradient = range.gradient > 0 ? kMostGradient / range.gradient : 0,
          .hessian = !alike && range.hessian > 0 ? kMostHessian / range.hessian : 0};
}

Scales scales_of(const DerivativeRange& range) {
  const bool alike = range.hessian == range.least_hessian;
  const double most = alike ? 1 : static_cast<double>(kMostHessian);
  return {range.gradient > 0
              ? static_cast<double>(range.gradient) / static_cast<double>(kMostGradient)
              : 1.0,
          alike || range.hessian > 0 ? static_cast<double>(range.hessian) / most : 1.0};
}

}  // namespace

Scales round_pairs(std::span<const float> gradients, std::span<const float> hessians,
                   const SampleOptions& options, AlignedVector<Entry>& entries) {
  const std::size_t rows = gradients.size();
  const bool all = options.all();
  const RowSample sample = all ? RowSample{} : sample_rows(gradients, options);
  const Counted counted(gradients, hessians, sample);
  const DerivativeRange range = range_of(counted, rows, options.threads);
  entries.resize(all ? rows : sample.begin.back());
  const RoundingRule rule = rule_of(range, options);
  parallel_blocks(rows, kSampleBlock, options.threads, [&](const Block& block) {
    const std::size_t size = block.end - block.begin;
    const auto [g, h] = counted.of(block);
    if (all) return round_rows(rule, g, h, block.begin, size, &entries[block.begin]);
    static thread_local std::array<Entry, kSampleBlock> piece;
    round_rows(rule, g, h, block.begin, size, piece.data());
    std::size_t at = sample.begin[block.number];
    for (std::size_t i = 0; i < size; ++i) {
      if (sample.drawn[block.begin + i] != Drawn::kNo) entries[at++] = piece[i];
    }
  });
  return scales_of(range);
}

}  // namespace penchant::ranking
