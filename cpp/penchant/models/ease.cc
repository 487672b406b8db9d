#include "penchant/models/ease.h"

#include <algorithm>
#include <cmath>

#include "penchant/base/parallel.h"
#include "penchant/models/dense_inverse.h"
#include "penchant/models/gram.h"

namespace penchant::models {
namespace {

constexpr std::size_t kBlockItems = 64;

void validate(const EaseParameters& p) {
  check_argument(p.regularization > 0 && std::isfinite(p.regularization),
                 "EASE: regularization must be a positive number, not ", p.regularization);
  check_argument(p.user_exponent >= 0 && p.user_exponent <= 2,
                 "EASE: user_exponent must be in [0, 2], not ", p.user_exponent);
  check_argument(p.max_memory > 0, "EASE: max_memory must be positive, not ", p.max_memory);
}

std::size_t kept(std::size_t num_items, const EaseParameters& p) {
  return p.keep == 0 ? num_items : std::min(p.keep, num_items);
}

// "6.4" for 6.4e9.
std::string gigabytes(double bytes) {
  const double tenths = std::ceil(bytes / 1e8);
  return concat(tenths / 10);
}

void check_memory(std::size_t num_items, const EaseParameters& p) {
  const double needed = ease_memory(num_items, p);
  check_argument(needed <= p.max_memory, "EASE: ", num_items, " items need ", gigabytes(needed),
                 " GB of memory (a dense matrix of ", num_items, " x ", num_items,
                 " and what is kept of it), above max_memory = ", gigabytes(p.max_memory),
                 " GB. Raise max_memory if the machine has it, lower keep, or take LocalRidge, "
                 "which regresses each item on its nearest ones and needs no such matrix");
}

// Column j of B from row j of P = (G + lambda I)^-1, which is symmetric.
template <class T>
std::vector<Scored> column_of(MatrixView<const T> p, std::size_t j, std::size_t keep,
                              std::vector<Scored>& scratch) {
  scratch.clear();
  const auto row = p.row(j);
  const T scale = T{-1} / row[j];
  for (std::size_t i = 0; i < row.size(); ++i) {
    const auto entry = static_cast<float>(row[i] * scale);
    if (i != j && entry != 0) scratch.push_back({entry, static_cast<std::int32_t>(i)});
  }
  return largest_entries(scratch, keep);
}

template <class T>
std::vector<std::vector<Scored>> solve(const WeightedPairs& w, const EaseParameters& p,
                                       const Progress& progress) {
  const std::size_t n = w.num_items();
  const int total = inverse_steps(n) + 2;
  Matrix<T> g(n, n);
  dense_gram(w, g.view(), p.threads);
  for (std::size_t i = 0; i < n; ++i) g.row(i)[i] += static_cast<T>(p.regularization);
  if (progress) progress(1, total);
  invert_in_place(g.view(), p.threads, progress, 1, total);
  std::vector<std::vector<Scored>> columns(n);
  parallel_blocks(n, kBlockItems, p.threads, [&](const Block& block) {
    std::vector<Scored> scratch;
    scratch.reserve(n);
    for (std::size_t j = block.begin; j < block.end; ++j) {
      columns[j] = column_of<T>(std::as_const(g).view(), j, kept(n, p), scratch);
    }
  });
  if (progress) progress(total, total);
  return columns;
}

}  // namespace

double ease_memory(std::size_t num_items, const EaseParameters& p) {
  const auto n = static_cast<double>(num_items);
  const double number = p.double_precision ? 8 : 4;
  // The matrix while columns are cut from it; an entry takes 8 bytes, twice while it is transposed,
  // when the matrix is gone.
  const double entries = 8 * n * static_cast<double>(kept(num_items, p));
  return std::max(n * n * number + entries, 2 * entries);
}

std::shared_ptr<const Model> fit_ease(const data::Interactions& pairs, Timestamp as_of,
                                      const EaseParameters& parameters, const Progress& progress) {
  validate(parameters);
  check_memory(pairs.num_items(), parameters);
  const WeightedPairs w =
      weighted_pairs(pairs, as_of, parameters.weighting, parameters.user_exponent);
  const auto columns = parameters.double_precision ? solve<double>(w, parameters, progress)
                                                   : solve<float>(w, parameters, progress);
  return std::make_shared<const ItemOperatorModel>(
      ItemOperatorModel::Parts{"ease", parameters.weighting, ItemRows::of_columns(columns)});
}

}  // namespace penchant::models
