#pragma once

// The small regressions that LocalRidge and SLIM solve: one item on the items nearest to it, as a
// piece of the Gram matrix (gram.h).
//
//   const LocalProblems problems(w, 200, threads);
//   LocalProblem local(w);                       // one a thread
//   problems.assemble(item, local);              // local.neighbors, local.gram, local.target
//
// The nearest are those of largest cosine in G, G_ij / sqrt(G_ii G_jj), ties by the smaller index.

#include <span>
#include <vector>

#include "penchant/models/gram.h"

namespace penchant::models {

// Buffers are reused from item to item.
struct LocalProblem {
  explicit LocalProblem(const WeightedPairs& w) : column(w), slot(w.num_items(), -1) {}

  std::vector<std::int32_t> neighbors;  // N, ascending, without the item itself
  std::vector<float> gram;              // G_NN [m, m], both triangles
  std::vector<float> target;            // G_Nj [m]

  [[nodiscard]] std::size_t size() const { return neighbors.size(); }

  // scratch
  GramColumn column;
  std::vector<std::int32_t> slot;  // position of an item in N, -1 elsewhere
  std::vector<std::int32_t> user_count;
  std::vector<std::int32_t> users;
  std::vector<std::int64_t> user_start;
  std::vector<std::int32_t> position;
  std::vector<float> weight;
};

class LocalProblems {
 public:
  // Where the whole Gram matrix is small it is computed once and pieces are copied from it; else
  // each piece is summed from the pairs.
  LocalProblems(const WeightedPairs& w, std::size_t most_neighbors, int threads);

  void assemble(std::size_t item, LocalProblem& local) const;

 private:
  void nearest(std::size_t item, LocalProblem& local) const;
  void copy_piece(LocalProblem& local) const;
  void sum_piece(LocalProblem& local) const;

  const WeightedPairs& w_;
  std::size_t most_;
  std::vector<double> inverse_norm_;  // G_ii^-1/2
  Matrix<float> gram_;                // empty where it would be large
};

}  // namespace penchant::models
