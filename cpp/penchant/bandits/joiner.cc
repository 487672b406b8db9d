#include "penchant/bandits/joiner.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <type_traits>

#include <xxhash.h>

#include "penchant/bandits/joiner_state.h"
#include "penchant/bandits/linear_sums.h"
#include "penchant/base/error.h"

namespace penchant::bandits {
namespace {

void check_options(const std::string& policy, const JoinOptions& o) {
  check_argument(o.deadline.micros > 0, "policy '", policy, "': the deadline must be above 0");
  check_argument(
      std::abs(o.least) <= kMostReward && std::abs(o.most) <= kMostReward && o.least <= o.most,
      "policy '", policy, "': rewards from ", o.least, " to ", o.most, " are no range within +-",
      kMostReward);
  check_argument(
      std::isnan(o.default_reward) || (o.default_reward >= o.least && o.default_reward <= o.most),
      "policy '", policy, "': the default reward is ", o.default_reward, ", rewards are from ",
      o.least, " to ", o.most);
}

void check_limits(const JoinLimits& limits) {
  check_argument(limits.max_waiting > 0, "max_waiting must be at least 1");
  check_argument(limits.max_rewards > 0, "max_rewards must be at least 1");
  check_argument(limits.early.micros >= 0, "early must not be negative");
  check_argument(limits.early.micros == 0 || limits.max_held > 0, "max_held must be at least 1");
}

bool among(const std::vector<std::string>& ids, const std::string& id) {
  return !id.empty() && std::find(ids.begin(), ids.end(), id) != ids.end();
}

std::optional<std::uint32_t> slot_of(const Waiting& entry, const Rewarded& reward) {
  const auto slots = static_cast<std::uint32_t>(entry.slots.size());
  if (reward.slot) {
    const bool good = *reward.slot < slots &&
                      (reward.arm.empty() || entry.decision->slots[*reward.slot].arm == reward.arm);
    return good ? reward.slot : std::nullopt;
  }
  if (reward.arm.empty()) return slots == 1 ? std::optional<std::uint32_t>(0) : std::nullopt;
  for (std::uint32_t s = 0; s < slots; ++s) {
    if (entry.decision->slots[s].arm == reward.arm) return s;
  }
  return std::nullopt;
}

}  // namespace

Aggregation find_aggregation(std::string_view name) {
  if (name == "sum") return Aggregation::kSum;
  if (name == "max") return Aggregation::kMax;
  if (name == "first") return Aggregation::kFirst;
  fail(ErrorKind::kInvalidArgument,
       concat("there is no aggregation '", name, "'; take sum, max or first"));
}

LearnWhen find_learn_when(std::string_view name) {
  if (name == "joined") return LearnWhen::kJoined;
  if (name == "immediately") return LearnWhen::kImmediately;
  fail(ErrorKind::kInvalidArgument,
       concat("learn is '", name, "'; it must be joined or immediately"));
}

std::string_view aggregation_name(Aggregation aggregation) {
  switch (aggregation) {
    case Aggregation::kSum:
      return "sum";
    case Aggregation::kMax:
      return "max";
    case Aggregation::kFirst:
      return "first";
  }
  return "";
}

std::string_view learn_when_name(LearnWhen learn) {
  return learn == LearnWhen::kJoined ? "joined" : "immediately";
}

std::string_view outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kAccepted:
      return "accepted";
    case Outcome::kHeld:
      return "held";
    case Outcome::kDuplicate:
      return "duplicate";
    case Outcome::kLate:
      return "late";
    case Outcome::kUnknownDecision:
      return "unknown_decision";
    case Outcome::kUnknownSlot:
      return "unknown_slot";
    case Outcome::kTooMany:
      return "too_many";
  }
  return "unknown";
}

Timestamp due_of(Timestamp time, const JoinOptions& options) {
  return time - Duration{-options.deadline.micros};
}

std::uint64_t subject_hash(std::string_view subject) {
  return subject.empty() ? 0 : XXH3_64bits(subject.data(), subject.size());
}

// -- decisions ------------------------------------------------------------------------------------

void Joiner::Impl::insert(Waiting entry, std::uint64_t id) {
  due.emplace(entry.due, entry.first_event, id);
  oldest.emplace(entry.first_event, id);
  waiting.emplace(id, std::move(entry));
}

Outcome Joiner::Impl::decide(Waiting entry, std::uint64_t id, std::vector<Taught>& lessons) {
  if (waiting.contains(id) || closed.contains(id)) {
    ++counts.repeated_decisions;
    return Outcome::kDuplicate;
  }
  advance(entry.time, lessons);
  ++counts.decisions;
  entry.first_event = next_event;
  next_event += entry.slots.size();
  const auto found = options.find(entry.policy);
  if (found == options.end()) {
    ++counts.unknown_policies;
    return Outcome::kAccepted;
  }
  entry.options = &found->second;
  entry.due = due_of(entry.time, found->second);
  insert(std::move(entry), id);
  release_held(id, lessons);
  if (waiting.size() > limits.max_waiting) {
    ++counts.closed_early;
    close(oldest.begin()->second, lessons);
  }
  close_due(lessons);  // one that came after its own deadline
  return Outcome::kAccepted;
}

void Joiner::Impl::advance(Timestamp time, std::vector<Taught>& lessons) {
  if (time <= now) return;
  if (!now.known()) {
    for (auto& [number, entry] : held) entry.since = time;
  }
  now = time;
  close_due(lessons);
  expire_held();
}

void Joiner::Impl::close_due(std::vector<Taught>& lessons) {
  while (!due.empty() && std::get<0>(*due.begin()) <= now) {
    close(std::get<2>(*due.begin()), lessons);
  }
}

void Joiner::Impl::close(std::uint64_t id, std::vector<Taught>& lessons) {
  const auto at = waiting.find(id);
  Waiting entry = std::move(at->second);
  waiting.erase(at);
  due.erase({entry.due, entry.first_event, id});
  oldest.erase(entry.first_event);
  ++counts.closed;
  if (entry.decision == nullptr) {
    closed_order.push_back(id);
  } else {
    for (std::uint32_t s = 0; s < entry.slots.size(); ++s) {
      const SlotState& slot = entry.slots[s];
      if (slot.rewards == 0) ++counts.unrewarded;
      const double value = slot.rewards == 0 ? entry.options->default_reward : slot.total;
      if (!slot.taught && !std::isnan(value)) teach(entry, s, value, lessons);
    }
    closed.emplace(id, Closed{subject_hash(entry.decision->subject), std::move(entry.reward_ids)});
    closed_order.push_back(id);
  }
  while (closed_order.size() > limits.max_closed) {
    closed.erase(closed_order.front());
    closed_order.pop_front();
  }
}

void Joiner::Impl::teach(Waiting& entry, std::uint32_t s, double value,
                         std::vector<Taught>& lessons) {
  SlotState& slot = entry.slots[s];
  const double clipped = std::clamp(value, entry.options->least, entry.options->most);
  if (clipped != value) ++counts.clipped;
  Taught lesson{.decision = entry.decision,
                .slot = s,
                .reward = slot.lesson,
                .event = entry.first_event + s,
                .back = true,
                .rewarded = slot.rewards > 0};
  if (slot.taught) {
    if (slot.lesson == clipped) return;
    lessons.push_back(lesson);
  }
  lesson.back = false;
  lesson.reward = clipped;
  lessons.push_back(std::move(lesson));
  slot.taught = true;
  slot.lesson = clipped;
}

// -- rewards --------------------------------------------------------------------------------------

Outcome Joiner::Impl::classify(const Rewarded& reward, const Waiting* entry) const {
  if (entry != nullptr) {
    if (entry->decision == nullptr) return Outcome::kUnknownDecision;
    if (among(entry->reward_ids, reward.id)) return Outcome::kDuplicate;
    if (reward.time >= entry->due) return Outcome::kLate;
    if (!slot_of(*entry, reward)) return Outcome::kUnknownSlot;
    return entry->rewards < limits.max_rewards ? Outcome::kAccepted : Outcome::kTooMany;
  }
  const auto done = closed.find(reward.decision);
  if (done != closed.end()) {
    return among(done->second.reward_ids, reward.id) ? Outcome::kDuplicate : Outcome::kLate;
  }
  if (limits.early.micros == 0) return Outcome::kUnknownDecision;
  const auto early = held_for.find(reward.decision);
  if (early == held_for.end()) return Outcome::kHeld;
  for (const std::uint64_t number : early->second) {
    if (!reward.id.empty() && held.at(number).reward.id == reward.id) return Outcome::kDuplicate;
  }
  return early->second.size() < limits.max_rewards ? Outcome::kHeld : Outcome::kTooMany;
}

Outcome Joiner::Impl::offer(const Rewarded& reward, std::vector<Taught>& lessons) {
  const auto at = waiting.find(reward.decision);
  const Outcome outcome = classify(reward, at == waiting.end() ? nullptr : &at->second);
  if (outcome == Outcome::kHeld) return hold(reward);
  if (outcome != Outcome::kAccepted) return outcome;
  count_in(at->second, reward, lessons);
  return count(outcome);
}

Outcome Joiner::Impl::take(const Rewarded& reward, std::vector<Taught>& lessons) {
  const Outcome outcome = offer(reward, lessons);
  const bool kept = outcome == Outcome::kAccepted || outcome == Outcome::kHeld;
  return kept ? outcome : count(outcome);
}

void Joiner::Impl::count_in(Waiting& entry, const Rewarded& reward, std::vector<Taught>& lessons) {
  const std::uint32_t s = *slot_of(entry, reward);
  SlotState& slot = entry.slots[s];
  if (slot.rewards == 0) {
    slot.total = reward.value;
  } else if (entry.options->aggregation == Aggregation::kSum) {
    slot.total += reward.value;
  } else if (entry.options->aggregation == Aggregation::kMax) {
    slot.total = std::max(slot.total, reward.value);
  }
  ++slot.rewards;
  ++entry.rewards;
  if (!reward.id.empty()) entry.reward_ids.push_back(reward.id);
  if (entry.options->learn == LearnWhen::kImmediately) teach(entry, s, slot.total, lessons);
}

// -- rewards before their decisions ---------------------------------------------------------------

Outcome Joiner::Impl::hold(const Rewarded& reward) {
  held_for[reward.decision].push_back(next_held);
  held.emplace(next_held++, Held{reward, now});
  if (held.size() > limits.max_held) {
    drop_held(held.begin()->first);
    count(Outcome::kUnknownDecision);
  }
  return count(Outcome::kHeld);
}

void Joiner::Impl::drop_held(std::uint64_t number) {
  const auto at = held.find(number);
  const auto list = held_for.find(at->second.reward.decision);
  std::erase(list->second, number);
  if (list->second.empty()) held_for.erase(list);
  held.erase(at);
}

void Joiner::Impl::expire_held() {
  while (!held.empty() && held.begin()->second.since < now - limits.early) {
    drop_held(held.begin()->first);
    count(Outcome::kUnknownDecision);
  }
}

void Joiner::Impl::release_held(std::uint64_t id, std::vector<Taught>& lessons) {
  const auto at = held_for.find(id);
  if (at == held_for.end()) return;
  const std::vector<std::uint64_t> numbers = at->second;
  for (const std::uint64_t number : numbers) {
    const Rewarded reward = held.at(number).reward;
    drop_held(number);
    take(reward, lessons);
  }
}

// -- erasure --------------------------------------------------------------------------------------

void Joiner::Impl::forget(std::string_view subject) {
  if (subject.empty()) return;
  for (auto& [id, entry] : waiting) {
    if (entry.decision == nullptr || entry.decision->subject != subject) continue;
    entry.decision = nullptr;
    entry.rewards = 0;
    entry.reward_ids.clear();
    std::fill(entry.slots.begin(), entry.slots.end(), SlotState{});
    ++counts.forgotten;
  }
  const std::uint64_t hash = subject_hash(subject);
  std::erase_if(closed, [&](const auto& entry) { return entry.second.subject == hash; });
}

std::vector<Taught> Joiner::standing(std::string_view subject) const {
  std::vector<Taught> out;
  for (const auto& [event, id] : impl_->oldest) {
    const Waiting& entry = impl_->waiting.at(id);
    if (entry.decision == nullptr || entry.decision->subject != subject) continue;
    for (std::uint32_t s = 0; s < entry.slots.size(); ++s) {
      const SlotState& slot = entry.slots[s];
      if (!slot.taught) continue;
      out.push_back({.decision = entry.decision,
                     .slot = s,
                     .reward = slot.lesson,
                     .event = event + s,
                     .rewarded = slot.rewards > 0});
    }
  }
  return out;
}

// -- the face -------------------------------------------------------------------------------------

Joiner::Joiner(std::map<std::string, JoinOptions> options, const JoinLimits& limits)
    : impl_(std::make_unique<Impl>()) {
  for (const auto& [policy, given] : options) check_options(policy, given);
  check_limits(limits);
  impl_->options = std::move(options);
  impl_->limits = limits;
}
Joiner::Joiner(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Joiner::~Joiner() = default;
Joiner::Joiner(Joiner&&) noexcept = default;
Joiner& Joiner::operator=(Joiner&&) noexcept = default;

Outcome Joiner::fold(std::shared_ptr<const Decided> decision, std::vector<Taught>& lessons) {
  Waiting entry{.decision = decision,
                .policy = decision->policy,
                .time = decision->time,
                .slots = std::vector<SlotState>(decision->slots.size())};
  return impl_->decide(std::move(entry), decision->id, lessons);
}

Outcome Joiner::fold(const Record& record, std::vector<Taught>& lessons) {
  if (const auto* decided = std::get_if<Decided>(&record)) {
    return fold(std::make_shared<const Decided>(*decided), lessons);
  }
  if (const auto* reward = std::get_if<Rewarded>(&record)) return impl_->take(*reward, lessons);
  if (const auto* passed = std::get_if<Passed>(&record)) impl_->advance(passed->time, lessons);
  if (const auto* forgotten = std::get_if<Forgotten>(&record)) impl_->forget(forgotten->subject);
  if (const auto* blank = std::get_if<Blanked>(&record)) {
    return impl_->decide(Waiting{.policy = blank->policy,
                                 .time = blank->time,
                                 .slots = std::vector<SlotState>(blank->slots)},
                         blank->id, lessons);
  }
  return Outcome::kAccepted;
}

Outcome Joiner::offer(const Rewarded& reward, std::vector<Taught>& lessons) {
  return impl_->offer(reward, lessons);
}
bool Joiner::waits(std::uint64_t decision) const { return impl_->waiting.contains(decision); }
bool Joiner::remembers(std::uint64_t decision) const {
  return waits(decision) || impl_->closed.contains(decision);
}
Timestamp Joiner::now() const { return impl_->now; }
std::size_t Joiner::waiting() const { return impl_->waiting.size(); }
std::size_t Joiner::held() const { return impl_->held.size(); }
std::uint64_t Joiner::next_event() const { return impl_->next_event; }
const JoinCounts& Joiner::counts() const { return impl_->counts; }

}  // namespace penchant::bandits
