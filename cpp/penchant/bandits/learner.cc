#include "penchant/bandits/learner.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "penchant/bandits/linear_sums.h"
#include "penchant/base/error.h"

namespace penchant::bandits {
namespace {

bool ignores_contexts(PolicyKind kind) {
  return kind == PolicyKind::kUniform || kind == PolicyKind::kUcb1 ||
         kind == PolicyKind::kBetaThompson;
}

// What is read of shared models of many coefficients depends on the order of the last events.
bool order_free(const PolicyOptions& options) {
  return options.discount == 1 && options.kind != PolicyKind::kLogisticTs &&
         (options.model == ModelKind::kDisjoint || options.model == ModelKind::kJoint ||
          ignores_contexts(options.kind));
}

bool learns_rates(const PolicyOptions& options) {
  return options.kind == PolicyKind::kLogisticTs || options.kind == PolicyKind::kBetaThompson;
}

JoinOptions fitting(JoinOptions join, const PolicyOptions& options) {
  if (learns_rates(options)) {
    join.least = std::max(join.least, 0.0);
    join.most = std::min(join.most, 1.0);
  }
  return join;
}

void check_width(std::span<const double> numbers, std::size_t width, std::string_view what) {
  check_argument(numbers.size() == width, what, " has ", numbers.size(),
                 " numbers, the policy has learnt ", width);
  for (const double number : numbers) {
    check_argument(std::abs(number) <= kMostInput, what, ": ", number, " is not within +-",
                   kMostInput);
  }
}

}  // namespace

Learner::Learner(std::string name, Policy policy, ArmTable arms, const JoinOptions& join,
                 bool remembers, std::uint64_t knows)
    : name_(std::move(name)),
      options_(policy.options()),
      join_(fitting(join, options_)),
      exact_(order_free(options_)),
      knows_(knows),
      policy_(std::move(policy)),
      arms_(std::move(arms)) {
  check_argument(arms_.size() == policy_.arms(), "policy '", name_, "' has ", policy_.arms(),
                 " arms, and names for ", arms_.size());
  check_argument(join_.learn == LearnWhen::kJoined || options_.discount == 1, "policy '", name_,
                 "' fades (discount < 1), so a reward can't be taken back for a new total; "
                 "learn=\"joined\" waits for the last");
  if (!exact_ || remembers) {
    start_ = policy_.clone();
    start_arms_ = arms_;
  }
}

void Learner::read(const Use& use) const {
  const ReadLock lock(mutex_);
  use(policy_, arms_, version_);
}

std::uint64_t Learner::taught_to() const {
  const ReadLock lock(mutex_);
  return std::max(record_, knows_);
}

void Learner::check(const Decided& decision) const {
  if (ignores_contexts(options_.kind)) return;
  check_width(decision.context, options_.dimension, "a context");
  for (const Slot& slot : decision.slots) {
    check_width(slot.features, options_.arm_dimension, "an arm's attributes");
  }
}

void Learner::set_version(std::uint64_t record) {
  record_ = record;
  version_ = std::to_string(record);
}

void Learner::teach(std::span<const Taught> lessons, int threads) {
  if (lessons.empty()) return;
  const WriteLock lock(mutex_);
  std::vector<const Taught*> run;
  const auto flush = [&](bool back) {
    apply(run, back);
    run.clear();
  };
  if (exact_) {  // sums: what is taken back may go last, and each direction is one call
    for (const bool back : {false, true}) {
      for (const Taught& lesson : lessons) {
        if (lesson.back == back) run.push_back(&lesson);
      }
      flush(back);
    }
  } else {
    for (const Taught& lesson : lessons) {
      if (!run.empty() && run.back()->back != lesson.back) flush(run.back()->back);
      run.push_back(&lesson);
    }
    flush(run.back()->back);
  }
  policy_.settle(threads);  // rather than let the next decision do it
  set_version(lessons.back().record);
}

void Learner::apply(std::span<const Taught* const> lessons, bool back) {
  if (lessons.empty()) return;
  try {
    apply_together(lessons, back);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kInvalidArgument) throw;
    // All or none: one by one finds which it is.
    if (lessons.size() == 1) {
      ++refused_;
      return;
    }
    for (const auto& lesson : lessons) apply({&lesson, 1}, back);
  }
}

void Learner::apply_together(std::span<const Taught* const> lessons, bool back) {
  const std::size_t count = lessons.size();
  const std::size_t width = lessons[0]->decision->context.size();
  std::vector<double> contexts;
  std::vector<std::int32_t> arms;
  std::vector<double> rewards;
  std::vector<double> features;
  std::vector<std::uint64_t> ids;
  for (const Taught* lesson : lessons) {
    const Decided& decision = *lesson->decision;
    const Slot& slot = decision.slots[lesson->slot];
    check_argument(decision.context.size() == width, "contexts differ in width");
    contexts.insert(contexts.end(), decision.context.begin(), decision.context.end());
    features.insert(features.end(), slot.features.begin(), slot.features.end());
    arms.push_back(arms_.add(slot.arm));
    rewards.push_back(lesson->reward);
    ids.push_back(lesson->event);
  }
  policy_.ensure_arms(arms_.size());
  const Events events{.contexts = {contexts.data(), count, width},
                      .arms = arms,
                      .rewards = rewards,
                      .features = features,
                      .ids = ids};
  if (back) {
    policy_.undo(events);
  } else {
    policy_.update(events);
  }
}

std::unique_ptr<Learner> Learner::untaught() const {
  return std::make_unique<Learner>(name_, start_->clone(), start_arms_, join_, false, knows_);
}

void Learner::become(Learner& other, std::uint64_t record) {
  const WriteLock lock(mutex_);
  policy_ = std::move(other.policy_);
  arms_ = std::move(other.arms_);
  refused_ = other.refused_;
  set_version(record);
}

void Learner::save(bundle::Writer& writer, const std::string& prefix) const {
  const ReadLock lock(mutex_);
  policy_.save(writer, prefix + "/policy");
  std::vector<std::int64_t> ends;
  std::string texts;
  for (const std::string& arm : arms_.arms()) {
    texts += arm;
    ends.push_back(static_cast<std::int64_t>(texts.size()));
  }
  writer.add(prefix + "/arms/ends", ends);
  writer.add(prefix + "/arms/texts", std::as_bytes(std::span<const char>(texts)));
  writer.add(prefix + "/counts", std::vector<std::int64_t>{static_cast<std::int64_t>(record_),
                                                           static_cast<std::int64_t>(refused_)});
}

void Learner::load(const std::shared_ptr<const bundle::Reader>& reader, const std::string& prefix) {
  const auto corrupt = [&](std::string_view what) {
    fail(ErrorKind::kCorruptBundle, concat(prefix, ": ", what));
  };
  Policy policy = Policy::load(reader, prefix + "/policy");
  const auto ends = reader->array<std::int64_t>(prefix + "/arms/ends");
  const std::string_view texts = reader->text(prefix + "/arms/texts");
  const auto counts = reader->array<std::int64_t>(prefix + "/counts");
  if (ends.size() != policy.arms() || counts.size() != 2) corrupt("it lacks names or counts");
  ArmTable arms;
  std::size_t begin = 0;
  for (const std::int64_t end : ends) {
    const auto stop = static_cast<std::uint64_t>(end);
    if (stop <= begin || stop > texts.size()) corrupt("an arm's name lies outside");
    arms.add(texts.substr(begin, stop - begin));
    begin = stop;
  }
  if (arms.size() != policy.arms() || begin != texts.size()) corrupt("an arm comes twice");
  const WriteLock lock(mutex_);
  policy_ = std::move(policy);
  arms_ = std::move(arms);
  refused_ = static_cast<std::uint64_t>(counts[1]);
  set_version(static_cast<std::uint64_t>(counts[0]));
}

}  // namespace penchant::bandits
