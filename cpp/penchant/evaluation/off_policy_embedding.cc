#include "penchant/evaluation/off_policy_embedding.h"

#include <algorithm>
#include <cmath>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"

namespace penchant::evaluation {
namespace {

constexpr std::size_t kBlock = 1024;

void check_tables(const PolicyTables& tables) {
  const std::size_t cells = tables.rounds * tables.actions;
  check_argument(tables.target.size() == cells && tables.logged.size() == cells,
                 "mips: target and logged must both be [rounds, actions] of ", tables.rounds,
                 " and ", tables.actions);
}

// Fills a weight a round; those that are no finite number are errors, of which the first is told.
template <class WeightOf>
std::vector<double> all_weights(std::size_t rounds, int threads, const WeightOf& weight_of) {
  std::vector<double> out(rounds);
  parallel_blocks(rounds, kBlock, threads, [&](const Block& block) {
    for (std::size_t i = block.begin; i < block.end; ++i) out[i] = weight_of(i);
  });
  const auto wrong = std::find_if(out.begin(), out.end(), [](double weight) {
    return !(weight >= 0) || !std::isfinite(weight);
  });
  if (wrong != out.end()) {
    fail(ErrorKind::kBadData, concat("mips: round ", wrong - out.begin(),
                                     ": the logging policy can't have shown this embedding, or a "
                                     "probability is negative or not a number"));
  }
  return out;
}

}  // namespace

std::vector<double> marginal_weights(const PolicyTables& tables, const KnownEmbedding& known,
                                     int threads) {
  check_tables(tables);
  check_argument(known.chance.size() == tables.actions * known.categories * known.dimensions,
                 "mips: p_embedding must be [actions, categories, dimensions] for target's ",
                 tables.actions, " actions");
  check_argument(known.embedding.size() == tables.rounds * known.dimensions,
                 "mips: embedding must be [rounds, dimensions] of ", tables.rounds, " and ",
                 known.dimensions);
  for (std::size_t i = 0; i < known.embedding.size(); ++i) {
    const std::int64_t category = known.embedding[i];
    if (category >= 0 && static_cast<std::uint64_t>(category) < known.categories) continue;
    fail(ErrorKind::kBadData, concat("mips: round ", i / known.dimensions, ": embedding ", category,
                                     " is not one of the categories 0 to ", known.categories - 1));
  }
  return all_weights(tables.rounds, threads, [&](std::size_t i) {
    double target = 0;
    double logged = 0;
    for (std::size_t a = 0; a < tables.actions; ++a) {
      double chance = 1;
      for (std::size_t d = 0; d < known.dimensions; ++d) {
        const auto category = static_cast<std::size_t>(known.embedding[i * known.dimensions + d]);
        chance *= known.chance[(a * known.categories + category) * known.dimensions + d];
      }
      target += tables.target[i * tables.actions + a] * chance;
      logged += tables.logged[i * tables.actions + a] * chance;
    }
    return target / logged;
  });
}

std::vector<double> marginal_weights(const PolicyTables& tables, std::span<const double> posterior,
                                     int threads) {
  check_tables(tables);
  check_argument(posterior.size() == tables.target.size(),
                 "mips: posterior must be [rounds, actions] like target");
  return all_weights(tables.rounds, threads, [&](std::size_t i) {
    double weight = 0;
    for (std::size_t a = 0; a < tables.actions; ++a) {
      const std::size_t cell = i * tables.actions + a;
      if (tables.logged[cell] != 0) {
        weight += posterior[cell] * (tables.target[cell] / tables.logged[cell]);
      }
    }
    return weight;
  });
}

}  // namespace penchant::evaluation
