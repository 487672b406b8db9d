#include "penchant/ranking/gradient_pairs.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "penchant/base/parallel.h"
#include "penchant/base/random.h"
#include "penchant/ranking/rounding_kernels.h"

namespace penchant::ranking {
namespace {

constexpr std::uint32_t kStreamRows = 0x726f7773;  // "rows"
constexpr std::size_t kBlockRows = 16'384;

DerivativeRange range_of(std::span<const float> g, std::span<const float> h, int threads) {
  std::vector<DerivativeRange> parts((g.size() + kBlockRows - 1) / kBlockRows);
  parallel_blocks(g.size(), kBlockRows, threads, [&](const Block& block) {
    parts[block.number] =
        derivative_range(&g[block.begin], &h[block.begin], block.end - block.begin);
  });
  DerivativeRange all = parts.empty() ? DerivativeRange{} : parts.front();
  for (const DerivativeRange& part : parts) {
    all.gradient = std::max(all.gradient, part.gradient);
    all.hessian = std::max(all.hessian, part.hessian);
    all.least_hessian = std::min(all.least_hessian, part.least_hessian);
  }
  return all;
}

RoundingRule rule_of(const DerivativeRange& range, const PairOptions& options) {
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

// Where each block's rows begin in the list of those drawn.
std::vector<std::size_t> drawn_begin(std::size_t rows, const PairOptions& options,
                                     std::vector<std::uint8_t>& drawn) {
  const Philox random(options.seed, kStreamRows);
  const double most = std::ldexp(options.row_fraction, 32);
  std::vector<std::size_t> begin((rows + kBlockRows - 1) / kBlockRows + 1, 0);
  parallel_blocks(rows, kBlockRows, options.threads, [&](const Block& block) {
    std::size_t count = 0;
    for (std::size_t i = block.begin; i < block.end; i += 4) {
      const auto bits = random.bits(i / 4, options.iteration);
      for (std::size_t k = i; k < std::min(i + 4, block.end); ++k) {
        drawn[k] = static_cast<double>(bits[k % 4]) < most ? 1 : 0;
        count += drawn[k];
      }
    }
    begin[block.number + 1] = count;
  });
  for (std::size_t b = 1; b < begin.size(); ++b) begin[b] += begin[b - 1];
  return begin;
}

}  // namespace

Scales round_pairs(std::span<const float> gradients, std::span<const float> hessians,
                   const PairOptions& options, AlignedVector<Entry>& entries) {
  const std::size_t rows = gradients.size();
  const DerivativeRange range = range_of(gradients, hessians, options.threads);
  std::vector<std::uint8_t> drawn;
  std::vector<std::size_t> begin;
  const bool all = options.row_fraction >= 1;
  if (!all) {
    drawn.resize(rows);
    begin = drawn_begin(rows, options, drawn);
  }
  entries.resize(all ? rows : begin.back());
  const RoundingRule rule = rule_of(range, options);
  parallel_blocks(rows, kBlockRows, options.threads, [&](const Block& block) {
    const std::size_t size = block.end - block.begin;
    const float* const g = &gradients[block.begin];
    const float* const h = &hessians[block.begin];
    if (all) return round_rows(rule, g, h, block.begin, size, &entries[block.begin]);
    static thread_local std::array<Entry, kBlockRows> piece;
    round_rows(rule, g, h, block.begin, size, piece.data());
    std::size_t at = begin[block.number];
    for (std::size_t i = 0; i < size; ++i) {
      if (drawn[block.begin + i] != 0) entries[at++] = piece[i];
    }
  });
  return scales_of(range);
}

}  // namespace penchant::ranking
