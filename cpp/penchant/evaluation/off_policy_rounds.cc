#include "penchant/evaluation/off_policy_rounds.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "penchant/base/error.h"

namespace penchant::evaluation {
namespace {

constexpr double kMassTolerance = 1e-5;  // of float32 probabilities; NumPy's allclose has the same
constexpr std::size_t kLanes = 4;

std::size_t size_of(const RealTable& table) {
  return std::visit([](const auto& values) { return values.size(); }, table);
}

double at(const RealTable& table, std::size_t i) {
  return std::visit([&](const auto& values) { return static_cast<double>(values[i]); }, table);
}

struct RowSums {
  double mass = 0;   // sum of p
  double value = 0;  // sum of p q
  double least = 0;  // min of p and 0
};

// Four lanes hide the latency of additions; a stride is only there when slots have tables.
template <class P, class Q>
RowSums row_sums(const P* p, const Q* q, std::size_t count, std::size_t stride) {
  double mass[kLanes] = {};
  double value[kLanes] = {};
  double least[kLanes] = {};
  const auto take = [&](std::size_t lane, std::size_t i) {
    const auto chance = static_cast<double>(p[i]);
    mass[lane] += chance;
    least[lane] = chance < least[lane] ? chance : least[lane];
    if constexpr (!std::is_void_v<Q>) value[lane] += chance * static_cast<double>(q[i]);
  };
  std::size_t i = 0;
  if (stride == 1) {
    for (; i + kLanes <= count; i += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) take(lane, i + lane);
    }
    for (std::size_t lane = 0; i < count; ++i, ++lane) take(lane, i);
  } else {
    for (; i < count; ++i) take(i % kLanes, i * stride);
  }
  return {(mass[0] + mass[2]) + (mass[1] + mass[3]), (value[0] + value[2]) + (value[1] + value[3]),
          std::min(std::min(least[0], least[2]), std::min(least[1], least[3]))};
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

template <class P, class Q>
std::size_t read(const LoggedRounds& log, const P* target, const Q* q, const Block& block,
                 RoundColumns& columns) {
  for (std::size_t i = block.begin; i < block.end; ++i) {
    const std::size_t row = i - block.begin;
    if (!log.position.empty() && !is_index(log.position[i], log.positions)) return i;
    const std::size_t first = origin(log, i);
    const Q* fitted = q;
    if constexpr (!std::is_void_v<Q>) fitted = q + first;
    const RowSums sums = row_sums(target + first, fitted, log.actions, log.positions);
    if (!is_mass(sums)) return i;
    if constexpr (!std::is_void_v<Q>) {
      columns.direct[row] = sums.value / sums.mass;
      if (!std::isfinite(columns.direct[row])) return i;
    }
    if (log.action.empty()) continue;
    if (!is_index(log.action[i], log.actions)) return i;
    const std::size_t taken = static_cast<std::size_t>(log.action[i]) * log.positions;
    const double logged = logged_chance(log, i);
    if (!(logged > 0 && logged <= 1 + kMassTolerance) || !std::isfinite(log.reward[i])) return i;
    columns.weight[row] = static_cast<double>(target[first + taken]) / logged;
    columns.reward[row] = log.reward[i];
    if constexpr (!std::is_void_v<Q>) {
      columns.residual[row] = log.reward[i] - static_cast<double>(fitted[taken]);
      if (!std::isfinite(columns.residual[row])) return i;
    }
    if (!std::isfinite(columns.weight[row])) return i;
    if (!log.marginal_weight.empty()) {
      const double weight = log.marginal_weight[i];
      if (!(weight >= 0) || !std::isfinite(weight)) return i;
      columns.marginal[row] = weight;
    }
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
  return std::visit(
      [&](const auto& target) {
        if (!log.q) {
          return read(log, target.data(), static_cast<const void*>(nullptr), block, columns);
        }
        return std::visit(
            [&](const auto& q) { return read(log, target.data(), q.data(), block, columns); },
            *log.q);
      },
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
