#pragma once

// Random histories of decisions and rewards, and policies to learn from them.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "penchant/bandits/loop.h"
#include "penchant/base/random.h"
#include "penchant/store/log.h"

namespace penchant::bandits::testing {

inline constexpr std::int64_t kSecond = 1'000'000;

inline Decided decided(std::uint64_t id, std::int64_t seconds, std::string subject = {},
                       std::vector<std::string> arms = {"\"a\""}) {
  Decided out{.id = id,
              .time = {seconds * kSecond},
              .placement = "home",
              .subject = std::move(subject),
              .policy = "p",
              .policy_version = "0",
              .context = {0.5, static_cast<double>(id % 7) - 3}};
  for (std::string& arm : arms) out.slots.push_back({.arm = std::move(arm), .propensity = 0.5});
  return out;
}

inline Rewarded rewarded(std::uint64_t decision, double value, std::string id = {}) {
  return {.decision = decision, .value = value, .id = std::move(id)};
}

// What is known of an arm, the same wherever it comes.
inline std::vector<double> arm_features(const std::string& arm, std::size_t width) {
  const Philox random(std::hash<std::string>{}(arm), 0x41524d53);
  std::vector<double> out(width);
  for (std::uint32_t f = 0; f < width; ++f) out[f] = random.normal(0, f);
  return out;
}

struct HistoryOptions {
  std::size_t records = 400;
  std::size_t most_slots = 1;
  std::size_t arm_dimension = 0;
  bool rates = false;  // rewards from 0 to 1
  bool out_of_order = false;
  std::string forgets{};  // a person who is to be forgotten now and then
};

// What people and servers do: some twice, some late, some about nothing that there is.
inline std::vector<Record> random_history(std::uint64_t seed, const HistoryOptions& options) {
  const Philox random(seed, 0x4c4f4f50);
  std::vector<Record> out;
  std::vector<Record> delayed;
  std::int64_t now = 1'000;
  std::uint64_t next = 1;
  for (std::uint64_t i = 0; out.size() < options.records; ++i) {
    const double u = random.uniform(i, 0);
    now += random.below(30, i, 1);
    if (u < 0.45 || next == 1) {
      const std::size_t slots =
          1 + random.below(static_cast<std::uint32_t>(options.most_slots), i, 2);
      std::vector<std::string> arms;
      for (std::size_t s = 0; s < slots; ++s) {
        arms.push_back(std::to_string((random.below(4, i, 3) + s) % 7));
      }
      const std::string person = "person-" + std::to_string(random.below(6, i, 4));
      Decided one = decided(next++, now - random.below(5, i, 5), person, arms);
      one.context = {random.normal(i, 10), random.normal(i, 11)};
      for (Slot& slot : one.slots) slot.features = arm_features(slot.arm, options.arm_dimension);
      if (options.out_of_order && random.uniform(i, 6) < 0.2) {
        delayed.emplace_back(std::move(one));
      } else {
        out.emplace_back(std::move(one));
      }
    } else if (u < 0.95) {
      const std::uint64_t recent = std::min<std::uint64_t>(next - 1, 30);
      Rewarded one = rewarded(next - 1 - random.below(static_cast<std::uint32_t>(recent), i, 2),
                              options.rates ? random.uniform(i, 3) / 3 : random.normal(i, 12));
      if (random.uniform(i, 4) < 0.7) one.id = "r" + std::to_string(random.below(9, i, 5));
      if (random.uniform(i, 6) < 0.5) one.slot = random.below(2, i, 7);
      if (random.uniform(i, 8) < 0.3) one.time = {(now - random.below(50, i, 9)) * kSecond};
      out.emplace_back(std::move(one));
    } else if (u < 0.98 || options.forgets.empty()) {
      out.emplace_back(Passed{{now * kSecond}});
    } else {
      out.emplace_back(Forgotten{options.forgets});
    }
    if (!delayed.empty() && random.uniform(i, 14) < 0.3) {
      out.push_back(std::move(delayed.back()));
      delayed.pop_back();
    }
  }
  return out;
}

inline constexpr Duration kMinute{60 * kSecond};

struct Case {
  std::string name;
  PolicyOptions policy;
  JoinOptions join;
  bool exact = false;  // what is taken back leaves no trace, whatever came after it
};

// What is learnt must not depend on how the loop came to its state, whatever the policy.
inline std::vector<Case> learning_cases() {
  const JoinOptions joined{.deadline = kMinute};
  const JoinOptions at_once{.deadline = kMinute, .learn = LearnWhen::kImmediately};
  return {
      {"lin_ts", {.kind = PolicyKind::kLinTs}, joined, true},
      {"lin_ts, immediately", {.kind = PolicyKind::kLinTs}, at_once, true},
      {"bagging", {.kind = PolicyKind::kBagging, .replicas = 4}, at_once, true},
      {"ucb1", {.kind = PolicyKind::kUcb1}, joined, true},
      {"beta", {.kind = PolicyKind::kBetaThompson}, at_once, true},
      {"hybrid", {.kind = PolicyKind::kSoftmax, .model = ModelKind::kHybrid}, joined, true},
      {"shared", {.kind = PolicyKind::kLinTs, .model = ModelKind::kShared, .draws = 32}, at_once},
      {"shared, many coefficients",
       {.kind = PolicyKind::kSoftmax, .model = ModelKind::kShared, .arm_dimension = 24},
       at_once},
      {"hybrid, many coefficients",
       {.kind = PolicyKind::kLinTs, .model = ModelKind::kHybrid, .arm_dimension = 24, .draws = 32},
       at_once},
      {"joint",
       {.kind = PolicyKind::kLinTs, .model = ModelKind::kJoint, .arm_dimension = 2, .draws = 32},
       at_once,
       true},
      {"logistic", {.kind = PolicyKind::kLogisticTs}, at_once},
      {"fading", {.kind = PolicyKind::kLinTs, .discount = 0.9}, joined, true}};
}

inline HistoryOptions history_of(const Case& c, std::size_t records) {
  const bool rates =
      c.policy.kind == PolicyKind::kBetaThompson || c.policy.kind == PolicyKind::kLogisticTs;
  return {
      .records = records, .most_slots = 2, .arm_dimension = c.policy.arm_dimension, .rates = rates};
}

inline std::vector<LoopPolicy> policies(PolicyOptions options, JoinOptions join = {}) {
  options.dimension = options.kind == PolicyKind::kUcb1 || options.kind == PolicyKind::kUniform ||
                              options.kind == PolicyKind::kBetaThompson
                          ? 0
                          : 2;
  std::vector<LoopPolicy> out;
  out.push_back({.name = "p", .policy = Policy(options), .join = join});
  return out;
}

// Hands a record to a loop as its callers would.
inline void play(Loop& loop, const Record& record) {
  if (const auto* one = std::get_if<Decided>(&record)) loop.log_decisions({one, 1});
  if (const auto* one = std::get_if<Rewarded>(&record)) (void)loop.reward({one, 1});
  if (const auto* one = std::get_if<Passed>(&record)) loop.pass(one->time);
  if (const auto* one = std::get_if<Forgotten>(&record)) (void)loop.forget(one->subject);
}

// The decisions of some people, and a log of a history in which there is nothing of them.
inline std::set<std::uint64_t> blanked_log(const std::filesystem::path& folder,
                                           const std::vector<Record>& history,
                                           const std::set<std::string>& people) {
  std::set<std::uint64_t> theirs;
  const auto log = store::Log::open(folder);
  for (Record record : history) {
    const auto* one = std::get_if<Decided>(&record);
    const auto* reward = std::get_if<Rewarded>(&record);
    if (one != nullptr && people.contains(one->subject)) {
      theirs.insert(one->id);
      record = Blanked{.id = one->id,
                       .time = one->time,
                       .policy = one->policy,
                       .slots = static_cast<std::uint32_t>(one->slots.size())};
    } else if (reward != nullptr && theirs.contains(reward->decision)) {
      record = Rewarded{.decision = reward->decision};
    }
    const std::string bytes = encode(record);
    const std::vector<std::string_view> views{bytes};
    log->append(views, store::Durability::kProcess);
  }
  return theirs;
}

// What the policy says of some contexts, all arms of the histories.
inline std::vector<double> beliefs(const Loop& loop) {
  std::vector<double> out;
  loop.with_policy("p", [&](const Loop::View& view) {
    std::vector<std::int32_t> arms;
    std::vector<double> features;
    for (int arm = 0; arm < 5; ++arm) {
      const std::string text = std::to_string(arm);
      arms.push_back(view.arms.find(text));
      const auto known = arm_features(text, view.policy.options().arm_dimension);
      features.insert(features.end(), known.begin(), known.end());
    }
    const std::size_t width = view.policy.options().dimension;
    const std::vector<double> contexts{0.3, -1, 1, 0.5, -2, 0.25, 0, 0};
    const std::vector<std::uint64_t> ids{1, 2, 3, 4};
    out.resize(ids.size() * arms.size());
    view.policy.propose(
        {.contexts = {contexts.data(), 4, width}, .arms = arms, .features = features}, {.ids = ids},
        out);
  });
  return out;
}

// No file below the folder has the word, whatever has been closed.
inline void expect_nowhere(const std::filesystem::path& folder, const std::string& word) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    EXPECT_EQ(bytes.find(word), std::string::npos) << entry.path();
  }
}

}  // namespace penchant::bandits::testing
