#include "penchant/evaluation/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/base/random.h"

namespace penchant::evaluation {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
constexpr std::uint32_t kStreamBootstrap = 0x0B007;  // separates these draws from other uses
constexpr std::size_t kDrawsPerBlock = 8;
constexpr int kMostResamples = 1'000'000;

// How often draw `draw` takes each row; they sum to the number of rows.
void draw_counts(const Philox& random, std::uint64_t draw, std::span<std::uint32_t> counts) {
  std::fill(counts.begin(), counts.end(), 0U);
  const std::uint64_t rows = counts.size();
  for (std::size_t i = 0; i < rows; i += 4) {
    const auto words = random.bits(draw, static_cast<std::uint32_t>(i / 4));
    const std::size_t here = std::min<std::size_t>(4, rows - i);
    for (std::size_t j = 0; j < here; ++j) ++counts[std::uint64_t{words[j]} * rows >> 32];
  }
}

// The columns side by side, so that one pass over a draw's counts sums them all; a row without a
// value adds nothing to its column's sum, nor to its weight.
class Table {
 public:
  explicit Table(std::span<const std::span<const double>> columns)
      : columns_(columns.size()), rows_(columns.front().size()), values_(columns_ * rows_) {
    for (std::size_t c = 0; c < columns_; ++c) {
      const auto undefined = [](double value) { return std::isnan(value); };
      if (std::ranges::any_of(columns[c], undefined))
        gaps_.push_back({c, std::vector<double>(rows_)});
      for (std::size_t i = 0; i < rows_; ++i) {
        const double value = columns[c][i];
        values_[i * columns_ + c] = std::isnan(value) ? 0.0 : value;
        if (!gaps_.empty() && gaps_.back().column == c) {
          gaps_.back().defined[i] = std::isnan(value) ? 0.0 : 1.0;
        }
      }
    }
  }

  // out[column]: the mean of the rows, each taken counts[row] times; NaN where nothing was taken.
  void means(std::span<const std::uint32_t> counts, std::span<double> out) const {
    std::ranges::fill(out, 0.0);
    for (std::size_t i = 0; i < rows_; ++i) {
      if (counts[i] == 0) continue;
      const double* row = values_.data() + i * columns_;
      for (std::size_t c = 0; c < columns_; ++c) out[c] += row[c] * counts[i];
    }
    std::size_t gap = 0;
    for (std::size_t c = 0; c < columns_; ++c) {
      auto taken = static_cast<double>(rows_);
      if (gap < gaps_.size() && gaps_[gap].column == c) taken = taken_of(gaps_[gap++], counts);
      out[c] = taken == 0 ? kUndefined : out[c] / taken;
    }
  }

 private:
  struct Gap {
    std::size_t column;
    std::vector<double> defined;  // [rows] 1 or 0
  };

  [[nodiscard]] static double taken_of(const Gap& gap, std::span<const std::uint32_t> counts) {
    double taken = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) taken += gap.defined[i] * counts[i];
    return taken;
  }

  std::size_t columns_;
  std::size_t rows_;
  std::vector<double> values_;  // [rows][columns]
  std::vector<Gap> gaps_;       // of the columns that have NaN
};

// Of sorted values, interpolated between neighbours (NumPy's default).
double quantile(std::span<const double> sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(std::floor(at));
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  const double part = at - static_cast<double>(below);
  return sorted[below] + part * (sorted[above] - sorted[below]);
}

Interval summarize(double value, std::vector<double>& draws, double confidence) {
  // A draw that took only rows without a value tells nothing.
  std::erase_if(draws, [](double draw) { return std::isnan(draw); });
  if (draws.empty()) return {value, kUndefined, kUndefined};
  std::sort(draws.begin(), draws.end());
  const double tail = (1.0 - confidence) / 2.0;
  return {value, quantile(draws, tail), quantile(draws, 1.0 - tail)};
}

}  // namespace

std::vector<Interval> bootstrap_means(std::span<const std::span<const double>> columns,
                                      const BootstrapOptions& options) {
  check_argument(options.confidence > 0 && options.confidence < 1,
                 "confidence must be between 0 and 1, like 0.95; it is ", options.confidence);
  check_argument(options.resamples >= 1 && options.resamples <= kMostResamples,
                 "resamples must be from 1 to ", kMostResamples, "; it is ", options.resamples);
  if (columns.empty()) return {};
  const std::size_t rows = columns.front().size();
  for (const auto& column : columns) {
    check_argument(column.size() == rows, "bootstrap: columns differ in length");
  }
  if (rows == 0) {
    return std::vector<Interval>(columns.size(), {kUndefined, kUndefined, kUndefined});
  }
  const Table table(columns);
  const auto resamples = static_cast<std::size_t>(options.resamples);
  std::vector<std::vector<double>> draws(columns.size(), std::vector<double>(resamples));
  const Philox random(options.seed, kStreamBootstrap);
  parallel_blocks(resamples, kDrawsPerBlock, options.threads, [&](const Block& block) {
    std::vector<std::uint32_t> counts(rows);
    std::vector<double> means(columns.size());
    for (std::size_t draw = block.begin; draw < block.end; ++draw) {
      draw_counts(random, draw, counts);
      table.means(counts, means);
      for (std::size_t c = 0; c < columns.size(); ++c) draws[c][draw] = means[c];
    }
  });
  std::vector<double> means(columns.size());
  table.means(std::vector<std::uint32_t>(rows, 1), means);
  std::vector<Interval> out;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    out.push_back(summarize(means[c], draws[c], options.confidence));
  }
  return out;
}

Interval bootstrap_mean(std::span<const double> values, const BootstrapOptions& options) {
  return bootstrap_means(std::span(&values, 1), options).front();
}

}  // namespace penchant::evaluation
