#pragma once

// Weights of embeddings instead of actions, for mips (Saito & Joachims, "Off-policy evaluation for
// large action spaces via embeddings", 2022): where what an action earns depends on its embedding e
// alone, target(e | x) / logged(e | x) is an unbiased weight, and one that varies less.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace penchant::evaluation {

// The policies' whole tables [rounds, actions], row-major; sums to 1.
struct PolicyTables {
  std::size_t rounds = 0;
  std::size_t actions = 0;
  std::span<const double> target;
  std::span<const double> logged;
};

// How often an action shows each category, known: chance [actions, categories, dimensions], and the
// categories seen, embedding [rounds, dimensions]; dimensions are independent given the action.
struct KnownEmbedding {
  std::size_t categories = 0;
  std::size_t dimensions = 0;
  std::span<const double> chance;
  std::span<const std::int64_t> embedding;
};

// w_i = sum_a target(a) p(e_i | a) / sum_a logged(a) p(e_i | a). Throws kInvalidArgument on sizes,
// kBadData naming the round whose embedding is out of range or that logging could not show.
[[nodiscard]] std::vector<double> marginal_weights(const PolicyTables& tables,
                                                   const KnownEmbedding& known, int threads);

// w_i = sum_a posterior(a) target(a) / logged(a), with a classifier's posterior(a | x_i, e_i)
// [rounds, actions] under the logging policy; actions that it never takes count nothing.
[[nodiscard]] std::vector<double> marginal_weights(const PolicyTables& tables,
                                                   std::span<const double> posterior, int threads);

}  // namespace penchant::evaluation
