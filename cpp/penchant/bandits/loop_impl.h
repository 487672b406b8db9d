#pragma once

// What a loop holds; seen by loop.cc, loop_erasure.cc and loop_state.cc alone.

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>

#include "penchant/bandits/journal.h"
#include "penchant/bandits/learner.h"
#include "penchant/bandits/loop.h"

namespace penchant::bandits {

// Taught at a time when a log is replayed: an arm's factor is made once for all of them.
inline constexpr std::size_t kReplayLessons = 4096;

using Learners = std::vector<std::unique_ptr<Learner>>;

// What a fold over the kept log starts from.
struct Base {
  Joiner joiner;
  Learners learners{};
  Dropped dropped{};
};

struct Loop::Impl {
  LoopOptions options;
  std::unique_ptr<Journal> journal;
  Learners learners;
  std::map<std::string, Learner*, std::less<>> by_name;
  std::uint64_t fingerprint = 0;  // of the policies and options that this was opened with
  std::uint64_t known = 0;        // the last record that any of the policies knew

  // Records are appended and folded in one order. Learners have locks of their own, taken within.
  mutable std::mutex folding;
  Joiner joiner{{}, {}};
  std::uint64_t folded = 0;  // number of the last record that the state holds
  std::uint64_t since_snapshot = 0;
  std::uint64_t log_bytes = 0;  // of all records up to it, also of those that were dropped
  Dropped dropped;
  bool fresh_base = false;  // "base.snapshot" is of other options: nothing is known of what was
                            // dropped, and the next snapshot says so. Where nothing was, there is
                            // one only if policies that knew the log had to give some of it back
  std::array<std::uint64_t, 7> refused{};  // rewards that were not kept, by Outcome
  std::set<std::string> blanking;          // people whose records are still to be blanked
  std::string broken;                      // why nothing is written any more

  // Shared by who reads the log twice, alone by who drops its front; taken before `folding`, or
  // tried within.
  mutable std::shared_mutex trimming;

  std::mutex ids;
  std::uint64_t epoch = 0;
  std::uint64_t next_id = 0;  // within the epoch

  [[nodiscard]] Learner& learner(std::string_view name) const;
  [[nodiscard]] std::map<std::string, JoinOptions> join_options() const;

  // Says which record led to the lessons from `begin` on, and leaves out those of policies that
  // knew it when they came.
  void sign(std::vector<Taught>& lessons, std::size_t begin, std::uint64_t record) const;

  // All below with `folding` held.
  void check_sound() const;
  void append(std::span<const std::string> records, std::span<const store::Tag> decisions = {});
  void teach(std::vector<Taught>& lessons);
  void add_decisions(std::vector<std::shared_ptr<const Decided>> decisions);
  void recover();
  void replay(std::uint64_t from);
  void start_epoch();
  void maybe_snapshot(std::size_t records);
  void start_over(const std::optional<BaseFile>& file);

  // loop_erasure.cc
  std::size_t take_back(const std::string& subject, std::uint64_t before);
  void learn_anew(const std::set<std::string>& forgotten, std::uint64_t before,
                  std::vector<Taught> known_before);
  std::uint64_t blank();  // rewards

  // loop_retention.cc
  [[nodiscard]] Base find_base(bool with_learners) const;
  [[nodiscard]] std::string base_joiner() const;  // empty: nothing waited
  void put_base(const Base& base, std::uint64_t sequence);
  void take_back_standing(Base& base, std::string_view subject) const;
  void clean_base();  // of those in `blanking`
  void drop_old();
  [[nodiscard]] std::uint64_t first_to_keep() const;
  std::optional<BaseFile> finish_dropping();  // where it was interrupted

  // loop_state.cc
  [[nodiscard]] std::string save(bool whole) const;  // whole: also what only the next opening needs
  bool load(const store::Snapshot& snapshot);        // false: made with other policies or options
  void put_snapshot();
  [[nodiscard]] std::uint64_t find_fingerprint() const;
};

// Each to the learner of its policy; none are left.
void teach_all(const Learners& learners, std::vector<Taught>& lessons, int threads);

// Reads the learners of a bundle that `save_learners` wrote.
void save_learners(const Learners& learners, bundle::Writer& writer);
void load_learners(const Learners& learners, const std::shared_ptr<const bundle::Reader>& reader);

}  // namespace penchant::bandits
