// How a policy learns and takes back.

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <set>

#include "penchant/bandits/linear_sums.h"
#include "penchant/bandits/policy_impl.h"
#include "penchant/base/error.h"
#include "penchant/base/portable_math.h"
#include "penchant/base/random.h"

namespace penchant::bandits {
namespace {

constexpr std::uint32_t kStreamBootstrap = 0x42424f4f;  // "BBOO"
constexpr double kLeastWeight = 1e-4;                   // of an event whose outcome was certain
constexpr double kMostLogOdds = 30;

// A Poisson(1) number by inversion: steps of its distribution function from 0 on.
std::int64_t poisson_of(double u) {
  std::int64_t k = 0;
  double term = 1 / std::numbers::e;
  for (double below = term; u >= below && k < 20; below += term) {
    ++k;
    term /= static_cast<double>(k);
  }
  return k;
}

double probability_of(double log_odds) {
  return 1 / (1 + portable_exp2(-log_odds * std::numbers::log2e));
}

}  // namespace

std::uint64_t Policy::Impl::id_of(const Events& given, std::size_t e) const {
  return given.ids.empty() ? next_event + e : given.ids[e];
}

Lesson Policy::Impl::lesson_of(const Events& given, std::size_t e) const {
  const std::size_t width = options.arm_dimension;
  return {.context = given.contexts.row(e),
          .arm = static_cast<std::size_t>(given.arms[e]),
          .features = given.features.subspan(e * width, width),
          .reward = given.rewards[e],
          .age = given.age.empty() ? 0 : given.age[e],
          .age_of_all = given.age_of_all.empty() ? 0 : given.age_of_all[e]};
}

void Policy::Impl::check_events(const Events& given, std::size_t known) const {
  const std::size_t count = given.arms.size();
  check_argument(given.contexts.rows == count && given.rewards.size() == count, "policy: ", count,
                 " arms, ", given.contexts.rows, " contexts and ", given.rewards.size(),
                 " rewards; there must be one of each an event");
  if (!ignores_contexts()) {
    check_argument(given.contexts.columns == options.dimension, "contexts have ",
                   given.contexts.columns, " columns, the policy has learnt ", options.dimension);
  }
  const std::size_t numbers = count * (ignores_contexts() ? 0 : options.arm_dimension);
  check_argument(ignores_contexts() || given.features.size() == numbers, "arm features must be [",
                 count, ", ", options.arm_dimension, "]; got ", given.features.size(), " numbers");
  check_argument(given.ids.empty() || given.ids.size() == count, "policy: ", given.ids.size(),
                 " event ids for ", count, " events");
  for (const auto& ages : {given.age, given.age_of_all}) {
    check_argument(ages.empty() || ages.size() == count, "policy: ", ages.size(), " ages for ",
                   count, " events");
  }
  for (std::size_t e = 0; e < count; ++e) {
    check_argument(given.arms[e] >= 0 && static_cast<std::size_t>(given.arms[e]) < known, "event ",
                   e, ": arm ", given.arms[e], " is not among the ", arms, " of the policy");
    check_argument(!rates() || (given.rewards[e] >= 0 && given.rewards[e] <= 1), "event ", e,
                   ": the reward is ", given.rewards[e], "; ", policy_kind_name(options.kind),
                   " learns rates, from 0 to 1");
    try {
      models[0]->check(lesson_of(given, e));
    } catch (const Error& error) {
      fail(error.kind(), concat("event ", e, ": ", error.what()));
    }
  }
}

// One event to every replica, as often as its bootstrap has it.
void Policy::Impl::teach(Lesson lesson, std::uint64_t id, bool back) {
  const Philox random(options.seed, kStreamBootstrap);
  const std::int64_t copies = lesson.copies;
  unsettled.store(true, std::memory_order_relaxed);
  for (std::size_t m = 0; m < models.size(); ++m) {
    if (bagging()) {
      lesson.copies = copies * poisson_of(random.uniform(id, static_cast<std::uint32_t>(m)));
    }
    if (back) {
      models[m]->take_back(lesson);
    } else {
      models[m]->learn(lesson);
    }
  }
}

void Policy::Impl::settle(int threads) const {
  if (!unsettled.load(std::memory_order_acquire)) return;
  const std::lock_guard<std::mutex> lock(settling);
  if (!unsettled.load(std::memory_order_relaxed)) return;
  for (const auto& model : models) model->refresh(threads);
  unsettled.store(false, std::memory_order_release);
}

// Newton's step from what is believed when the event comes: minus the log-likelihood at log odds h
// has gradient p - r and curvature p (1 - p), so it is, to second order, a squared error of that
// weight around the response h + (r - p) / (p (1 - p)).
void Policy::Impl::learn_logistic(const Events& given) {
  for (std::size_t e = 0; e < given.arms.size(); ++e) {
    settle(1);
    Lesson lesson = lesson_of(given, e);
    const Candidates one{.contexts = {given.contexts.row(e).data(), 1, given.contexts.columns},
                         .arms = given.arms.subspan(e, 1),
                         .features = lesson.features};
    double log_odds = 0;
    models[0]->beliefs(one, 0, 1, &log_odds, nullptr);
    log_odds = std::clamp(log_odds, -kMostLogOdds, kMostLogOdds);
    const double p = probability_of(log_odds);
    const double weight = std::max(p * (1 - p), kLeastWeight);
    const Linearized kept{.root = std::sqrt(weight),
                          .target = log_odds + (given.rewards[e] - p) / weight};
    lesson.root = kept.root;
    lesson.reward = kept.target;
    linearized[id_of(given, e)] = kept;
    teach(lesson, id_of(given, e), false);
  }
}

void Policy::update(const Events& events) {
  Impl& impl = *impl_;
  const std::size_t count = events.arms.size();
  impl.check_events(events, impl.arms + count);
  if (impl.logistic()) {
    std::set<std::uint64_t> fresh;
    for (std::size_t e = 0; e < count; ++e) {
      const std::uint64_t id = impl.id_of(events, e);
      check_argument(!impl.linearized.contains(id) && fresh.insert(id).second, "event ", e,
                     ": the id ", id, " was learnt already; give each event its own");
    }
  }
  std::size_t wanted = impl.arms;
  for (const std::int32_t arm : events.arms) {
    wanted = std::max(wanted, static_cast<std::size_t>(arm) + 1);
  }
  ensure_arms(wanted);
  if (impl.logistic()) {
    impl.learn_logistic(events);
  } else {
    for (std::size_t e = 0; e < count; ++e) {
      impl.teach(impl.lesson_of(events, e), impl.id_of(events, e), false);
    }
  }
  impl.events += static_cast<std::int64_t>(count);
  if (events.ids.empty()) {
    impl.next_event += count;
  } else {
    for (const std::uint64_t id : events.ids) {
      impl.next_event = std::max(impl.next_event, id + 1);  // ids that are counted on stay new
    }
  }
}

void Policy::settle(int threads) const { impl_->settle(threads); }

void Policy::undo(const Events& events) {
  Impl& impl = *impl_;
  impl.check_events(events, impl.arms);
  const std::size_t count = events.arms.size();
  const bool fading = impl.options.discount < 1;
  check_argument(!(impl.bagging() || impl.logistic()) || !events.ids.empty() || count == 0,
                 policy_kind_name(impl.options.kind),
                 " counts each event by its id; give the ids with which they were learnt");
  check_argument(!fading || !events.age.empty() || count == 0,
                 "with discount < 1 an event has faded; give its age: the later events of its arm");
  const bool hybrid = impl.options.model == ModelKind::kHybrid && !impl.ignores_contexts();
  check_argument(!fading || !hybrid || !events.age_of_all.empty() || count == 0,
                 "a hybrid model's shared coefficients fade with the events of all arms; give also "
                 "age_of_all: the later events of any arm");
  for (const auto& ages : {events.age, events.age_of_all}) {
    for (const std::int64_t age : ages) {
      check_argument(age >= 0, "the age of an event is ", age, "; it must be from 0 up");
    }
  }
  std::vector<Lesson> lessons;
  std::set<std::uint64_t> gone;
  for (std::size_t e = 0; e < count; ++e) {
    lessons.push_back(impl.lesson_of(events, e));
    if (!impl.logistic()) continue;
    const auto kept = impl.linearized.find(events.ids[e]);
    check_argument(kept != impl.linearized.end() && gone.insert(events.ids[e]).second, "event ", e,
                   ": nothing with the id ", events.ids[e], " was learnt");
    lessons.back().root = kept->second.root;
    lessons.back().reward = kept->second.target;
  }
  const auto all = [&](std::int64_t copies) {
    for (std::size_t e = 0; e < count; ++e) {
      lessons[e].copies = copies;
      impl.teach(lessons[e], impl.id_of(events, e), true);
    }
  };
  all(1);
  std::size_t doubtful = count;
  std::set<std::size_t> looked;  // at arms: O(coefficients^2) each
  for (std::size_t e = 0; e < count && doubtful == count; ++e) {
    if (!looked.insert(lessons[e].arm).second) continue;
    for (const auto& model : impl.models) {
      if (!model->plausible(lessons[e].arm)) doubtful = e;
    }
  }
  if (doubtful < count) all(-1);
  check_argument(doubtful == count, "event ", doubtful,
                 ": it was not learnt, or not with these numbers; nothing was taken back");
  for (const std::uint64_t id : gone) impl.linearized.erase(id);
  impl.events -= static_cast<std::int64_t>(count);
}

}  // namespace penchant::bandits
