#include "penchant/models/local_problem.h"

#include <algorithm>
#include <cmath>

#include "penchant/base/top_k.h"

namespace penchant::models {
namespace {

constexpr std::size_t kMostDense = 8192;  // items: 256 MB

}  // namespace

LocalProblems::LocalProblems(const WeightedPairs& w, std::size_t most_neighbors, int threads)
    : w_(w), most_(most_neighbors), inverse_norm_(gram_diagonal(w)) {
  for (double& v : inverse_norm_) v = v > 0 ? 1 / std::sqrt(v) : 0;
  if (w.num_items() <= kMostDense) {
    gram_ = Matrix<float>(w.num_items(), w.num_items());
    dense_gram(w, gram_.view(), threads);
  }
}

void LocalProblems::assemble(std::size_t item, LocalProblem& local) const {
  nearest(item, local);
  const std::size_t m = local.size();
  local.gram.assign(m * m, 0.0F);
  for (std::size_t k = 0; k < m; ++k) {
    local.slot[static_cast<std::size_t>(local.neighbors[k])] = static_cast<std::int32_t>(k);
  }
  if (gram_.rows() > 0) {
    copy_piece(local);
  } else {
    sum_piece(local);
  }
  for (const std::int32_t i : local.neighbors) local.slot[static_cast<std::size_t>(i)] = -1;
}

void LocalProblems::nearest(std::size_t item, LocalProblem& local) const {
  local.column.compute(item);
  TopK best(most_);
  for (const std::int32_t i : local.column.touched()) {
    const auto at = static_cast<std::size_t>(i);
    if (at != item) best.push(static_cast<float>(local.column[at] * inverse_norm_[at]), i);
  }
  local.neighbors.clear();
  for (const Scored& hit : best.take_sorted()) local.neighbors.push_back(hit.index);
  std::sort(local.neighbors.begin(), local.neighbors.end());
  local.target.clear();
  for (const std::int32_t i : local.neighbors) {
    local.target.push_back(static_cast<float>(local.column[static_cast<std::size_t>(i)]));
  }
}

void LocalProblems::copy_piece(LocalProblem& local) const {
  const std::size_t m = local.size();
  for (std::size_t r = 0; r < m; ++r) {
    const auto row = gram_.row(static_cast<std::size_t>(local.neighbors[r]));
    for (std::size_t c = 0; c < m; ++c) {
      local.gram[r * m + c] = row[static_cast<std::size_t>(local.neighbors[c])];
    }
  }
}

// Through the users that have any of N: each adds the outer product of what they have of it.
void LocalProblems::sum_piece(LocalProblem& local) const {
  const std::size_t m = local.size();
  local.user_count.resize(w_.num_users());
  local.user_start.resize(w_.num_users());
  local.users.clear();
  for (const std::int32_t i : local.neighbors) {
    for (const std::int32_t u : w_.items.row_index(static_cast<std::size_t>(i))) {
      if (local.user_count[static_cast<std::size_t>(u)]++ == 0) local.users.push_back(u);
    }
  }
  std::sort(local.users.begin(), local.users.end());
  std::int64_t total = 0;
  for (const std::int32_t u : local.users) {
    local.user_start[static_cast<std::size_t>(u)] = total;
    total += local.user_count[static_cast<std::size_t>(u)];
    local.user_count[static_cast<std::size_t>(u)] = 0;
  }
  local.position.resize(static_cast<std::size_t>(total));
  local.weight.resize(static_cast<std::size_t>(total));
  for (std::size_t k = 0; k < m; ++k) {
    const auto i = static_cast<std::size_t>(local.neighbors[k]);
    const auto index = w_.items.row_index(i);
    const auto value = w_.items.row_value(i);
    for (std::size_t r = 0; r < index.size(); ++r) {
      const auto u = static_cast<std::size_t>(index[r]);
      const auto to = static_cast<std::size_t>(local.user_start[u] + local.user_count[u]++);
      local.position[to] = static_cast<std::int32_t>(k);
      local.weight[to] = value[r];
    }
  }
  for (const std::int32_t user : local.users) {
    const auto u = static_cast<std::size_t>(user);
    const auto begin = static_cast<std::size_t>(local.user_start[u]);
    const std::size_t end = begin + static_cast<std::size_t>(local.user_count[u]);
    for (std::size_t a = begin; a < end; ++a) {
      float* row = local.gram.data() + static_cast<std::size_t>(local.position[a]) * m;
      const float scaled = local.weight[a] * w_.user_scale[u];
      for (std::size_t b = begin; b <= a; ++b) {
        row[local.position[b]] += scaled * local.weight[b];
      }
    }
    local.user_count[u] = 0;
  }
  for (std::size_t r = 0; r < m; ++r) {
    for (std::size_t c = 0; c < r; ++c) local.gram[c * m + r] = local.gram[r * m + c];
  }
}

}  // namespace penchant::models
