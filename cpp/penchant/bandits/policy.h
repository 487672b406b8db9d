#pragma once

// Decisions that learn.
//
//   Policy policy({.kind = PolicyKind::kLinTs, .dimension = 32, .seed = 7});
//   policy.ensure_arms(1000);
//   Candidates ask{.contexts = rows.view(), .arms = arms};
//   Decisions shown = policy.decide(ask, {.ids = ids, .slots = 1, .threads = 1});
//   policy.update({.contexts = rows.view(), .arms = chosen, .rewards = rewards});
//
// What is logged is the distribution that the arm was drawn from: where a closed form is known
// it is that; Thompson sampling of independent arms is integrated (best_of.h says how exactly) and
// that of shared coefficients counted over seeded draws, and the arm is then drawn from exactly
// these numbers. A decision depends on (seed, decision id, what was learnt), never on a clock, the
// batch it came in, or the number of threads.
//
// What is learnt is a sum over events that does not depend on their order (linear_sums.h), unless
// discount < 1 or the policy is LogisticTS: then it depends on the order within an arm alone. An
// event that is taken back leaves the very bits of never having come; what is read of shared models
// of many coefficients is within 1e-8 of that, and there after a rebuild (shared_posterior.h).
//
// Learning only adds to the sums; what is read of them is worked out by whoever reads first, or by
// settle.
//
// Not synchronized: readers (propose, decide, settle, save, clone) may share a policy, a writer
// must be alone.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "penchant/bandits/options.h"
#include "penchant/base/matrix.h"
#include "penchant/bundle/bundle.h"

namespace penchant::bandits {

inline constexpr std::int32_t kNewArm = -1;  // of which nothing was learnt: its prior is asked

// Rows of contexts, each to choose among the same arms.
struct Candidates {
  MatrixView<const double> contexts{};      // [rows, dimension]
  std::span<const std::int32_t> arms{};     // [arms], distinct rows of the table, or kNewArm
  std::span<const double> features{};       // [arms, arm_dimension], or [rows, arms, arm_dimension]
  std::span<const std::uint8_t> blocked{};  // [rows, arms], 1: must not be shown; empty: none
};

struct Draws {
  std::span<const std::uint64_t> ids{};  // [rows] of the decisions: they key all random numbers
  std::size_t slots = 1;                 // arms to show in each row, without repetition
  int threads = 1;                       // 0: all
};

struct Decisions {
  std::vector<std::int32_t> position{};  // [rows, slots] into Candidates::arms
  std::vector<double> propensity{};      // [rows, slots] given the slots before
};

// What was shown and what came of it.
struct Events {
  MatrixView<const double> contexts{};   // [events, dimension]
  std::span<const std::int32_t> arms{};  // [events] rows of the table
  std::span<const double> rewards{};     // [events]
  std::span<const double> features{};    // [events, arm_dimension] of the arms
  std::span<const std::uint64_t> ids{};  // [events]; empty: counted on from events()
  // For undo with discount < 1: later events of the arm since (shared models: of all arms); and in
  // hybrid models, which have both, also those of all arms. [events] each.
  std::span<const std::int64_t> age{};
  std::span<const std::int64_t> age_of_all{};
};

class Policy {
 public:
  explicit Policy(const PolicyOptions& options);
  ~Policy();
  Policy(Policy&&) noexcept;
  Policy& operator=(Policy&&) noexcept;
  [[nodiscard]] Policy clone() const;  // learnt state and all

  [[nodiscard]] const PolicyOptions& options() const;
  [[nodiscard]] std::size_t arms() const;         // rows of the table
  [[nodiscard]] std::int64_t events() const;      // learnt, less those taken back
  [[nodiscard]] std::uint64_t event_ids() const;  // the id that the next event gets
  [[nodiscard]] std::size_t memory_bytes() const;

  // The table has at least so many arms from now on.
  void ensure_arms(std::size_t arms);

  // The distribution that the first slot is drawn from, [rows, arms]: after what is blocked and the
  // floor. Rows sum to 1 within rounding. O(arms * dimension^2 / 2) a row for disjoint posteriors,
  // O(arms * dimension) for means. Throws kInvalidArgument on shapes and numbers.
  void propose(const Candidates& ask, const Draws& draws, std::span<double> probabilities) const;

  // Draws. Later slots are drawn from the first one's distribution without the arms taken
  // (Plackett-Luce); where nothing of it is left, from the policy's proposal among the rest.
  [[nodiscard]] Decisions decide(const Candidates& ask, const Draws& draws) const;

  // Learns; either all events or, when it throws, none. Rows of the table that are next in turn are
  // new arms. O(dimension^2 / 2) an event.
  void update(const Events& events);

  // Takes events back that were learnt before. Bagging and LogisticTS want their ids. Throws
  // kInvalidArgument on events that can't have been learnt, as far as that shows.
  void undo(const Events& events);

  // Works out now what the next reader would have to. O(dimension^3 / 3) an arm that was touched.
  void settle(int threads) const;

  // Sections below `prefix` (docs/bundle_format/v1.md). load throws kCorruptBundle.
  void save(bundle::Writer& writer, const std::string& prefix) const;
  [[nodiscard]] static Policy load(const std::shared_ptr<const bundle::Reader>& reader,
                                   const std::string& prefix);

  struct Impl;

 private:
  explicit Policy(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace penchant::bandits
