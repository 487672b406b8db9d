#pragma once

// What a policy's log says, round by round, and what another policy would do there.
//
//   LoggedRounds log{.rounds = n, .actions = a, .action = ..., .reward = ..., .logged = ...,
//                    .target = RealTable(...)};
//
// Reading is one pass over the tables in blocks of a fixed size; everything that an estimator needs
// of a round is four numbers (RoundColumns).

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "penchant/base/parallel.h"

namespace penchant::evaluation {

using RealTable = std::variant<std::span<const double>, std::span<const float>>;

// Views only; row-major. `positions` is 1 unless slots of a list have policies of their own.
struct LoggedRounds {
  std::size_t rounds = 0;
  std::size_t actions = 0;
  std::size_t positions = 1;
  std::span<const std::int64_t> action;  // [rounds] 0 .. actions - 1; empty: only direct_method
  std::span<const double> reward;        // [rounds]
  // The logging policy's probability of the action it took [rounds], or its whole table as target.
  std::span<const double> logged;
  std::optional<RealTable> target;         // [rounds, actions, positions], sums to 1 over actions
  std::optional<RealTable> q;              // [rounds, actions, positions] expected rewards, or none
  std::span<const std::int64_t> position;  // [rounds] 0 .. positions - 1; empty: all 0
  std::span<const double> marginal_weight;  // [rounds] of mips, or empty
};

// A block's rounds as columns.
struct RoundColumns {
  std::vector<double> weight;    // target(a_i) / logged(a_i)
  std::vector<double> reward;    // r_i
  std::vector<double> residual;  // r_i - q(a_i); empty without q
  std::vector<double> direct;    // sum_a target(a) q(a) / sum_a target(a); empty without q
  std::vector<double> marginal;  // marginal_weight; empty without

  void resize(const LoggedRounds& log, std::size_t count);
};

constexpr std::size_t kRoundsPerBlock = 2048;
constexpr std::size_t kNoRound = static_cast<std::size_t>(-1);

// Lengths and sizes, not values. Throws kInvalidArgument that says which array is how long.
void check_lengths(const LoggedRounds& log);

// Fills the columns of the block's rounds; returns the first round that makes no sense, or
// kNoRound. explain_round then throws kBadData saying which number of that round is wrong and how.
[[nodiscard]] std::size_t read_rounds(const LoggedRounds& log, const Block& block,
                                      RoundColumns& columns);
[[noreturn]] void explain_round(const LoggedRounds& log, std::size_t round);

}  // namespace penchant::evaluation
