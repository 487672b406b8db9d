#pragma once

// The weighted item-item Gram matrix G = W^T D W that EASE, SLIM, LocalRidge and GraphFilter start
// from: W [users, items] the pair weights, D a weight a user.
//
//   const WeightedPairs w = weighted_pairs(pairs, as_of, weighting, user_exponent);
//   GramColumn column(w);
//   column.compute(item);                       // the non-zero entries of one column of G
//   Matrix<float> g(n, n);
//   dense_gram(w, g.view(), threads);           // all of it
//
// Every entry is summed over the users in their order, in double.

#include <span>
#include <vector>

#include "penchant/base/matrix.h"
#include "penchant/models/csr.h"
#include "penchant/models/pair_weight.h"

namespace penchant::models {

struct WeightedPairs {
  Csr users;                      // W
  Csr items;                      // W^T
  std::vector<float> user_scale;  // D's diagonal

  [[nodiscard]] std::size_t num_users() const { return users.rows(); }
  [[nodiscard]] std::size_t num_items() const { return items.rows(); }
};

// D_u = (sum of the user's weights)^-user_exponent, so that with exponent .5 someone with a long
// history counts less a pair than someone with a short one; 0: all alike.
[[nodiscard]] WeightedPairs weighted_pairs(const data::Interactions& pairs, Timestamp as_of,
                                           const PairWeighting& weighting, double user_exponent);

// (sum of each row)^-exponent; 0 for a row that sums to nothing.
[[nodiscard]] std::vector<float> degree_scale(const Csr& rows, double exponent);

// One column of G at a time, kept dense between calls and cleared by what was touched.
class GramColumn {
 public:
  explicit GramColumn(const WeightedPairs& w) : w_(w), sum_(w.num_items(), 0.0) {}

  // O(sum of row lengths of the item's users).
  void compute(std::size_t item);

  // Of the last compute, in no particular order; `item` itself among them.
  [[nodiscard]] std::span<const std::int32_t> touched() const { return touched_; }
  [[nodiscard]] double operator[](std::size_t item) const { return sum_[item]; }

 private:
  const WeightedPairs& w_;
  std::vector<double> sum_;
  std::vector<std::int32_t> touched_;
};

// The diagonal of G, one entry an item.
[[nodiscard]] std::vector<double> gram_diagonal(const WeightedPairs& w);

// out = G [items, items], both triangles. T is float or double.
template <class T>
void dense_gram(const WeightedPairs& w, MatrixView<T> out, int threads);

}  // namespace penchant::models
