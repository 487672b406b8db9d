#pragma once

// Decide, log, be rewarded, learn; durable, and a pure function of its log.
//
//   std::vector<LoopPolicy> policies;
//   policies.push_back({.name = "home", .policy = Policy({.kind = PolicyKind::kLinUcb, ...})});
//   auto loop = Loop::open("state/loop", std::move(policies), LoopOptions{});
//   Made made = loop->decide({.policy = "home", .contexts = ..., .arms = texts, .time = now});
//   std::vector<Outcome> answers = loop->reward({{.decision = made.id[0], .value = 1}});
//   loop->snapshot();                      // so that the next opening replays less
//
// A decision is with the system before it is returned (it survives the process), a reward is on the
// disk before it is answered. What was learnt is a fold over the log: opening it again, from a
// snapshot or from the start, gives the same bits.
//
// Opened with other policies or options than its snapshot was made with, a loop replays its log, as
// much as is kept, through the new ones: so a new policy starts from what the old one tried. Of
// what a policy `knows` from this log already, nothing is taught twice.
//
// Thread-safe. Deciding shares a policy, learning has it alone for one event or batch (policy.h):
// a decision waits for at most that, and learning for the decisions under way.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/bandits/arm_table.h"
#include "penchant/bandits/joined_log.h"
#include "penchant/bandits/joiner.h"
#include "penchant/bandits/policy.h"
#include "penchant/bandits/record.h"

namespace penchant::bandits {

struct LoopPolicy {
  std::string name;
  Policy policy;    // as it starts: untaught, or taught before
  ArmTable arms{};  // of its rows
  JoinOptions join{};
  // What of this very log has taught it before (`Loop::at_rest`): it is not taught that again.
  store::LogPosition knows{};
};

// How much of the log is kept. With every snapshot the oldest records beyond it are dropped, after
// what they taught and left waiting was written to the folder: opening again gives the same bits as
// if all were there. Takes the time to learn the dropped records once more, and room for a second
// copy of the policies meanwhile.
struct Retention {
  Duration age{};           // before the loop's time, longer than any deadline; 0: of any age
  std::uint64_t bytes = 0;  // of records; 0: any number

  [[nodiscard]] bool any() const { return age.micros > 0 || bytes > 0; }
};

struct LoopOptions {
  JoinLimits limits{};
  Retention keep{};
  std::uint64_t snapshot_every = 0;  // records; 0: when snapshot() is called
  int threads = 1;                   // of learning and replaying; 0: all
};

// Rows of contexts, each to choose among the same arms.
struct LoopAsk {
  std::string_view policy;
  MatrixView<const double> contexts{};       // [rows, dimension]
  std::span<const std::string_view> arms{};  // [arms] JSON texts, distinct
  std::span<const double> features{};        // [arms, arm_dimension] or [rows, arms, ...]
  std::span<const std::uint8_t> blocked{};   // [rows, arms], or empty
  std::size_t slots = 1;
  std::span<const std::uint64_t> ids{};          // [rows]; empty: new ones
  std::span<const Timestamp> times{};            // [rows], or one for all
  std::span<const std::string_view> subjects{};  // [rows], or empty
  std::string_view placement{};
  int threads = 1;
};

struct Forgot {
  std::uint64_t decisions = 0;
  std::uint64_t rewards = 0;
};

struct Made {
  std::vector<std::uint64_t> id{};       // [rows]
  std::vector<std::int32_t> position{};  // [rows, slots] into LoopAsk::arms
  std::vector<double> propensity{};      // [rows, slots] given the slots before
};

class Loop {
 public:
  // Replays what the folder holds. An empty folder name keeps the log in memory. Throws what
  // store::Log::open throws; kInvalidArgument on names that come twice and on learning that a
  // policy can't take back; kBadData on a log that is not one of these.
  [[nodiscard]] static std::unique_ptr<Loop> open(const std::filesystem::path& folder,
                                                  std::vector<LoopPolicy> policies,
                                                  const LoopOptions& options);
  // Widths of contexts and of arms' attributes in the first decision of a policy that a folder's
  // log holds; nothing where there is none. For who makes a policy to go on with a log. Throws as
  // open.
  struct Widths {
    std::size_t dimension = 0;
    std::size_t arm_dimension = 0;
  };
  [[nodiscard]] static std::optional<Widths> widths(const std::filesystem::path& folder,
                                                    std::string_view policy);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Draws and logs. Throws kInvalidArgument as Policy::decide, on an id that was used, and on
  // times that are missing; kNotFound on a policy; kIo.
  Made decide(const LoopAsk& ask);

  // The same in parts, for who arranges what is shown in between: an id, a draw, a record. `use`
  // has the policy for its time: it must neither keep references nor call the loop.
  struct View {
    const Policy& policy;
    const ArmTable& arms;
    const std::string& version;  // for Decided::policy_version
  };
  void with_policy(std::string_view name, const std::function<void(const View&)>& use) const;
  // Shows all policies as of one moment, and says which record of the log was the last to teach
  // one: who keeps them can open the same log with them. No log's where nothing was learnt. Nothing
  // is learnt meanwhile. Throws kIo.
  store::LogPosition at_rest(
      const std::function<void(const std::string& name, const View&)>& use) const;
  [[nodiscard]] std::uint64_t new_id();  // never given before, over all openings; below 2^53
  void log_decisions(std::span<const Decided> decisions);

  // Answers, a reward each. Those that are accepted or held are on the disk when it returns, as is
  // the earlier one of a duplicate. Throws kInvalidArgument, naming the reward, on values that are
  // not finite or beyond +-1e6, and on ids that are too long; then nothing was done. Throws kIo
  // when it can't be known whether they are on the disk: send them again after reopening.
  std::vector<Outcome> reward(std::span<const Rewarded> rewards);

  // Closes what is due by then. Deciding does so by itself.
  void pass(Timestamp time);

  // Takes back what was learnt from the person's decisions, drops what waits, and removes them from
  // the disk. Returns how many, and of their rewards. Policies whose bits are a function of exact
  // sums give their events back; for the others (discount < 1, LogisticTS, shared and hybrid
  // models) all is learnt anew from the log. Either way they are as if the person had never come;
  // but what dropped records had taught stays, as sums that name nobody. O(log).
  Forgot forget(std::string_view subject);

  // Makes the next opening quick: it replays from here. Then drops what LoopOptions::keep does not
  // keep, unless someone is reading the log.
  void snapshot();

  // The log, joined: slots of all decisions that are kept, in the order they were made. O(log).
  void read_log(const VisitSlot& visit) const;
  [[nodiscard]] Dropped dropped() const;  // what it no longer has

  // A decision with what came of it so far; nothing where it was never made, forgotten or dropped.
  // O(its records). With JoinLimits::early, a reward that was dropped while it was held counts.
  [[nodiscard]] std::optional<JoinedDecision> find(std::uint64_t decision) const;

  // Of the records in the log, and the rewards that were refused since it was opened.
  [[nodiscard]] JoinCounts counts() const;
  [[nodiscard]] std::size_t waiting() const;
  [[nodiscard]] std::vector<std::string> policies() const;
  [[nodiscard]] std::string state() const;  // everything learnt and waiting, as bytes

 private:
  struct Impl;
  explicit Loop(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace penchant::bandits
