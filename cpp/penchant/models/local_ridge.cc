#include "penchant/models/local_ridge.h"

#include <algorithm>
#include <cmath>

#include <cblas.h>

#include "penchant/base/parallel.h"
#include "penchant/models/local_problem.h"

extern "C" {
void spotrf_(const char* uplo, const int* n, float* a, const int* lda, int* info);
void spotrs_(const char* uplo, const int* n, const int* columns, const float* a, const int* lda,
             float* b, const int* ldb, int* info);
}

namespace penchant::models {
namespace {

constexpr std::size_t kBlockItems = 16;
constexpr std::size_t kBlocksPerStep = 32;

void validate(const LocalRidgeParameters& p) {
  check_argument(p.neighbors >= 1 && p.neighbors <= 10'000,
                 "LocalRidge: neighbors must be 1 to 10000, not ", p.neighbors);
  check_argument(p.regularization > 0 && std::isfinite(p.regularization),
                 "LocalRidge: regularization must be a positive number, not ", p.regularization);
  check_argument(p.user_exponent >= 0 && p.user_exponent <= 2,
                 "LocalRidge: user_exponent must be in [0, 2], not ", p.user_exponent);
}

// The coefficients of one item's regression, by neighbour.
std::vector<Scored> solve(LocalProblem& local, double regularization) {
  const std::size_t m = local.size();
  for (std::size_t k = 0; k < m; ++k) local.gram[k * m + k] += static_cast<float>(regularization);
  const int n = static_cast<int>(m);
  const int one = 1;
  int info = 0;
  if (m > 0) spotrf_("U", &n, local.gram.data(), &n, &info);
  if (m > 0 && info == 0) {
    spotrs_("U", &n, &one, local.gram.data(), &n, local.target.data(), &n, &info);
  }
  if (info != 0) {
    fail(ErrorKind::kBadData,
         "LocalRidge: the normal equations are singular; raise `regularization`");
  }
  std::vector<Scored> out;
  out.reserve(m);
  for (std::size_t k = 0; k < m; ++k) {
    if (local.target[k] != 0) out.push_back({local.target[k], local.neighbors[k]});
  }
  return out;
}

}  // namespace

std::shared_ptr<const Model> fit_local_ridge(const data::Interactions& pairs, Timestamp as_of,
                                             const LocalRidgeParameters& p,
                                             const Progress& progress) {
  validate(p);
  openblas_set_num_threads(1);  // its sums change with its threads
  const WeightedPairs w = weighted_pairs(pairs, as_of, p.weighting, p.user_exponent);
  const std::size_t items = w.num_items();
  const LocalProblems problems(w, static_cast<std::size_t>(p.neighbors), p.threads);
  std::vector<std::vector<Scored>> columns(items);
  const std::size_t step = kBlockItems * kBlocksPerStep;
  const int total = static_cast<int>((items + step - 1) / step);
  for (std::size_t first = 0; first < items; first += step) {
    parallel_blocks(std::min(step, items - first), kBlockItems, p.threads, [&](const Block& block) {
      LocalProblem local(w);
      for (std::size_t j = first + block.begin; j < first + block.end; ++j) {
        problems.assemble(j, local);
        columns[j] = solve(local, p.regularization);
      }
    });
    if (progress) progress(static_cast<int>(first / step) + 1, total);
  }
  return std::make_shared<const ItemOperatorModel>(
      ItemOperatorModel::Parts{"local_ridge", p.weighting, ItemRows::of_columns(columns)});
}

}  // namespace penchant::models
