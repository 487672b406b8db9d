#include "penchant/ranking/gradient_pairs.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "penchant/base/parallel.h"
#include "penchant/base/random.h"

namespace penchant::ranking {
namespace {

constexpr std::uint32_t kStreamRounding = 0x726f756e;  // "roun"
constexpr std::uint32_t kStreamRows = 0x726f7773;      // "rows"
constexpr std::size_t kBlockRows = 16'384;
constexpr float kMostGradient = 32'767;
constexpr float kMostHessian = 65'535;

struct Range {
  float gradient = 0;  // the largest magnitude
  float hessian = 0;
  float least_hessian = 0;
};

Range range_of(std::span<const float> g, std::span<const float> h, int threads) {
  std::vector<Range> parts((g.size() + kBlockRows - 1) / kBlockRows);
  parallel_blocks(g.size(), kBlockRows, threads, [&](const Block& block) {
    Range range{0, 0, h[block.begin]};
    for (std::size_t i = block.begin; i < block.end; ++i) {
      range.gradient = std::max(range.gradient, std::abs(g[i]));
      range.hessian = std::max(range.hessian, h[i]);
      range.least_hessian = std::min(range.least_hessian, h[i]);
    }
    parts[block.number] = range;
  });
  Range all = parts.empty() ? Range{} : parts.front();
  for (const Range& part : parts) {
    all.gradient = std::max(all.gradient, part.gradient);
    all.hessian = std::max(all.hessian, part.hessian);
    all.least_hessian = std::min(all.least_hessian, part.least_hessian);
  }
  return all;
}

// One draw of random bits serves four rows: 16 bits for each number.
class Rounding {
 public:
  Rounding(const Range& range, const PairOptions& options)
      : random_(options.seed, kStreamRounding),
        iteration_(options.iteration),
        gradient_(range.gradient > 0 ? kMostGradient / range.gradient : 0.0F),
        hessian_(range.hessian > 0 ? kMostHessian / range.hessian : 0.0F),
        alike_(range.hessian == range.least_hessian) {}

  [[nodiscard]] Entry round(std::size_t row, float g, float h) {
    if (row / 4 != drawn_) {
      drawn_ = row / 4;
      bits_ = random_.bits(drawn_, iteration_);
    }
    const std::uint32_t bits = bits_[row % 4];
    const float low = static_cast<float>(bits & 0xffffU) * 0x1p-16F;
    const float high = static_cast<float>(bits >> 16) * 0x1p-16F;
    const float x = std::min(std::floor(g * gradient_ + low), kMostGradient);
    const float y = alike_ ? 1.0F : std::min(std::floor(h * hessian_ + high), kMostHessian);
    return {static_cast<std::uint32_t>(row), static_cast<std::int16_t>(x),
            static_cast<std::uint16_t>(y)};
  }

  [[nodiscard]] Scales scales(const Range& range) const {
    return {range.gradient > 0 ? static_cast<double>(range.gradient) / kMostGradient : 1.0,
            alike_              ? static_cast<double>(range.hessian)
            : range.hessian > 0 ? static_cast<double>(range.hessian) / kMostHessian
                                : 1.0};
  }

 private:
  Philox random_;
  std::uint32_t iteration_;
  float gradient_;
  float hessian_;
  bool alike_;
  std::size_t drawn_ = static_cast<std::size_t>(-1);
  std::array<std::uint32_t, 4> bits_{};
};

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
  const Range range = range_of(gradients, hessians, options.threads);
  std::vector<std::uint8_t> drawn;
  std::vector<std::size_t> begin;
  const bool all = options.row_fraction >= 1;
  if (!all) {
    drawn.resize(rows);
    begin = drawn_begin(rows, options, drawn);
  }
  entries.resize(all ? rows : begin.back());
  const Rounding rounding(range, options);
  parallel_blocks(rows, kBlockRows, options.threads, [&](const Block& block) {
    Rounding mine = rounding;
    std::size_t at = all ? block.begin : begin[block.number];
    for (std::size_t i = block.begin; i < block.end; ++i) {
      if (!all && drawn[i] == 0) continue;
      entries[at++] = mine.round(i, gradients[i], hessians[i]);
    }
  });
  return rounding.scales(range);
}

}  // namespace penchant::ranking
