#include "penchant/models/gram.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "penchant/base/parallel.h"

namespace penchant::models {
namespace {

constexpr std::size_t kBlockItems = 16;

}  // namespace

std::vector<float> degree_scale(const Csr& rows, double exponent) {
  std::vector<float> out(rows.rows(), 1.0F);
  if (exponent == 0) return out;
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const auto values = rows.row_value(i);
    const double degree = std::accumulate(values.begin(), values.end(), 0.0);
    out[i] = degree > 0 ? static_cast<float>(std::pow(degree, -exponent)) : 0.0F;
  }
  return out;
}

WeightedPairs weighted_pairs(const data::Interactions& pairs, Timestamp as_of,
                             const PairWeighting& weighting, double user_exponent) {
  WeightedPairs out;
  out.users = csr_of(pairs, pair_weights(weighting, pairs, as_of));
  out.items = transpose(out.users, pairs.num_items());
  out.user_scale = degree_scale(out.users, user_exponent);
  return out;
}

void GramColumn::compute(std::size_t item) {
  for (const std::int32_t j : touched_) sum_[static_cast<std::size_t>(j)] = 0;
  touched_.clear();
  const auto raters = w_.items.row_index(item);
  const auto weights = w_.items.row_value(item);
  for (std::size_t r = 0; r < raters.size(); ++r) {
    const auto u = static_cast<std::size_t>(raters[r]);
    const double weight = static_cast<double>(weights[r]) * static_cast<double>(w_.user_scale[u]);
    if (!(weight > 0)) continue;
    const auto index = w_.users.row_index(u);
    const auto value = w_.users.row_value(u);
    for (std::size_t k = 0; k < index.size(); ++k) {
      double& sum = sum_[static_cast<std::size_t>(index[k])];
      const double term = weight * static_cast<double>(value[k]);
      if (!(term > 0)) continue;  // weights can fade to nothing
      if (sum == 0) touched_.push_back(index[k]);
      sum += term;
    }
  }
}

std::vector<double> gram_diagonal(const WeightedPairs& w) {
  std::vector<double> out(w.num_items(), 0.0);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto raters = w.items.row_index(i);
    const auto weights = w.items.row_value(i);
    for (std::size_t r = 0; r < raters.size(); ++r) {
      const double v = weights[r];
      out[i] += v * v * static_cast<double>(w.user_scale[static_cast<std::size_t>(raters[r])]);
    }
  }
  return out;
}

template <class T>
void dense_gram(const WeightedPairs& w, MatrixView<T> out, int threads) {
  parallel_blocks(out.rows, kBlockItems, threads, [&](const Block& block) {
    GramColumn column(w);
    for (std::size_t i = block.begin; i < block.end; ++i) {
      column.compute(i);
      const auto row = out.row(i);
      std::fill(row.begin(), row.end(), T{0});
      for (const std::int32_t j : column.touched()) {
        const auto at = static_cast<std::size_t>(j);
        row[at] = static_cast<T>(column[at]);
      }
    }
  });
}

template void dense_gram<float>(const WeightedPairs&, MatrixView<float>, int);
template void dense_gram<double>(const WeightedPairs&, MatrixView<double>, int);

}  // namespace penchant::models
