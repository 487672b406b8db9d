#include "penchant/models/slim.h"

#include <algorithm>
#include <cmath>

#include "penchant/base/parallel.h"
#include "penchant/models/local_problem.h"
#include "penchant/models/training_kernels.h"

namespace penchant::models {
namespace {

constexpr std::size_t kBlockItems = 16;
constexpr std::size_t kBlocksPerStep = 16;

void validate(const SlimParameters& p) {
  check_argument(p.l1 >= 0 && std::isfinite(p.l1), "SLIM: l1 must be 0 or more, not ", p.l1);
  check_argument(p.l2 > 0 && std::isfinite(p.l2), "SLIM: l2 must be a positive number, not ", p.l2);
  check_argument(p.neighbors >= 0 && p.neighbors <= 10'000,
                 "SLIM: neighbors must be 1 to 10000, not ", p.neighbors);
  check_argument(p.user_exponent >= 0 && p.user_exponent <= 2,
                 "SLIM: user_exponent must be in [0, 2], not ", p.user_exponent);
  check_argument(p.iterations >= 1, "SLIM: iterations must be 1 or more, not ", p.iterations);
  check_argument(p.tolerance > 0 && std::isfinite(p.tolerance),
                 "SLIM: tolerance must be a positive number, not ", p.tolerance);
  check_argument(p.max_memory > 0, "SLIM: max_memory must be positive, not ", p.max_memory);
}

void check_memory(std::size_t num_items, const SlimParameters& p) {
  const double n = static_cast<double>(num_items);
  const double needed = 4 * n * n;
  check_argument(needed <= p.max_memory, "SLIM: ", num_items, " items need a dense matrix of ",
                 std::ceil(needed / 1e8) / 10,
                 " GB, above max_memory = ", std::ceil(p.max_memory / 1e8) / 10,
                 " GB. Raise max_memory if the machine has it, or set neighbors= (100 to 400), "
                 "which needs no such matrix");
}

// Coordinate descent on one Gram matrix [size, size] of row length `size`.
class Descent {
 public:
  explicit Descent(const SlimParameters& p) : p_(p) {}

  // `correlation` is G_j on entry and G_j - G b at the end; entry `skip` (of j itself, or size for
  // none) stays 0. Returns the coefficients that are not zero, by position.
  const std::vector<Scored>& solve(const float* gram, std::size_t size,
                                   std::vector<float>& correlation, std::size_t skip) {
    coefficient_.assign(size, 0.0F);
    candidates_.clear();
    for (std::size_t i = 0; i < size; ++i) {
      if (i != skip && static_cast<double>(correlation[i]) > p_.l1) candidates_.push_back(i);
    }
    active_ = candidates_;
    for (int pass = 0; pass < p_.iterations;) {
      // All candidates once, then those in use until they rest, then all again to make sure.
      const float moved = sweep(gram, size, correlation, candidates_);
      ++pass;
      if (moved <= static_cast<float>(p_.tolerance)) break;
      active_.clear();
      for (const std::size_t i : candidates_) {
        if (coefficient_[i] != 0) active_.push_back(i);
      }
      while (pass < p_.iterations &&
             sweep(gram, size, correlation, active_) > static_cast<float>(p_.tolerance)) {
        ++pass;
      }
    }
    found_.clear();
    for (const std::size_t i : candidates_) {
      if (coefficient_[i] != 0) {
        found_.push_back({coefficient_[i], static_cast<std::int32_t>(i)});
      }
    }
    return found_;
  }

 private:
  // The largest change of a coefficient.
  float sweep(const float* gram, std::size_t size, std::vector<float>& correlation,
              const std::vector<std::size_t>& which) {
    float largest = 0;
    for (const std::size_t i : which) {
      const float* row = gram + i * size;
      const float before = coefficient_[i];
      const float free = correlation[i] + row[i] * before - static_cast<float>(p_.l1);
      const float now = std::max(0.0F, free) / (row[i] + static_cast<float>(p_.l2));
      if (now == before) continue;
      coefficient_[i] = now;
      fused_axpy(before - now, row, correlation.data(), size);
      largest = std::max(largest, std::fabs(now - before));
    }
    return largest;
  }

  const SlimParameters& p_;
  std::vector<float> coefficient_;
  std::vector<std::size_t> candidates_;
  std::vector<std::size_t> active_;
  std::vector<Scored> found_;
};

using Columns = std::vector<std::vector<Scored>>;

// Calls body(first, end) for blocks of targets, and the progress between.
void for_each_block(std::size_t items, int threads, const Progress& progress,
                    const std::function<void(std::size_t, std::size_t)>& body) {
  const std::size_t step = kBlockItems * kBlocksPerStep;
  const int total = static_cast<int>((items + step - 1) / step);
  for (std::size_t first = 0; first < items; first += step) {
    parallel_blocks(std::min(step, items - first), kBlockItems, threads,
                    [&](const Block& block) { body(first + block.begin, first + block.end); });
    if (progress) progress(static_cast<int>(first / step) + 1, total);
  }
}

Columns solve_dense(const WeightedPairs& w, const SlimParameters& p, const Progress& progress) {
  const std::size_t items = w.num_items();
  Matrix<float> gram(items, items);
  dense_gram(w, gram.view(), p.threads);
  Columns columns(items);
  for_each_block(items, p.threads, progress, [&](std::size_t first, std::size_t end) {
    Descent descent(p);
    std::vector<float> correlation;
    for (std::size_t j = first; j < end; ++j) {
      const auto row = gram.row(j);
      correlation.assign(row.begin(), row.end());
      columns[j] = descent.solve(gram.view().data, items, correlation, j);
    }
  });
  return columns;
}

Columns solve_local(const WeightedPairs& w, const SlimParameters& p, const Progress& progress) {
  const LocalProblems problems(w, static_cast<std::size_t>(p.neighbors), p.threads);
  Columns columns(w.num_items());
  for_each_block(w.num_items(), p.threads, progress, [&](std::size_t first, std::size_t end) {
    Descent descent(p);
    LocalProblem local(w);
    for (std::size_t j = first; j < end; ++j) {
      problems.assemble(j, local);
      const auto& found =
          descent.solve(local.gram.data(), local.size(), local.target, local.size());
      for (const Scored& entry : found) {
        columns[j].push_back({entry.score, local.neighbors[static_cast<std::size_t>(entry.index)]});
      }
    }
  });
  return columns;
}

}  // namespace

std::shared_ptr<const Model> fit_slim(const data::Interactions& pairs, Timestamp as_of,
                                      const SlimParameters& p, const Progress& progress) {
  validate(p);
  if (p.neighbors == 0) check_memory(pairs.num_items(), p);
  const WeightedPairs w = weighted_pairs(pairs, as_of, p.weighting, p.user_exponent);
  const Columns columns =
      p.neighbors == 0 ? solve_dense(w, p, progress) : solve_local(w, p, progress);
  return std::make_shared<const ItemOperatorModel>(
      ItemOperatorModel::Parts{"slim", p.weighting, ItemRows::of_columns(columns)});
}

}  // namespace penchant::models
