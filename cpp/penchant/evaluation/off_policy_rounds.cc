#include "penchant/evaluation/off_policy_rounds.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "penchant/base/error.h"
#include "penchant/evaluation/off_policy_kernels.h"

namespace penchant::evaluation {
namespace {

constexpr double kMassTolerance = 1e-5;  // of float32 probabilities; NumPy's allclose has the same

std::size_t size_of(const RealTable& table) {
  return std::visit([](const auto& values) { return values.size(); }, table);
}

double at(const RealTable& table, std::size_t i) {
  return std::visit([&](const auto& values) { return static_cast<double>(values[i]); }, table);
}

bool is_mass(const RowSums& sums) {
  return std::abs(sums.mass - 1.0) <= kMassTolerance && sums.least >= 0.0;
}

// Where a round's table begins, counted in elements.
std::size_t origin(const LoggedRounds& log, std::size_t round) {
  const std::size_t slot = log.position.empty() ? 0 : static_cast<std::size_t>(log.position[round]);
  return round * log.actions * log.positions + slot;
}

bool has_table(const LoggedRounds& log) { return log.logged.size() > log.rounds; }

double logged_chance(const LoggedRounds& log, std::size_t round) {
  if (!has_table(log)) return log.logged[round];
  const auto action = static_cast<std::size_t>(log.action[round]);
  return log.logged[origin(log, round) + action * log.positions];
}

bool is_index(std::int64_t value, std::size_t count) {
  return value >= 0 && static_cast<std::uint64_t>(value) < count;
}

// A slot's row of tables that have several: its entries lie apart.
template <class P>
RowSums sum_slot(const LoggedRounds& log, std::span<const P> target, std::size_t first) {
  RowSums out;
  for (std::size_t a = 0; a < log.actions; ++a) {
    const auto chance = static_cast<double>(target[first + a * log.positions]);
    out.mass += chance;
    out.least = std::min(out.least, chance);
    if (log.q) out.value += chance * at(*log.q, first + a * log.positions);
  }
  return out;
}

// Fills the sums of the block's rows; returns the first round whose position is none.
template <class P>
std::size_t sum_slots(const LoggedRounds& log, std::span<const P> target, const Block& block,
                      std::span<RowSums> sums) {
  for (std::size_t i = block.begin; i < block.end; ++i) {
    if (!log.position.empty() && !is_index(log.position[i], log.positions)) return i;
    if (log.positions > 1) sums[i - block.begin] = sum_slot(log, target, origin(log, i));
  }
  if (log.positions == 1) {
    sum_rows(*log.target, log.q ? &*log.q : nullptr, log.actions, block.begin, sums);
  }
  return kNoRound;
}

// The weight and the residual of a round; false where they make no sense.
template <class P>
bool read_taken(const LoggedRounds& log, std::span<const P> target, std::size_t i, std::size_t row,
                RoundColumns& columns) {
  if (!is_index(log.action[i], log.actions)) return false;
  const std::size_t taken =
      origin(log, i) + static_cast<std::size_t>(log.action[i]) * log.positions;
  const double logged = logged_chance(log, i);
  if (!(logged > 0 && logged <= 1 + kMassTolerance) || !std::isfinite(log.reward[i])) return false;
  columns.weight[row] = static_cast<double>(target[taken]) / logged;
  columns.reward[row] = log.reward[i];
  if (log.q) columns.residual[row] = log.reward[i] - at(*log.q, taken);
  if (!log.marginal_weight.empty()) {
    const double weight = log.marginal_weight[i];
    if (!(weight >= 0) || !std::isfinite(weight)) return false;
    columns.marginal[row] = weight;
  }
  return std::isfinite(columns.weight[row]) && (!log.q || std::isfinite(columns.residual[row]));
}

template <class P>
std::size_t read(const LoggedRounds& log, std::span<const P> target, const Block& block,
                 RoundColumns& columns) {
  std::vector<RowSums> sums(block.end - block.begin);
  const std::size_t misplaced = sum_slots(log, target, block, sums);
  if (misplaced != kNoRound) return misplaced;
  for (std::size_t i = block.begin; i < block.end; ++i) {
    const std::size_t row = i - block.begin;
    if (!is_mass(sums[row])) return i;
    if (log.q) {
      columns.direct[row] = sums[row].value / sums[row].mass;
      if (!std::isfinite(columns.direct[row])) return i;
    }
    if (!log.action.empty() && !read_taken(log, target, i, row, columns)) return i;
  }
  return kNoRound;
}

template <class... Parts>
[[noreturn]] void bad_round(std::size_t round, const Parts&... message) {
  fail(ErrorKind::kBadData, concat("off-policy: round ", round, ": ", message...));
}

// The table's row as an error, when it is one.
void explain_target(const LoggedRounds& log, std::size_t round) {
  double mass = 0;
  for (std::size_t a = 0; a < log.actions; ++a) {
    const double chance = at(*log.target, origin(log, round) + a * log.positions);
    if (!(chance >= 0)) {
      bad_round(round, "target[", round, ", ", a, "] is ", chance, ", no probability");
    }
    mass += chance;
  }
  if (!(std::abs(mass - 1) <= kMassTolerance)) {
    bad_round(round, "target's probabilities sum to ", mass,
              ", not 1; divide each row by its sum, or give the actions left out a column");
  }
}

void explain_action(const LoggedRounds& log, std::size_t round) {
  if (!is_index(log.action[round], log.actions)) {
    bad_round(round, "action ", log.action[round], " is not one of target's columns 0 to ",
              log.actions - 1);
  }
  const double logged = logged_chance(log, round);
  if (!(logged > 0)) {
    bad_round(
        round, "logged is ", logged,
        "; the action that was taken must have had a probability above 0. If the log does not "
        "say it, estimate it or leave the round out, and say so");
  }
  if (!(logged <= 1 + kMassTolerance)) bad_round(round, "logged is ", logged, ", above 1");
  if (!std::isfinite(log.reward[round])) {
    bad_round(round, "reward is ", log.reward[round],
              "; leave out rounds whose reward is not known yet");
  }
}

}  // namespace

void RoundColumns::resize(const LoggedRounds& log, std::size_t count) {
  if (!log.action.empty()) {
    weight.resize(count);
    reward.resize(count);
    if (log.q) residual.resize(count);
    if (!log.marginal_weight.empty()) marginal.resize(count);
  }
  if (log.q) direct.resize(count);
}

void check_lengths(const LoggedRounds& log) {
  check_argument(log.rounds >= 1, "off-policy: the log has no rounds");
  check_argument(log.actions >= 1 && log.positions >= 1 && log.target.has_value(),
                 "off-policy: target must be [rounds, actions] or [rounds, actions, positions]");
  const std::size_t cells = log.rounds * log.actions * log.positions;
  const auto length = [&](std::string_view name, std::size_t size, std::size_t wanted) {
    check_argument(size == wanted, "off-policy: ", name, " has ", size, " values; target asks for ",
                   wanted);
  };
  length("target", size_of(*log.target), cells);
  if (log.q) length("q", size_of(*log.q), cells);
  if (!log.position.empty()) length("position", log.position.size(), log.rounds);
  check_argument(log.positions == 1 || !log.position.empty(), "off-policy: target has ",
                 log.positions, " positions: give position [rounds]");
  if (log.action.empty()) return;
  length("action", log.action.size(), log.rounds);
  length("reward", log.reward.size(), log.rounds);
  check_argument(log.logged.size() == log.rounds || log.logged.size() == cells,
                 "off-policy: logged has ", log.logged.size(), " values; it must be [rounds], ",
                 log.rounds, ", or a table like target's, ", cells);
  if (!log.marginal_weight.empty()) {
    length("marginal_weight", log.marginal_weight.size(), log.rounds);
  }
}

std::size_t read_rounds(const LoggedRounds& log, const Block& block, RoundColumns& columns) {
  return std::visit([&](const auto& target) { return read(log, target, block, columns); },
                    *log.target);
}

void explain_round(const LoggedRounds& log, std::size_t round) {
  if (!log.position.empty() && !is_index(log.position[round], log.positions)) {
    bad_round(round, "position ", log.position[round], " is not one of target's 0 to ",
              log.positions - 1);
  }
  explain_target(log, round);
  if (!log.action.empty()) explain_action(log, round);
  if (log.q) {
    for (std::size_t a = 0; a < log.actions; ++a) {
      const double value = at(*log.q, origin(log, round) + a * log.positions);
      if (!std::isfinite(value)) bad_round(round, "q[", round, ", ", a, "] is ", value);
    }
  }
  if (!log.marginal_weight.empty()) {
    bad_round(round, "the marginal weight is ", log.marginal_weight[round],
              "; it must be finite and not negative");
  }
  bad_round(round, "its numbers are too large to be used");
}

}  // namespace penchant::evaluation
