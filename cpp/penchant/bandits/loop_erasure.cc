// How a person is forgotten. The steps can be interrupted anywhere: the Forgotten record makes the
// next opening take the lessons back, and the snapshot that holds the result says whose records are
// still to be blanked.

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "penchant/bandits/loop_impl.h"
#include "penchant/base/error.h"

namespace penchant::bandits {

// Folds the records once more, keeping only what was taught of this person.
std::size_t Loop::Impl::take_back(const std::string& subject, std::uint64_t before) {
  Joiner again = find_base(false).joiner;
  std::vector<Taught> lessons;
  std::map<std::uint64_t, Taught> net;
  for (Taught& lesson : again.standing(subject)) {
    lesson.record = before;
    net.emplace(lesson.event, std::move(lesson));
  }
  std::set<std::string> forgotten{subject};
  std::size_t decisions = 0;
  journal->read(1, [&](std::uint64_t number, std::string_view bytes) {
    if (number >= before) return false;
    const Record record = decode_at(number, bytes);
    lessons.clear();
    const Outcome outcome = again.fold(record, lessons);
    for (Taught& lesson : lessons) {
      if (lesson.decision->subject != subject) continue;
      if (lesson.back) {
        net.erase(lesson.event);
      } else {
        const std::uint64_t event = lesson.event;
        lesson.record = number;
        net.insert_or_assign(event, std::move(lesson));
      }
    }
    if (const auto* decided = std::get_if<Decided>(&record)) {
      if (decided->subject == subject && outcome == Outcome::kAccepted) ++decisions;
    } else if (const auto* gone = std::get_if<Forgotten>(&record)) {
      if (gone->subject == subject) {  // all that was before is taken back already
        net.clear();
        decisions = 0;
      } else if (!gone->subject.empty()) {
        forgotten.insert(gone->subject);
      }
    }
    return true;
  });
  const bool taught = decisions > 0 || !net.empty();  // by one from before the log's first
  std::vector<Taught> backward;
  std::vector<Taught> known_before;  // by policies that were opened with it
  for (auto& [event, lesson] : net) {
    const Learner& its = learner(lesson.decision->policy);
    if (!its.exact() && lesson.record > its.knows()) continue;
    lesson.back = true;
    lesson.record = before;
    (its.exact() ? backward : known_before).push_back(std::move(lesson));
  }
  teach(backward);
  if (taught) learn_anew(forgotten, before, std::move(known_before));
  lessons.clear();
  joiner.fold(Forgotten{subject}, lessons);
  return decisions;
}

// Policies that can't give events back go through the log again, without those who are forgotten;
// deciding goes on with the old ones meanwhile. `known_before`: lessons of theirs that policies
// start from; of these a policy gives back its own terms (bandits.md, "Learning and taking back").
void Loop::Impl::learn_anew(const std::set<std::string>& forgotten, std::uint64_t before,
                            std::vector<Taught> known_before) {
  const auto inexact = [](const auto& one) { return !one->exact(); };
  if (std::none_of(learners.begin(), learners.end(), inexact)) return;
  Base base = find_base(true);
  if (!known_before.empty()) {  // kept, so that it does not come back when the next is forgotten
    teach_all(base.learners, known_before, options.threads);
    put_base(base, journal->first() - 1);
  }
  for (const std::string& subject : forgotten) take_back_standing(base, subject);
  std::map<std::string_view, std::unique_ptr<Learner>> fresh;
  for (auto& one : base.learners) {
    if (!one->exact()) fresh.emplace(one->name(), std::move(one));
  }
  std::map<std::string_view, std::vector<Taught>> lessons;
  const auto teach_all = [&](std::size_t at_least) {
    for (auto& [name, theirs] : lessons) {
      if (theirs.size() < at_least) continue;
      fresh.at(name)->teach(theirs, options.threads);
      theirs.clear();
    }
  };
  Joiner& again = base.joiner;
  std::vector<Taught> folded_out;
  journal->read(1, [&](std::uint64_t number, std::string_view bytes) {
    if (number >= before) return false;
    folded_out.clear();
    again.fold(decode_at(number, bytes), folded_out);
    for (Taught& lesson : folded_out) {
      const auto at = fresh.find(lesson.decision->policy);
      if (at == fresh.end() || forgotten.contains(lesson.decision->subject)) continue;
      if (at->second->knows() >= number) continue;
      lessons[at->first].push_back(std::move(lesson));
    }
    teach_all(kReplayLessons);
    return true;
  });
  teach_all(0);
  for (auto& [name, one] : fresh) learner(name).become(*one, before);
}

// Decisions keep their place and their number of slots, rewards their place; nothing else is left.
std::uint64_t Loop::Impl::blank() {
  if (blanking.empty()) return 0;
  clean_base();
  std::unordered_set<std::uint64_t> decisions;
  journal->read(1, [&](std::uint64_t number, std::string_view bytes) {
    const Record record = decode_at(number, bytes);
    const auto* decided = std::get_if<Decided>(&record);
    if (decided != nullptr && blanking.contains(decided->subject)) decisions.insert(decided->id);
    return true;
  });
  std::vector<store::Log::Replacement> blanks;
  std::uint64_t rewards = 0;
  journal->read(1, [&](std::uint64_t number, std::string_view text) {
    const auto put = [&](const Record& blank) {
      blanks.emplace_back(number, encode(blank));
      log_bytes -= text.size() - blanks.back().second.size();
    };
    const Record record = decode_at(number, text);
    if (const auto* decided = std::get_if<Decided>(&record)) {
      if (!blanking.contains(decided->subject)) return true;
      put(Blanked{.id = decided->id,
                  .time = decided->time,
                  .policy = decided->policy,
                  .slots = static_cast<std::uint32_t>(decided->slots.size())});
    } else if (const auto* reward = std::get_if<Rewarded>(&record)) {
      if (!decisions.contains(reward->decision)) return true;
      put(Rewarded{.decision = reward->decision});
      ++rewards;
    } else if (const auto* gone = std::get_if<Forgotten>(&record)) {
      if (blanking.contains(gone->subject)) put(Forgotten{});
    }
    return true;
  });
  journal->replace(blanks);
  blanking.clear();
  put_snapshot();  // the earlier one names them
  return rewards;
}

Forgot Loop::forget(std::string_view subject) {
  check_argument(!subject.empty(), "forget: the subject is empty");
  const std::lock_guard<std::mutex> lock(impl_->folding);
  impl_->check_sound();
  const std::string person(subject);
  impl_->append(std::vector<std::string>{encode(Forgotten{person})});
  impl_->journal->sync();
  const std::size_t decisions = impl_->take_back(person, impl_->folded);
  impl_->blanking.insert(person);
  impl_->put_snapshot();
  return {.decisions = decisions, .rewards = impl_->blank()};
}

}  // namespace penchant::bandits
