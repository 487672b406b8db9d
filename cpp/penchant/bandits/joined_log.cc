#include "penchant/bandits/joined_log.h"

#include <limits>

#include "penchant/bandits/journal.h"
#include "penchant/base/error.h"

namespace penchant::bandits {
namespace {

// What became of each slot, by its event number: a fold that learns at once keeps the totals.
class Totals {
 public:
  struct Value {
    double reward = std::numeric_limits<double>::quiet_NaN();
    bool rewarded = false;
  };

  Totals(JoinOptionsByPolicy options, const JoinLimits& limits, std::string_view base)
      : joiner_({}, limits) {
    for (auto& [name, join] : options) join.learn = LearnWhen::kImmediately;
    joiner_ = base.empty() ? Joiner(std::move(options), limits)
                           : Joiner::restore(std::move(options), limits, base);
    first_ = joiner_.next_event();
  }

  Outcome fold(const Record& record) {
    const Outcome outcome = joiner_.fold(record, lessons_);
    std::size_t slots = 0;
    if (const auto* decided = std::get_if<Decided>(&record)) slots = decided->slots.size();
    if (const auto* blank = std::get_if<Blanked>(&record)) slots = blank->slots;
    if (slots > 0 && outcome != Outcome::kDuplicate) values_.resize(values_.size() + slots);
    for (const Taught& lesson : lessons_) {
      if (lesson.event < first_) continue;  // of a decision that is not kept
      values_[lesson.event - first_] = {lesson.reward, lesson.rewarded};
    }
    lessons_.clear();
    return outcome;
  }

  [[nodiscard]] const Value& of(std::size_t place) const { return values_[place]; }
  [[nodiscard]] bool waits(std::uint64_t decision) const { return joiner_.waits(decision); }

 private:
  Joiner joiner_;
  std::uint64_t first_ = 0;  // event
  std::vector<Taught> lessons_;
  std::vector<Value> values_;  // from that one on
};

JoinedSlot slot_of(std::shared_ptr<const Decided> decision, std::uint32_t slot,
                   const Totals::Value& value, bool closed) {
  return {.decision = std::move(decision),
          .slot = slot,
          .rewarded = value.rewarded,
          .closed = closed,
          .reward = value.reward};
}

}  // namespace

Record decode_at(std::uint64_t number, std::string_view bytes) {
  try {
    return decode(bytes);
  } catch (const Error& error) {
    fail(error.kind(), concat("record ", number, " of the log: ", error.what()));
  }
}

// Twice through the log: what became of each slot, then the decisions with it.
void read_joined(const Journal& journal, const JoinOptionsByPolicy& options,
                 const JoinLimits& limits, std::string_view base, const VisitSlot& visit) {
  Totals totals(options, limits, base);
  std::vector<bool> repeated;  // by decision's record
  std::uint64_t last = 0;
  const std::uint64_t first = journal.first();
  journal.read(first, [&](std::uint64_t number, std::string_view bytes) {
    last = number;
    const Record record = decode_at(number, bytes);
    const Outcome outcome = totals.fold(record);
    if (std::holds_alternative<Decided>(record) || std::holds_alternative<Blanked>(record)) {
      repeated.push_back(outcome == Outcome::kDuplicate);
    }
    return true;
  });
  std::size_t event = 0;
  std::size_t decision = 0;
  journal.read(first, [&](std::uint64_t number, std::string_view bytes) {
    if (number > last) return false;
    const Record record = decode_at(number, bytes);
    const auto* decided = std::get_if<Decided>(&record);
    const auto* blank = std::get_if<Blanked>(&record);
    if ((decided == nullptr && blank == nullptr) || repeated[decision++]) return true;
    if (decided == nullptr) {
      event += blank->slots;
      return true;
    }
    const auto shared = std::make_shared<const Decided>(*decided);
    const bool closed = !totals.waits(decided->id);
    for (std::uint32_t s = 0; s < decided->slots.size(); ++s, ++event) {
      visit(slot_of(shared, s, totals.of(event), closed));
    }
    return true;
  });
}

Dropped read_folder(const std::filesystem::path& folder, const JoinOptions& options,
                    const VisitSlot& visit) {
  const std::unique_ptr<Journal> journal = open_journal(folder, true);
  JoinOptionsByPolicy by_policy;
  journal->read(journal->first(), [&](std::uint64_t number, std::string_view bytes) {
    const Record record = decode_at(number, bytes);
    if (const auto* one = std::get_if<Decided>(&record)) by_policy.emplace(one->policy, options);
    return true;
  });
  const std::optional<BaseFile> base = read_base(*journal);
  if (base) journal->trim(base->sequence + 1);  // which its owner may be about to do
  if (!base) {
    read_joined(*journal, by_policy, {}, {}, visit);
    return {};
  }
  for (const std::string& name : base->head.policies) by_policy.emplace(name, options);
  read_joined(*journal, by_policy, {}, base->joiner, visit);
  return base->head.dropped;
}

std::optional<JoinedDecision> join_decision(std::vector<Record> records,
                                            const JoinOptionsByPolicy& options,
                                            const JoinLimits& limits, bool closed) {
  std::shared_ptr<const Decided> decision;
  JoinedDecision out;
  for (Record& record : records) {
    if (auto* decided = std::get_if<Decided>(&record)) {
      if (decision == nullptr) decision = std::make_shared<const Decided>(std::move(*decided));
    } else if (auto* reward = std::get_if<Rewarded>(&record)) {
      out.rewards.push_back(std::move(*reward));
    }
  }
  if (decision == nullptr) return std::nullopt;
  Totals totals(options, limits, {});
  totals.fold(*decision);
  for (const Rewarded& reward : out.rewards) totals.fold(reward);
  if (closed) totals.fold(Passed{{std::numeric_limits<std::int64_t>::max()}});
  for (std::uint32_t s = 0; s < decision->slots.size(); ++s) {
    out.slots.push_back(slot_of(decision, s, totals.of(s), closed));
  }
  return out;
}

}  // namespace penchant::bandits
